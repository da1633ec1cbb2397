#include "tests/verifier/prober_fixture.hpp"

namespace winnow::verifier {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

/// Hosts that are slow, talkative or short of breath: each has its budget, and none makes a dead address of a live one.

TEST_F(ProberTest, AHostThatSpeaksAnOctetAtATimeIsHeardOut)
{
    lab.host().per_octet = milliseconds{20};
    lab.host().mx.rcpt_reply = knows({"ann@x.test"});
    EXPECT_EQ(reason("ann@x.test"), Reason::accepted);
    EXPECT_EQ(reason("ben@x.test"), Reason::mailbox_not_found);
}

TEST_F(ProberTest, AHostThatSpeaksAnOctetASecondCostsNoMoreThanTheTimeOfAProbe)
{
    lab.host().per_octet = seconds{1};
    lab.host().mx.rcpt_reply = knows({"ann@x.test"});
    lab.options.probe_timeout = seconds{100};
    EXPECT_EQ(reason("ann@x.test"), Reason::timeout);
    EXPECT_LE(lab.clock.elapsed(), lab.options.probe_timeout + minutes{1});
}

/// `lines` of one reply to RCPT, of which the first one tells.
SmtpReply talkative(std::size_t lines)
{
    SmtpReply out = reply(550, "5.1.1 User unknown");
    while (out.lines.size() < lines)
        out.lines.push_back("there is more to say");
    return out;
}

TEST_F(ProberTest, AReplyOfFiveHundredLinesIsReadAndALongerOneIsNoAnswer)
{
    lab.host().mx.rcpt_reply = [](const std::string& recipient) {
        return talkative(recipient == "ann@x.test" ? 500 : 501);
    };
    EXPECT_EQ(reason("ann@x.test"), Reason::mailbox_not_found);
    const VerdictRecord verdict = lab.ask_one("ben@x.test");
    EXPECT_EQ(verdict.verdict, Verdict::unknown);
    EXPECT_EQ(verdict.reason, Reason::temp_failure);
}

TEST_F(ProberTest, ABannerOfFiveHundredLinesIsOne)
{
    lab.host().mx.greeting = talkative(500);
    lab.host().mx.greeting.code = 220;
    lab.host().mx.greeting.enhanced = {};
    lab.host().mx.rcpt_reply = knows({"ann@x.test"});
    EXPECT_EQ(reason("ann@x.test"), Reason::accepted);
}

/// Stage of the step that says that nobody answered in time.
Stage stage_of_silence(const VerdictRecord& verdict)
{
    EXPECT_FALSE(verdict.evidence.empty());
    return verdict.evidence.empty() ? Stage::connect : verdict.evidence.back().stage;
}

TEST_F(ProberTest, ConnectingTheGreetingACommandAndTheWholeHaveTheirOwnTimes)
{
    lab.options.connect_timeout = seconds{7};
    lab.host().silent = true;
    EXPECT_EQ(reason("ann@x.test"), Reason::no_connect);
    EXPECT_EQ(lab.clock.elapsed(), seconds{7});

    lab.host().silent = false;
    lab.host().options.reply_delay = seconds{10};
    lab.options.banner_timeout = seconds{5};
    lab.forget_pipeline();
    VerdictRecord verdict = lab.ask_one("ann@x.test");
    EXPECT_EQ(verdict.reason, Reason::timeout);
    EXPECT_EQ(stage_of_silence(verdict), Stage::banner);

    lab.options.banner_timeout = seconds{60};
    lab.options.command_timeout = seconds{5};
    lab.forget_pipeline();
    verdict = lab.ask_one("ann@x.test");
    EXPECT_EQ(verdict.reason, Reason::timeout);
    EXPECT_EQ(stage_of_silence(verdict), Stage::ehlo);

    lab.options.command_timeout = seconds{60};
    lab.options.probe_timeout = seconds{15};
    lab.forget_pipeline();
    verdict = lab.ask_one("ann@x.test");
    EXPECT_EQ(verdict.reason, Reason::timeout) << "each in its time, and together too long";
    EXPECT_EQ(stage_of_silence(verdict), Stage::ehlo);

    lab.options.probe_timeout = seconds{60};
    lab.host().mx.rcpt_reply = knows({});
    lab.forget_pipeline();
    EXPECT_EQ(reason("ann@x.test"), Reason::mailbox_not_found);
}

/// A host that hangs up after so many commands, on every connection.
class ShortSessions : public ProberTest, public testing::WithParamInterface<int> {};

TEST_P(ShortSessions, GoOnInNewOnesUntilEverybodyWasAskedAbout)
{
    std::vector<std::string> known = people(8, "x.test");
    known.resize(4);
    lab.host().mx.rcpt_reply = knows(known);
    lab.host().cut_after = static_cast<std::size_t>(GetParam());
    for (const auto& [address, answer] : lab.ask(people(8, "x.test"))) {
        const bool exists = std::find(known.begin(), known.end(), address) != known.end();
        EXPECT_EQ(answer.verdict.reason, exists ? Reason::accepted : Reason::mailbox_not_found) << address;
    }
    EXPECT_GT(lab.host().sessions.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(OfSoManyCommands, ShortSessions, testing::Range(4, 13));

/// A host that takes so many RCPTs on a connection and says so in one of the ways that there are.
struct Quota {
    int rcpts;
    int code;
    const char* text;
};
void PrintTo(const Quota& quota, std::ostream* out)
{
    *out << quota.rcpts << " and " << quota.code;
}
class RcptQuota : public ProberTest, public testing::WithParamInterface<Quota> {};

TEST_P(RcptQuota, OfAConnectionIsMetWithAnotherOne)
{
    const Quota quota = GetParam();
    std::vector<std::string> known = people(9, "x.test");
    lab.host().mx.rcpt_reply = [&](const std::string& recipient) {
        const auto here = static_cast<int>(lab.host().sessions.back()->count("RCPT"));
        return here > quota.rcpts ? reply(quota.code, quota.text) : knows(known)(recipient);
    };
    for (const auto& [address, answer] : lab.ask(known))
        EXPECT_EQ(answer.verdict.reason, Reason::accepted) << address;
    for (const auto& session : lab.host().sessions)
        EXPECT_TRUE(session->quit() || quota.code == 421);
}

INSTANTIATE_TEST_SUITE_P(OfAConnection, RcptQuota,
                         testing::Values(Quota{1, 452, "4.5.3 Too many recipients"},
                                         Quota{2, 452, "4.5.3 Too many recipients"},
                                         Quota{1, 421, "4.3.2 Service shutting down"},
                                         Quota{3, 421, "4.3.2 Service shutting down"}));

TEST_F(ProberTest, TheSenderIsTheConfiguredOneBecauseSomeRefuseTheEmptyOne)
{
    lab.host().mx.rcpt_reply = knows({"ann@x.test"});
    EXPECT_EQ(reason("ann@x.test"), Reason::accepted);
    const auto& calls = lab.host().mx.calls;
    EXPECT_THAT(calls, testing::Contains("mail probe@winnow.example"));
    EXPECT_THAT(calls, testing::Not(testing::Contains("mail ")));
}

TEST_F(ProberTest, SmtpUtf8IsAskedForOnlyForTheAddressThatNeedsIt)
{
    lab.host().mx.rcpt_reply = knows({"\xc3\xa4nn@x.test", "ann@x.test"});
    const auto answers = lab.ask({"\xc3\xa4nn@x.test", "ann@x.test"});
    for (const auto& [address, answer] : answers)
        EXPECT_EQ(answer.verdict.reason, Reason::accepted) << address;
    std::size_t with = 0;
    for (const auto& session : lab.host().sessions)
        for (const auto& line : session->lines)
            with += line.text.find("SMTPUTF8") != std::string::npos;
    EXPECT_EQ(with, 1u) << "the stranger of the catch-all test needs none either";
}

}  // namespace
}  // namespace winnow::verifier
