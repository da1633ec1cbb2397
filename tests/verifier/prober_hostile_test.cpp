#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "tests/verifier/prober_fixture.hpp"

namespace winnow::verifier {
namespace {

/// Hosts whose words do not fit what they were asked. Whatever they mean by it, no address is judged by a reply that
/// may belong to another command.

using test::ReceivedSession;

struct Dialogue {
    bool pipelining = true;
    std::string greeting = "220 mx.x.test\r\n";
    std::string mail = "250 2.1.0 ok\r\n";
    std::string rset = "250 2.0.0 ok\r\n";
};

bool asks(const std::string& command, std::string_view verb)
{
    return command.starts_with(verb);
}

/// Speaks as told, and of recipients knows only those whose names begin with "live".
std::string usual(const Dialogue& dialogue, const std::string& command)
{
    if (command.empty())
        return dialogue.greeting;
    if (asks(command, "EHLO"))
        return dialogue.pipelining ? "250-mx.x.test\r\n250 PIPELINING\r\n" : "250 mx.x.test\r\n";
    if (asks(command, "MAIL"))
        return dialogue.mail;
    if (asks(command, "RCPT"))
        return asks(command, "RCPT TO:<live") ? "250 2.1.5 ok\r\n" : "550 5.1.1 no such user\r\n";
    if (asks(command, "RSET"))
        return dialogue.rset;
    return asks(command, "QUIT") ? "221 bye\r\n" : "502 what?\r\n";
}

class HostileHost : public ProberTest, public testing::WithParamInterface<bool> {
protected:
    HostileHost() { dialogue.pipelining = GetParam(); }

    using Instead = std::function<std::optional<std::string>(const std::string& command, const ReceivedSession&)>;

    /// What `instead` gives in place of the usual reply; nothing from it = the usual one.
    void speaks(Instead instead = nullptr)
    {
        lab.host().script = [this, instead](const std::string& command, const ReceivedSession& session) {
            const auto said = instead ? instead(command, session) : std::nullopt;
            return std::optional(said ? *said : usual(dialogue, command));
        };
    }
    bool is_session(const ReceivedSession& session, std::size_t number)
    {
        return lab.host().sessions.at(number).get() == &session;
    }
    void expect_goodbyes()
    {
        ASSERT_FALSE(lab.host().sessions.empty());
        for (const auto& session : lab.host().sessions)
            EXPECT_TRUE(session->quit());
    }
    void expect_truth(const std::vector<std::string>& addresses)
    {
        for (const auto& [address, answer] : lab.ask(addresses))
            EXPECT_EQ(answer.verdict.reason, address.starts_with("live") ? Reason::accepted : Reason::mailbox_not_found)
                << address;
    }

