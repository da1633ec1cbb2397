#include "core/rule_text.hpp"

#include <gtest/gtest.h>

#include "core/reply_classifier.hpp"

namespace winnow {
namespace {

TEST(RuleText, EveryReadingWithoutARowHasASentence)
{
    const ReplyClassifier nothing = ReplyClassifier::parse("").value();
    for (const Stage stage : all_values<Stage>()) {
        ReplyContext context;
        context.stage = stage;
        for (const int code : {220, 354, 450, 550}) {
            const std::string rule = nothing.classify(SmtpReply::make(code, "words"), context).rule;
            EXPECT_FALSE(rule_text(rule).empty()) << rule;
        }
        for (const Errc errc : {Errc::timed_out, Errc::protocol, Errc::io_error, Errc::cancelled}) {
            const std::string rule = nothing.classify_error(Error{errc, "why"}, stage).rule;
            EXPECT_FALSE(rule_text(rule).empty()) << rule;
        }
    }
    EXPECT_FALSE(rule_text(nothing.classify_text("words", {}).rule).empty());
}

TEST(RuleText, NamesWhatIsBehindTheColonOfAFamily)
{
    EXPECT_EQ(rule_text("syntax:local_too_long"), "a rule of syntax is broken: local_too_long");
    EXPECT_NE(rule_text("syntax:ok"), rule_text("syntax:no"));
}

TEST(RuleText, KnowsNoOthers)
{
    EXPECT_EQ(rule_text("google-mailbox_unknown-01"), "");
    EXPECT_EQ(rule_text(""), "");
}

TEST(ReplyRowText, IsTheRowAsItIsWritten)
{
    const auto good =
        ReplyClassifier::parse("x-1\tgoogle\t5xx\t5.1.1\trcpt\tgo {away|off}\tpolicy\tclear\tmy notes\n").value();
    const auto row = good.row("x-1");
    ASSERT_TRUE(row);
    EXPECT_EQ(row->provider, "google");
    EXPECT_EQ(row->code, "5xx");
    EXPECT_EQ(row->status, "5.1.1");
    EXPECT_EQ(row->stage, "rcpt");
    EXPECT_EQ(row->phrase, "go {away|off}");
    EXPECT_EQ(row->klass, "policy");
    EXPECT_EQ(row->marks, "clear");
    EXPECT_EQ(row->source, "my notes");
    EXPECT_FALSE(good.row("x-2"));
    EXPECT_FALSE(good.row("code:5xx"));
}

}  // namespace
}  // namespace winnow
