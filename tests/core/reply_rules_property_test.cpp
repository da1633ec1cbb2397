#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "core/reply_classifier.hpp"
#include "tests/core/shipped_replies.hpp"

namespace winnow {
namespace {

using test::shipped;

/// Words of every kind, thrown together as no server would: the rules of digit, stage and subject hold all the same.
const std::vector<std::string> fragments{"user unknown",
                                         "no such user",
                                         "mailbox is full",
                                         "account disabled",
                                         "has moved",
                                         "domain not found",
                                         "<a@b.example>",
                                         "550",
                                         "450 4.1.1",
                                         "5.1.1",
                                         "5.2.1",
                                         "5.7.1",
                                         "blocked using",
                                         "zen.spamhaus.org",
                                         "your ip 192.0.2.1",
                                         "sender rejected",
                                         "spf fail",
                                         "greylisted",
                                         "try again later",
                                         "in reply to rcpt to",
                                         "refused to talk",
                                         "is considered spam",
                                         "null mx",
                                         "relay denied",
                                         ". ",
                                         "mailbox unavailable",
                                         "* {a|b}",
                                         "\xC3\xA9\xFF",
                                         "邮箱已满",
                                         "пользователь не найден"};

std::string some_text()
{
    std::string text;
    const int words = *rc::gen::inRange(0, 8);
    for (int i = 0; i < words; ++i)
        text += *rc::gen::elementOf(fragments) + " ";
    return text;
}

bool says_dead(ReplyClass klass)
{
    return klass == ReplyClass::mailbox_unknown || klass == ReplyClass::mailbox_moved ||
           klass == ReplyClass::mailbox_disabled || klass == ReplyClass::domain_invalid;
}

RC_GTEST_PROP(ReplyRules, HoldForAnyText, ())
{
    const std::vector<std::string> providers{"", "google", "yahoo", "gmx", "microsoft365", "mimecast", "nobody"};
    const auto provider = *rc::gen::elementOf(providers);
    const auto stage = *rc::gen::elementOf(all_values<Stage>());
    const int code = *rc::gen::inRange(400, 600);
    ReplyContext context;
    context.stage = stage;
    context.provider = provider;
    context.recipients = *rc::gen::inRange(1, 4);
    const auto read = shipped().classify(SmtpReply::make(code, some_text()), context);

    RC_ASSERT(!read.rule.empty());
    RC_ASSERT(read.action == action_of(read.klass));
    if (code < 500) {
        RC_ASSERT(!says_dead(read.klass));
        RC_ASSERT(!(read.clear && read.klass != ReplyClass::mailbox_full));
    }
    if (stage < Stage::rcpt)
        RC_ASSERT(read.subject != Subject::address);
    if (stage > Stage::rcpt && context.recipients > 1)
        RC_ASSERT(read.subject != Subject::address);
}

RC_GTEST_PROP(ReplyRules, HoldForAnyDiagnosticText, ())
{
    const auto read = shipped().classify_text(some_text(), {});
    RC_ASSERT(!read.rule.empty());
    RC_ASSERT(read.subject == subject_of(read.klass));
}

}  // namespace
}  // namespace winnow