    Dialogue dialogue;
};
INSTANTIATE_TEST_SUITE_P(WithAndWithoutPipelining, HostileHost, testing::Bool());

TEST_P(HostileHost, ThatKeepsToTheDialogueIsUnderstood)
{
    speaks();
    expect_truth({"live1@x.test", "dead1@x.test", "live2@x.test", "dead2@x.test"});
    EXPECT_EQ(lab.host().sessions.size(), 1u);
    expect_goodbyes();
}

TEST_P(HostileHost, WithOneReplyTooManyForAQuestionGivesNoVerdictAndIsToldGoodbye)
{
    for (const char* extra : {"250 extra\r\n", "550 5.1.1 no such user\r\n", "221 bye\r\n"})
        for (const char* at : {"MAIL", "RCPT"}) {
            lab.forget_pipeline();
            lab.host().sessions.clear();
            speaks([&](const std::string& command, const ReceivedSession&) -> std::optional<std::string> {
                return asks(command, at) ? std::optional(extra + usual(dialogue, command)) : std::nullopt;
            });
            for (const auto& [address, answer] : lab.ask({"live1@x.test", "dead1@x.test"})) {
                EXPECT_EQ(answer.verdict.verdict, Verdict::unknown) << extra << at << ' ' << address;
                EXPECT_EQ(answer.verdict.reason, Reason::temp_failure) << "worth another try";
            }
            expect_goodbyes();
        }
}

TEST_P(HostileHost, WithOneReplyTooManyOnItsFirstConnectionIsAskedAgain)
{
    speaks([this](const std::string& command, const ReceivedSession& session) -> std::optional<std::string> {
        const bool second = asks(command, "RSET") && is_session(session, 0);
        return second ? std::optional("250 extra\r\n" + usual(dialogue, command)) : std::nullopt;
    });
    expect_truth({"dead1@x.test", "dead2@x.test", "live3@x.test"});
    expect_goodbyes();
}

TEST_P(HostileHost, WhoseExtraReplyShowsLateHasItsLastAnswerDoubted)
{
    // "250 extra" takes the place of the reply to MAIL, that one the place of "no such user": it comes with the reply
    // to the next command, and shows what had happened.
    std::string owed = "250 extra\r\n";
    speaks([&](const std::string& command, const ReceivedSession& session) -> std::optional<std::string> {
        if (!is_session(session, 0) || session.count("MAIL") == 0)
            return std::nullopt;
        return std::exchange(owed, usual(dialogue, command));
    });
    const auto answers = lab.ask({"dead1@x.test"});
    EXPECT_EQ(answers.at("dead1@x.test").verdict.reason, Reason::mailbox_not_found);
    EXPECT_GT(lab.host().sessions.size(), 1u);
}

TEST_P(HostileHost, ThatRefusesRsetIsAskedForOneAddressAConnection)
{
    for (const char* no : {"550 5.1.1 no such user\r\n", "502 5.5.1 not implemented\r\n", "451 later\r\n",
                           "250-ok\r\n250 ok\r\n250 ok again\r\n"}) {
        lab.forget_pipeline();
        lab.clock.advance(std::chrono::hours{24 * 40});
        lab.host().sessions.clear();
        dialogue.rset = no;
        speaks();
        std::vector<std::string> addresses = people(8, "x.test");
        addresses.push_back("live1@x.test");
        expect_truth(addresses);
        std::size_t resets = 0;
        for (const auto& session : lab.host().sessions)
            resets += session->count("RSET") > 0;
        EXPECT_LE(resets, 2u) << "one is enough to learn it: " << no;
        expect_goodbyes();
    }
}

TEST_P(HostileHost, ThatRefusesRsetOnceIsGivenAnotherConnection)
{
    speaks([this](const std::string& command, const ReceivedSession& session) -> std::optional<std::string> {
        return asks(command, "RSET") && is_session(session, 0) ? std::optional<std::string>("550 no\r\n")
                                                               : std::nullopt;
    });
    expect_truth({"live1@x.test", "dead1@x.test", "dead2@x.test", "live2@x.test"});
    expect_goodbyes();
}

TEST_P(HostileHost, ThatAnswersRcptWithAYesToSomethingElseHasNotAccepted)
{
    for (const char* yes : {"220 mx.x.test\r\n", "221 bye\r\n", "299 ok\r\n", "250 5.1.1 user unknown\r\n",
                            "250 4.2.1 try later\r\n", "354 go\r\n"}) {
        lab.forget_pipeline();
        lab.host().sessions.clear();
        speaks([yes](const std::string& command, const ReceivedSession&) -> std::optional<std::string> {
            return asks(command, "RCPT") ? std::optional<std::string>(yes) : std::nullopt;
        });
        const VerdictRecord verdict = lab.ask_one("live1@x.test");
        EXPECT_EQ(verdict.verdict, Verdict::unknown) << yes;
        EXPECT_EQ(verdict.reason, Reason::temp_failure) << yes;
        expect_goodbyes();
    }
    EXPECT_EQ(to_string(lab.ask_one("live2@x.test").evidence.back().klass), "protocol");
}

TEST_P(HostileHost, ThatComplainsAboutTheDialogueSaysNothingAboutTheAddress)
{
    for (int code = 500; code <= 504; ++code) {
        lab.forget_pipeline();
        speaks([code](const std::string& command, const ReceivedSession&) -> std::optional<std::string> {
            return asks(command, "RCPT") ? std::optional(std::to_string(code) + " 5.1.1 user unknown, need MAIL\r\n")
                                         : std::nullopt;
        });
        const VerdictRecord verdict = lab.ask_one("dead1@x.test");
        EXPECT_EQ(verdict.verdict, Verdict::unknown) << code;
        EXPECT_TRUE(has_rule(verdict, "code:dialogue")) << code;
    }
}

constexpr const char* busy = "450 4.2.1 The user you are trying to contact is receiving mail too quickly\r\n";

TEST_P(HostileHost, ThatCallsEverybodyBusyVouchesForNobody)
{
    speaks([](const std::string& command, const ReceivedSession&) -> std::optional<std::string> {
        return asks(command, "RCPT") ? std::optional<std::string>(busy) : std::nullopt;
    });
    for (const auto& [address, answer] : lab.ask({"live1@x.test", "dead1@x.test"})) {
        EXPECT_EQ(answer.verdict.verdict, Verdict::unknown) << address;
        EXPECT_EQ(answer.verdict.reason, Reason::temp_failure) << address;
    }
}

TEST_P(HostileHost, ThatCallsOnlyItsUsersBusyVouchesForThem)
{
    speaks([](const std::string& command, const ReceivedSession&) -> std::optional<std::string> {
        return asks(command, "RCPT TO:<live") ? std::optional<std::string>(busy) : std::nullopt;
    });
    EXPECT_EQ(reason("live1@x.test"), Reason::mailbox_busy);
    EXPECT_EQ(lab.host().count("RCPT"), 2u) << "a stranger is asked about";
    EXPECT_EQ(reason("live2@x.test"), Reason::mailbox_busy);
    EXPECT_EQ(lab.host().count("RCPT"), 3u) << "once";
}

TEST_P(HostileHost, ThatCallsSomebodyBusyAndAcceptsStrangersIsACatchAll)
{
    speaks([](const std::string& command, const ReceivedSession&) -> std::optional<std::string> {
        if (!asks(command, "RCPT"))
            return std::nullopt;
        return asks(command, "RCPT TO:<live") ? busy : "250 ok\r\n";
    });
    EXPECT_EQ(reason("live1@x.test"), Reason::catch_all);
}

/// One step of the dialogue goes wrong in one way, on the first connection or on all.
struct Fault {
    const char* step;  ///< the command, "" = the banner
    const char* kind;  ///< a reply, or "close", "garbage", "silence"
};
void PrintTo(const Fault& fault, std::ostream* out)
{
    *out << fault.kind << " at " << (*fault.step ? fault.step : "banner");
}

class BrokenDialogue : public ProberTest, public testing::WithParamInterface<std::tuple<Fault, bool>> {
protected:
    void SetUp() override
    {
        dialogue.pipelining = std::get<1>(GetParam());
        lab.host().script = [this](const std::string& command, const ReceivedSession& session) {
            return said(command, session);
        };
    }
    std::optional<std::string> said(const std::string& command, const ReceivedSession& session)
    {
        const std::string_view step = fault().step;
        const std::string_view kind = fault().kind;
        const bool here = step.empty() ? command.empty() : asks(command, step);
        if (asks(command, "EHLO") && !here)
            return dialogue.pipelining ? "250-mx.x.test\r\n250-STARTTLS\r\n250 PIPELINING\r\n"
                                       : "250-mx.x.test\r\n250 STARTTLS\r\n";
        if (asks(command, "STARTTLS") && !here)
            return "454 4.7.0 not now\r\n";
        if (!here || (first_only && lab.host().sessions.front().get() != &session))
            return usual(dialogue, command);
        if (kind == "close")
            return std::nullopt;
        if (kind == "garbage")
            return "\x16\x03\x01 what?\r\n";
        if (kind == "silence")
            return "";
        return std::string(kind) + "\r\n";
    }
    static const Fault& fault() { return std::get<0>(GetParam()); }
    static bool is(std::string_view step) { return step == fault().step; }

