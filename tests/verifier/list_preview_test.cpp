#include "verifier/list_preview.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/gzip.hpp"
#include "tests/verifier/list_fixture.hpp"

namespace winnow::verifier {
namespace {

using testing::HasSubstr;

class ListPreviewTest : public ListTest {
protected:
    Result<ListPreview> try_preview(const std::string& file, UploadOptions options = {}, std::size_t piece = 7'000)
    {
        ListPreviewer previewer{lab.engine->digester(), std::move(options)};
        for (std::size_t at = 0; at < file.size(); at += piece)
            if (auto read = previewer.feed(file.substr(at, piece)); !read)
                return read.error();
        return previewer.finish();
    }
    ListPreview preview(const std::string& file, UploadOptions options = {}, std::size_t piece = 7'000)
    {
        auto found = try_preview(file, std::move(options), piece);
        EXPECT_TRUE(found) << found.error().context;
        return found ? *found : ListPreview{};
    }
};

TEST_F(ListPreviewTest, SaysWhatAnUploadWouldMakeOfTheFileAndStoresNothing)
{
    const std::string file = "name;E-Mail\r\nAnn;ann@x.test\r\nAnn;ANN@x.test\r\n\r\nBen\r\nCem;cem@x.test\r\n";
    for (const std::size_t piece : {1u, 7'000u}) {
        const ListPreview found = preview(file, {}, piece);
        const auto list = upload(file).list;
        EXPECT_EQ(found.list.rows, list.rows);
        EXPECT_EQ(found.list.duplicates, 1u);
        EXPECT_EQ(found.list.duplicates, list.duplicates);
        EXPECT_EQ(found.list.malformed, list.malformed);
        EXPECT_EQ(found.list.columns, list.columns);
        EXPECT_EQ(found.list.delimiter, ';');
        EXPECT_EQ(found.list.id, "");
        EXPECT_EQ(found.bytes, file.size());
        EXPECT_TRUE(found.shape.column.has_header);
        EXPECT_EQ(found.shape.column.found_by, EmailColumn::FoundBy::name);
        ASSERT_EQ(found.first.size(), 5u);
        EXPECT_EQ(found.first[1].duplicate_of, 1u);
        EXPECT_EQ(found.first[2].malformed, "blank line");
        EXPECT_EQ(found.first[3].line, 5u);
        EXPECT_THAT(found.first[3].malformed, HasSubstr("no e-mail column"));
        EXPECT_EQ(found.first[4].address, "cem@x.test");
    }
    EXPECT_EQ(stored_lists(), 2u) << "the uploads";
}

TEST_F(ListPreviewTest, ShowsTheFirstRowsAndCountsAll)
{
    const ListPreview found = preview(test::gzip(people(5'000) + people(10)));
    EXPECT_EQ(found.first.size(), previewed_rows);
    EXPECT_EQ(found.list.rows, 5'010u);
    EXPECT_EQ(found.list.duplicates, 10u);
    EXPECT_TRUE(found.shape.gzip);
    EXPECT_FALSE(found.shape.column.has_header);
    EXPECT_EQ(found.shape.column.found_by, EmailColumn::FoundBy::content);
    EXPECT_THAT(found.notes, testing::Contains(HasSubstr("gzip")));
}

TEST_F(ListPreviewTest, RefusesWhatAnUploadRefusesInTheSameWords)
{
    UploadOptions options;
    options.reading.file_name = "contacts.csv";
    for (const std::string& file : {std::string(), std::string("email\n"), std::string("email\n\n\n"),
                                    std::string("a,b\n1,2\n"), "email\n" + people(9'000) + std::string(2 << 20, 'a')}) {
        const auto found = try_preview(file, options);
        ASSERT_FALSE(found);
        EXPECT_EQ(found.error().context, refusal(file, options).context);
    }
}

}  // namespace
}  // namespace winnow::verifier
