#include "storage/keys.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "core/crypto.hpp"
#include "storage/engine.hpp"
#include "tests/support/temp_dir.hpp"

namespace winnow::test {
namespace {

using namespace storage;

TEST(KeyFile, IsWrittenOnceReadableByItsOwnerAloneAndReadAgain)
{
    TempDir dir;
    const std::string path = dir.file("winnow.key");
    const auto made = EngineKeys::load_or_create(path, true);
    ASSERT_TRUE(made) << made.error().message();
    struct stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777u, 0600u);
    const auto again = EngineKeys::load_or_create(path, true);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->index, made->index);
    EXPECT_EQ(again->seal, made->seal);
    EXPECT_EQ(again->verp, made->verp);
    EXPECT_EQ(made->index.size(), 32u);
    EXPECT_NE(made->index, made->seal);
    EXPECT_EQ(made->id(), again->id());
    EXPECT_EQ(made->id().size(), 8u);
}

TEST(KeyFile, IsNotMadeUnlessAsked)
{
    TempDir dir;
    const auto missing = EngineKeys::load_or_create(dir.file("winnow.key"), false);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, make_error_code(Errc::not_found));
    EXPECT_NE(missing.error().context.find("winnow.key"), std::string::npos);
    EXPECT_FALSE(std::filesystem::exists(dir.file("winnow.key")));
}

TEST(KeyFile, ThatCannotBeReadIsRefusedWithItsLineAndNeverReplaced)
{
    TempDir dir;
    const std::string good(64, 'a');
    const struct {
        std::string content, says;
    } cases[] = {
        {"", "lacks one of"},
        {"index = " + good + "\nseal = " + good + "\n", "lacks one of"},
        {"# c\nindex = 12\n", "line 2"},
        {"index = " + good + "\nnonsense\n", "line 2"},
        {"index = " + good + "\npepper = " + good + "\n", "line 2"},
        {"index = " + std::string(64, 'g') + "\n", "line 1"},
    };
    for (const auto& c : cases) {
        const std::string path = dir.write("winnow.key", c.content);
        const auto keys = EngineKeys::load_or_create(path, true);
        ASSERT_FALSE(keys) << c.content;
        EXPECT_EQ(keys.error().code, make_error_code(Errc::invalid_argument));
        EXPECT_NE(keys.error().context.find(c.says), std::string::npos) << keys.error().context;
        EXPECT_EQ(keys.error().context.find(good), std::string::npos) << "no secret in a message";
        EXPECT_EQ(dir.read("winnow.key"), c.content);
    }
}

TEST(KeyFile, ToleratesCarriageReturnsAndSpaces)
{
    TempDir dir;
    const std::string a(64, 'a');
    const auto keys =
        EngineKeys::load_or_create(dir.write("k", "  index=" + a + "\r\n\r\nseal =" + a + " \r\nverp\t= " + a), false);
    ASSERT_TRUE(keys) << keys.error().message();
    EXPECT_EQ(keys->verp.size(), 32u);
}

// Frozen: digests are on disks.
TEST(AddressDigest, HasItsFrozenValues)
{
    const AddressDigester digester(EngineKeys::fixed("golden"));
    const auto of = [](std::string_view text) { return parse_address(text).address; };
    EXPECT_EQ(digester.address(of("Anna+News@Example.COM")).hex(), "67c0b329e6f42bebce3f0a66cd68f5ac");
    EXPECT_EQ(digester.loose(of("Anna+News@Example.COM")).hex(), "e8ebc5eef2c06d9e66802c115f5b4b75");
    EXPECT_EQ(digester.domain("example.com").hex(), "a22a50d098e7f5b9d408ed379c9253b1");
}

TEST(AddressDigest, DependsOnKeyFormAndText)
{
    const AddressDigester one(EngineKeys::fixed("one"));
    const AddressDigester two(EngineKeys::fixed("two"));
    const Address a = parse_address("a@example.test").address;
    EXPECT_NE(one.address(a), two.address(a));
    EXPECT_NE(one.address(a), one.loose(a)) << "the form is part of the digest";
    EXPECT_NE(one.text("x", "yz"), one.text("xy", "z"));
    EXPECT_EQ(one.address(a), one.address(parse_address("A@EXAMPLE.test").address));
}

// Frozen: where a message lies does not depend on the build.
TEST(Lane, OfAPoolAndDomainIsFrozenAndSpread)
{
    EXPECT_EQ(lane_of("", "example.com", 64).value, 6u);
    EXPECT_EQ(lane_of("pool", "google", 64).value, 23u);
    std::vector<int> load(8);
    for (int i = 0; i < 8000; ++i)
        ++load[lane_of("", "d" + std::to_string(i) + ".example", 8).value];
    for (const int n : load)
        EXPECT_NEAR(n, 1000, 150);
    EXPECT_NE(lane_of("a", "bc", 1u << 30), lane_of("ab", "c", 1u << 30));
}

}  // namespace
}  // namespace winnow::test
