#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/reply_classifier.hpp"
#include "tests/core/shipped_replies.hpp"

namespace winnow {
namespace {

using enum ReplyClass;
using test::live;
using test::reported;

bool beyond_doubt_dead(const Classified& read)
{
    return read.clear && (read.klass == mailbox_unknown || read.klass == mailbox_moved ||
                          read.klass == mailbox_disabled || read.klass == domain_invalid);
}

const std::vector<std::string> predicates{"does not exist",
                                          "unknown",
                                          "is unknown",
                                          "not found",
                                          "was not found",
                                          "is not valid",
                                          "could not be found",
                                          "doesn't exist",
                                          "no longer exists",
                                          "is not registered",
                                          ": no such user here",
                                          ": user unknown",
                                          ": unknown user",
                                          ": mailbox not found",
                                          "<a@b.example> does not exist",
                                          "a@b.example is unknown"};

const std::vector<std::string> senders{"sender",
                                       "the sender's mailbox",
                                       "The sender user",
                                       "envelope sender",
                                       "envelope from",
                                       "Envelope-From",
                                       "MAIL FROM address",
                                       "return path",
                                       "Return-Path user",
                                       "return-path mailbox",
                                       "reverse path",
                                       "originator account",
                                       "From address",
                                       "your mailbox",
                                       "sender callout: user",
                                       "your own email address",
                                       "the mailbox of the sender",
                                       "the account given as envelope sender"};

const std::vector<std::string> recipients{"recipient",
                                          "the recipient's mailbox",
                                          "The recipient user",
                                          "envelope recipient",
                                          "user",
                                          "mailbox",
                                          "account",
                                          "recipient address",
                                          "the email address",
                                          "addressee",
                                          "the mailbox of the recipient"};

TEST(ReplySubject, NoPredicateSaidOfASenderIsEverHeldAgainstTheRecipient)
{
    for (const std::string& subject : senders)
        for (const std::string& predicate : predicates)
            for (const std::string before : {"", "5.1.1 ", "5.1.1 Message refused: ", "Blocked: "}) {
                const std::string text = before + subject + ' ' + predicate;
                for (const std::string_view provider : {"", "google", "mimecast", "microsoft365", "barracuda"}) {
                    const auto read = live(550, text, provider);
                    EXPECT_NE(read.action, Action::suppress) << text << " at " << provider << " by " << read.rule;
                    EXPECT_FALSE(beyond_doubt_dead(read)) << text << " at " << provider << " by " << read.rule;
                }
                EXPECT_NE(reported("550 " + text).action, Action::suppress) << text;
            }
}

TEST(ReplySubject, TheSamePredicatesSaidOfARecipientStayAMissingMailbox)
{
    for (const std::string& subject : recipients)
        for (const std::string& predicate : predicates)
            for (const std::string before : {"5.1.1 ", "5.1.1 Message refused: "}) {
                const std::string text = before + subject + ' ' + predicate;
                EXPECT_EQ(live(550, text).klass, mailbox_unknown) << text << " by " << live(550, text).rule;
                EXPECT_EQ(reported("550 " + text).klass, mailbox_unknown) << text;
                EXPECT_TRUE(live(550, text).clear) << text << " by " << live(550, text).rule;
            }
}

TEST(ReplySubject, TheLastOneNamedBeforeTheWordsCounts)
{
    EXPECT_EQ(live(550, "Recipient rejected mail: sender's mailbox is unknown").klass, sender_rejected);
    EXPECT_EQ(live(550, "Sender is fine, recipient is unknown").klass, mailbox_unknown);
    EXPECT_EQ(live(550, "Mail from <x@y.example> to <a@b.example> refused, no such user").klass, mailbox_unknown);
    EXPECT_EQ(live(550, "Unknown user (callout)").klass, sender_rejected);
    EXPECT_EQ(live(550, "No such user in return path").klass, sender_rejected);
}

TEST(ReplySubject, ASenderInAnotherSentenceOnlyRaisesDoubt)
{
    const auto read = live(550, "5.1.1 User unknown. The sender should check the address.");
    EXPECT_EQ(read.klass, mailbox_unknown);
    EXPECT_FALSE(read.clear);
}

TEST(ReplySubject, AMessageThatGoesBackToItsSenderIsNotRefusedForTheSender)
{
    EXPECT_EQ(live(550, "5.1.1 Returned to sender: user unknown").klass, mailbox_unknown);
}

TEST(ReplySubject, SendersAreKnownInOtherLanguages)
{
    for (const char* text :
         {"Das Postfach des Absenders existiert nicht", "L'adresse de l'expéditeur est inconnue",
          "La dirección del remitente no existe", "A conta do remetente não existe",
          "La casella del mittente non esiste", "Het adres van de afzender bestaat niet", "Konto nadawcy nie istnieje",
          "Schránka odesílatele neexistuje", "Adresa expeditorului nu exista", "Gönderen adres bulunamadı",
          "Адрес отправителя не существует", "Почтовый ящик отправителя не найден", "发件人邮箱不存在",
          "寄件者信箱不存在", "送信者のメールボックスが存在しません"}) {
        const auto read = live(550, text);
        EXPECT_EQ(to_string(read.klass), to_string(sender_rejected)) << text << " by " << read.rule;
    }
}

TEST(ReplySubject, AnAgentIsNoUser)
{
    EXPECT_EQ(live(550, "message refused: URL listed, unknown user agent").subject, Subject::us);
    EXPECT_EQ(live(550, "Unknown user-agent").subject, Subject::us);
}

TEST(ReplySubject, AServerThatCouldNotLookHasFoundOutNothing)
{
    for (const char* text : {"5.1.1 internal error, could not look up user",
                             "User unknown in relay recipient table (temporary lookup failure)",
                             "Recipient address rejected: User unknown; LDAP server unavailable", "User lookup failed",
                             "5.1.1 No such user (database error)", "5.1.1 <a@b.example>: unable to look up recipient",
                             "Empfänger unbekannt: interner Fehler", "Destinataire inconnu (erreur interne)",
                             "Usuario desconocido, error de base de datos", "Пользователь не найден: внутренняя ошибка",
                             "用户不存在 系统错误"}) {
        const auto read = live(550, text);
        EXPECT_EQ(to_string(read.klass), to_string(server_error)) << text << " by " << read.rule;
        EXPECT_FALSE(beyond_doubt_dead(read)) << text;
    }
}

struct Quoted {
    const char* outer;  ///< how the server that was asked begins
    const char* cause;
    ReplyClass klass;
    bool clear = false;
};

void PrintTo(const Quoted& q, std::ostream* out)
{
    *out << q.outer << q.cause;
}

constexpr const char* undeliverable = "5.1.1 <u@d.example>: Recipient address rejected: undeliverable address: ";
constexpr const char* said =
    "5.1.1 <u@d.example>: Recipient address rejected: undeliverable address: host "
    "mx.d.example[192.0.2.7] said: ";

class QuotedCause : public testing::TestWithParam<Quoted> {};

TEST_P(QuotedCause, IsWhatTheReplyMeansLiveAndInABounce)
{
    const auto& [outer, cause, klass, clear] = GetParam();
    const std::string text = std::string(outer) + cause;
    const std::string bounce = "host mx1.relay.example[192.0.2.1] said: 550 " + text + " (in reply to RCPT TO command)";
    for (const Classified& read :
         {live(550, text), live(550, text, "proofpoint"), reported("550 " + text), reported(bounce)}) {
        EXPECT_EQ(to_string(read.klass), to_string(klass)) << text << " by " << read.rule;
        EXPECT_EQ(read.clear, clear) << text << " by " << read.rule;
    }
}

INSTANTIATE_TEST_SUITE_P(
    OfAPostfixThatProbed, QuotedCause,
    testing::Values(Quoted{said, "550 5.1.1 User unknown (in reply to RCPT TO command)", mailbox_unknown, true},
                    Quoted{said, "550 No such user here (in reply to RCPT TO command)", mailbox_unknown, true},
                    Quoted{said, "552 5.2.2 Mailbox full (in reply to RCPT TO command)", mailbox_full, true},
                    Quoted{said, "554 5.7.1 Client host [192.0.2.9] blocked using zen.spamhaus.org", ip_blocked},
                    Quoted{said,
                           "554 5.7.1 Service unavailable; Client host [192.0.2.9] blocked using b.example (in reply "
                           "to MAIL FROM command)",
                           ip_blocked},
                    Quoted{said, "450 4.2.0 Greylisted, try again in 300 seconds", greylisted},
                    Quoted{said, "451 4.3.0 Temporary lookup failure", server_error},
                    Quoted{said, "550 xyzzy", unknown}, Quoted{said, "550 5.1.0 xyzzy", mailbox_unknown},
                    Quoted{undeliverable, "mail for d.example loops back to myself", network},
                    Quoted{undeliverable, "connect to mx.d.example[192.0.2.7]:25: Connection refused", network},
                    Quoted{undeliverable, "unknown user: \"bob\"", mailbox_unknown, true},
                    Quoted{undeliverable, "user unknown in virtual mailbox table", mailbox_unknown, true},
                    Quoted{undeliverable, "xyzzy", unknown}));

INSTANTIATE_TEST_SUITE_P(
    OfSeveralServers, QuotedCause,
    testing::Values(
        Quoted{
            "5.1.1 <u@d.example>: Recipient address rejected: undeliverable address: host a.example[192.0.2.3] said: "
            "550 5.1.1 <u@d.example>: Recipient address rejected: undeliverable address: host b.example[192.0.2.4] "
            "said: ",
            "552 5.2.2 Mailbox full (in reply to RCPT TO command) (in reply to RCPT TO command)", mailbox_full, true},
        Quoted{"Recipient callout failed: host mx.d.example [192.0.2.3]: ", "552 mailbox is full", mailbox_full, true},
        Quoted{"Recipient verify: response to \"RCPT TO:<u@d.example>\" from mx.d.example [192.0.2.3] was: ",
               "550 no such user", mailbox_unknown, true},
        Quoted{"remote server responded: ", "550 5.1.1 no such user", mailbox_unknown, true}));

INSTANTIATE_TEST_SUITE_P(
    OfASender, QuotedCause,
    testing::Values(
        Quoted{
            "5.1.7 <s@e.example>: Sender address rejected: undeliverable address: host mx.e.example[192.0.2.3] said: ",
            "550 5.1.1 user unknown (in reply to RCPT TO command)", sender_rejected},
        Quoted{"Return path check: host mx.e.example[192.0.2.3] said: ", "550 no such user", sender_rejected},
        Quoted{"Callout: mx.e.example [192.0.2.3] said: ", "550 5.1.1 mailbox does not exist", sender_rejected}));

TEST(QuotedCause, UndeliverableAddressWithoutACauseIsNotBeyondDoubt)
{
    for (const char* text : {"5.1.1 <u@d.example>: Recipient address rejected: undeliverable address",
                             "5.1.1 Recipient address rejected: undeliverable address:", "undeliverable address"})
        for (const std::string_view provider : {"", "proofpoint"}) {
            EXPECT_EQ(live(550, text, provider).klass, mailbox_unknown) << text;
            EXPECT_FALSE(live(550, text, provider).clear) << text << " by " << live(550, text, provider).rule;
        }
}

TEST(QuotedCause, ACodeThatNobodySaidIsNoQuote)
{
    EXPECT_EQ(live(550, "5.1.1 User unknown, error code: 550").klass, mailbox_unknown);
    EXPECT_EQ(live(550, "5.1.1 User unknown. ticket 554 was: closed").klass, mailbox_unknown);
}

TEST(QuotedCause, ABottomlessQuoteIsReadWithoutHarm)
{
    std::string text = "550 ";
    for (int i = 0; i < 2'000; ++i)
        text += "host m said: 550 5.1.1 undeliverable address: ";
    EXPECT_FALSE(live(550, text).clear);
    EXPECT_FALSE(reported(text).clear);
}

}  // namespace
}  // namespace winnow
