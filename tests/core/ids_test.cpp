#include "core/ids.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <set>

#include "core/crypto.hpp"

namespace winnow {
namespace {

using std::chrono::seconds;

constexpr TimePoint now = TimePoint{milliseconds{1'767'323'045'678}};

TEST(Ulid, EncodesTimeFirstAndSortsByIt)
{
    SeededRng rng(1);
    const std::string early = make_ulid(from_unix_ms(1'469'918'176'385), rng);
    EXPECT_TRUE(early.starts_with("01ARYZ6S41")) << early;  // the time of the ULID specification's example
    EXPECT_LT(early, make_ulid(from_unix_ms(1'469'918'176'386), rng));
    EXPECT_TRUE(is_ulid(early));
}

TEST(Ulid, TwoOfOneMillisecondDiffer)
{
    SystemRng rng;
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i)
        EXPECT_TRUE(seen.insert(make_ulid(now, rng)).second);
}

TEST(Ulid, TheLargestValueUsesAllDigits)
{
    struct Ones final : Rng {
        void fill(std::span<std::byte> out) override
        {
            for (std::byte& b : out)
                b = std::byte{0xff};
        }
    } ones;
    EXPECT_EQ(make_ulid(from_unix_ms((std::int64_t{1} << 48) - 1), ones), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
}

TEST(Ulid, OtherTextsAreNone)
{
    for (const std::string_view text :
         {"", "01ARYZ6S41", "01ARYZ6S41TSV4RRFFQ69G5FA", "01ARYZ6S41TSV4RRFFQ69G5FAVX", "81ARYZ6S41TSV4RRFFQ69G5FAV",
          "01aryz6s41tsv4rrffq69g5fav", "01ARYZ6S41TSV4RRFFQ69G5FAU", "01ARYZ6S41TSV4RRFFQ69G5FA!"})
        EXPECT_FALSE(is_ulid(text)) << text;
    EXPECT_TRUE(is_ulid("01ARYZ6S41TSV4RRFFQ69G5FAV"));
}

VerpToken token(std::uint32_t lane, std::uint64_t seq, TimePoint expires)
{
    return {{LaneId{lane}, seq}, expires};
}

TEST(Verp, NamesItsMessageUntilItExpires)
{
    const std::string text = mint_verp("key", token(17, 123'456, now + seconds{60}));
    const auto read = read_verp("key", text, now);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->message, (MessageRef{LaneId{17}, 123'456}));
    EXPECT_EQ(read->expires, std::chrono::floor<seconds>(now + seconds{60}));
    EXPECT_FALSE(read_verp("key", text, read->expires));
    EXPECT_TRUE(read_verp("key", text, read->expires - milliseconds{1}));
}

TEST(Verp, SurvivesCaseFoldingOnTheWay)
{
    std::string text = mint_verp("key", token(1, 2, now + seconds{60}));
    EXPECT_EQ(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz234567"), std::string::npos);
    for (char& c : text)
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    EXPECT_TRUE(read_verp("key", text, now));
}

TEST(Verp, CannotBeMadeOrChangedWithoutTheKey)
{
    const std::string text = mint_verp("key", token(17, 123'456, now + seconds{60}));
    EXPECT_FALSE(read_verp("other", text, now));
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::string forged = text;
        forged[i] = forged[i] == 'a' ? 'b' : 'a';
        EXPECT_FALSE(read_verp("key", forged, now)) << i;
        EXPECT_FALSE(read_verp("key", text.substr(0, i), now)) << i;
    }
    EXPECT_FALSE(read_verp("key", text + "a", now));
    EXPECT_FALSE(read_verp("key", std::string(10'000, 'a'), now));
}

TEST(Verp, TheMacCoversThePurposeNotOnlyTheBytes)
{
    // A plain HMAC of the body with the same key, as another feature might make it, is not a token.
    const std::string body("\x11\x01\x02\x7f\xff\xff\xff", 7);
    const auto mac = crypto::hmac_sha256("key", body);
    const std::string forged = body + std::string(reinterpret_cast<const char*>(mac.data()), 12);
    EXPECT_FALSE(read_verp("key", crypto::base32(forged), now));
}

RC_GTEST_PROP(Verp, EveryMessageIsReadBackFromAtMost48Characters, (std::uint32_t lane, std::uint64_t seq))
{
    const std::string text = mint_verp("key", token(lane, seq, now + seconds{1}));
    RC_ASSERT(text.size() <= 48);
    RC_ASSERT(read_verp("key", text, now)->message == (MessageRef{LaneId{lane}, seq}));
}

TEST(Verp, TheLargestNumbersFit)
{
    const auto largest = token(UINT32_MAX, UINT64_MAX, now + std::chrono::hours{24 * 365});
    const std::string text = mint_verp("key", largest);
    EXPECT_LE(text.size(), 48u);
    EXPECT_EQ(read_verp("key", text, now)->message, largest.message);
}

}  // namespace
}  // namespace winnow
