#include "core/reply_classifier.hpp"

#include <gtest/gtest.h>

#include <boost/asio/error.hpp>
#include <set>
#include <string>

#include "core/provider_table.hpp"
#include "core/tsv.hpp"
#include "tests/core/shipped_replies.hpp"

namespace winnow {
namespace {

using enum ReplyClass;
using test::shipped;

ReplyContext at(Stage stage, std::string_view provider = {}, int recipients = 1)
{
    ReplyContext context;
    context.stage = stage;
    context.provider = provider;
    context.recipients = recipients;
    return context;
}

Classified read(int code, std::string_view text, const ReplyContext& context = {})
{
    return shipped().classify(SmtpReply::make(code, text), context);
}

struct ReplyCase {
    int code;
    const char* text;
    ReplyClass klass;
    const char* provider = "";
};

void PrintTo(const ReplyCase& c, std::ostream* out)
{
    *out << c.code << " " << c.text;
}

class AtRcpt : public testing::TestWithParam<ReplyCase> {};

TEST_P(AtRcpt, MeansWhatTheTableSays)
{
    const ReplyCase& c = GetParam();
    const auto read_as = read(c.code, c.text, at(Stage::rcpt, c.provider));
    EXPECT_EQ(to_string(read_as.klass), to_string(c.klass)) << c.code << " " << c.text << " by " << read_as.rule;
    EXPECT_EQ(read_as.subject, subject_of(c.klass));
    EXPECT_EQ(read_as.action, action_of(c.klass));
}

INSTANTIATE_TEST_SUITE_P(
    MailboxUnknown, AtRcpt,
    testing::Values(
        ReplyCase{550, "5.1.1 <a@b.example>: Recipient address rejected: User unknown in local recipient table",
                  mailbox_unknown},
        ReplyCase{550, "No such user here", mailbox_unknown},
        ReplyCase{553, "5.3.0 <a@b>... No such user", mailbox_unknown},
        ReplyCase{550, "Unknown recipient a@b.example", mailbox_unknown},
        ReplyCase{550, "Mailbox <a@b.example> does not exist", mailbox_unknown},
        ReplyCase{550, "5.7.1 There is no such user at this domain", mailbox_unknown},
        ReplyCase{550, "sorry, no mailbox here by that name (#5.1.1)", mailbox_unknown},
        ReplyCase{550, "Recipient not found. <a@b.example>", mailbox_unknown},
        ReplyCase{554, "delivery error: dd This user doesn't have a b.example account (a@b.example) [0]",
                  mailbox_unknown, "yahoo"},
        ReplyCase{550,
                  "5.1.1 The email account that you tried to reach does not exist. Please try\n5.1.1 double-checking",
                  mailbox_unknown, "gmail"},
        ReplyCase{550, "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
                  mailbox_unknown, "microsoft365"},
        ReplyCase{550, "Requested action not taken: mailbox unavailable", mailbox_unknown, "gmx"},
        ReplyCase{550, "#5.1.0 Address rejected.", mailbox_unknown, "cisco-secure-email"},
        ReplyCase{550, "5.1.1", mailbox_unknown}, ReplyCase{550, "Benutzer ist unbekannt", mailbox_unknown},
        ReplyCase{550, "Postfach mustermann existiert nicht", mailbox_unknown},
        ReplyCase{550, "Adresse destinataire inconnue", mailbox_unknown},
        ReplyCase{550, "Destinataire a.b inconnu", mailbox_unknown},
        ReplyCase{550, "El usuario juan no existe", mailbox_unknown},
        ReplyCase{550, "Destinatário fulano não encontrado", mailbox_unknown},
        ReplyCase{550, "Utente mario sconosciuto", mailbox_unknown},
        ReplyCase{550, "Gebruiker jan bestaat niet", mailbox_unknown},
        ReplyCase{550, "Użytkownik jan nie istnieje", mailbox_unknown},
        ReplyCase{550, "Uživatel honza neexistuje", mailbox_unknown},
        ReplyCase{550, "Ismeretlen címzett", mailbox_unknown},
        ReplyCase{550, "Kullanıcı ali bulunamadı", mailbox_unknown},
        ReplyCase{550, "Пользователь ivan не найден", mailbox_unknown},
        ReplyCase{550, "Нет такого пользователя", mailbox_unknown}, ReplyCase{550, "用户不存在", mailbox_unknown},
        ReplyCase{550, "收件人地址不存在", mailbox_unknown}, ReplyCase{550, "ユーザが存在しません", mailbox_unknown},
        ReplyCase{550, "존재하지 않는 사용자", mailbox_unknown},
        ReplyCase{550, "Người dùng abc không tồn tại", mailbox_unknown}));

INSTANTIATE_TEST_SUITE_P(
    OtherMailboxStates, AtRcpt,
    testing::Values(
        ReplyCase{551, "5.1.6 User has moved; please try <new@b.example>", mailbox_moved},
        ReplyCase{550, "5.1.6 Destination mailbox has moved", mailbox_moved},
        ReplyCase{550, "5.2.1 The email account that you tried to reach is disabled", mailbox_disabled, "google"},
        ReplyCase{554, "This account has been suspended", mailbox_disabled},
        ReplyCase{550, "Mailbox is inactive", mailbox_disabled},
        ReplyCase{550, "Account <x> is expired", mailbox_disabled},
        ReplyCase{550, "5.2.1 some words nobody knows", mailbox_disabled},
        ReplyCase{550, "Das Postfach ist gesperrt", mailbox_disabled},
        ReplyCase{550, "Compte x désactivé", mailbox_disabled},
        ReplyCase{550, "La cuenta ha sido suspendida", mailbox_disabled},
        ReplyCase{550, "Почтовый ящик заблокирован", mailbox_disabled}, ReplyCase{550, "账号已停用", mailbox_disabled},
        ReplyCase{452, "4.2.2 Mailbox full", mailbox_full}, ReplyCase{552, "5.2.2 Over quota", mailbox_full},
        ReplyCase{552, "Requested mail action aborted: exceeded storage allocation", mailbox_full},
        ReplyCase{550, "The recipient's mailbox is full", mailbox_full},
        ReplyCase{452, "Das Postfach ist voll", mailbox_full},
        ReplyCase{552, "Boîte du destinataire pleine", mailbox_full},
        ReplyCase{552, "El buzón está lleno", mailbox_full}, ReplyCase{552, "Почтовый ящик переполнен", mailbox_full},
        ReplyCase{552, "收件人邮箱空间不足", mailbox_full}, ReplyCase{552, "メールボックスが一杯です", mailbox_full},
        ReplyCase{450, "4.2.1 The user you are trying to contact is receiving mail too quickly", mailbox_busy},
        ReplyCase{450, "4.2.1 The user you are trying to contact is receiving mail at a rate that prevents",
                  mailbox_busy, "gmail"},
        ReplyCase{550, "5.7.1 Blocked by recipient", recipient_filtered},
        ReplyCase{550, "5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup", recipient_filtered, "microsoft365"},
        ReplyCase{550, "User refuses to receive this mail", recipient_filtered},
        ReplyCase{556, "5.1.10 Recipient address has null MX", domain_invalid},
        ReplyCase{550, "5.1.2 Host unknown", domain_invalid}, ReplyCase{550, "No such domain", domain_invalid}));

INSTANTIATE_TEST_SUITE_P(
    AboutUs, AtRcpt,
    testing::Values(
        ReplyCase{554,
                  "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org; "
                  "https://www.spamhaus.org/query/ip/192.0.2.1",
                  ip_blocked},
        ReplyCase{550, "5.7.1 Service unavailable, Client host [192.0.2.1] blocked using Spamhaus (AS16012611)",
                  ip_blocked, "microsoft365"},
        ReplyCase{550, "5.7.606 Access denied, banned sending IP [192.0.2.1]", ip_blocked, "microsoft365"},
        ReplyCase{550,
                  "5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. part of their network is on our "
                  "block list (S3150).",
                  ip_blocked, "outlook-consumer"},
        ReplyCase{550, "Your IP address 192.0.2.1 is blocked", ip_blocked},
        ReplyCase{550, "rejected because 192.0.2.1 is in a black list at bl.example.org", ip_blocked},
        ReplyCase{554, "Your access to this mail system has been rejected due to the sending MTA's poor reputation",
                  ip_blocked},
        ReplyCase{550, "Votre adresse IP est bloquée", ip_blocked},
        ReplyCase{550, "IP-Adresse 192.0.2.1 gesperrt", ip_blocked},
        ReplyCase{450, "4.7.25 Client host rejected: cannot find your hostname, [192.0.2.1]", sender_dns},
        ReplyCase{550, "5.7.25 no PTR record found", sender_dns},
        ReplyCase{550, "Reverse DNS lookup for host 192.0.2.1 failed", sender_dns},
        ReplyCase{550, "5.7.26 This mail has been blocked because the sender is unauthenticated.", auth_failed,
                  "google"},
        ReplyCase{550, "5.7.515 Access denied, sending domain does not meet the required authentication level",
                  auth_failed, "outlook-consumer"},
        ReplyCase{550, "5.7.1 Email rejected per DMARC policy for b.example", auth_failed},
        ReplyCase{550, "SPF check failed for 192.0.2.1", auth_failed},
        ReplyCase{550, "5.1.8 <x@y.example>: Sender address rejected: Domain not found", sender_rejected},
        ReplyCase{550, "Sender verify failed", sender_rejected},
        ReplyCase{553, "5.1.7 The sender address is invalid", sender_rejected},
        ReplyCase{550, "5.7.1 Message rejected for policy reasons", policy},
        ReplyCase{554, "5.7.1 <a@b.example>: Relay access denied", relay_denied},
        ReplyCase{550, "relay not permitted", relay_denied}, ReplyCase{550, "We do not relay", relay_denied},
        ReplyCase{553, "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", relay_denied},
        ReplyCase{421,
                  "4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user "
                  "complaints",
                  rate_limited, "yahoo"},
        ReplyCase{421, "Too many concurrent SMTP connections", rate_limited},
        ReplyCase{450, "4.7.1 Error: too much mail from 192.0.2.1", rate_limited},
        ReplyCase{421, "4.7.0 Our system has detected an unusual rate of unsolicited mail", ip_blocked, "google"},
        ReplyCase{452, "4.5.3 Too many recipients", too_many_rcpts}));

INSTANTIATE_TEST_SUITE_P(
    AboutNobody, AtRcpt,
    testing::Values(ReplyCase{450, "4.2.0 <a@b.example>: Recipient address rejected: Greylisted, see http://x.example",
                              greylisted},
                    ReplyCase{451, "4.7.1 Please try again later", greylisted},
                    ReplyCase{451, "Temporary local problem - please try later", server_error},
                    ReplyCase{452, "4.3.1 Insufficient system storage", server_error},
                    ReplyCase{421, "4.3.2 Service shutting down", server_error},
                    ReplyCase{450, "words nobody knows", server_error}, ReplyCase{550, "words nobody knows", unknown},
                    ReplyCase{550, "", unknown}, ReplyCase{550, "5.7.1 words nobody knows", unknown},
                    ReplyCase{554, "5.4.6 Too many hops", network},
                    ReplyCase{530, "5.7.0 Must issue a STARTTLS command first", tls},
                    ReplyCase{250, "2.1.5 Ok", not_a_bounce}, ReplyCase{252, "cannot VRFY", not_a_bounce}));

TEST(ReplyClassifier, A4xxNeverSaysThatAnAddressIsDead)
{
    for (const char* text : {"4.1.1 User unknown", "5.1.1 User unknown", "No such user", "mailbox is disabled",
                             "5.2.1 account disabled", "domain does not exist", "4.1.2 no such domain",
                             "The email account that you tried to reach does not exist", "user has moved"})
        for (const char* provider : {"", "google", "yahoo", "gmx", "microsoft365"})
            for (const int code : {421, 450, 451, 452}) {
                const auto read_as = read(code, text, at(Stage::rcpt, provider));
                EXPECT_NE(read_as.action, Action::suppress) << code << " " << text << " by " << read_as.rule;
                EXPECT_NE(read_as.klass, mailbox_disabled) << code << " " << text;
                EXPECT_FALSE(read_as.clear);
            }
}

TEST(ReplyClassifier, NothingBeforeRcptIsEverAboutTheAddress)
{
    for (const auto stage : {Stage::connect, Stage::banner, Stage::ehlo, Stage::starttls, Stage::auth, Stage::mail})
        for (const char* text : {"5.1.1 User unknown", "No such user", "5.2.2 mailbox full", "mailbox is disabled", "",
                                 "5.1.1", "5.2.1", "5.1.10 not here", "blocked by recipient", "unknown user",
                                 "Requested action not taken: mailbox unavailable"})
            for (const char* provider : {"", "google", "yahoo", "gmx", "cisco-secure-email", "microsoft365"})
                EXPECT_NE(read(550, text, at(stage, provider)).subject, Subject::address)
                    << to_string(stage) << " " << text;
}

TEST(ReplyClassifier, RefusalWithoutTellingWordsIsReadByItsStage)
{
    EXPECT_EQ(read(554, "go away", at(Stage::banner)).klass, ip_blocked);
    EXPECT_EQ(read(550, "words nobody knows", at(Stage::ehlo)).klass, ip_blocked);
    EXPECT_EQ(read(550, "words nobody knows", at(Stage::mail)).klass, sender_rejected);
    EXPECT_EQ(read(535, "words nobody knows", at(Stage::auth)).klass, policy);
    EXPECT_EQ(read(454, "words nobody knows", at(Stage::starttls)).klass, tls);
    EXPECT_EQ(read(554, "words nobody knows", at(Stage::end_of_data)).klass, unknown);
    EXPECT_EQ(read(421, "words nobody knows", at(Stage::banner)).klass, server_error);
    EXPECT_EQ(read(250, "2.0.0 queued", at(Stage::end_of_data)).klass, delivered);
    EXPECT_EQ(read(354, "go ahead", at(Stage::data)).klass, not_a_bounce);
}

TEST(ReplyClassifier, AfterDataOnlyWordsAboutTheOnlyRecipientAreAboutTheAddress)
{
    const char* text = "5.1.1 User unknown";
    EXPECT_EQ(read(550, text, at(Stage::end_of_data, "", 1)).klass, mailbox_unknown);
    EXPECT_NE(read(550, text, at(Stage::end_of_data, "", 2)).subject, Subject::address);
    // A status code alone, or a text that may mean anything, is about the message.
    EXPECT_NE(read(550, "5.1.1 words nobody knows", at(Stage::end_of_data)).subject, Subject::address);
    EXPECT_NE(read(550, "mailbox unavailable", at(Stage::end_of_data)).subject, Subject::address);
    EXPECT_EQ(read(552, "5.2.2 mailbox is full", at(Stage::end_of_data)).klass, mailbox_full);
    EXPECT_NE(read(552, "5.2.2 mailbox is full", at(Stage::end_of_data, "", 3)).subject, Subject::address);
}

TEST(ReplyClassifier, ALookupThatAMailHostReportsIsOfTheDomainThatItPassesMailOnTo)
{
    for (const char* code :
         {"NXDOMAIN Domain name not found: other.example", "SERVFAIL", "NOERROR 17 had no relevant answers."}) {
        const std::string text =
            std::string("DNS Error: 4711 DNS type 'mx' lookup of other.example responded with code ") + code;
        const auto read_as = shipped().classify_text(text, {});
        EXPECT_EQ(read_as.klass, dns_failure) << text << " by " << read_as.rule;
        EXPECT_EQ(read_as.action, Action::retry);
    }
    EXPECT_EQ(shipped().classify_text("550 5.1.2 NXDOMAIN", {}).klass, domain_invalid);
}

TEST(ReplyClassifier, WordsAboutUsOutweighWordsAboutTheMailbox)
{
    for (const char* text : {
             "Callout verification failed: 550 no such user. Sender verify failed",
             "5.1.1 User unknown; your host 192.0.2.1 is blocked using bl.example.org",
             "Your email account was not found on our whitelist; sender address rejected",
             "5.1.1 message looks like spam",
             "5.1.0 IP reputation too low",
             "5.2.1 mailbox unavailable due to SPF check failure",
             "Your account has been suspended for sending spam",
             "5.1.1 too many messages from your IP in one hour",
             "Recipient rejected: your IP address is on our blacklist",
             "mailbox unavailable: Client host rejected",
             "5.1.1 domain of sender address x.example does not exist",
             "address 192.0.2.7 is suspended",
             "account or domain may not exist, they may be blacklisted",
             "5.7.1 Recipient address rejected: your server's IP is not allowed to send to this user",
             "5.1.1 Sender unknown",
             "5.1.1 Your address is unknown here",
             "User unknown in your domain: sender verify failed",
             "5.1.0 Sender domain does not exist",
             "unknown sender",
             "Mail from a@b.c not allowed - 5.7.1 [BL21] Connections not accepted from IP addresses on Spamhaus XBL",
             "mailbox blocked: your IP is listed at zen.spamhaus.org",
             "5.7.1 Your account is disabled for outbound mail",
             "Access denied - Invalid HELO name (See RFC2821 4.1.1.1)",
             "Invalid recipient domain in HELO",
             "5.7.1 Rejected: sender domain suspended",
             "Host 1.2.3.4 unknown - no reverse DNS",
             "Domain of the sender could not be found",
             "5.1.7 Bad sender address syntax",
             "You are not allowed to send to this recipient because your IP has a bad reputation",
             "Quota exceeded: you have sent too many messages today",
             "5.7.1 Sending quota exceeded for your IP",
             "Account disabled: authentication required for sender",
             "5.7.1 The message from <a@b.c> contained a recipient flagged as a spam trap",
             "5.7.1 Mail from your domain is blocked. The user has been notified",
             "IP 1.2.3.4 is not found in whitelist of user",
             "Reverse DNS: host not found",
             "DNS: sender domain has no MX record",
             "No MX record for your domain",
             "Mailbox name not allowed; policy restriction on attachments",
             "temporarily suspended from sending due to complaints",
             "client not found in DNS",
             "The account you are sending from does not exist",
             "5.2.1 SPF record not found for your domain",
             "5.1.1 DKIM key not found",
             "user is not authenticated",
         }) {
        const auto read_as = read(550, text);
        EXPECT_NE(read_as.subject, Subject::address) << text << " by " << read_as.rule;
        EXPECT_NE(read_as.klass, domain_invalid) << text << " by " << read_as.rule;
    }
}

TEST(ReplyClassifier, AMailboxThatTakesNoMailIsNotItsDomain)
{
    for (const std::string text :
         {"5.1.1 <noreply@b.c> this mailbox does not receive mail", "<noreply@b.c> does not accept mail",
          "5.2.1 noreply@b.c never accepts mail", "This address accepts no mail", "Mail receiving disabled for user"})
        EXPECT_EQ(read(550, text).klass, mailbox_disabled) << text << " by " << read(550, text).rule;
    for (const std::string text :
         {"5.1.10 domain does not accept mail (null MX)", "Domain old.example does not accept mail (nullMX)",
          "Host does not accept mail", "host/domain does not accept mail", "5.1.10 Recipient address has null MX",
          "an MX or SRV record indicated no SMTP service"}) {
        EXPECT_EQ(read(550, text).klass, domain_invalid) << text << " by " << read(550, text).rule;
        EXPECT_FALSE(read(556, text).clear) << "only our own resolver can say so beyond doubt: " << text;
    }
}

TEST(ReplyClassifier, ProviderRowsComeFirstAndOnlyForTheirProvider)
{
    const auto gmx = read(550, "Requested action not taken: mailbox unavailable", at(Stage::rcpt, "gmx"));
    EXPECT_TRUE(gmx.rule.starts_with("gmx-")) << gmx.rule;
    EXPECT_TRUE(gmx.clear);
    const auto other = read(550, "Requested action not taken: mailbox unavailable", at(Stage::rcpt, "ovh-like"));
    EXPECT_FALSE(other.clear) << other.rule;
    // The family reads the same rows.
    EXPECT_TRUE(read(550, "5.2.1 The email account that you tried to reach is inactive", at(Stage::rcpt, "gmail"))
                    .rule.starts_with("google-"));
}

TEST(ReplyClassifier, ClearIsLeftForTextsBeyondDoubt)
{
    EXPECT_TRUE(read(550, "5.1.1 User unknown").clear);
    EXPECT_TRUE(read(550, "No such user").clear);
    EXPECT_TRUE(read(550, "5.1.1 x").clear);
    EXPECT_FALSE(read(550, "Requested action not taken: mailbox unavailable").clear);
    EXPECT_FALSE(read(550, "Recipient address rejected: Access denied").clear);
    EXPECT_FALSE(read(550, "5.1.0 x").clear);
    EXPECT_FALSE(read(550, "").clear);
    EXPECT_FALSE(shipped().classify_text("User unknown", {}).clear) << "no code said that this is final";
    EXPECT_TRUE(
        read(554, "5.2.1 The email account that you tried to reach is disabled", at(Stage::rcpt, "google")).final_);
}

TEST(ReplyClassifier, AWordAboutTheSenderTakesTheClearMarkAway)
{
    EXPECT_TRUE(read(550, "5.1.1 recipient unknown").clear);
    EXPECT_FALSE(read(550, "5.1.1 recipient unknown; please check SPF").clear);
    EXPECT_FALSE(read(550, "mail from expired account rejected").clear);
    // A provider's own row is not doubted: its text is known.
    EXPECT_TRUE(read(550, "5.1.1 The email account that you tried to reach does not exist; see spam policy",
                     at(Stage::rcpt, "google"))
                    .clear);
}

TEST(ReplyClassifier, RelayDeniedIsAboutTheDomainOnDirectMxAndAboutUsThroughASmarthost)
{
    ReplyContext context;
    EXPECT_EQ(read(554, "Relay access denied", context).subject, Subject::domain);
    context.via_smarthost = true;
    EXPECT_EQ(read(554, "Relay access denied", context).subject, Subject::us);
}

struct TextCase {
    const char* text;
    ReplyClass klass;
};

void PrintTo(const TextCase& c, std::ostream* out)
{
    *out << c.text;
}

class InText : public testing::TestWithParam<TextCase> {};

TEST_P(InText, CodeStatusAndStageAreFound)
{
    const auto read_as = shipped().classify_text(GetParam().text, {});
    EXPECT_EQ(to_string(read_as.klass), to_string(GetParam().klass)) << GetParam().text << " by " << read_as.rule;
}

INSTANTIATE_TEST_SUITE_P(
    Diagnostics, InText,
    testing::Values(
        TextCase{
            "host mx.b.example[192.0.2.1] said: 550 5.1.1 <a@b.example>: no such user (in reply to RCPT TO command)",
            mailbox_unknown},
        TextCase{"host mx.b.example[192.0.2.1] said: 550 User unknown (in reply to MAIL FROM command)",
                 sender_rejected},
        TextCase{"host mx.b.example[192.0.2.1] refused to talk to me: 554 no thanks", ip_blocked},
        TextCase{"host mx.b.example[192.0.2.1] said: 450 4.1.1 User unknown (in reply to RCPT TO command)",
                 server_error},
        TextCase{"SMTP error from remote mail server after RCPT TO:<a@b.example>: 550 No Such User Here",
                 mailbox_unknown},
        TextCase{"SMTP error from remote mail server after end of data: 554 rejected as spam", content_spam},
        TextCase{"192.0.2.1 does not like recipient. Remote host said: 550 unknown user Giving up on 192.0.2.1.",
                 mailbox_unknown},
        TextCase{"Connected to 192.0.2.1 but sender was rejected. Remote host said: 550 mailbox unavailable",
                 sender_rejected},
        TextCase{"550-5.1.1 The email account that you tried to reach does\n550-5.1.1 not exist. Please try "
                 "again\n550 5.1.1 gsmtp",
                 mailbox_unknown},
        TextCase{"450 busy 551 not our user 503 need RCPT command", mailbox_moved},
        TextCase{"smtp; 452 4.2.2 mailbox full", mailbox_full},
        TextCase{"connect to b.example[192.0.2.1]:25: Connection "
                 "timed out",
                 network},
        TextCase{"delivery delayed by 550 seconds, 450 messages in queue", unknown},
        TextCase{"Host or domain name not found. Name service error for name=b.example type=MX: Host not found",
                 domain_invalid},
        TextCase{"User unknown", mailbox_unknown}, TextCase{"", unknown},
        TextCase{"250 2.0.0 Ok: queued as 4F", delivered},
        TextCase{"host mx.b.example[192.0.2.1] said: 550 5.1.7 invalid address (in reply to RCPT TO command)",
                 sender_rejected}));

TEST(ReplyClassifier, OurOwnFailuresAreNeverHeldAgainstTheAddress)
{
    const auto of = [](const boost::system::error_code& code, Stage stage) {
        return shipped().classify_error(Error{code, "x"}, stage).klass;
    };
    EXPECT_EQ(of(boost::asio::error::connection_refused, Stage::connect), network);
    EXPECT_EQ(of(boost::asio::error::connection_reset, Stage::rcpt), network);
    EXPECT_EQ(of(make_error_code(Errc::timed_out), Stage::banner), network);
    EXPECT_EQ(of(make_error_code(Errc::unavailable), Stage::connect), network);
    EXPECT_EQ(of(make_error_code(Errc::protocol), Stage::ehlo), protocol);
    EXPECT_EQ(of(make_error_code(Errc::protocol), Stage::starttls), tls);
    EXPECT_EQ(of(boost::asio::error::host_not_found, Stage::connect), dns_failure);
    EXPECT_EQ(of(make_error_code(Errc::internal), Stage::rcpt), unknown);
    EXPECT_EQ(shipped().classify_error(Error{Errc::timed_out}, Stage::rcpt).rule, "error:timeout");
    for (const auto stage : all_values<Stage>())
        for (int code = 1; code < 20; ++code)
            EXPECT_NE(shipped().classify_error(Error{static_cast<Errc>(code)}, stage).subject, Subject::address);
}

TEST(ReplyTable, EveryRowOfTheShippedTableHasItsOwnIdAndAKnownProvider)
{
    const std::string text = read_text_file(WINNOW_DATA_DIR "/replies.tsv").value();
    const auto providers = ProviderTable::load(WINNOW_DATA_DIR "/mx-providers.tsv").value();
    TsvReader reader(text, TsvReader::any_columns);
    std::set<std::string> ids;
    while (const TsvRow* row = reader.next().value()) {
        if (row->fields[0] == "family")
            continue;
        EXPECT_TRUE(ids.emplace(row->fields[0]).second) << "id twice: " << row->fields[0];
        if (row->fields[1] != "*") {
            EXPECT_TRUE(providers.by_name(row->fields[1])) << row->fields[0] << " is for an unknown provider";
        }
    }
    EXPECT_EQ(ids.size(), shipped().rows());
    EXPECT_GT(ids.size(), 1000u);
}

TEST(ReplyTable, OwnRowsAreMergedOverTheFilesAndReplaceThemById)
{
    const std::string base = "a-1\t*\t5xx\t-\t*\tzork zork\tcontent_spam\t-\ttest\n";
    const auto plain = ReplyClassifier::parse(base).value();
    EXPECT_EQ(plain.classify(SmtpReply::make(550, "zork zork"), {}).klass, content_spam);
    const auto replaced =
        ReplyClassifier::parse(base + "# own\na-1\t*\t5xx\t-\t*\tzork zork\tpolicy\t-\ttest\n").value();
    EXPECT_EQ(replaced.classify(SmtpReply::make(550, "zork zork"), {}).klass, policy);
    EXPECT_EQ(replaced.rows(), 1u);
    const auto tied = ReplyClassifier::parse(base + "b-1\t*\t5xx\t-\t*\tzork zork\tpolicy\t-\ttest\n").value();
    EXPECT_EQ(tied.classify(SmtpReply::make(550, "zork zork"), {}).rule, "b-1") << "the later of equals";
}

TEST(ReplyTable, BadRowsAreNamedByLineAndColumn)
{
    struct Bad {
        const char* row;
        const char* column;
    };
    for (const Bad& bad : {
             Bad{"a\t*\t5xx\t-\t*\tphrase\tno_such_class\t-\tx", "class"},
             Bad{"a\t*\t7xx\t-\t*\tphrase\tpolicy\t-\tx", "code"},
             Bad{"a\t*\t250\t-\t*\tphrase\tpolicy\t-\tx", "code"},
             Bad{"a\t*\t5xx\t5.1\t*\tphrase\tpolicy\t-\tx", "enhanced"},
             Bad{"a\t*\t5xx\t5.1.9-2\t*\tphrase\tpolicy\t-\tx", "enhanced"},
             Bad{"a\t*\t5xx\t-\tlunch\tphrase\tpolicy\t-\tx", "stage"},
             Bad{"a\t*\t5xx\t-\t*\tphrase\tpolicy\tshiny\tx", "marks"},
             Bad{"a\t*\t550\t-\t*\t-\tpolicy\tsubject\tx", "marks"},
             Bad{"a\t*\t5xx\t-\t*\t-\tpolicy\t-\tx", "phrase"},
             Bad{"a\t*\t5xx\t-\t*\t{a|b\tpolicy\t-\tx", "phrase"},
             Bad{"\t*\t5xx\t-\t*\tphrase\tpolicy\t-\tx", "id"},
             Bad{"a\t*\t5xx\t-\t*\tphrase\tpolicy\t-", "row"},
             Bad{"family\tgoogle", "family"},
         }) {
        const auto made = ReplyClassifier::parse("# one\n" + std::string(bad.row) + "\n");
        ASSERT_FALSE(made) << bad.row;
        EXPECT_EQ(made.error().code, Errc::invalid_argument);
        EXPECT_NE(made.error().context.find("line 2"), std::string::npos) << made.error().context;
        EXPECT_NE(made.error().context.find(bad.column), std::string::npos) << made.error().context;
    }
    EXPECT_FALSE(ReplyClassifier::load("/nonexistent/replies.tsv"));
}

TEST(ReplyClassifier, StrangeBytesAndLongTextsAreReadWithoutHarm)
{
    EXPECT_EQ(read(550, "\xFF\xFE\x80\xC3").klass, unknown);
    EXPECT_EQ(read(550, std::string(100'000, 'u')).klass, unknown);
    std::string many;
    for (int i = 0; i < 2000; ++i)
        many += "user mailbox account * ";
    EXPECT_EQ(read(550, many).klass, unknown);
    EXPECT_EQ(shipped().classify_text(std::string(50'000, '5'), {}).klass, unknown);
}

}  // namespace
}  // namespace winnow
