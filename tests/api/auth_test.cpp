#include "api/auth.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include "core/rng.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/temp_dir.hpp"

namespace winnow::api {
namespace {

class KeyRingTest : public ::testing::Test {
public:
    test::TempDir dir;
    test::ManualClock clock;
    SeededRng rng{3};
    std::string file = dir.file("keys");

    NewApiKey create(ApiKey properties = {}) { return KeyRing::create(file, std::move(properties), rng).value(); }
    KeyRing load() { return KeyRing::load(file, KeyRing::Missing::is_empty).value(); }
};

TEST_F(KeyRingTest, AKeyMadeIsAKeyVerifiedWithItsProperties)
{
    ApiKey properties;
    properties.workspace = "shop";
    properties.name = "Ann's laptop";
    properties.probes_per_day = 77;
    properties.expires = clock.now() + std::chrono::hours{1};
    const NewApiKey made = create(properties);
    const auto found = load().verify(made.text, clock.now());
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, made.key.id);
    EXPECT_EQ(found->workspace, "shop");
    EXPECT_EQ(found->name, "Ann's laptop");
    EXPECT_EQ(found->probes_per_day, 77);
    EXPECT_EQ(found->expires, properties.expires);
}

TEST_F(KeyRingTest, TheTextNamesTheKeyAndHoldsAtLeast256RandomBits)
{
    const NewApiKey made = create();
    EXPECT_EQ(made.text.substr(0, 17), "wnw_" + made.key.id + "_");
    EXPECT_EQ(made.key.id.size(), 12u);
    EXPECT_GE((made.text.size() - 17 - 6) * 5, 256u);
}

TEST_F(KeyRingTest, TheFileIsForItsOwnerAloneAndHoldsNoSecret)
{
    const NewApiKey made = create();
    struct stat status {};
    ASSERT_EQ(::stat(file.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    const std::string secret = made.text.substr(17, made.text.size() - 17 - 6);
    EXPECT_EQ(dir.read("keys").find(secret), std::string::npos);
}

TEST_F(KeyRingTest, ExpiryIsTheFirstInstantAtWhichAKeyIsRefused)
{
    ApiKey properties;
    properties.expires = clock.now() + std::chrono::minutes{5};
    const NewApiKey made = create(properties);
    const KeyRing ring = load();
    EXPECT_TRUE(ring.verify(made.text, *properties.expires - milliseconds{1}));
    EXPECT_FALSE(ring.verify(made.text, *properties.expires));
}

TEST_F(KeyRingTest, EveryChangedCharacterMakesItAnotherKey)
{
    const NewApiKey made = create();
    const KeyRing ring = load();
    for (std::size_t i = 0; i < made.text.size(); ++i) {
        std::string changed = made.text;
        changed[i] = changed[i] == 'a' ? 'b' : 'a';
        EXPECT_FALSE(ring.verify(changed, clock.now())) << i;
    }
    for (std::size_t n = 0; n < made.text.size(); ++n)
        EXPECT_FALSE(ring.verify(made.text.substr(0, n), clock.now())) << n;
    EXPECT_FALSE(ring.verify(made.text + "a", clock.now()));
}

TEST_F(KeyRingTest, ARightChecksumOverAWrongSecretIsRefused)
{
    const NewApiKey made = create();
    test::TempDir elsewhere;
    SeededRng same_start{3};
    SeededRng other{4};
    const NewApiKey stranger = KeyRing::create(elsewhere.file("keys"), {}, other).value();
    EXPECT_FALSE(load().verify(stranger.text, clock.now()));
    EXPECT_TRUE(load().verify(made.text, clock.now()));
}

TEST_F(KeyRingTest, SeveralKeysLiveSideBySide)
{
    const NewApiKey a = create();
    const NewApiKey b = create();
    const KeyRing ring = load();
    EXPECT_EQ(ring.size(), 2u);
    EXPECT_EQ(ring.verify(a.text, clock.now())->id, a.key.id);
    EXPECT_EQ(ring.verify(b.text, clock.now())->id, b.key.id);
}

TEST_F(KeyRingTest, ANameCannotBreakItsLine)
{
    ApiKey properties;
    properties.name = "two\nlines\tand a tab";
    const NewApiKey made = create(properties);
    EXPECT_EQ(load().verify(made.text, clock.now())->name, "two lines and a tab");
}

TEST_F(KeyRingTest, AMissingFileIsAnEmptyRing)
{
    EXPECT_EQ(KeyRing::load(dir.file("nothing"), KeyRing::Missing::is_empty).value().size(), 0u);
}

TEST_F(KeyRingTest, AFileThatIsLostAfterTheStartIsAnErrorThatNamesIt)
{
    const NewApiKey made = create();
    KeyRing ring = load();
    std::filesystem::remove(file);
    auto again = KeyRing::load(file, KeyRing::Missing::is_error);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, Errc::not_found);
    EXPECT_NE(again.error().context.find(file), std::string::npos);
    EXPECT_TRUE(ring.verify(made.text, clock.now()));

    dir.write("keys", "");
    EXPECT_EQ(KeyRing::load(file, KeyRing::Missing::is_error).value().size(), 0u) << "somebody emptied it on purpose";
}

TEST_F(KeyRingTest, CommentsAndBlankLinesArePassedOver)
{
    dir.write("keys", "# made by hand\n\n");
    const NewApiKey made = create();
    EXPECT_EQ(load().size(), 1u);
}

TEST_F(KeyRingTest, ErrorsNameFileAndLine)
{
    for (const char* line : {"too few\tfields", "id\tdigest\tws\tmany\t-\tname", "id\tdigest\tws\t5x\t-\tname",
                             "id\tdigest\tws\t5\ttomorrow\tname"}) {
        dir.write("keys", std::string("# comment\n") + line + "\n");
        const auto ring = KeyRing::load(file, KeyRing::Missing::is_empty);
        ASSERT_FALSE(ring) << line;
        EXPECT_EQ(ring.error().code, Errc::invalid_argument);
        EXPECT_NE(ring.error().context.find(file + ":2: "), std::string::npos) << ring.error().context;
    }
}

TEST_F(KeyRingTest, AFileThatCannotBeWrittenIsAnErrorThatNamesIt)
{
    const std::string nowhere = dir.file("no/such/folder/keys");
    const auto made = KeyRing::create(nowhere, {}, rng);
    ASSERT_FALSE(made);
    EXPECT_NE(made.error().context.find(nowhere), std::string::npos);
}

TEST_F(KeyRingTest, AKeyBoundToSenderDomainsComesBackBound)
{
    ApiKey properties;
    properties.from = relay::SenderDomains::parse({"example.com", "Example.ORG"}).value();
    const NewApiKey made = create(properties);
    const auto found = load().verify(made.text, clock.now());
    ASSERT_TRUE(found);
    EXPECT_EQ(found->from.domains(), (std::vector<std::string>{"example.com", "example.org"}));
}

TEST_F(KeyRingTest, ALineOfAnOlderVersionIsAKeyThatMaySendAsAnybody)
{
    // As written before keys had sender domains.
    const NewApiKey made = create();
    const std::string line = dir.read("keys");
    EXPECT_EQ(std::count(line.begin(), line.end(), '\t'), 5) << "and a key without a list is written like that still";
    const auto found = load().verify(made.text, clock.now());
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->from.any());
}

TEST_F(KeyRingTest, ASpoiltListOfSenderDomainsIsAnErrorAndNotAKeyForEverything)
{
    create();
    std::string line = dir.read("keys");
    line.pop_back();
    for (const char* spoilt : {"\t", "\t,", "\tnonsense", "\texample.com\tmore"}) {
        std::ofstream{file} << line << spoilt << "\n";
        EXPECT_FALSE(KeyRing::load(file, KeyRing::Missing::is_empty)) << spoilt;
    }
    std::ofstream{file} << line << "\texample.com\n";
    EXPECT_TRUE(KeyRing::load(file, KeyRing::Missing::is_empty));
}

}  // namespace
}  // namespace winnow::api
