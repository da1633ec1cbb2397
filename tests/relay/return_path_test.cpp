#include <gtest/gtest.h>

#include "relay/relay.hpp"

using namespace std::chrono_literals;
using namespace winnow;

namespace {

constexpr TimePoint now{milliseconds{1'767'225'600'000}};
const MessageRef ref{LaneId{5}, 123'456};

class ReturnPath : public ::testing::Test {
public:
    storage::EngineKeys keys = storage::EngineKeys::fixed("return path");
    relay::RelayOptions options;
    ReturnPath() { options.bounce_domain = "bounce.example.net"; }
    std::string minted() const { return relay::return_path(keys, options, ref, now); }
    std::optional<MessageRef> read(std::string_view address, TimePoint at = now) const
    {
        return relay::read_return_path(keys, options, address, at);
    }
};

std::string upper(std::string text)
{
    for (char& c : text)
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return text;
}

}  // namespace

TEST_F(ReturnPath, IsTheSameForEveryTryOfAMessage)
{
    EXPECT_EQ(minted(), minted());
    // Frozen: messages under way were sent with it.
    EXPECT_EQ(minted(), "b-cmcqdysanf6umack3aqird25veuivme42i@bounce.example.net");
    EXPECT_LE(minted().find('@'), 64u);
}

TEST_F(ReturnPath, NamesItsMessageInAnyCase)
{
    EXPECT_EQ(read(minted()), ref);
    EXPECT_EQ(read(upper(minted())), ref);
}

TEST_F(ReturnPath, EndsWithItsLifetime)
{
    EXPECT_EQ(read(minted(), now + options.verp_lifetime - 1s), ref);
    EXPECT_FALSE(read(minted(), now + options.verp_lifetime + 1s));
}

TEST_F(ReturnPath, EveryChangedCharacterIsAForgery)
{
    const std::string good = minted();
    for (std::size_t i = 2; i < good.find('@'); ++i) {
        std::string bad = good;
        bad[i] = bad[i] == 'a' ? 'b' : 'a';
        EXPECT_FALSE(read(bad)) << bad;
    }
    EXPECT_FALSE(read(good.substr(1)));
    EXPECT_FALSE(read("b-@bounce.example.net"));
    EXPECT_FALSE(read("@bounce.example.net"));
    EXPECT_FALSE(read("b-nonsense"));
    EXPECT_FALSE(read(""));
}

TEST_F(ReturnPath, AnotherInstallationsKeyIsNone)
{
    relay::RelayOptions same = options;
    EXPECT_FALSE(relay::read_return_path(storage::EngineKeys::fixed("other"), same, minted(), now));
}

TEST_F(ReturnPath, HoldsAtItsOwnDomainOnly)
{
    const std::string local = minted().substr(0, minted().find('@'));
    EXPECT_FALSE(read(local + "@example.net"));
    EXPECT_FALSE(read(local + "@bounce.example.net.evil.test"));
    EXPECT_FALSE(read(local));
    options.bounce_domain.clear();
    EXPECT_FALSE(read(local + "@")) << "no domain set, no return path";
}

TEST_F(ReturnPath, AnUnsubscribeAddressIsAnotherThing)
{
    const std::string leave = relay::unsubscribe_address(keys, options, ref, now);
    EXPECT_EQ(relay::read_unsubscribe_address(keys, options, leave, now), ref);
    EXPECT_FALSE(read(leave));
    EXPECT_FALSE(relay::read_unsubscribe_address(keys, options, minted(), now));
}
