#include "core/greylist_hint.hpp"

#include <gtest/gtest.h>

#include <string>

#include "core/reply_text.hpp"

namespace winnow {
namespace {

using namespace std::chrono_literals;

struct HintCase {
    const char* text;
    milliseconds wait;
};

class RetryHint : public testing::TestWithParam<HintCase> {};

TEST_P(RetryHint, ReadsTheWaitThatTheServerAsksFor)
{
    const auto hint = retry_hint(GetParam().text);
    ASSERT_TRUE(hint) << GetParam().text;
    EXPECT_EQ(*hint, GetParam().wait) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Texts, RetryHint,
    testing::Values(
        HintCase{"Greylisted for 300 seconds (see http://isg.ee.ethz.ch/tools/postgrey/help/example.html)", 300s},
        HintCase{"Greylisting in action, please come back in 00:04:59", 299s},
        HintCase{"Please try again in 4 minutes and 59 seconds", 299s}, HintCase{"graylisted, retry in 5m30s", 330s},
        HintCase{"Deferred, please try again in 15 min.", 15min}, HintCase{"try again in 2 hours", 2h},
        HintCase{"Try again in an hour", 1h}, HintCase{"You must wait 60 seconds before another attempt; retry", 60s},
        HintCase{"in 5 minutes you may try again", 5min}, HintCase{"Retry in 10-minutes", 10min},
        HintCase{"Bitte versuchen Sie es in 10 Minuten erneut", 10min},
        HintCase{"Bitte in 30 Sekunden erneut versuchen", 30s}, HintCase{"Veuillez réessayer dans 5 minutes", 5min},
        HintCase{"Merci de r\xE9"
                 "essayer dans 2 heures",
                 2h},
        HintCase{"Intente de nuevo en 10 minutos", 10min}, HintCase{"Tente novamente em 1 hora", 1h},
        HintCase{"Riprovare tra 20 minuti", 20min}, HintCase{"Probeer opnieuw over 5 minuten", 5min},
        HintCase{"Prosimy spróbować ponownie za 15 minut", 15min}, HintCase{"Повторите попытку через 10 минут", 10min},
        HintCase{"请在5分钟后重试", 5min}, HintCase{"5分後に再送してください", 5min},
        HintCase{"Please come back after 00:05:00", 5min},
        HintCase{"Nov 24 15:04:05 mx1: greylisted, retry in 5 minutes", 5min},
        HintCase{"greylisted at 2026-11-24T15:04:05, try again in 00:04:00", 4min},
        HintCase{"Försök igen om 5 minuter", 5min}, HintCase{"Lütfen 10 dakika sonra tekrar deneyin", 10min}));

TEST(RetryHintNone, ALimitsSpanOrAnyOtherNumberIsNotAWait)
{
    for (const char* text : {
             "Greylisted, please try again later",
             "Too many messages: 100 in the last 60 minutes, try again later",
             "You may send 500 messages per hour, wait",
             "Connection timed out after 300 seconds",
             "Mailbox unavailable 550 5.1.1",
             "try again later, session 12345678901234567890 seconds",
             "Greylisted since 2026-11-24 15:04:05, please try again later",
             "Nov 24 15:04:05 mx1: deferred, retry later",
             "try again later (2026-11-24T15:04:05Z)",
             "greylisted, come back later; it is 15:04:05 UTC",
             "Try again later. 24/11/2026 3:04:05",
             "",
         })
        EXPECT_FALSE(retry_hint(text)) << text;
}

TEST(ReplyText, FoldsCaseAccentsSpacesAndHidesAddresses)
{
    EXPECT_EQ(fold_reply_text("  User\tUNKNOWN \r\n in  table "), "user unknown in table");
    EXPECT_EQ(fold_reply_text("Boîte pleine"), "boite pleine");
    EXPECT_EQ(fold_reply_text("Bo\xEEte pleine"), "boite pleine");
    EXPECT_EQ(fold_reply_text("ПОЛЬЗОВАТЕЛЬ Ё"), "пользователь е");
    EXPECT_EQ(fold_reply_text("ΆΓΝΩΣΤΟς"), "αγνωστοσ");
    EXPECT_EQ(fold_reply_text("user\xE2\x80\x99s mailbox"), "user's mailbox");
    EXPECT_EQ(fold_reply_text("<spam.blocked@example.com>: unknown"), "<@>: unknown");
    EXPECT_EQ(fold_reply_text("no user a@b.example."), "no user @.");
    EXPECT_EQ(fold_reply_text("ＦＵＬＬ　ｗｉｄｔｈ"), "full width");
    EXPECT_EQ(fold_reply_text("người dùng không tồn tại"), "nguoi dung khong ton tai");
}

TEST(ReplyText, FoldingTwiceChangesNothing)
{
    for (const char* text : {"Straße ﬁ É", "\xFF\xFE\x80 broken \xC3", "a@b @ @@ c", "ŁÓDŹ şț", "", "日本語 エラー"}) {
        const std::string once = fold_reply_text(text);
        EXPECT_EQ(fold_reply_text(once), once) << text;
    }
}

}  // namespace
}  // namespace winnow
