#include "verifier/lists.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "core/address.hpp"
#include "core/rng.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/temp_dir.hpp"
#include "verifier/precheck.hpp"

namespace winnow::verifier {
namespace {

using testing::HasSubstr;

class Lists : public testing::Test {
protected:
    Lists()
    {
        write("disposable",
              "# source: precise-package\n# version: 1.2.3\n# count: "
              "4\nburner.example.com\ngmail.com\nthrow.example\nx.dyndns.org\n");
        write("disposable_weak", "co.uk\nmaybe.example\n");
        write("free", "gmail.com\npost.example\n");
        write("popular", "gmail.com\n");
        write("role", "abuse\tstrong\nsales\tweak\n");
        write("tld", "com\nexample\nxn--p1ai\n");
    }
    void write(const std::string& name, std::string_view text) { dir_.write(name + ".txt", text); }
    AddressLists load() { return AddressLists::load(dir_.path().string()).value(); }

    test::TempDir dir_;
};

TEST_F(Lists, DisposableMatchesTheDomainAndItsParentsDownToTheRegistrableDomain)
{
    const auto lists = load();
    EXPECT_TRUE(lists.is_disposable("throw.example"));
    EXPECT_TRUE(lists.is_disposable("a.b.throw.example"));
    EXPECT_TRUE(lists.is_disposable("burner.example.com"));
    EXPECT_FALSE(lists.is_disposable("example.com"));
    EXPECT_FALSE(lists.is_disposable("notthrow.example"));
    EXPECT_FALSE(lists.is_disposable(""));
    EXPECT_FALSE(lists.is_disposable("example"));
}

TEST_F(Lists, RemarksOfADomainThatWasLookedAtFollowAReload)
{
    auto lists = load();
    ListedDomains listed{lists, true};
    EXPECT_TRUE(listed.of("throw.example").disposable);
    EXPECT_EQ(listed.of("gmial.com").meant, "gmail.com");
    write("disposable", "other.example\n");
    write("popular", "gmial.com\n");
    lists.replace(load());
    EXPECT_FALSE(listed.of("throw.example").disposable);
    EXPECT_TRUE(listed.of("other.example").disposable);
    EXPECT_FALSE(listed.of("gmial.com").meant) << "a popular domain is nobody's typo";
}

TEST_F(Lists, APublicSuffixOnAListSaysNothingAboutTheDomainsBelowIt)
{
    const auto lists = load();
    EXPECT_FALSE(lists.is_disposable_weak("firm.co.uk"));
    EXPECT_TRUE(lists.is_disposable_weak("maybe.example"));
    EXPECT_FALSE(lists.is_disposable("maybe.example"));
}

TEST_F(Lists, APopularProviderIsNeverDisposableWhateverTheListsSay)
{
    const auto lists = load();
    EXPECT_FALSE(lists.is_disposable("gmail.com"));
    EXPECT_TRUE(lists.is_popular("gmail.com"));
    EXPECT_TRUE(lists.is_free("gmail.com"));
    EXPECT_TRUE(lists.is_free("post.example"));
    EXPECT_FALSE(lists.is_free("throw.example"));
    EXPECT_EQ(lists.popular_domains(), std::vector<std::string_view>{"gmail.com"});
}

TEST_F(Lists, RolesComeInTwoStrengthsWithoutRegardToCaseAndTag)
{
    const auto lists = load();
    EXPECT_EQ(lists.role("Abuse"), RoleMark::strong);
    EXPECT_EQ(lists.role("sales+spring"), RoleMark::weak);
    EXPECT_EQ(lists.role("sales.jane"), RoleMark::none);
    EXPECT_EQ(lists.role("+sales"), RoleMark::none);
    EXPECT_EQ(lists.role(""), RoleMark::none);
}

TEST_F(Lists, KnowsTheTopLevelDomainsOfTheList)
{
    const auto lists = load();
    EXPECT_TRUE(lists.knows_tld("a.b.com"));
    EXPECT_TRUE(lists.knows_tld("xn--p1ai"));
    EXPECT_FALSE(lists.knows_tld("a.con"));
}

TEST_F(Lists, StatusTellsWhereEachListCameFrom)
{
    const auto lists = load();
    EXPECT_TRUE(lists.complete());
    ASSERT_EQ(lists.status().size(), 6u);
    EXPECT_EQ(lists.status()[0].name, "disposable");
    EXPECT_EQ(lists.status()[0].source, "precise-package");
    EXPECT_EQ(lists.status()[0].version, "1.2.3");
    EXPECT_EQ(lists.status()[0].count, 4u);
    EXPECT_EQ(lists.status()[4].count, 2u);
}

TEST_F(Lists, AMissingEmptyOrMalformedFileIsAnErrorThatNamesIt)
{
    write("role", "abuse\tstrong\nsales weak\n");
    auto broken = AddressLists::load(dir_.path().string());
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().code, Errc::corrupt);
    EXPECT_THAT(broken.error().context, HasSubstr("role.txt: line 2"));

