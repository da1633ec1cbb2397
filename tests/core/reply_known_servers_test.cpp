#include <gtest/gtest.h>

#include <ostream>
#include <vector>

#include "core/reply_classifier.hpp"
#include "tests/core/shipped_replies.hpp"

namespace winnow {
namespace {

using enum ReplyClass;
using test::shipped;

struct ReplyCase {
    int code;
    const char* text;
    ReplyClass klass;
};

void PrintTo(const ReplyCase& c, std::ostream* out)
{
    *out << c.code << " " << c.text;
}

/// Replies as the big operators and the common mail servers word them, to RCPT from an unknown provider.
class KnownReply : public testing::TestWithParam<ReplyCase> {};

TEST_P(KnownReply, IsReadAliveAndQuoted)
{
    const ReplyCase& c = GetParam();
    const auto alive = shipped().classify(SmtpReply::make(c.code, c.text), {});
    EXPECT_EQ(to_string(alive.klass), to_string(c.klass)) << "by " << alive.rule;
    const auto quoted = shipped().classify_text(std::to_string(c.code) + " " + c.text, {});
    EXPECT_EQ(to_string(quoted.klass), to_string(c.klass)) << "by " << quoted.rule;
}

INSTANTIATE_TEST_SUITE_P(
    KnownServers, KnownReply,
    testing::ValuesIn(std::vector<ReplyCase>{
        ReplyCase{550,
                  "5.1.1 The email account that you tried to reach does not exist. Please try double-checking the "
                  "recipient's email address for typos or unnecessary spaces. For more information, go to "
                  "https://support.google.com/mail/?p=NoSuchUser x1-20020a - gsmtp",
                  mailbox_unknown},
        ReplyCase{550,
                  "5.2.1 The email account that you tried to reach is inactive. For more information, go to "
                  "https://support.google.com/mail/?p=DisabledUser - gsmtp",
                  mailbox_disabled},
        ReplyCase{452,
                  "4.2.2 The recipient's inbox is out of storage space. Please direct the recipient to "
                  "https://support.google.com/mail/?p=OverQuotaTemp - gsmtp",
                  mailbox_full},
        ReplyCase{552,
                  "5.2.2 The recipient's inbox is out of storage space and inactive. Please direct the recipient to "
                  "https://support.google.com/mail/?p=OverQuotaPerm - gsmtp",
                  mailbox_disabled},
        ReplyCase{550,
                  "5.7.1 Our system has detected that this message is likely unsolicited mail. To reduce the amount of "
                  "spam sent to Gmail, this message has been blocked. "
                  "https://support.google.com/mail/?p=UnsolicitedMessageError - gsmtp",
                  content_spam},
        ReplyCase{550, "5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy.",
                  auth_failed},
        ReplyCase{550, "5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by organization policy", policy},
        ReplyCase{
            550,
            "5.4.1 Recipient address rejected: Access denied. [AM5EUR03FT012.eop-EUR03.prod.protection.outlook.com]",
            mailbox_unknown},
        ReplyCase{451, "4.7.500 Server busy. Please try again later from [1.2.3.4]. (S77719) ", rate_limited},
        ReplyCase{550,
                  "5.5.0 Requested action not taken: mailbox unavailable (S2017062302). "
                  "[BN8NAM11FT050.eop-nam11.prod.protection.outlook.com]",
                  mailbox_unknown},
        ReplyCase{
            554,
            "5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded; "
            "Failed to process message due to a permanent exception",
            mailbox_full},
        ReplyCase{550, "5.7.64 TenantAttribution; Relay Access Denied [ValidationStatus of '' is EmptyCertificate]",
                  relay_denied},
        ReplyCase{550, "5.1.0 Address rejected. recipient@example.com", mailbox_unknown},
        ReplyCase{550, "#5.1.0 Address rejected.", mailbox_unknown},
        ReplyCase{554, "Message refused due to poor sender reputation", ip_blocked},
        ReplyCase{421, "4.7.0 Temporary System Problem. Try again later.", server_error},
        ReplyCase{550, "mailbox not found", mailbox_unknown},
        ReplyCase{550, "Recipient Rejected: Mailbox would exceed maximum allowed storage", mailbox_full},
        ReplyCase{554,
                  "30 Sorry, your message to a@yahoo.com cannot be delivered. This mailbox is disabled (554.30). - "
                  "mta4321.mail.ne1.yahoo.com",
                  mailbox_disabled},
        ReplyCase{552, "1 Requested mail action aborted, mailbox not found", mailbox_unknown},
        ReplyCase{553,
                  "5.7.1 [BL21] Connections will not be accepted from 1.2.3.4, because the ip is in Spamhaus's list; "
                  "see http://postmaster.yahoo.com/550-bl23.html",
                  ip_blocked},
        ReplyCase{550,
                  "5.7.9 This mail has been blocked because the sender is unauthenticated. Yahoo requires all senders "
                  "to authenticate with either SPF or DKIM.",
                  auth_failed},
        ReplyCase{
            550,
            "5.7.1 [CS01] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137",
            policy},
        ReplyCase{552, "5.2.2 <a@icloud.com>: user is over quota", mailbox_full},
        ReplyCase{550,
                  "Message was not accepted -- invalid mailbox. Local mailbox a@mail.ru is unavailable: user not found",
                  mailbox_unknown},
        ReplyCase{
            550,
            "Message was not accepted -- invalid mailbox. Local mailbox a@mail.ru is unavailable: account is disabled",
            mailbox_disabled},
        ReplyCase{550,
                  "spam message rejected. Please visit http://help.mail.ru/notspam-support/id?c=abc or report details "
                  "to abuse@corp.mail.ru.",
                  content_spam},
        ReplyCase{550, "5.7.1 No such user!", mailbox_unknown},
        ReplyCase{451, "4.7.1 Sorry, the service is currently unavailable. Please come back later.", server_error},
        ReplyCase{554, "5.7.1 [2] Message rejected under suspicion of SPAM; https://ya.cc/1IrBc 1536 - Yandex",
                  content_spam},
        ReplyCase{550, "Mailbox not found. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000728",
                  mailbox_unknown},
        ReplyCase{550, "Ip frequency limited [abc IP: 1.2.3.4]. http://service.mail.qq.com", rate_limited},
        ReplyCase{554, "DT:SPM 163 smtp10,DsCowAB3 http://mail.163.com/help/help_spam_16.htm", content_spam},
        ReplyCase{550, "User not found: a@163.com", mailbox_unknown},
        ReplyCase{550,
                  "5.1.1 <a@gmx.de>: Requested action not taken: mailbox unavailable For explanation visit "
                  "https://postmaster.gmx.net/en/error-messages",
                  mailbox_unknown},
        ReplyCase{554,
                  "gmx.net (mxgmx101) Nemesis ESMTP Service not available 554-No SMTP service 554-IP address is block "
                  "listed. 554 For explanation visit https://postmaster.gmx.net",
                  ip_blocked},
        ReplyCase{554,
                  "IP=1.2.3.4 - A problem occurred. (Ask your postmaster for help or to contact tosa@rx.t-online.de to "
                  "clarify.)",
                  ip_blocked},
        ReplyCase{550,
                  "5.1.1 <a@orange.fr> Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416 [416]",
                  mailbox_unknown},
        ReplyCase{421,
                  "mwinf5c22 ME Trop de connexions, veuillez verifier votre configuration. Too many connections, slow "
                  "down. OFR004_104 [104]",
                  rate_limited},
        ReplyCase{550, "5.2.1 This mailbox has been blocked due to inactivity (UserSearch)", mailbox_disabled},
        ReplyCase{550, "5.1.1 Not our Customer", mailbox_unknown},
        ReplyCase{554,
                  "resimta-po-14v.sys.comcast.net comcast 1.2.3.4 Comcast block for spam. Please see "
                  "http://postmaster.comcast.net/smtp-error-codes.php#BL000000",
                  ip_blocked},
        ReplyCase{550,
                  "Administrative prohibition - envelope blocked - https://community.mimecast.com/docs/DOC-1369#550",
                  policy},
        ReplyCase{550, "csi.mimecast.org Poor Reputation Sender. - https://community.mimecast.com", ip_blocked},
        ReplyCase{550, "5.1.1 <a@b.c>: Recipient address rejected: User unknown in relay recipient table",
                  mailbox_unknown},
        ReplyCase{554, "Blocked - see https://ipcheck.proofpoint.com/?ip=1.2.3.4", ip_blocked},
        ReplyCase{550, "5.7.1 User email address is marked as invalid.", mailbox_unknown},
        ReplyCase{550, "permanent failure for one or more recipients (a@b.c:blocked)", policy},
        ReplyCase{550, "permanent failure for one or more recipients (a@b.c:550 5.1.1 User unknown)", mailbox_unknown},
        ReplyCase{554,
                  "5.7.1 Service unavailable; Client host [1.2.3.4] blocked using b.barracudacentral.org; "
                  "http://www.barracudanetworks.com/reputation/?pr=1&ip=1.2.3.4",
                  ip_blocked},
        ReplyCase{553,
                  "Message filtered. Refer to the Troubleshooting page at http://www.symanteccloud.com/troubleshooting "
                  "for more information. (#5.7.1)",
                  content_spam},
        ReplyCase{550, "Invalid recipient a@b.c (#5.1.1)", mailbox_unknown},
        ReplyCase{553,
                  "you are trying to use me [server-1.tower-1.messagelabs.com] as a relay, but I have not been "
                  "configured to let you do this.",
                  relay_denied},
        ReplyCase{550, "5.7.1 Recipient not authorized, your IP has been found on a block list", ip_blocked},
        ReplyCase{554, "5.7.1 <a@b.c>: Recipient address rejected: Blocked by SpamAssassin", content_spam},
        ReplyCase{554, "5.7.1 Spam message rejected (rspamd)", content_spam},
        ReplyCase{550, "High probability of spam", content_spam},
        ReplyCase{554, "5.6.0 Message contains virus (Eicar-Test-Signature)", content_virus},
        ReplyCase{550, "This message contains a banned attachment (.exe)", content_virus},
        ReplyCase{550, "5.3.4 Message size exceeds fixed limit", message_too_big},
        ReplyCase{552, "5.3.4 Error: message file too big", message_too_big},
        ReplyCase{523, "the message is too large for this recipient", message_too_big},
        ReplyCase{452, "4.3.1 Insufficient system storage", server_error},
        ReplyCase{452, "4.3.1 Out of memory", server_error},
        ReplyCase{451, "4.3.0 Temporary lookup failure", server_error},
        ReplyCase{451, "4.3.5 Server configuration problem", server_error},
        ReplyCase{450,
                  "4.1.1 <a@b.c>: Recipient address rejected: unverified address: Address verification in progress",
                  server_error},
        ReplyCase{450, "4.2.0 <a@b.c>: Recipient address rejected: Greylisted for 5 minutes", greylisted},
        ReplyCase{451, "4.7.1 Greylisting in action, please come back in 00:05:00", greylisted},
        ReplyCase{450, "4.7.1 <a@b.c>: Recipient address rejected: Policyd: Please try again in 300 seconds",
                  greylisted},
        ReplyCase{450, "4.2.0 Recipient address rejected: See http://postgrey.schweikert.ch/help/b.c.html", greylisted},
        ReplyCase{421, "4.7.0 mx.example.net Error: too many errors", rate_limited},
        ReplyCase{421, "too many connections from your IP", rate_limited},
        ReplyCase{450, "4.7.1 Client host rejected: cannot find your reverse hostname, [1.2.3.4]", sender_dns},
        ReplyCase{554, "5.7.1 Client host rejected: Access denied", ip_blocked},
        ReplyCase{554, "5.7.1 <unknown[1.2.3.4]>: Client host rejected: ptr record required", sender_dns},
        ReplyCase{550, "Your IP 1.2.3.4 has no rDNS", sender_dns},
        ReplyCase{550, "5.7.1 SPF unauthorized mail is prohibited.", auth_failed},
        ReplyCase{550,
                  "5.7.23 <a@b.c>: Recipient address rejected: Message rejected due to: SPF fail - not authorized. "
                  "Please see http://www.openspf.net/Why",
                  auth_failed},
        ReplyCase{550, "SPF: 1.2.3.4 is not allowed to send mail from x.y", auth_failed},
        ReplyCase{550, "5.7.1 DMARC Verification failed", auth_failed},
        ReplyCase{550, "DKIM signature did not verify", auth_failed},
        ReplyCase{553, "5.1.8 <a@b.c>... Domain of sender address a@b.c does not exist", sender_rejected},
        ReplyCase{550, "5.1.7 <x>: Sender address rejected: undeliverable address: host mx.y said: 550 no such user",
                  sender_rejected},
        ReplyCase{550,
                  "Verification failed for <a@b.c> 550-The mail server could not deliver mail to a@b.c. The account or "
                  "domain may not exist, they may be blacklisted, or missing the proper dns entries. 550 Sender verify "
                  "failed",
                  sender_rejected},
        ReplyCase{550, "Callout verification failed: 550 550 No such user here 550 Sender verify failed",
                  sender_rejected},
        ReplyCase{550, "5.7.0 Local Policy Violation", policy},
        ReplyCase{550, "Rejected due to company policy", policy},
        ReplyCase{550, "Rule imposed mailbox access for a@b.c refused: user invalid", mailbox_unknown},
        ReplyCase{550, "<a@b.c> is not a valid mailbox", mailbox_unknown},
        ReplyCase{550, "a@b.c... No such user", mailbox_unknown},
        ReplyCase{524, "5.2.4 Mailing list expansion problem: <a@b.c>", mailbox_unknown},
        ReplyCase{550, "[SUSPEND] Mailbox currently suspended - Please contact correspondent directly",
                  mailbox_disabled},
        ReplyCase{550, "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", relay_denied},
        ReplyCase{550, "not local host b.c, not a gateway", relay_denied},
        ReplyCase{550, "5.7.1 Unable to relay for a@b.c", relay_denied},
        ReplyCase{550, "5.7.1 Relaying denied. Proper authentication required.", relay_denied},
        ReplyCase{530, "Authentication required for relaying", relay_denied},
        ReplyCase{530, "5.7.1 Authentication required", policy},
        ReplyCase{550, "Relaying not allowed: a@b.c", relay_denied},
        ReplyCase{553, "sorry, your envelope sender is in my badmailfrom list (#5.7.1)", sender_rejected},
        ReplyCase{550, "5.1.2 <a@b.c>: Recipient address rejected: Domain not found", domain_invalid},
        ReplyCase{556, "5.1.10 <a@b.c>: Recipient address rejected: Domain b.c does not accept mail (nullMX)",
                  domain_invalid},
        ReplyCase{503, "Error: need RCPT command", protocol},
        ReplyCase{500, "5.5.2 Error: bad syntax", protocol},
        ReplyCase{502, "5.5.1 Unrecognized command", protocol},
        ReplyCase{452, "4.5.3 Error: too many recipients", too_many_rcpts},
        ReplyCase{550, "5.5.3 Too many recipients", too_many_rcpts},
        ReplyCase{550,
                  "5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required; Delivery restriction "
                  "check failed because the sender was not authenticated when sending to this group",
                  recipient_filtered},
        ReplyCase{550, "5.7.1 RESOLVER.RST.NotAuthorized; not authorized", recipient_filtered},
        ReplyCase{550, "5.2.0 Message rejected by recipient's filter rule", recipient_filtered},
        ReplyCase{550, "You have been blocked by the recipient", recipient_filtered},
        ReplyCase{550, "5.7.1 This mailing list only accepts mail from subscribers", recipient_filtered},
        ReplyCase{554, "5.4.14 Hop count exceeded - possible mail loop ATTR34", network},
        ReplyCase{554, "5.4.6 mail for b.c loops back to myself", network},
        ReplyCase{550, "5.4.310 DNS domain b.c does not exist [Message=InfoDomainNonexistent]", domain_invalid},
        ReplyCase{450, "4.4.312 DNS query failed [Message=DnsDomainTimeout]", dns_failure},
        ReplyCase{451, "4.4.1 reply: read error from mx.b.c.", network},
        ReplyCase{550, "4.4.7 QUEUE.Expired; message expired", expired},
        ReplyCase{451, "4.7.0 TLS required", tls},
        ReplyCase{550, "5.7.30 REQUIRETLS support required", tls},
        ReplyCase{454, "4.7.0 TLS not available due to local problem", tls},
        ReplyCase{550, "5.7.10 Encryption needed", tls},
        ReplyCase{550, "5.7.1 Your message was rejected because it appears to be part of a spam bomb", content_spam},
        ReplyCase{554, "Bare LF not allowed", content_format},
        ReplyCase{550, "5.6.0 Invalid header found", content_format},
        ReplyCase{550, "5.7.1 This message is not RFC 5322 compliant, the issue is: duplicate From headers present",
                  content_format},
        ReplyCase{550, "5.6.0 the headers in this message contain improperly-formatted binary content", content_format},
        ReplyCase{550, "5.0.0 Mail system full", server_error},
        ReplyCase{500, "5.3.5 System config error", server_error},
        ReplyCase{550, "IP Address 1.2.3.4 rejected, bad reputation", ip_blocked},
        ReplyCase{550, "5.1.1 bounced: recipient is on suppression list", suppressed},
        ReplyCase{550, "Cuenta inexistente", mailbox_unknown},
        ReplyCase{550, "La casilla está llena", mailbox_full},
        ReplyCase{550, "Caixa postal cheia", mailbox_full},
        ReplyCase{550, "Casella piena", mailbox_full},
        ReplyCase{550, "Ihre IP-Adresse wurde wegen Spam gesperrt", ip_blocked},
        ReplyCase{550, "Die E-Mail wurde als Spam eingestuft", content_spam},
        ReplyCase{550, "Votre message a été rejeté comme spam", content_spam},
        ReplyCase{550, "Ваш IP-адрес занесён в черный список", ip_blocked},
        ReplyCase{550, "Письмо похоже на спам", content_spam},
        ReplyCase{550, "邮件内容包含垃圾信息", content_spam},
        ReplyCase{550, "您的IP被拒绝", ip_blocked},
        ReplyCase{450, "请稍后再试", greylisted},
        ReplyCase{450, "Bitte versuchen Sie es später erneut", greylisted},
        ReplyCase{421, "Trop de connexions", rate_limited}}));

}  // namespace
}  // namespace winnow