    Dialogue dialogue;
    bool first_only = false;
};

constexpr Fault faults[] = {
    {"", "421 5.1.1 no such user"},
    {"", "554 5.1.1 no such user"},
    {"", "close"},
    {"", "garbage"},
    {"", "silence"},
    {"EHLO", "421 5.1.1 no such user"},
    {"EHLO", "451 5.1.1 no such user"},
    {"EHLO", "550 5.1.1 no such user"},
    {"EHLO", "close"},
    {"EHLO", "garbage"},
    {"EHLO", "silence"},
    {"STARTTLS", "421 5.1.1 no such user"},
    {"STARTTLS", "454 5.1.1 no such user"},
    {"STARTTLS", "550 5.1.1 no such user"},
    {"STARTTLS", "220 go"},
    {"STARTTLS", "220 go\r\n250 injected"},
    {"STARTTLS", "close"},
    {"STARTTLS", "garbage"},
    {"STARTTLS", "silence"},
    {"MAIL", "421 5.1.1 no such user"},
    {"MAIL", "451 5.1.1 no such user"},
    {"MAIL", "550 5.1.1 no such user"},
    {"MAIL", "close"},
    {"MAIL", "garbage"},
    {"MAIL", "silence"},
    {"RCPT", "421 5.1.1 no such user"},
    {"RCPT", "451 5.1.1 no such user"},
    {"RCPT", "503 5.1.1 no such user"},
    {"RCPT", "550 5.7.1 go away"},
    {"RCPT", "close"},
    {"RCPT", "garbage"},
    {"RCPT", "silence"},
    {"RSET", "421 5.1.1 no such user"},
    {"RSET", "451 5.1.1 no such user"},
    {"RSET", "550 5.1.1 no such user"},
    {"RSET", "close"},
    {"RSET", "garbage"},
    {"RSET", "silence"},
};

TEST_P(BrokenDialogue, OfALiveAddressNeverMakesADeadOne)
{
    const auto answers = lab.ask({"live1@x.test", "live2@x.test", "live3@x.test"});
    // After these the host still answers about everybody, in clear or on connections of their own.
    const bool goes_on = is("RSET") || is("STARTTLS");
    for (const auto& [address, answer] : answers) {
        EXPECT_NE(answer.verdict.verdict, Verdict::undeliverable) << address;
        EXPECT_FALSE(answer.verdict.evidence.empty());
        if (!goes_on) {
            EXPECT_EQ(answer.verdict.verdict, Verdict::unknown) << address;
        }
    }
    EXPECT_EQ(lab.host().count("DATA"), 0u);
}

TEST_P(BrokenDialogue, OfADeadAddressNeverMakesALiveOne)
{
    for (const auto& [address, answer] : lab.ask({"dead1@x.test", "dead2@x.test", "dead3@x.test"}))
        EXPECT_NE(answer.verdict.verdict, Verdict::deliverable) << address;
}

TEST_P(BrokenDialogue, EndsInAGoodbyeWhereTheHostIsThereToHearIt)
{
    (void)lab.ask({"live1@x.test", "dead1@x.test"});
    const std::string_view kind = fault().kind;
    const bool in_handshake = is("STARTTLS") && (kind == "garbage" || kind.starts_with("220"));
    const bool deaf = kind == "close" || kind == "silence" || in_handshake;
    ASSERT_FALSE(lab.host().sessions.empty());
    for (const auto& session : lab.host().sessions)
        EXPECT_TRUE(session->quit() || deaf);
}

INSTANTIATE_TEST_SUITE_P(AtEveryStep, BrokenDialogue, testing::Combine(testing::ValuesIn(faults), testing::Bool()));

/// Of the steps only RSET comes after an answer.
class BrokenReset : public BrokenDialogue {};

TEST_P(BrokenReset, OfTheFirstConnectionIsMadeUpForOnAnother)
{
    first_only = true;
    for (const auto& [address, answer] : lab.ask({"live1@x.test", "dead1@x.test", "live2@x.test", "dead2@x.test"}))
        EXPECT_EQ(answer.verdict.reason, address.starts_with("live") ? Reason::accepted : Reason::mailbox_not_found)
            << address;
}

TEST_P(BrokenReset, OfEveryConnectionCostsConnectionsAndNoAnswer)
{
    for (const auto& [address, answer] : lab.ask({"live1@x.test", "dead1@x.test", "dead2@x.test"}))
        EXPECT_EQ(answer.verdict.verdict == Verdict::undeliverable, address.starts_with("dead")) << address;
}

INSTANTIATE_TEST_SUITE_P(
    InEveryWay, BrokenReset,
    testing::Combine(testing::Values(Fault{"RSET", "421 5.1.1 no such user"}, Fault{"RSET", "451 5.1.1 no such user"},
                                     Fault{"RSET", "550 5.1.1 no such user"}, Fault{"RSET", "close"},
                                     Fault{"RSET", "garbage"}, Fault{"RSET", "silence"}),
                     testing::Bool()));

}  // namespace
}  // namespace winnow::verifier
