#include "net/smtp_client.hpp"

#include <gtest/gtest.h>

#include "core/crypto.hpp"
#include "tests/support/run_coro.hpp"
#include "tests/support/scripted_stream.hpp"

namespace winnow::net {
namespace {

using test::replay_failing_every_step;
using test::run;
using test::ScriptedStream;

/// A dialogue up to the reply to EHLO.
ScriptedStream greeted(std::vector<std::string> extensions = {})
{
    ScriptedStream mx;
    mx.server("220 mx.example.test ESMTP").client("EHLO probe.test");
    extensions.insert(extensions.begin(), "mx.example.test");
    for (std::size_t i = 0; i < extensions.size(); ++i)
        mx.server((i + 1 < extensions.size() ? "250-" : "250 ") + extensions[i]);
    return mx;
}

awaitable<Result<SmtpReply>> greet(SmtpClient& smtp)
{
    WINNOW_CO_CHECK(co_await smtp.greeting());
    co_return co_await smtp.ehlo("probe.test");
}

TEST(SmtpClient, ReadsGreetingAndCapabilities)
{
    ScriptedStream mx = greeted({"PIPELINING", "size 35882577", "STARTTLS", "AUTH PLAIN login", "AUTH=LOGIN CRAM-MD5",
                                 "8BITMIME", "DSN", "ENHANCEDSTATUSCODES", "SMTPUTF8", "CHUNKING", "X-NEW thing"});
    SmtpClient smtp(mx);
    ASSERT_TRUE(run(greet(smtp)));
    const SmtpCapabilities& can = smtp.capabilities();
    EXPECT_TRUE(can.esmtp && can.pipelining && can.starttls && can.eight_bit_mime && can.dsn);
    EXPECT_TRUE(can.enhanced_status && can.smtputf8 && can.chunking && can.size);
    EXPECT_EQ(can.size_limit, 35'882'577u);
    EXPECT_EQ(can.auth, (std::vector<std::string>{"PLAIN", "LOGIN", "CRAM-MD5"}));
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpClient, FallsBackToHeloWhenEhloIsNotKnown)
{
    ScriptedStream mx;
    mx.server("220 old.example.test").client("EHLO probe.test").server("500 what?");
    mx.client("HELO probe.test").server("250 old.example.test");
    SmtpClient smtp(mx);
    EXPECT_EQ(run(greet(smtp)).value().code, 250);
    EXPECT_FALSE(smtp.capabilities().esmtp);
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpClient, ARefusalToTalkIsAnAnswerNotAnError)
{
    ScriptedStream mx;
    mx.server("554-5.7.1 your address is listed").server("554 5.7.1 see https://list.example.test/");
    SmtpClient smtp(mx);
    const SmtpReply reply = run(smtp.greeting()).value();
    EXPECT_TRUE(reply.permanent());
    EXPECT_EQ(reply.enhanced, (EnhancedStatus{5, 7, 1}));
    EXPECT_EQ(reply.lines.size(), 2u);
}

TEST(SmtpClient, NoticesThatThePeerSpeaksAnotherProtocol)
{
    for (const char* bytes : {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 400 Bad Request\r\n", "\x15\x03\x01\x00\x02"}) {
        ScriptedStream peer;
        peer.server_bytes(bytes);
        SmtpClient smtp(peer);
        EXPECT_EQ(run(smtp.greeting()).error().code, SmtpErrc::not_smtp);
    }
}

TEST(SmtpClient, AByteAtATimeServerGetsOneDeadlinePerReply)
{
    std::vector<std::string> many(498, "X-EXTENSION with some text");
    ScriptedStream mx = greeted(many);
    mx.byte_at_a_time();
    SmtpClient smtp(mx);
    ASSERT_TRUE(run(greet(smtp)));
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
    EXPECT_LE(mx.deadlines_set(), 3) << "greeting, EHLO written, EHLO answered";
}

awaitable<Result<SmtpReply>> probe(SmtpClient& smtp)
{
    WINNOW_CO_CHECK(co_await greet(smtp));
    WINNOW_CO_CHECK(co_await smtp.mail(""));
    WINNOW_CO_TRY(SmtpReply answer, co_await smtp.rcpt("a@example.test"));
    WINNOW_CO_CHECK(co_await smtp.rset());
    co_await smtp.quit();
    co_return answer;
}

ScriptedStream probe_dialog()
{
    ScriptedStream mx = greeted({"SIZE"});
    mx.client("MAIL FROM:<>").server("250 2.1.0 ok");
    mx.client("RCPT TO:<a@example.test>").server("450-4.7.1 come back").server("450 4.7.1 later");
    mx.client("RSET").server("250 2.0.0 ok");
    return mx;
}

TEST(SmtpClient, ProbesARecipientAndSaysGoodbye)
{
    ScriptedStream mx = probe_dialog();
    mx.client("QUIT").server("221 2.0.0 bye");
    SmtpClient smtp(mx);
    const SmtpReply answer = run(probe(smtp)).value();
    EXPECT_TRUE(answer.transient());
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
    EXPECT_TRUE(mx.closed());
}

TEST(SmtpClient, AFailureOfAnyStepOfAProbeIsATransientOrUnknownErrorNeverAnAnswer)
{
    replay_failing_every_step(
        probe_dialog,
        [](ScriptedStream& mx) {
            SmtpClient smtp(mx);
            return run(probe(smtp));
        },
        [](Result<SmtpReply> outcome) {
            ASSERT_FALSE(outcome) << outcome->to_string();
            EXPECT_NE(outcome.error().disposition(), Disposition::permanent);
            EXPECT_EQ(outcome.error().context.find("a@example.test"), std::string::npos)
                << "addresses stay out of logs";
        });
}

TEST(SmtpClient, QuitNeverFails)
{
    replay_failing_every_step(
        [] {
            ScriptedStream mx = greeted();
            mx.client("QUIT").server("221 2.0.0 bye");
            return mx;
        },
        [](ScriptedStream& mx) {
            SmtpClient smtp(mx);
            (void)run(greet(smtp));
            run(smtp.quit());
            return mx.closed();
        },
        [](bool closed) { EXPECT_TRUE(closed); });
}

TEST(SmtpClient, HearsAServerThatSaysWhyBeforeItHangsUp)
{
    ScriptedStream mx = greeted();
    mx.server("421 4.4.2 idle too long").eof();
    SmtpClient smtp(mx);
    ASSERT_TRUE(run(smtp.greeting()));
    // The goodbye arrives together with the reply to EHLO, and takes its place.
    EXPECT_EQ(run(smtp.ehlo("probe.test")).value().code, 421);
}

TEST(SmtpClient, AReplyThatCameBeforeTheQuestionIsNotTakenForTheAnswer)
{
    ScriptedStream mx = greeted();
    mx.server("550 5.1.1 no such user");
    SmtpClient smtp(mx);
    ASSERT_TRUE(run(smtp.greeting()));
    EXPECT_EQ(run(smtp.ehlo("probe.test")).error().code, Errc::protocol);
    EXPECT_EQ(run(smtp.mail("")).error().code, Errc::protocol) << "and nothing more is asked";
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpClient, AReplyMoreThanWasAskedForMakesAnErrorOfEveryCommand)
{
    using Command = awaitable<Result<SmtpReply>> (*)(SmtpClient&);
    struct Case {
        const char* line;
        const char* reply;
        Command send;
    };
    const Case cases[] = {
        {"MAIL FROM:<>", "250 ok", [](SmtpClient& smtp) { return smtp.mail(""); }},
        {"RCPT TO:<a@example.test>", "550 no", [](SmtpClient& smtp) { return smtp.rcpt("a@example.test"); }},
        {"RSET", "250 ok", [](SmtpClient& smtp) { return smtp.rset(); }},
        {"NOOP", "250 ok", [](SmtpClient& smtp) { return smtp.noop(); }},
        {"STARTTLS", "454 not now", [](SmtpClient& smtp) { return smtp.starttls({}); }},
        {"DATA", "354 go", [](SmtpClient& smtp) { return smtp.data("x"); }},
        {"AUTH PLAIN AHUAcA==", "235 ok", [](SmtpClient& smtp) { return smtp.auth("u", "p", true); }},
    };
    for (const Case& each : cases) {
        ScriptedStream mx = greeted({"STARTTLS", "AUTH PLAIN"});
        mx.client(each.line).server(each.reply).server("250 more");
        mx.client("QUIT").server("221 bye");
        SmtpClient smtp(mx);
        ASSERT_TRUE(run(greet(smtp)));
        EXPECT_EQ(run(each.send(smtp)).error().code, Errc::protocol) << each.line;
        run(smtp.quit());
        EXPECT_TRUE(mx.finished()) << each.line << ": " << mx.mismatches();
    }
}

TEST(SmtpClient, SaysGoodbyeToAServerThatIsOutOfStepAndWaitsForItsOwnGoodbye)
{
    ScriptedStream mx = greeted();
    mx.server("250 extra").client("QUIT").server("250 late").server("221 bye");
    SmtpClient smtp(mx);
    EXPECT_FALSE(run(greet(smtp)));
    run(smtp.quit());
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
    EXPECT_TRUE(mx.closed());
}

TEST(SmtpClient, DoesNotListenForeverToAServerThatIsOutOfStep)
{
    ScriptedStream mx = greeted();
    mx.server("250 extra").client("QUIT");
    for (int i = 0; i < 1000; ++i)
        mx.server_bytes("250-more\r\n");
    SmtpClient smtp(mx);
    EXPECT_FALSE(run(greet(smtp)));
    const int before = mx.deadlines_set();
    run(smtp.quit());
    EXPECT_EQ(mx.deadlines_set(), before + 1);
    EXPECT_TRUE(mx.closed());
}

TEST(SmtpClient, NothingInAnArgumentCanStartAnotherCommandOrParameter)
{
    ScriptedStream mx;
    SmtpClient smtp(mx);
    EXPECT_EQ(run(smtp.command("NOOP\r\nRSET", milliseconds{1})).error().code, Errc::invalid_argument);
    EXPECT_EQ(run(smtp.ehlo("probe.test\nRSET")).error().code, Errc::invalid_argument);
    EXPECT_EQ(run(smtp.command(std::string("NOOP \0", 6), milliseconds{1})).error().code, Errc::invalid_argument);
    for (const char* path : {"a@b> SIZE=1", "a@b\r\nRSET", "a b@c", "<a@b", "\"a@b", "\xC3\xA9@b.test"}) {
        EXPECT_EQ(run(smtp.mail(path)).error().code, Errc::invalid_argument) << path;
        EXPECT_EQ(run(smtp.rcpt(path)).error().code, Errc::invalid_argument) << path;
    }
    EXPECT_EQ(run(smtp.rcpt("")).error().code, Errc::invalid_argument);
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpClient, QuotedLocalPartsMayHoldWhatOtherwiseEndsAPath)
{
    ScriptedStream mx;
    mx.client("RCPT TO:<\"a> b\\\"c\"@example.test>").server("250 ok");
    SmtpClient smtp(mx);
    EXPECT_TRUE(run(smtp.rcpt("\"a> b\\\"c\"@example.test")));
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpClient, SendsParametersOnlyWhenTheyAreOffered)
{
    MailParams params;
    params.size = 1234;
    params.eight_bit = true;
    params.ret = "HDRS";
    params.envid = "id+1";
    RcptParams rcpt_params;
    rcpt_params.notify = "FAILURE,DELAY";
    rcpt_params.orcpt = "rfc822;a+b@example.test";

    ScriptedStream poor = greeted();
    poor.client("MAIL FROM:<s@example.test>").server("250 ok").client("RCPT TO:<a@example.test>").server("250 ok");
    SmtpClient to_poor(poor);
    ASSERT_TRUE(run(greet(to_poor)));
    EXPECT_TRUE(run(to_poor.mail("s@example.test", params)));
    EXPECT_TRUE(run(to_poor.rcpt("a@example.test", rcpt_params)));
    EXPECT_TRUE(poor.finished()) << poor.mismatches();

    ScriptedStream rich = greeted({"SIZE 1000000", "8BITMIME", "DSN", "SMTPUTF8"});
    rich.client("MAIL FROM:<s@example.test> SIZE=1234 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=id+2B1").server("250 ok");
    rich.client("RCPT TO:<\xC3\xA9@example.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;a+2Bb@example.test");
    rich.server("250 ok");
    SmtpClient to_rich(rich);
    ASSERT_TRUE(run(greet(to_rich)));
    params.smtputf8 = true;
    EXPECT_TRUE(run(to_rich.mail("s@example.test", params)));
    EXPECT_TRUE(run(to_rich.rcpt("\xC3\xA9@example.test", rcpt_params)));
    EXPECT_TRUE(rich.finished()) << rich.mismatches();
}

// ---- STARTTLS ----

awaitable<Result<SmtpReply>> greet_over_tls(SmtpClient& smtp)
{
    WINNOW_CO_CHECK(co_await greet(smtp));
    TlsClientOptions options;
    options.server_name = "mx.example.test";
    WINNOW_CO_CHECK(co_await smtp.starttls(std::move(options)));
    co_return co_await smtp.ehlo("probe.test");
}

ScriptedStream tls_dialog(bool verified = false)
{
    ScriptedStream mx = greeted({"STARTTLS", "PIPELINING"});
    mx.client("STARTTLS").server("220 2.0.0 go").tls(verified);
    mx.client("EHLO probe.test").server("250-mx.example.test").server("250 AUTH PLAIN");
    return mx;
}

TEST(SmtpClient, ForgetsWhatWasSaidInClearWhenTlsStarts)
{
    ScriptedStream mx = tls_dialog();
    SmtpClient smtp(mx);
    ASSERT_TRUE(run(greet_over_tls(smtp)));
    EXPECT_FALSE(smtp.capabilities().pipelining);
    EXPECT_FALSE(smtp.capabilities().starttls);
    EXPECT_EQ(smtp.capabilities().auth, std::vector<std::string>{"PLAIN"});
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpClient, AReplyInjectedBehindStarttlsIsNeverReadAsOne)
{
    ScriptedStream mx = greeted({"STARTTLS"});
    mx.client("STARTTLS").server_bytes("220 go\r\n250-mx.example.test\r\n250 AUTH PLAIN\r\n");
    SmtpClient smtp(mx);
    EXPECT_EQ(run(greet_over_tls(smtp)).error().code, SmtpErrc::starttls_injection);
    EXPECT_FALSE(mx.encrypted());
    EXPECT_TRUE(smtp.capabilities().auth.empty());
}

TEST(SmtpClient, ARefusedStarttlsLeavesTheConnectionInClearForTheCallerToDecide)
{
    ScriptedStream mx = greeted({"STARTTLS"});
    mx.client("STARTTLS").server("454 4.7.0 TLS not available");
    SmtpClient smtp(mx);
    ASSERT_TRUE(run(greet(smtp)));
    EXPECT_EQ(run(smtp.starttls({})).value().code, 454);
    EXPECT_TRUE(smtp.capabilities().starttls);
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpClient, AFailureOfAnyStepOfStarttlsIsAnError)
{
    replay_failing_every_step([] { return tls_dialog(); },
                              [](ScriptedStream& mx) {
                                  SmtpClient smtp(mx);
                                  return run(greet_over_tls(smtp));
                              },
                              [](Result<SmtpReply> outcome) { EXPECT_FALSE(outcome); });
}

// ---- AUTH ----

awaitable<Result<SmtpReply>> log_in(SmtpClient& smtp, std::string password, bool insecure_ok)
{
    WINNOW_CO_CHECK(co_await greet(smtp));
    co_return co_await smtp.auth("user", std::move(password), insecure_ok);
}

TEST(SmtpClient, APasswordIsOnlySentOverVerifiedTls)
{
    ScriptedStream clear = greeted({"AUTH PLAIN"});
    SmtpClient in_clear(clear);
    EXPECT_EQ(run(log_in(in_clear, "secret", false)).error().code, Errc::permission_denied);
    EXPECT_TRUE(clear.finished()) << clear.mismatches();

    ScriptedStream unverified = tls_dialog();
    SmtpClient over_unverified(unverified);
    ASSERT_TRUE(run(greet_over_tls(over_unverified)));
    EXPECT_EQ(run(over_unverified.auth("user", "secret", false)).error().code, Errc::permission_denied);
    EXPECT_TRUE(unverified.finished()) << unverified.mismatches();

    ScriptedStream verified = tls_dialog(true);
    verified.client("AUTH PLAIN AHVzZXIAc2VjcmV0").server("235 2.7.0 welcome");
    SmtpClient over_verified(verified);
    ASSERT_TRUE(run(greet_over_tls(over_verified)));
    EXPECT_EQ(run(over_verified.auth("user", "secret", false)).value().code, 235);
    EXPECT_TRUE(verified.finished()) << verified.mismatches();
}

TEST(SmtpClient, PutsALongPasswordOnALineOfItsOwn)
{
    const std::string password(500, 'p');
    ScriptedStream mx = greeted({"AUTH PLAIN"});
    mx.client("AUTH PLAIN").server("334 ");
    mx.client(crypto::base64(std::string("\0user\0", 6) + password)).server("235 welcome");
    SmtpClient smtp(mx);
    EXPECT_EQ(run(log_in(smtp, password, true)).value().code, 235);
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

ScriptedStream login_dialog()
{
    ScriptedStream mx = greeted({"AUTH LOGIN NTLM"});
    mx.client("AUTH LOGIN").server("334 VXNlcm5hbWU6").client("dXNlcg==").server("334 UGFzc3dvcmQ6");
    mx.client("c2VjcmV0").server("535 5.7.8 no");
    return mx;
}

TEST(SmtpClient, UsesLoginWhenOnlyThatIsOfferedAndReportsTheRefusal)
{
    ScriptedStream mx = login_dialog();
    SmtpClient smtp(mx);
    EXPECT_EQ(run(log_in(smtp, "secret", true)).value().code, 535);
    EXPECT_TRUE(mx.finished()) << mx.mismatches();

    replay_failing_every_step(
        login_dialog,
        [](ScriptedStream& dialog) {
            SmtpClient client(dialog);
            return run(log_in(client, "secret", true));
        },
        [](Result<SmtpReply> outcome) {
            ASSERT_FALSE(outcome);
            EXPECT_EQ(outcome.error().context.find("c2VjcmV0"), std::string::npos) << "no secret in an error";
        });
}

TEST(SmtpClient, ARequestForAPasswordFollowedByMoreGetsNone)
{
    ScriptedStream mx = greeted({"AUTH LOGIN"});
    mx.client("AUTH LOGIN").server("334 VXNlcm5hbWU6").client("dXNlcg==").server("334 UGFzc3dvcmQ6").server("334 x");
    SmtpClient smtp(mx);
    EXPECT_EQ(run(log_in(smtp, "secret", true)).error().code, Errc::protocol);
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpClient, SaysWhenNoKnownMechanismIsOffered)
{
    ScriptedStream mx = greeted({"AUTH GSSAPI"});
    SmtpClient smtp(mx);
    EXPECT_EQ(run(log_in(smtp, "secret", true)).error().code, Errc::unsupported);
}

// ---- DATA ----

TEST(SmtpClient, SendsAMessageCanonicalAndStuffed)
{
    ScriptedStream mx = greeted();
    mx.client("DATA").server("354 go").client("Subject: a").client("").client("..").client("b").client(".");
    mx.server("250 2.0.0 queued as 1");
    SmtpClient smtp(mx);
    ASSERT_TRUE(run(greet(smtp)));
    Stage stage{};
    EXPECT_EQ(run(smtp.data("Subject: a\n\n.\nb", &stage)).value().code, 250);
    EXPECT_EQ(stage, Stage::end_of_data);
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpClient, ARefusedDataSendsNothing)
{
    ScriptedStream mx;
    mx.client("DATA").server("554 5.5.1 no valid recipients");
    SmtpClient smtp(mx);
    Stage stage{};
    EXPECT_EQ(run(smtp.data("Subject: a\n", &stage)).value().code, 554);
    EXPECT_EQ(stage, Stage::data);
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpClient, AYesToDataBeforeTheMessageIsNotADelivery)
{
    ScriptedStream mx;
    mx.client("DATA").server("250 2.0.0 queued");
    SmtpClient smtp(mx);
    EXPECT_EQ(run(smtp.data("Subject: a\n")).error().code, Errc::protocol);
}

TEST(SmtpClient, AMessageOfManyBlocksArrivesWhole)
{
    ScriptedStream mx;
    mx.client("DATA").server("354 go");
    std::string message;
    for (int i = 0; i < 20'000; ++i) {
        message += ".line " + std::to_string(i) + "\n";
        mx.client("..line " + std::to_string(i));
    }
    mx.client(".").server("250 ok");
    SmtpClient smtp(mx);
    EXPECT_TRUE(run(smtp.data(message)));
    EXPECT_TRUE(mx.finished()) << mx.mismatches().substr(0, 500);
    EXPECT_GT(mx.deadlines_set(), 4) << "each block has a deadline of its own";
}

// ---- transactions ----

awaitable<Result<SmtpTransaction>> send_to_three(SmtpClient& smtp)
{
    WINNOW_CO_CHECK(co_await greet(smtp));
    std::vector<std::string> recipients{"a@example.test", "b@example.test", "c@example.test"};
    MailParams params;
    co_return co_await smtp.transaction("s@example.test", std::move(params), std::move(recipients), "Subject: x\n");
}

ScriptedStream one_by_one_dialog()
{
    ScriptedStream mx = greeted();
    mx.client("MAIL FROM:<s@example.test>").server("250 ok");
    mx.client("RCPT TO:<a@example.test>").server("250 ok");
    mx.client("RCPT TO:<b@example.test>").server("550 5.1.1 no");
    mx.client("RCPT TO:<c@example.test>").server("250 ok");
    mx.client("DATA").server("354 go").client("Subject: x").client(".").server("250 queued");
    return mx;
}

/// The client's half of a pipelined transaction.
ScriptedStream pipelined_commands()
{
    ScriptedStream mx = greeted({"PIPELINING", "SIZE"});
    mx.client("MAIL FROM:<s@example.test> SIZE=11").client("RCPT TO:<a@example.test>");
    mx.client("RCPT TO:<b@example.test>").client("RCPT TO:<c@example.test>").client("DATA");
    return mx;
}

ScriptedStream pipelined_dialog()
{
    ScriptedStream mx = pipelined_commands();
    mx.server("250 ok").server("250 ok").server("550 5.1.1 no").server("250 ok").server("354 go");
    mx.client("Subject: x").client(".").server("250 queued");
    return mx;
}

TEST(SmtpTransaction, EveryRecipientHasItsOwnReplyWithAndWithoutPipelining)
{
    for (const bool pipelining : {false, true}) {
        ScriptedStream mx = pipelining ? pipelined_dialog() : one_by_one_dialog();
        SmtpClient smtp(mx);
        const SmtpTransaction outcome = run(send_to_three(smtp)).value();
        EXPECT_EQ(outcome.mail.code, 250);
        ASSERT_EQ(outcome.rcpts.size(), 3u);
        EXPECT_EQ(outcome.rcpts[0].code, 250);
        EXPECT_EQ(outcome.rcpts[1].code, 550);
        EXPECT_EQ(outcome.rcpts[2].code, 250);
        EXPECT_EQ(outcome.data.code, 354);
        EXPECT_EQ(outcome.end_of_data.text(), "queued");
        EXPECT_TRUE(mx.finished()) << mx.mismatches();
    }
}

TEST(SmtpTransaction, AReplyMoreThanWasAskedForIsAnErrorAndSendsNoMessage)
{
    for (const char* extra : {"250 extra", "550 5.1.1 no such user"})
        for (int at = 0; at <= 5; ++at) {
            ScriptedStream mx = pipelined_commands();
            std::vector<std::string> replies{"250 ok", "250 ok", "550 5.1.1 no", "250 ok", "354 go"};
            replies.insert(replies.begin() + at, extra);
            for (const std::string& reply : replies)
                mx.server(reply);
            SmtpClient smtp(mx);
            const auto outcome = run(send_to_three(smtp));
            ASSERT_FALSE(outcome) << extra << " at " << at;
            EXPECT_EQ(outcome.error().code, Errc::protocol);
            EXPECT_TRUE(mx.finished()) << mx.mismatches();
        }
}

TEST(SmtpTransaction, AMessageThatWasTakenStaysSoWhateverFollows)
{
    for (const auto make_dialog : {one_by_one_dialog, pipelined_dialog}) {
        ScriptedStream mx = make_dialog();
        mx.server("250 queued again");
        SmtpClient smtp(mx);
        EXPECT_EQ(run(send_to_three(smtp)).value().end_of_data.text(), "queued");
        EXPECT_EQ(run(smtp.rset()).error().code, Errc::protocol) << "the connection is of no more use";
        EXPECT_TRUE(mx.finished()) << mx.mismatches();
    }
}

TEST(SmtpTransaction, AFailureOfAnyStepIsAnErrorAndNeverADelivery)
{
    for (const auto make_dialog : {one_by_one_dialog, pipelined_dialog})
        replay_failing_every_step(
            make_dialog,
            [](ScriptedStream& mx) {
                SmtpClient smtp(mx);
                return run(send_to_three(smtp));
            },
            [](Result<SmtpTransaction> outcome) {
                ASSERT_FALSE(outcome);
                EXPECT_NE(outcome.error().disposition(), Disposition::permanent);
            });
}

TEST(SmtpTransaction, WithoutARecipientNothingIsSent)
{
    ScriptedStream mx = pipelined_commands();
    mx.server("250 ok").server("550 no").server("550 no").server("550 no").server("503 5.5.1 no recipients");
    SmtpClient smtp(mx);
    const SmtpTransaction outcome = run(send_to_three(smtp)).value();
    EXPECT_EQ(outcome.rcpts[2].code, 550);
    EXPECT_EQ(outcome.data.code, 0);
    EXPECT_EQ(outcome.end_of_data.code, 0);
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpTransaction, AGoAheadWithoutRecipientsIsEndedByAnEmptyMessage)
{
    ScriptedStream mx = pipelined_commands();
    mx.server("250 ok").server("550 no").server("550 no").server("550 no").server("354 go");
    mx.client(".").server("554 5.5.1 no valid recipients");
    SmtpClient smtp(mx);
    const SmtpTransaction outcome = run(send_to_three(smtp)).value();
    EXPECT_EQ(outcome.data.code, 0);
    EXPECT_EQ(outcome.end_of_data.code, 0);
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpTransaction, ARefusedSenderSaysNothingAboutTheRecipients)
{
    ScriptedStream mx = pipelined_commands();
    mx.server("550 5.7.1 sender refused").server("503 MAIL first").server("503 MAIL first").server("503 MAIL first");
    mx.server("503 MAIL first");
    SmtpClient smtp(mx);
    const SmtpTransaction outcome = run(send_to_three(smtp)).value();
    EXPECT_EQ(outcome.mail.code, 550);
    for (const SmtpReply& reply : outcome.rcpts)
        EXPECT_EQ(reply.code, 0) << "not reached";
    EXPECT_EQ(outcome.data.code, 0);
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpTransaction, ARefusedSenderSaysNothingAboutTheRecipientsAlsoWhenTheServerHangsUp)
{
    ScriptedStream mx = pipelined_commands();
    mx.server("550 5.7.1 sender refused").server("503 MAIL first").server("421 4.7.0 too many errors").eof();
    SmtpClient smtp(mx);
    const SmtpTransaction outcome = run(send_to_three(smtp)).value();
    EXPECT_EQ(outcome.mail.code, 550);
    for (const SmtpReply& reply : outcome.rcpts)
        EXPECT_EQ(reply.code, 0);
}

TEST(SmtpTransaction, AServerThatAcceptsRecipientsOfARefusedSenderGetsNoEmptyMessage)
{
    ScriptedStream mx = pipelined_commands();
    mx.server("550 no").server("250 ok").server("250 ok").server("250 ok").server("354 go");
    SmtpClient smtp(mx);
    EXPECT_EQ(run(send_to_three(smtp)).error().code, Errc::protocol);
    EXPECT_TRUE(mx.closed());
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpTransaction, AnswersBeforeAHangUpStand)
{
    ScriptedStream mx = pipelined_commands();
    mx.server("250 ok").server("550 5.1.1 no").server("421 4.7.0 too many errors").eof();
    SmtpClient smtp(mx);
    const SmtpTransaction outcome = run(send_to_three(smtp)).value();
    EXPECT_EQ(outcome.rcpts[0].code, 550);
    EXPECT_EQ(outcome.rcpts[1].code, 421);
    EXPECT_EQ(outcome.rcpts[2].code, 0);
    EXPECT_EQ(outcome.data.code, 0);
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpTransaction, ManyRecipientsGoInGroupsSoThatNoSideBlocksTheOther)
{
    ScriptedStream mx = greeted({"PIPELINING"});
    std::vector<std::string> recipients;
    mx.client("MAIL FROM:<>");
    for (int i = 0; i < 99; ++i)
        mx.client("RCPT TO:<" + recipients.emplace_back("u" + std::to_string(i) + "@example.test") + ">");
    for (int i = 0; i < 100; ++i)
        mx.server("250 ok");
    mx.client("RCPT TO:<" + recipients.emplace_back("last@example.test") + ">").client("DATA");
    mx.server("250 ok").server("354 go").client("x").client(".").server("250 ok");
    SmtpClient smtp(mx);
    ASSERT_TRUE(run(greet(smtp)));
    const auto outcome = run(smtp.transaction("", {}, recipients, "x"));
    ASSERT_TRUE(outcome) << outcome.error().message();
    EXPECT_EQ(outcome->end_of_data.code, 250);
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

TEST(SmtpTransaction, ChecksEveryRecipientBeforeItSpeaks)
{
    ScriptedStream mx = greeted();
    SmtpClient smtp(mx);
    ASSERT_TRUE(run(greet(smtp)));
    const std::vector<std::string> bad{"a@example.test", "b@example.test>\r\nDATA"};
    EXPECT_EQ(run(smtp.transaction("", {}, bad, "x")).error().code, Errc::invalid_argument);
    EXPECT_EQ(run(smtp.transaction("", {}, {}, "x")).error().code, Errc::invalid_argument);
    EXPECT_TRUE(mx.finished()) << mx.mismatches();
}

}  // namespace
}  // namespace winnow::net