    write("role", "# nothing\n");
    EXPECT_EQ(AddressLists::load(dir_.path().string()).error().code, Errc::corrupt);

    std::filesystem::remove(dir_.file("free.txt"));
    const auto missing = AddressLists::load(dir_.path().string());
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Errc::not_found);
    EXPECT_THAT(missing.error().context, HasSubstr("free.txt"));
    EXPECT_THAT(missing.error().context, HasSubstr("scripts/fetch-lists"));
}

TEST(BuiltInLists, StandInForTheFilesAndSayWhatTheyAre)
{
    const auto lists = AddressLists::built_in();
    EXPECT_FALSE(lists.complete());
    EXPECT_TRUE(lists.is_disposable("mailinator.com"));
    EXPECT_TRUE(lists.is_popular("gmail.com"));
    EXPECT_EQ(lists.role("postmaster"), RoleMark::strong);
    EXPECT_TRUE(lists.knows_tld("not.in.a.list")) << "without a list no name is wrong";
    for (const auto& status : lists.status())
        EXPECT_EQ(status.source, "built in");
}

std::string read_data(const std::string& name)
{
    std::ifstream in(std::string(WINNOW_DATA_DIR) + "/" + name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<std::string> entries_of(const std::string& name)
{
    std::vector<std::string> out;
    std::istringstream in(read_data(name));
    for (std::string line; std::getline(in, line);)
        if (!line.empty() && line[0] != '#')
            out.push_back(line);
    return out;
}

TEST(CheckedInLists, AreSortedUniqueAndInCanonicalForm)
{
    for (const char* name : {"popular.txt", "role.txt", "free_add.txt"}) {
        const auto entries = entries_of(name);
        EXPECT_GT(entries.size(), 10u) << name;
        for (std::size_t i = 1; i < entries.size(); ++i)
            EXPECT_LT(entries[i - 1], entries[i]) << name;
    }
    for (const auto& domain : entries_of("popular.txt")) {
        EXPECT_TRUE(is_hostname(domain)) << domain;
        EXPECT_EQ(registrable_domain(domain), domain);
    }
}

TEST(CheckedInLists, HoldWhatIsBuiltIn)
{
    const auto popular = StringSet::parse(read_data("popular.txt")).value();
    const auto built_in = AddressLists::built_in();
    for (const auto domain : built_in.popular_domains())
        EXPECT_TRUE(popular.contains(domain)) << domain;
}

TEST(FetchedLists, KeepProvidersOutOfTheDisposableOnes)
{
    const std::string dir = std::string(WINNOW_DATA_DIR) + "/lists";
    if (!std::filesystem::exists(dir + "/disposable.txt")) {
        ASSERT_FALSE(test::strict()) << "data/lists is not there, and scripts/fetch-lists has to bring it";
        GTEST_SKIP() << "data/lists is not there: run scripts/fetch-lists";
    }
    const auto lists = AddressLists::load(dir).value();
    EXPECT_TRUE(lists.complete());
    EXPECT_LT(lists.memory(), 8u << 20);
    for (const auto domain : lists.popular_domains()) {
        EXPECT_FALSE(lists.is_disposable(domain)) << domain;
        EXPECT_TRUE(lists.knows_tld(domain)) << domain;
    }
    EXPECT_TRUE(lists.is_disposable("mailinator.com"));
    EXPECT_TRUE(lists.is_disposable("yopmail.com"));
    EXPECT_FALSE(lists.is_disposable("example.com"));
    EXPECT_FALSE(lists.is_free("mailinator.com"));
    EXPECT_TRUE(lists.is_free("gmail.com"));
    EXPECT_FALSE(lists.is_free("example.com"));
    EXPECT_TRUE(lists.knows_tld("xn--p1ai"));
    for (const auto& status : lists.status()) {
        EXPECT_FALSE(status.source.empty()) << status.name;
        EXPECT_GT(status.count, 90u) << status.name;
    }
}

TEST(StringSet, FindsExactlyWhatWentIn)
{
    SeededRng rng(7);
    std::set<std::string> expected;
    std::string lines = "# header\r\n\n";
    for (int i = 0; i < 2000; ++i) {
        const auto text = rng.token(1 + rng.below(3));
        expected.insert(text);
        lines += text + (i % 2 == 0 ? "\n" : "\r\n");
    }
    const auto set = StringSet::parse(lines).value();
    ASSERT_EQ(set.size(), expected.size());
    std::size_t i = 0;
    for (const auto& text : expected)
        EXPECT_EQ(set[i++], text);
    for (int n = 0; n < 2000; ++n) {
        const auto text = rng.token(1 + rng.below(3));
        EXPECT_EQ(set.contains(text), expected.contains(text)) << text;
    }
    EXPECT_FALSE(set.contains(""));
    EXPECT_FALSE(StringSet().contains("a"));
    EXPECT_FALSE(set.contains("# header"));
    EXPECT_EQ(StringSet::parse("last line without an end").value().size(), 1u);
}

}  // namespace
}  // namespace winnow::verifier
