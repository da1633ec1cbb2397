#include "net/smtp_opening.hpp"

#include <gtest/gtest.h>

#include "tests/support/run_coro.hpp"
#include "tests/support/scripted_stream.hpp"

namespace winnow::net {
namespace {

using test::ScriptedStream;

ScriptedStream greeted(std::string_view capability)
{
    ScriptedStream mx;
    mx.server("220 mx.example.test ESMTP").client("EHLO probe.test");
    mx.server("250-mx.example.test").server("250 " + std::string(capability));
    return mx;
}

ScriptedStream in_clear()
{
    return greeted("PIPELINING");
}

ScriptedStream over_tls()
{
    ScriptedStream mx = greeted("STARTTLS");
    mx.client("STARTTLS").server("220 2.0.0 go").tls();
    mx.client("EHLO probe.test").server("250-mx.example.test").server("250 SMTPUTF8");
    return mx;
}

SmtpOpened open(ScriptedStream& mx, bool use_tls = true)
{
    SmtpClient smtp(mx);
    SmtpOpening how;
    how.ehlo_name = "probe.test";
    how.use_tls = use_tls;
    how.tls.server_name = "mx.example.test";
    return test::run(open_dialogue(smtp, std::move(how)));
}

TEST(SmtpOpening, WithoutAnOfferOfTlsEndsWithTheFirstEhlo)
{
    ScriptedStream mx = in_clear();
    const SmtpOpened end = open(mx);
    EXPECT_TRUE(end.open());
    EXPECT_EQ(end.stage, Stage::ehlo);
    EXPECT_FALSE(mx.encrypted());
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpOpening, TakesOfferedTlsAndPresentsItselfAgain)
{
    ScriptedStream mx = over_tls();
    EXPECT_TRUE(open(mx).open());
    EXPECT_TRUE(mx.encrypted());
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpOpening, LeavesOfferedTlsWhereItIsNotWanted)
{
    ScriptedStream mx = greeted("STARTTLS");
    EXPECT_TRUE(open(mx, false).open());
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpOpening, GoesOnInClearWhenStarttlsIsRefusedForNow)
{
    ScriptedStream mx = greeted("STARTTLS");
    mx.client("STARTTLS").server("454 4.7.0 TLS not available");
    const SmtpOpened end = open(mx);
    EXPECT_TRUE(end.open());
    EXPECT_FALSE(mx.encrypted());
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpOpening, DoesNotGoOnWhenTheServerSaysGoodbyeToStarttls)
{
    ScriptedStream mx = greeted("STARTTLS");
    mx.client("STARTTLS").server("421 4.3.2 closing");
    const SmtpOpened end = open(mx);
    EXPECT_FALSE(end.open());
    EXPECT_EQ(end.stage, Stage::starttls);
    ASSERT_TRUE(end.reply);
    EXPECT_EQ(end.reply->code, 421);
    EXPECT_FALSE(end.broke_in_starttls()) << "it was told, nothing broke";
}

/// Refused in words at a stage, which is told apart from the others.
struct Refused {
    const char* name;
    Stage stage;
    ScriptedStream (*dialogue)();
};
void PrintTo(const Refused& refused, std::ostream* out)
{
    *out << refused.name;
}
class RefusedOpening : public testing::TestWithParam<Refused> {};

TEST_P(RefusedOpening, KeepsTheReplyAndItsStage)
{
    ScriptedStream mx = GetParam().dialogue();
    const SmtpOpened end = open(mx);
    EXPECT_FALSE(end.open());
    EXPECT_EQ(end.stage, GetParam().stage);
    ASSERT_TRUE(end.reply);
    EXPECT_EQ(end.reply->code, 554);
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

INSTANTIATE_TEST_SUITE_P(AtEachStage, RefusedOpening,
                         testing::Values(Refused{"banner", Stage::banner,
                                                 [] {
                                                     ScriptedStream mx;
                                                     mx.server("554 5.7.1 go away");
                                                     return mx;
                                                 }},
                                         Refused{"ehlo", Stage::ehlo,
                                                 [] {
                                                     ScriptedStream mx;
                                                     mx.server("220 mx").client("EHLO probe.test").server("554 no");
                                                     mx.client("HELO probe.test").server("554 no");
                                                     return mx;
                                                 }},
                                         Refused{"ehlo over TLS", Stage::ehlo, [] {
                                                     ScriptedStream mx = greeted("STARTTLS");
                                                     mx.client("STARTTLS").server("220 go").tls();
                                                     mx.client("EHLO probe.test").server("554 no");
                                                     mx.client("HELO probe.test").server("554 no");
                                                     return mx;
                                                 }}));

TEST(SmtpOpening, AFailureOfAnyStepIsAnErrorWithItsStage)
{
    for (const auto dialogue : {in_clear, over_tls})
        test::replay_failing_every_step(
            dialogue, [](ScriptedStream& mx) { return open(mx); },
            [](const SmtpOpened& end) {
                EXPECT_FALSE(end.open());
                EXPECT_FALSE(end.reply);
                EXPECT_TRUE(end.error.code.failed());
                EXPECT_TRUE(end.stage == Stage::banner || end.stage == Stage::ehlo || end.stage == Stage::starttls);
            });
}

TEST(SmtpOpening, AHandshakeThatFailsIsTheOnlyThingThatBrokeInStarttls)
{
    const ScriptedStream whole = over_tls();
    for (std::size_t step = 0; step < whole.size(); ++step) {
        ScriptedStream mx = over_tls();
        const auto failures = whole.failures_of(step);
        ASSERT_FALSE(failures.empty());
        mx.fail_at(step, failures.front());
        const bool of_starttls = step >= 4 && step <= 6;  // the command, its reply, the handshake
        EXPECT_EQ(open(mx).broke_in_starttls(), of_starttls) << "step " << step;
    }
}

}  // namespace
}  // namespace winnow::net
