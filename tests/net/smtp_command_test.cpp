#include "net/smtp_command.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace winnow::net {
namespace {

SmtpSyntax everything()
{
    SmtpSyntax syntax;
    syntax.smtputf8 = syntax.dsn = syntax.auth = true;
    syntax.max_size = 1000;
    return syntax;
}

MailCommand mail(std::string_view argument)
{
    const auto parsed = parse_mail(argument, everything());
    if (const auto* refusal = std::get_if<SmtpReply>(&parsed)) {
        ADD_FAILURE() << argument << ": " << refusal->to_string();
        return {};
    }
    return std::get<MailCommand>(parsed);
}

RcptCommand rcpt(std::string_view argument)
{
    const auto parsed = parse_rcpt(argument, everything());
    if (const auto* refusal = std::get_if<SmtpReply>(&parsed)) {
        ADD_FAILURE() << argument << ": " << refusal->to_string();
        return {};
    }
    return std::get<RcptCommand>(parsed);
}

/// Code and enhanced status of the refusal; "accepted" when there is none.
template <class Command>
std::string refusal_of(const Parsed<Command>& parsed)
{
    const auto* refusal = std::get_if<SmtpReply>(&parsed);
    return refusal != nullptr ? std::to_string(refusal->code) + ' ' + refusal->enhanced.to_string() : "accepted";
}

TEST(ParseCommand, VerbsInAnyCaseAndSpacesAround)
{
    EXPECT_EQ(parse_command("ehlo a.test").verb, SmtpVerb::ehlo);
    EXPECT_EQ(parse_command("eHlO  a.test  ").argument, "a.test");
    EXPECT_EQ(parse_command("  NOOP").verb, SmtpVerb::noop);
    EXPECT_EQ(parse_command("mail from:<a@b.test>").verb, SmtpVerb::mail);
    EXPECT_EQ(parse_command("").verb, SmtpVerb::unknown);
    EXPECT_EQ(parse_command("MAILFROM:<a@b.test>").verb, SmtpVerb::unknown);
    EXPECT_EQ(parse_command("TURN").verb, SmtpVerb::unknown);
}

TEST(ParseCommand, RequestsOfOtherProtocolsAreForeign)
{
    for (const char* line :
         {"GET / HTTP/1.1", "post /x HTTP/1.0", "CONNECT mx:25 HTTP/1.1", "SSH-2.0-x", "PRI * HTTP/2"})
        EXPECT_EQ(parse_command(line).verb, SmtpVerb::foreign) << line;
    EXPECT_EQ(parse_command("HELP").verb, SmtpVerb::help);
}

TEST(ParseMail, ReadsPathAndParameters)
{
    const MailCommand command =
        mail("FROM:<s@example.test> SIZE=900 BODY=8bitmime RET=hdrs ENVID=a+2Bb SMTPUTF8 AUTH=<>");
    EXPECT_EQ(command.reverse_path, "s@example.test");
    EXPECT_EQ(command.size, 900u);
    EXPECT_TRUE(command.eight_bit);
    EXPECT_TRUE(command.smtputf8);
    EXPECT_EQ(command.ret, "HDRS");
    EXPECT_EQ(command.envid, "a+b");
    EXPECT_EQ(mail("FROM:<>").reverse_path, "");
}

TEST(ParseMail, TakesASpaceBeforeThePathAndAnyCase)
{
    EXPECT_EQ(mail("FROM: <s@example.test>").reverse_path, "s@example.test");
    EXPECT_EQ(mail("from:   <s@example.test>  size=1").size, 1u);
    EXPECT_EQ(rcpt("to: <s@example.test>").recipient, "s@example.test");
}

TEST(ParseMail, IsStrictInEverythingElse)
{
    for (const char* argument : {"",
                                 "FROM",
                                 "FROM:",
                                 "FROM:s@example.test",
                                 "FROM:<s@example.test",
                                 "FROM:s@example.test>",
                                 "FROM <s@e.test>",
                                 "FROM :<s@e.test>",
                                 "FROM:<s@e.test>SIZE=1",
                                 "FROM:<s@e.test>x",
                                 "TO:<s@e.test>",
                                 "FROM:<\"a@e.test>",
                                 "FROM:<s@e.test> SIZE",
                                 "FROM:<s@e.test> SIZE=",
                                 "FROM:<s@e.test> SIZE=1x",
                                 "FROM:<s@e.test> SIZE=-1",
                                 "FROM:<s@e.test> SIZE=1 SIZE=1",
                                 "FROM:<s@e.test> BODY=BINARYMIME",
                                 "FROM:<s@e.test> RET=BODY",
                                 "FROM:<s@e.test> ENVID=a+0Ab",
                                 "FROM:<s@e.test> ENVID=+zz",
                                 "FROM:<s@e.test> SMTPUTF8=1",
                                 "FROM:<s@e.test> =1",
                                 "FROM:<s@e.test> -X=1",
                                 "FROM:<s@e.test> SIZE=1=2",
                                 "FROM:<s@e.test> AUTH=a+",
                                 "FROM:<s@e.test> BODY"})
        EXPECT_EQ(refusal_of(parse_mail(argument, everything())), "501 5.5.4") << argument;
    for (const char* argument : {"FROM:<s>", "FROM:< >", "FROM:<s@>", "FROM:<@e.test>", "FROM:<a b@e.test>",
                                 "FROM:<@r.test:s@e.test>", "FROM:<<s@e.test>>", "FROM:<s@e..test>"})
        EXPECT_NE(refusal_of(parse_mail(argument, everything())), "accepted") << argument;
    EXPECT_EQ(
        refusal_of(parse_mail("FROM:<" + std::string(60, 'a') + '@' + std::string(200, 'b') + ".test>", everything())),
        "501 5.1.7");
}

TEST(ParseMail, RefusesWhatWasNotOffered)
{
    const SmtpSyntax plain;
    for (const char* parameter : {"SMTPUTF8", "RET=FULL", "ENVID=x", "AUTH=<>", "X-OTHER=1", "NOTIFY=NEVER"})
        EXPECT_EQ(refusal_of(parse_mail(std::string("FROM:<s@e.test> ") + parameter, plain)), "555 5.5.4") << parameter;
    EXPECT_EQ(refusal_of(parse_mail("FROM:<s@e.test> SIZE=99999999", plain)), "accepted") << "no limit";
}

TEST(ParseMail, RefusesASizeAboveTheLimitAlsoOneThatNoNumberHolds)
{
    EXPECT_EQ(refusal_of(parse_mail("FROM:<s@e.test> SIZE=1001", everything())), "552 5.3.4");
    EXPECT_EQ(refusal_of(parse_mail("FROM:<s@e.test> SIZE=99999999999999999999", everything())), "552 5.3.4");
}

TEST(ParseMail, AUnicodeAddressNeedsItsParameter)
{
    EXPECT_EQ(refusal_of(parse_mail("FROM:<\xC3\xA9@example.test>", everything())), "553 5.6.7");
    EXPECT_EQ(mail("FROM:<\xC3\xA9@example.test> SMTPUTF8").reverse_path, "\xC3\xA9@example.test");
}

TEST(ParseRcpt, ReadsPathAndParameters)
{
    const RcptCommand command = rcpt("TO:<a@example.test> NOTIFY=success,DELAY ORCPT=rfc822;old+2Btag@example.test");
    EXPECT_EQ(command.recipient, "a@example.test");
    EXPECT_EQ(command.notify, "SUCCESS,DELAY");
    EXPECT_EQ(command.orcpt, "rfc822;old+tag@example.test");
    EXPECT_EQ(rcpt("TO:<\"a> b\"@example.test>").recipient, "\"a> b\"@example.test");
    EXPECT_EQ(rcpt("TO:<Postmaster>").recipient, "Postmaster");
    EXPECT_EQ(rcpt("TO:<a@[192.0.2.1]>").recipient, "a@[192.0.2.1]");
}

TEST(ParseRcpt, RefusesMalformedAddressesAndParameters)
{
    for (const char* argument : {"TO:<>", "TO:<a>", "TO:<@r.test:a@e.test>", "TO:<a@e.test.>", "TO:<a@-e.test>"})
        EXPECT_EQ(refusal_of(parse_rcpt(argument, everything())), "501 5.1.3") << argument;
    for (const char* argument :
         {"TO:<a@e.test> NOTIFY=NEVER,DELAY", "TO:<a@e.test> NOTIFY=DELAY,DELAY", "TO:<a@e.test> NOTIFY=SOON",
          "TO:<a@e.test> NOTIFY=DELAY,", "TO:<a@e.test> ORCPT=a@e.test", "TO:<a@e.test> ORCPT=;a",
          "TO:<a@e.test> ORCPT=rfc822;", "TO:<a@e.test> ORCPT=rfc822;a+0D+0Ab", "FROM:<a@e.test>"})
        EXPECT_EQ(refusal_of(parse_rcpt(argument, everything())), "501 5.5.4") << argument;
    EXPECT_EQ(refusal_of(parse_rcpt("TO:<a@e.test> SIZE=1", everything())), "555 5.5.4");
    EXPECT_EQ(refusal_of(parse_rcpt("TO:<a@e.test> NOTIFY=NEVER", SmtpSyntax{})), "555 5.5.4");
    EXPECT_EQ(refusal_of(parse_rcpt("TO:<\xC3\xA9@e.test>", SmtpSyntax{})), "553 5.6.7");
}

TEST(ParseMail, NoTextMakesItFailAndWhatItAcceptsIsSafe)
{
    const auto text = rc::gen::container<std::string>(rc::gen::oneOf(
        rc::gen::element('<', '>', '@', '"', '\\', ' ', ':', '=', '+', ';', '.', ','), rc::gen::arbitrary<char>()));
    const bool ok = rc::check([&] {
        const std::string tail = *text;
        (void)parse_command(tail);
        for (const std::string& argument : {"FROM:<" + tail, "FROM:<s@e.test> " + tail}) {
            const auto parsed = parse_mail(argument, everything());
            if (const auto* command = std::get_if<MailCommand>(&parsed)) {
                RC_ASSERT(command->reverse_path.find_first_of("\r\n") == std::string::npos);
                RC_ASSERT(command->envid.find_first_of("\r\n") == std::string::npos);
            }
        }
        for (const std::string& argument : {"TO:<" + tail, "TO:<s@e.test> " + tail}) {
            const auto parsed = parse_rcpt(argument, everything());
            if (const auto* command = std::get_if<RcptCommand>(&parsed))
                RC_ASSERT(!command->recipient.empty());
        }
    });
    EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace winnow::net
