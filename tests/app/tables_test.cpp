#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "app/runtime.hpp"
#include "tests/support/temp_dir.hpp"

namespace winnow::app {
namespace {

using testing::HasSubstr;

/// A share_dir of our own, whose files the tests change.
class TablesTest : public testing::Test {
protected:
    void SetUp() override
    {
        write("replies.tsv", "r-1\t*\t5xx\t-\t*\tgo away\tpolicy\t-\ttest\n");
        write("mx-providers.tsv", ".one.example\tone\tone\tmailbox\t-\ttest\n");
        write("own.tsv", "");
        for (const char* name : {"disposable_weak", "free", "popular", "tld"})
            write(std::string("lists/") + name + ".txt", "filler.example\n");
        write("lists/role.txt", "abuse\tstrong\n");
        write("lists/disposable.txt", "# source: maker\n# version: 1.0\nburner.example\n");
        config.share_dir = dir.path().string();
        config.replies_extra = dir.file("own.tsv");
        auto made = Runtime::make(config, null_log(), false);
        ASSERT_TRUE(made) << made.error().context;
        runtime = std::move(*made);
    }
    void write(const std::string& name, const std::string& text) const
    {
        const std::filesystem::path path = dir.file(name);
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
    }
    std::string rule(const char* words) const
    {
        return runtime->replies->classify(SmtpReply::make(550, words), {}).rule;
    }
    const verifier::ListStatus* status(std::string_view name) const
    {
        for (const verifier::ListStatus& each : runtime->tables)
            if (each.name == name)
                return &each;
        return nullptr;
    }

    test::TempDir dir;
    Config config;
    std::unique_ptr<Runtime> runtime;
};

TEST_F(TablesTest, EveryTableHasAVersionAndASource)
{
    ASSERT_TRUE(status("disposable"));
    EXPECT_EQ(status("disposable")->version, "1.0");
    EXPECT_EQ(status("disposable")->source, "maker");
    for (const char* name : {"replies", "replies_extra", "mx-providers"}) {
        ASSERT_TRUE(status(name)) << name;
        EXPECT_TRUE(status(name)->version.starts_with("sha256:")) << status(name)->version;
    }
    EXPECT_EQ(status("replies_extra")->source, config.replies_extra);
    EXPECT_EQ(status("replies_extra")->count, 0u);
    EXPECT_EQ(status("replies")->count, 1u);
}

TEST_F(TablesTest, AReloadIsSeenByWhoHoldsTheTables)
{
    const verifier::AddressLists& lists = *runtime->lists;
    EXPECT_EQ(rule("leave"), "code:5xx");
    const std::string before = status("replies_extra")->version;
    write("own.tsv", "own-1\t*\t5xx\t-\t*\tleave\tpolicy\t-\town\nr-1\t*\t5xx\t-\t*\tgo away\tcontent_spam\t-\town\n");
    write("lists/disposable.txt", "# source: maker\n# version: 1.1\nother.example\n");
    write("mx-providers.tsv", ".two.example\ttwo\ttwo\tmailbox\t-\ttest\n");
    const Provider* held = runtime->providers->find("mx.one.example");
    ASSERT_TRUE(held);
    const auto reloaded = runtime->reload_tables(config);
    ASSERT_TRUE(reloaded) << reloaded.error().context;
    EXPECT_EQ(rule("leave"), "own-1");
    EXPECT_EQ(runtime->replies->classify(SmtpReply::make(550, "go away"), {}).klass, ReplyClass::content_spam);
    EXPECT_NE(status("replies_extra")->version, before);
    EXPECT_EQ(status("replies_extra")->count, 2u);
    EXPECT_TRUE(lists.is_disposable("other.example"));
    EXPECT_FALSE(lists.is_disposable("burner.example"));
    EXPECT_EQ(lists.generation(), 1u);
    EXPECT_EQ(status("disposable")->version, "1.1");
    EXPECT_EQ(held->name, "one") << "who remembers a domain still holds its provider";
    EXPECT_FALSE(runtime->providers->find("mx.one.example"));
    EXPECT_TRUE(runtime->providers->find("mx.two.example"));
}

TEST_F(TablesTest, AReloadThatFailsChangesNothing)
{
    write("own.tsv", "own-1\t*\t5xx\t-\t*\tleave\tpolicy\t-\town\n");
    write("mx-providers.tsv", "broken\n");
    auto reloaded = runtime->reload_tables(config);
    ASSERT_FALSE(reloaded);
    EXPECT_THAT(reloaded.error().context, HasSubstr("mx-providers.tsv"));
    EXPECT_EQ(rule("leave"), "code:5xx");
    EXPECT_TRUE(runtime->providers->find("mx.one.example"));

    write("mx-providers.tsv", ".one.example\tone\tone\tmailbox\t-\ttest\n");
    write("own.tsv", "own-1\tno row\n");
    reloaded = runtime->reload_tables(config);
    ASSERT_FALSE(reloaded);
    EXPECT_THAT(reloaded.error().context, HasSubstr("own.tsv"));
    EXPECT_THAT(reloaded.error().context, HasSubstr("line 1")) << "of the file itself";

    write("own.tsv", "");
    std::filesystem::remove(dir.file("lists/tld.txt"));
    reloaded = runtime->reload_tables(config);
    ASSERT_FALSE(reloaded) << "full lists are not given up for small ones";
    EXPECT_THAT(reloaded.error().context, HasSubstr("tld.txt"));
    EXPECT_TRUE(runtime->lists->complete());
    EXPECT_TRUE(runtime->lists->is_disposable("burner.example"));
}

TEST_F(TablesTest, WithoutTheFullListsTheSmallOnesStayThroughAReload)
{
    std::filesystem::remove(dir.file("lists/tld.txt"));
    auto made = Runtime::make(config, null_log(), false);
    ASSERT_TRUE(made);
    EXPECT_FALSE((*made)->lists->complete());
    EXPECT_TRUE((*made)->reload_tables(config));
    EXPECT_FALSE((*made)->lists->complete());
    EXPECT_EQ((*made)->tables.front().source, "built in");
}

}  // namespace
}  // namespace winnow::app
