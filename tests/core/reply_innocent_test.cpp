#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/reply_classifier.hpp"
#include "tests/core/shipped_replies.hpp"

namespace winnow {
namespace {

using test::shipped;

struct Innocent {
    const char* provider;
    int code;
    const char* text;
};

void PrintTo(const Innocent& c, std::ostream* out)
{
    *out << c.code << " " << c.text;
}

/// Replies in the words of the common servers that refuse for another cause, and have words in them that elsewhere say
/// that the mailbox is missing.
class InnocentRecipient : public testing::TestWithParam<Innocent> {};

TEST_P(InnocentRecipient, IsNotSuppressedOnOneStrike)
{
    const Innocent& c = GetParam();
    ReplyContext context;
    context.provider = c.provider;
    const auto live = shipped().classify(SmtpReply::make(c.code, c.text), context);
    const auto report = shipped().classify_text("host mx.d.example[192.0.2.1] said: " + std::to_string(c.code) + " " +
                                                    c.text + " (in reply to RCPT TO command)",
                                                context);
    for (const Classified& read : {live, report})
        EXPECT_FALSE(read.action == Action::suppress && read.clear)
            << to_string(read.klass) << " by " << read.rule << ": " << c.code << " " << c.text;
}

INSTANTIATE_TEST_SUITE_P(
    CommonServers, InnocentRecipient,
    testing::ValuesIn(std::vector<Innocent>{
        // Postfix
        {"", 550, "5.1.0 <s@e.example>: Sender address rejected: User unknown in virtual mailbox table"},
        {"", 550,
         "5.1.1 <u@d.example>: Recipient address rejected: undeliverable address: connect to "
         "mx.d.example[192.0.2.7]:25: No route to host"},
        {"", 550,
         "5.1.1 <u@d.example>: Recipient address rejected: undeliverable address: host mx.d.example[192.0.2.7] "
         "refused to talk to me: 554 5.7.1 You are not allowed to connect"},
        {"", 550,
         "5.1.1 <u@d.example>: Recipient address rejected: undeliverable address: Host or domain name not found. "
         "Name service error for name=mx.d.example type=A: Host not found, try again"},
        {"", 550,
         "5.1.1 <u@d.example>: Recipient address rejected: undeliverable address: cannot update mailbox "
         "/var/mail/u for user u. error writing message: Disk quota exceeded"},
        {"", 550,
         "5.1.1 <u@d.example>: Recipient address rejected: undeliverable address: host 127.0.0.1[127.0.0.1] "
         "said: 552 5.2.2 <u@d.example> Quota exceeded (mailbox for user is full) (in reply to end of DATA "
         "command)"},
        {"", 554,
         "5.7.1 <u@d.example>: Recipient address rejected: Policy Rejection - no such user may write from your "
         "IP 192.0.2.1"},
        {"", 550,
         "5.1.1 <u@d.example>: Recipient address rejected: User unknown in relay recipient table (mysql lookup "
         "error)"},
        // Exim
        {"", 550,
         "Verification failed for <s@e.example>\nCalled: 192.0.2.9\nSent: RCPT TO:<s@e.example>\nResponse: 550 "
         "5.1.1 User unknown\nSender verify failed"},
        {"", 550,
         "Callback setup failed while verifying <s@e.example>\n(result of an earlier callout reused). No such "
         "user here\nSender verify failed"},
        {"", 550, "Unknown user in your envelope sender"},
        {"", 550,
         "The mail server could not deliver mail to s@e.example. The account or domain may not exist, they may "
         "be blacklisted, or missing the proper dns entries."},
        {"", 550, "relay not permitted, no such user authenticated"},
        {"", 550, "Return-path address s@e.example does not exist"},
        // Sendmail and milters
        {"", 553, "5.1.8 <s@e.example>... Domain of sender address s@e.example does not exist"},
        {"", 550, "5.7.1 <s@e.example>... Envelope sender does not exist, user unknown at MX"},
        {"", 550, "5.1.1 <u@d.example>... User unknown (ldap server down)"},
        {"", 550, "5.7.1 milter-sender: <s@e.example> no such user, sender callback failed"},
        // Exchange and Exchange Online
        {"microsoft365", 550, "5.1.8 Access denied, bad outbound sender; user unknown"},
        {"microsoft365", 550, "5.7.64 TenantAttribution; Relay Access Denied, recipient not found in connector"},
        {"microsoft365", 550,
         "5.7.708 Service unavailable. Access denied, traffic not accepted from this IP; recipient "
         "not found in reputation data"},
        {"", 550, "5.7.60 SMTP; Client does not have permissions to send as this sender, user unknown"},
        // qmail, Courier
        {"", 553, "sorry, your envelope sender's mailbox does not exist (#5.1.7)"},
        {"", 554, "Return address <s@e.example> refused: user unknown"},
        {"", 517, "-Sender mailbox unavailable. No such user"},
        {"", 550, "#5.1.1 user unknown: cannot query vpopmail database, database error"},
        // Google, Yahoo
        {"google", 550, "5.7.1 The sender's account does not exist or is disabled"},
        {"google", 550,
         "5.7.26 Unauthenticated email from e.example is not accepted due to domain's DMARC policy. User "
         "unknown to policy"},
        {"yahoo", 553,
         "5.7.2 [TSS09] All messages from 192.0.2.1 will be permanently deferred; no such user reputation"},
        {"yahoo", 554, "Message not allowed - Headers are not RFC compliant, unknown user agent"},
        // Mimecast, Proofpoint, Barracuda, IronPort
        {"mimecast", 550, "Sender verification: user unknown"},
        {"mimecast", 550, "Invalid Recipient - sender's mailbox not found (callout)"},
        {"proofpoint", 550,
         "5.1.1 <u@d.example>: Recipient address rejected: undeliverable address: host "
         "inbound.d.example[192.0.2.3] said: 552 5.2.2 mailbox full"},
        {"proofpoint", 550, "5.1.0 <s@e.example> sender rejected: user unknown"},
        {"barracuda", 550, "no such user (s@e.example) as sender"},
        {"barracuda", 550, "permanent failure for one or more recipients (u@d.example:550 5.7.1 sender user unknown)"},
        {"cisco-secure-email", 550, "#5.1.0 Address rejected: envelope sender s@e.example"},
        {"cisco-secure-email", 550, "#5.1.1 LDAP accept query failed, user unknown"},
        // who else may be unknown, and what else may have failed
        {"", 550, "5.1.1 Reply-To address does not exist"},
        {"", 550, "The reply address is unknown"},
        {"", 550, "5.1.1 Submitter account not found"},
        {"", 550, "5.1.1 The author's address does not exist"},
        {"", 550, "HELO user unknown"},
        {"", 550, "unknown user name or bad password"},
        {"", 550, "no such user is allowed to send from this host"},
        {"", 550, "5.1.1 timeout while checking recipient, user unknown"},
        {"", 550, "5.1.1 recipient rejected: remote mailserver unreachable, user unknown"},
        {"", 550, "5.1.1 cannot connect to recipient server, user unknown"},
        // what an access table or a policy service says behind stock words
        {"", 554, "5.7.1 <u@d.example>: Recipient address rejected: Access denied"},
        {"", 550, "<u@d.example>: Recipient address rejected: Access denied"},
        {"", 550, "5.1.1 <u@d.example>: Recipient address rejected: Access denied"},
        {"microsoft365", 550, "5.7.1 Recipient address rejected: Access denied"},
        {"", 554, "5.7.1 <u@d.example>: Recipient address rejected: Blocked by policyd"},
        {"", 550, "5.7.1 this certificate is no longer valid"},
        {"", 550, "5.7.505 Access denied, banned recipient"},
        {"", 550, "No MX record found for domain=e.example"},
        // in other languages
        {"", 550, "Unbekannter Benutzer als Absender"},
        {"", 550, "5.1.1 Absenderadresse: Benutzer unbekannt"},
        {"", 550, "Empfänger unbekannt (LDAP-Fehler, interner Fehler)"},
        {"", 550, "Utilisateur inconnu : l'expéditeur n'est pas enregistré"},
        {"", 550, "Le compte de l'expéditeur n'existe pas"},
        {"", 550, "El usuario remitente no existe"},
        {"", 550, "O usuário do remetente não existe"},
        {"", 550, "L'account del mittente non esiste"},
        {"", 550, "Użytkownik nie istnieje: nadawca"},
        {"", 550, "A feladó postafiók nem létezik"},
        {"", 550, "Учетная запись отправителя не существует"},
        {"", 550, "Пользователь не найден (отправитель)"},
        {"", 550, "发件人用户不存在"},
        {"", 550, "寄件者信箱不存在"},
        {"", 550, "発信者のユーザが存在しません"},
        {"", 550, "발신자 계정: 존재하지 않는 사용자"},
    }));

}  // namespace
}  // namespace winnow
