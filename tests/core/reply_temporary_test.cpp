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

bool says_gone(const Classified& read)
{
    return read.klass == mailbox_unknown || read.klass == mailbox_moved || read.klass == mailbox_disabled ||
           read.klass == domain_invalid;
}

const std::vector<std::string> final_words{
    "User unknown",       "No such user here",
    "Mailbox not found",  "The email account that you tried to reach does not exist",
    "Account disabled",   "This mailbox has been suspended",
    "Recipient rejected", "xyzzy"};

TEST(ReplyTakenBack, AFinalAnswerThatWillPassIsNeverHeldAgainstTheMailbox)
{
    for (const std::string& words : final_words)
        for (const std::string hope :
             {"try again", "try again later", "please try later", "please retry", "retry later",
              "please try your message again in 5 minutes", "come back later", "temporarily", "this is temporary",
              "server is busy", "we are too busy", "greylisted", "grey-listed for 60 seconds",
              "system under maintenance", "because of migration", "try sending again in a few minutes",
              "message deferred", "resend later", "service overloaded"})
            for (const std::string& text :
                 {words + ", " + hope, "5.1.1 " + words + ", " + hope, "5.2.1 " + hope + ". " + words + "."}) {
                for (const std::string_view provider : {"", "google", "microsoft365"}) {
                    const auto read = live(550, text, provider);
                    EXPECT_FALSE(says_gone(read)) << text << " at " << provider << " by " << read.rule;
                    EXPECT_NE(read.action, Action::suppress) << text;
                }
                EXPECT_FALSE(says_gone(reported("550 " + text))) << text << " by " << reported(text).rule;
            }
}

TEST(ReplyTakenBack, AStatusOfClass4TakesACodeOfClass5Back)
{
    for (const std::string& words : final_words)
        for (const std::string status : {"4.1.1 ", "4.2.1 ", "4.7.1 ", "4.0.0 "})
            for (const std::string_view provider : {"", "google", "yahoo", "microsoft365", "mimecast"}) {
                const auto read = live(550, status + words, provider);
                EXPECT_FALSE(says_gone(read)) << status << words << " at " << provider << " by " << read.rule;
                EXPECT_FALSE(read.clear) << status << words << " by " << read.rule;
                EXPECT_FALSE(says_gone(reported("550 " + status + words))) << status << words;
            }
    EXPECT_EQ(live(550, "4.9.9 xyzzy").klass, server_error);
    EXPECT_EQ(live(450, "5.1.1 user unknown").klass, server_error) << "nor the other way round";
}

TEST(ReplyTakenBack, WhatWillPassIsReadAsTheTemporaryReplyThatItShouldHaveBeen)
{
    EXPECT_EQ(live(550, "5.1.1 greylisted, try again later").klass, greylisted);
    EXPECT_EQ(live(550, "Greylisted: unknown recipient triplet").klass, greylisted);
    EXPECT_EQ(live(550, "5.1.1 user unknown, system under maintenance").klass, server_error);
    EXPECT_EQ(live(550, "5.2.1 account locked temporarily because of migration").klass, server_error);
    EXPECT_EQ(live(550, "4.2.1 mailbox temporarily disabled").klass, server_error);
    EXPECT_EQ(live(550, "5.1.1 user unknown, too many connections, try later").klass, rate_limited);
    EXPECT_EQ(live(550, "5.1.1 user unknown, zork, for now").rule, "temporary-server_error-04");
}

TEST(ReplyTakenBack, WhoeverAsksForAnotherAddressPromisesNothing)
{
    for (const char* text :
         {"5.1.1 User unknown. Please check the address and try again",
          "5.1.1 No such user here. Check for typos or unnecessary spaces and try again.",
          "5.1.1 Mailbox not found, verify the recipient's address before you try again",
          "5.1.1 User unknown, do not try again", "5.1.1 User unknown; this is not temporary",
          "5.1.1 User unknown. I'm not going to try again; this message has been in the queue too long.",
          "5.1.1 The email account that you tried to reach does not exist. Please try double-checking the "
          "recipient's email address for typos or unnecessary spaces.",
          "5.1.1 User unknown (non-temporary)", "5.1.1 no such user, please don't send again",
          "5.1.1 Empfänger unbekannt, bitte prüfen Sie die Adresse und versuchen Sie es erneut",
          "5.1.1 Usuario desconocido, verifique la dirección e intente de nuevo"}) {
        const auto read = live(550, text);
        EXPECT_EQ(to_string(read.klass), to_string(mailbox_unknown)) << text << " by " << read.rule;
        EXPECT_TRUE(read.clear) << text << " by " << read.rule;
    }
}

TEST(ReplyTakenBack, HopeIsKnownInOtherLanguages)
{
    for (const char* text : {"Empfänger unbekannt, bitte später erneut versuchen",
                             "Postfach vorübergehend gesperrt",
                             "Postfach voruebergehend nicht gefunden",
                             "Utilisateur inconnu, réessayez plus tard",
                             "Compte temporairement désactivé",
                             "Usuario desconocido, intente más tarde",
                             "Cuenta suspendida temporalmente",
                             "Usuário desconhecido, tente novamente mais tarde",
                             "Conta temporariamente suspensa",
                             "Utente sconosciuto, riprovare più tardi",
                             "Casella temporaneamente disabilitata",
                             "Gebruiker onbekend, probeer het later opnieuw",
                             "Konto chwilowo zablokowane",
                             "Nieznany użytkownik, spróbuj później",
                             "Uživatel neexistuje, zkuste později",
                             "Kullanıcı bulunamadı, daha sonra deneyin",
                             "Пользователь не найден, попробуйте позже",
                             "Почтовый ящик временно заблокирован",
                             "用户不存在，请稍后再试",
                             "邮箱暂时停用",
                             "ユーザが存在しません。しばらくしてから再送してください",
                             "존재하지 않는 사용자, 잠시 후 다시 시도하십시오"})
        for (const std::string status : {"", "5.1.1 "}) {
            const auto read = live(550, status + text);
            EXPECT_FALSE(says_gone(read)) << status << text << " by " << read.rule;
            EXPECT_NE(read.action, Action::suppress) << text;
        }
}

