#include "sandbox/dialect.hpp"

#include <gtest/gtest.h>

#include <array>

#include "core/greylist_hint.hpp"
#include "core/reply_classifier.hpp"

namespace winnow::sandbox {
namespace {

constexpr std::array dialects{Dialect::postfix, Dialect::exim,  Dialect::exchange,
                              Dialect::google,  Dialect::yahoo, Dialect::outlook};

TEST(Dialects, RefusalsCarryTheCodeOfTheirMeaning)
{
    for (const auto dialect : dialects) {
        EXPECT_TRUE(unknown_reply(dialect, "a@b.test").permanent());
        EXPECT_TRUE(disabled_reply(dialect, "a@b.test").permanent());
        EXPECT_EQ(full_reply(dialect, "a@b.test", true).code, 552);
        EXPECT_EQ(full_reply(dialect, "a@b.test", false).code, 452);
        EXPECT_TRUE(greylist_reply(dialect, "a@b.test", std::chrono::seconds{30}).transient());
        EXPECT_TRUE(blocked_reply(dialect, "127.0.0.1").permanent());
    }
}

/// The truth files say what a reader of replies should find out; this is the reader.
TEST(Dialects, TheReplyTableReadsEachRefusalAsTheTruthSays)
{
    auto replies = ReplyClassifier::load(WINNOW_DATA_DIR "/replies.tsv");
    ASSERT_TRUE(replies) << replies.error().message();
    const auto klass = [&](const SmtpReply& reply, Stage stage = Stage::rcpt) {
        ReplyContext context;
        context.stage = stage;
        return to_string(replies->classify(reply, context).klass);
    };
    for (const auto dialect : dialects) {
        const auto name = "dialect " + std::to_string(static_cast<int>(dialect));
        EXPECT_EQ(klass(unknown_reply(dialect, "a@b.test")), "mailbox_unknown") << name;
        EXPECT_EQ(klass(disabled_reply(dialect, "a@b.test")), "mailbox_disabled") << name;
        EXPECT_EQ(klass(full_reply(dialect, "a@b.test", true)), "mailbox_full") << name;
        EXPECT_EQ(klass(full_reply(dialect, "a@b.test", false)), "mailbox_full") << name;
        EXPECT_EQ(klass(greylist_reply(dialect, "a@b.test", std::chrono::seconds{30})), "greylisted") << name;
        EXPECT_EQ(klass(blocked_reply(dialect, "127.0.0.1")), "ip_blocked") << name;
        EXPECT_EQ(klass(blocked_reply(dialect, "127.0.0.1"), Stage::banner), "ip_blocked") << name;
    }
}

TEST(Dialects, AGreylistTellsItsWaitInTheUnitOfItsName)
{
    using namespace std::chrono_literals;
    for (const auto dialect : dialects) {
        EXPECT_EQ(retry_hint(greylist_reply(dialect, "a@b.test", 150s, 1min).text()), 3min);
        EXPECT_EQ(retry_hint(greylist_reply(dialect, "a@b.test", 1h, 1h).text()), 1h);
        const auto seconds = retry_hint(greylist_reply(dialect, "a@b.test", 30s).text());
        EXPECT_TRUE(!seconds || *seconds == 30s);
    }
}

}  // namespace
}  // namespace winnow::sandbox
