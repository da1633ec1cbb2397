#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "net/smtp_client.hpp"
#include "tests/support/run_coro.hpp"
#include "tests/support/scripted_stream.hpp"

namespace winnow::net {
namespace {

using test::run;
using test::ScriptedStream;
using Command = SmtpQuestion::Command;

ScriptedStream greeted(bool pipelining)
{
    ScriptedStream mx;
    mx.server("220 mx.example.test ESMTP").client("EHLO probe.test").server("250-mx.example.test");
    mx.server(pipelining ? "250 PIPELINING" : "250 SIZE");
    return mx;
}

/// Two questions on one connection; the answer to the second.
awaitable<SmtpQuestion> two_questions(SmtpClient& smtp)
{
    MailParams params;
    SmtpQuestion answer{Command::mail, SmtpReply{}};
    answer.reply = co_await smtp.greeting();
    if (answer.reply)
        answer.reply = co_await smtp.ehlo("probe.test");
    if (!answer.reply)
        co_return answer;
    answer = co_await smtp.ask(false, "s@example.test", params, "a@example.test");
    if (!answer.reply)
        co_return answer;
    co_return co_await smtp.ask(true, "s@example.test", params, "b@example.test");
}

ScriptedStream whole_dialogue(bool pipelining)
{
    ScriptedStream mx = greeted(pipelining);
    if (pipelining) {
        mx.client("MAIL FROM:<s@example.test>").client("RCPT TO:<a@example.test>").server("250 ok").server("250 ok");
        mx.client("RSET").client("MAIL FROM:<s@example.test>").client("RCPT TO:<b@example.test>");
        mx.server("250 ok").server("250 ok").server("550 5.1.1 no such user");
    } else {
        mx.client("MAIL FROM:<s@example.test>").server("250 ok").client("RCPT TO:<a@example.test>").server("250 ok");
        mx.client("RSET").server("250 ok").client("MAIL FROM:<s@example.test>").server("250 ok");
        mx.client("RCPT TO:<b@example.test>").server("550 5.1.1 no such user");
    }
    return mx;
}

class Question : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(WithAndWithoutPipelining, Question, testing::Bool());

TEST_P(Question, IsAnsweredByTheReplyToRcpt)
{
    ScriptedStream mx = whole_dialogue(GetParam());
    SmtpClient smtp(mx);
    const SmtpQuestion answer = run(two_questions(smtp));
    EXPECT_EQ(answer.at, Command::rcpt);
    EXPECT_EQ(answer.reply.value().code, 550);
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST_P(Question, ThatBreaksAtAnyStepIsAnErrorAndNoAnswer)
{
    const std::size_t steps = whole_dialogue(GetParam()).size();
    int broken = 0;
    for (std::size_t step = 0; step < steps; ++step)
        for (const auto failure : whole_dialogue(GetParam()).failures_of(step)) {
            ScriptedStream mx = whole_dialogue(GetParam());
            mx.fail_at(step, failure);
            SmtpClient smtp(mx);
            const SmtpQuestion answer = run(two_questions(smtp));
            ASSERT_TRUE(mx.failure_reached()) << step;
            EXPECT_FALSE(answer.reply) << step;
            ++broken;
        }
    EXPECT_GT(broken, 20);
}

TEST_P(Question, OfARefusedSenderSaysNothingAboutTheRecipient)
{
    ScriptedStream mx = greeted(GetParam());
    mx.client("MAIL FROM:<s@example.test>");
    if (GetParam())
        mx.client("RCPT TO:<a@example.test>").server("550 5.7.1 sender refused").server("503 5.5.1 MAIL first");
    else
        mx.server("550 5.7.1 sender refused");
    mx.client("QUIT").server("221 bye");
    SmtpClient smtp(mx);
    ASSERT_TRUE(run(smtp.greeting()));
    ASSERT_TRUE(run(smtp.ehlo("probe.test")));
    const SmtpQuestion answer = run(smtp.ask(false, "s@example.test", MailParams(), "a@example.test"));
    EXPECT_EQ(answer.at, Command::mail);
    EXPECT_EQ(answer.reply.value().text(), "sender refused");
    run(smtp.quit());
    EXPECT_TRUE(mx.finished()) << "what followed from the refusal was read: " << mx.mismatches();
}

TEST(SmtpQuestion, OfWhichOneReplyIsMissingIsNotAnsweredByARefusal)
{
    ScriptedStream mx = greeted(true);
    mx.client("MAIL FROM:<s@example.test>").client("RCPT TO:<a@example.test>").server("550 5.1.1 no such user");
    mx.server("the reply that never comes").fail_at(mx.size() - 1, ScriptedStream::Failure::silence);
    SmtpClient smtp(mx);
    ASSERT_TRUE(run(smtp.greeting()));
    ASSERT_TRUE(run(smtp.ehlo("probe.test")));
    const SmtpQuestion answer = run(smtp.ask(false, "s@example.test", MailParams(), "a@example.test"));
    EXPECT_EQ(answer.reply.error().code, Errc::timed_out);
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpQuestion, OfASenderThatIsRefusedByHangingUpIsAnsweredByTheRefusal)
{
    ScriptedStream mx = greeted(true);
    mx.client("MAIL FROM:<s@example.test>").client("RCPT TO:<a@example.test>").server("554 5.7.1 go away").eof();
    SmtpClient smtp(mx);
    ASSERT_TRUE(run(smtp.greeting()));
    ASSERT_TRUE(run(smtp.ehlo("probe.test")));
    const SmtpQuestion answer = run(smtp.ask(false, "s@example.test", MailParams(), "a@example.test"));
    EXPECT_EQ(answer.at, Command::mail);
    EXPECT_EQ(answer.reply.value().code, 554);
}

TEST(SmtpQuestion, EndsAtAHangUpWithoutWaitingForMore)
{
    ScriptedStream mx = greeted(true);
    mx.client("MAIL FROM:<s@example.test>").client("RCPT TO:<a@example.test>").server("421 4.7.0 too many, bye");
    SmtpClient smtp(mx);
    ASSERT_TRUE(run(smtp.greeting()));
    ASSERT_TRUE(run(smtp.ehlo("probe.test")));
    const SmtpQuestion answer = run(smtp.ask(false, "s@example.test", MailParams(), "a@example.test"));
    EXPECT_EQ(answer.at, Command::mail);
    EXPECT_EQ(answer.reply.value().code, 421);
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpQuestion, TakesNothingThatWasSaidBeforeItForItsAnswer)
{
    ScriptedStream mx = greeted(true);
    mx.server("250 ok").server("550 5.1.1 no such user");
    SmtpClient smtp(mx);
    ASSERT_TRUE(run(smtp.greeting()));
    EXPECT_FALSE(run(smtp.ehlo("probe.test")));
    const SmtpQuestion answer = run(smtp.ask(false, "s@example.test", MailParams(), "a@example.test"));
    EXPECT_EQ(answer.reply.error().code, Errc::protocol);
    EXPECT_TRUE(mx.finished()) << "nothing was asked: " << mx.mismatches();
}

/// The second question of two_questions(), which gets `replies` at once.
SmtpQuestion second_answer(const std::vector<std::string>& replies)
{
    ScriptedStream mx = greeted(true);
    mx.client("MAIL FROM:<s@example.test>").client("RCPT TO:<a@example.test>").server("250 ok").server("250 ok");
    mx.client("RSET").client("MAIL FROM:<s@example.test>").client("RCPT TO:<b@example.test>");
    for (const std::string& reply : replies)
        mx.server(reply);
    mx.client("QUIT").server("221 bye");
    SmtpClient smtp(mx);
    SmtpQuestion answer = run(two_questions(smtp));
    run(smtp.quit());
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
    return answer;
}

TEST(SmtpQuestion, IsNotAnsweredWhereOneReplyMoreHasComeThanCommandsWent)
{
    for (const char* last : {"250 ok", "550 5.1.1 no such user", "450 4.2.1 busy"})
        for (const char* extra : {"250 extra", "550 5.1.1 no such user", "220 hello"})
            for (int at = 0; at <= 3; ++at) {
                std::vector<std::string> replies{"250 ok", "250 ok", last};
                replies.insert(replies.begin() + at, extra);
                const SmtpQuestion answer = second_answer(replies);
                ASSERT_FALSE(answer.reply) << extra << " at " << at << " before " << last;
                EXPECT_EQ(answer.reply.error().code, Errc::protocol);
            }
}

TEST(SmtpQuestion, IsAnsweredByTheGoodbyeThatFollowsIt)
{
    const SmtpQuestion answer = second_answer({"250 ok", "250 ok", "550 5.1.1 no such user", "421 4.7.0 bye"});
    EXPECT_EQ(answer.reply.value().code, 421);
}

TEST(SmtpQuestion, RefusesAnAddressThatCouldAddACommand)
{
    ScriptedStream mx = greeted(true);
    SmtpClient smtp(mx);
    ASSERT_TRUE(run(smtp.greeting()));
    ASSERT_TRUE(run(smtp.ehlo("probe.test")));
    const SmtpQuestion answer = run(smtp.ask(false, "", MailParams(), "a@example.test>\r\nDATA"));
    EXPECT_EQ(answer.reply.error().code, Errc::invalid_argument);
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

}  // namespace
}  // namespace winnow::net