TEST(ReplyTakenBack, TheInnermostOfQuotedRepliesIsTheOneThatCounts)
{
    const std::string said = "undeliverable address: host mx.d.example[192.0.2.7] said: ";
    EXPECT_EQ(live(550, "5.1.1 <u@d.example>: " + said + "550 5.1.1 greylisted, user unknown").klass, greylisted);
    EXPECT_EQ(live(550, "5.1.1 <u@d.example>: " + said + "550 4.1.1 User unknown").klass, server_error);
    EXPECT_EQ(live(550, "4.1.1 <u@d.example>: " + said + "550 5.1.1 User unknown").klass, mailbox_unknown);
}

TEST(ReplyTakenBack, WordsBelongToARowAndNeedAPhrase)
{
    EXPECT_TRUE(ReplyClassifier::parse("a-1\t*\t*\t-\t*\tzork\tserver_error\ttemporary\tx\n"));
    EXPECT_FALSE(ReplyClassifier::parse("a-1\t*\t*\t5.1.1\t*\t-\tserver_error\ttemporary\tx\n"));
}

TEST(ReplyDialogue, ACodeAboutTheDialogueIsNeverAboutTheMailbox)
{
    for (int code = 500; code <= 504; ++code)
        for (const char* words : {"5.1.1 user unknown, need MAIL", "no such user", "mailbox is full"}) {
            EXPECT_EQ(live(code, words).klass, protocol) << code << ' ' << words;
            EXPECT_EQ(live(code, words).rule, "code:dialogue") << code << ' ' << words;
        }
    EXPECT_EQ(live(503, "5.7.1 your IP address is blocked by our policy").subject, Subject::us);
}

TEST(ReplyAccessDenied, IsAPolicyUnlessAStatusSaysThatTheEdgeDoesNotKnowTheAddress)
{
    for (const std::string words :
         {"<u@d.example>: Recipient address rejected: Access denied", "Recipient address rejected: Access denied",
          "All recipient addresses rejected : Access denied"})
        for (const std::string_view provider : {"", "mimecast", "microsoft365"}) {
            for (const std::string status : {"", "5.7.1 "}) {
                const auto read = live(550, status + words, provider);
                EXPECT_EQ(to_string(read.klass), to_string(policy)) << status << words << " by " << read.rule;
                EXPECT_FALSE(read.edge) << status << words;
            }
            const auto edge = live(550, "5.4.1 " + words + ". AS(201806281)", provider);
            EXPECT_EQ(to_string(edge.klass), to_string(mailbox_unknown)) << words << " by " << edge.rule;
            EXPECT_TRUE(edge.edge) << words << " at " << provider << " by " << edge.rule;
            EXPECT_FALSE(edge.clear) << words << " by " << edge.rule;
        }
    EXPECT_TRUE(reported("550 5.4.1 Recipient address rejected: Access denied").edge);
}

TEST(ReplyAccessDenied, AProvidersMeaningOfStockWordsIsItsOwn)
{
    const std::string words = "<u@d.example>: Recipient address rejected: blocked";
    EXPECT_EQ(live(554, words, "rambler").klass, mailbox_disabled);
    EXPECT_EQ(live(554, words).klass, policy);
    EXPECT_EQ(live(554, "5.7.1 " + words + " by our filter", "mimecast").klass, policy);
    EXPECT_EQ(live(550, "5.7.505 Access denied, banned recipient", "microsoft365").klass, mailbox_disabled);
    EXPECT_EQ(live(550, "5.7.505 Access denied, banned recipient").klass, policy);
}

TEST(ReplyAboutUs, WhateverElseIsSaidOfTheRecipient)
{
    EXPECT_EQ(live(550, "Your host is not found in DNS; recipient not found").klass, sender_dns);
    EXPECT_EQ(live(550, "5.1.1 Client hostname could not be resolved, user unknown").klass, sender_dns);
    EXPECT_EQ(live(550, "Directory harvest attack detected").klass, ip_blocked);
    EXPECT_EQ(live(550, "5.1.1 User unknown: dictionary attack").klass, ip_blocked);
    for (const char* text : {"Il mittente non esiste", "Gonderen adresi bulunamadi", "L'expéditeur n'existe pas",
                             "De afzender bestaat niet", "Odesílatel neexistuje", "送信者が存在しません"})
        EXPECT_EQ(to_string(live(550, text).klass), to_string(sender_rejected))
            << text << " by " << live(550, text).rule;
}

TEST(ReplyGerman, IsReadWithoutUmlautsToo)
{
    EXPECT_EQ(live(550, "Empfaenger unbekannt").klass, mailbox_unknown);
    EXPECT_EQ(live(550, "Ungueltige Empfaengeradresse").klass, mailbox_unknown);
    EXPECT_EQ(live(550, "Konto gekuendigt").klass, mailbox_disabled);
    EXPECT_EQ(live(552, "Speicherplatz ueberschritten").klass, mailbox_full);
    EXPECT_EQ(live(550, "Absender ungueltig").klass, sender_rejected);
    EXPECT_EQ(live(450, "Bitte spaeter noch einmal").klass, greylisted);
}

}  // namespace
}  // namespace winnow
