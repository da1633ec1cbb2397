#include "net/multipart.hpp"

#include <gtest/gtest.h>

#include "tests/support/run_coro.hpp"

namespace winnow::net {
namespace {

using Kind = MultipartEvent::Kind;

constexpr std::string_view browser_form =
    "--XbX\r\n"
    "Content-Disposition: form-data; name=\"list_name\"\r\n"
    "\r\n"
    "Spring\r\n"
    "--XbX\r\n"
    "Content-Disposition: form-data; name=\"file\"; filename=\"addresses.csv\"\r\n"
    "Content-Type: text/csv\r\n"
    "\r\n"
    "email\r\na@example.test\r\n--XbXtra is data\r\n--Xb is data\r\n\r\n"
    "--XbX--\r\n"
    "epilogue";

/// The whole run as text: "[name|filename|type]data;", then "." at the end or "!" and the error.
std::string parse(std::string_view body, std::size_t step, std::string_view boundary = "XbX",
                  MultipartLimits limits = {})
{
    MultipartParser parser(boundary, limits);
    std::string out;
    std::size_t fed = 0;
    for (;;) {
        const auto got = parser.next();
        if (!got)
            return out + "!" + got.error().context;
        switch (got->kind) {
            case Kind::need_more:
                if (fed == body.size()) {
                    parser.finish();
                } else {
                    const auto piece = body.substr(fed, step);
                    fed += piece.size();
                    parser.feed(piece);
                }
                break;
            case Kind::part_begin:
                out +=
                    "[" + got->part.name + "|" + got->part.filename.value_or("-") + "|" + got->part.content_type + "]";
                break;
            case Kind::data:
                EXPECT_FALSE(got->data.empty());
                out += got->data;
                break;
            case Kind::part_end:
                out += ";";
                break;
            case Kind::done:
                return out + ".";
        }
    }
}

TEST(Multipart, WhereTheInputIsCutMakesNoDifference)
{
    const std::string expected =
        "[list_name|-|]Spring;"
        "[file|addresses.csv|text/csv]email\r\na@example.test\r\n--XbXtra is data\r\n--Xb is data\r\n;.";
    for (std::size_t step = 1; step <= browser_form.size(); ++step)
        ASSERT_EQ(parse(browser_form, step), expected) << "step " << step;
}

TEST(Multipart, EachCutOfTheBodyIsAnErrorUntilTheClosingBoundaryIsThere)
{
    const auto whole = browser_form.find("--XbX--") + 7;
    for (std::size_t length = 0; length < whole; ++length)
        ASSERT_NE(parse(browser_form.substr(0, length), 7).find("!the multipart body ends before"), std::string::npos)
            << length;
    EXPECT_EQ(parse(browser_form.substr(0, whole), 7).back(), '.');
}

TEST(Multipart, DataThatLooksAlmostLikeTheBoundaryIsData)
{
    const auto around = [](std::string_view data) {
        return "--B\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\n" + std::string(data) + "\r\n--B--\r\n";
    };
    for (const std::string_view data : {"\r\n--B-", "\r\n--Bx", "\r\n--B-x-", "\r\r\n--", "\n--B--", "--Bx",
                                        "\r\n--B--x", "\r\n-\r\n--", "\r\n--B\rx", "\r", "\r\n", "\r\n--\r\n--A"}) {
        for (const std::size_t step : {1, 2, 3, 5, 1000})
            ASSERT_EQ(parse(around(data), step, "B"), "[f|-|]" + std::string(data) + ";.") << data << " step " << step;
    }
}

TEST(Multipart, APartMayBeEmptyWithOrWithoutItsBlankLine)
{
    constexpr std::string_view field = "--B\r\nContent-Disposition: form-data; name=\"f\"\r\n";
    for (const std::size_t step : {1, 4, 1000}) {
        EXPECT_EQ(parse(std::string(field) + "\r\n\r\n--B--", step, "B"), "[f|-|];.");
        EXPECT_EQ(parse(std::string(field) + "\r\n--B--", step, "B"), "[f|-|];.");
    }
    EXPECT_EQ(parse("--B--\r\n", 3, "B"), ".");
}

TEST(Multipart, PreambleAndPaddingAreSkippedButNotWithoutEnd)
{
    EXPECT_EQ(parse("no\r\nform\r\n--B \t\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--B--", 2, "B"),
              "[a|-|]1;.");
    EXPECT_NE(parse(std::string(20'000, 'x'), 512, "B").find("!no multipart boundary"), std::string::npos);
}

TEST(Multipart, HeadersAndPartsAreBounded)
{
    const std::string endless = "--B\r\nContent-Disposition: form-data; name=\"" + std::string(100'000, 'n');
    EXPECT_EQ(parse(endless, 512, "B"), "!a part's header is longer than 8192 octets");
    std::string many;
    for (int i = 0; i < 4; ++i)
        many += "--B\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nx\r\n";
    MultipartLimits limits;
    limits.max_parts = 3;
    EXPECT_EQ(parse(many + "--B--", 64, "B", limits), "[f|-|]x;[f|-|]x;[f|-|]x;!more than 3 parts");
}

struct DispositionCase {
    std::string_view header;
    std::string_view outcome;
};

class Disposition : public testing::TestWithParam<DispositionCase> {};

TEST_P(Disposition, IsReadAsBrowsersAndToolsWriteIt)
{
    const auto [header, outcome] = GetParam();
    const auto got = parse("--B\r\n" + std::string(header) + "\r\n\r\n\r\n--B--", 1000, "B");
    EXPECT_EQ(got, outcome);
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Disposition,
    testing::Values(
        DispositionCase{"content-disposition:form-data;name=plain", "[plain|-|];."},
        DispositionCase{R"(Content-Disposition: form-data; name="a %22b%22 100%"; filename="")", R"([a "b" 100%||];.)"},
        DispositionCase{R"(Content-Disposition: form-data; name="f"; filename="C:\lists\mine.csv")", "[f|mine.csv|];."},
        DispositionCase{R"(Content-Disposition: form-data; name="f"; filename="../../etc/x \"y\".csv")",
                        R"([f|x "y".csv|];.)"},
        DispositionCase{"Content-Disposition: form-data; name=\"f\"; filename=\"x\"; filename*=UTF-8''%C3%A9.csv",
                        "[f|\xC3\xA9.csv|];."},
        DispositionCase{"Content-Disposition: attachment; name=\"f\"",
                        "!a part's Content-Disposition is not form-data"},
        DispositionCase{"Content-Disposition: form-data", "!a part has no name"},
        DispositionCase{"Content-Disposition: form-data; name=\"f", "!a part's Content-Disposition does not parse"},
        DispositionCase{"Content-Disposition: form-data; name=a; name=b", "!a part has two names"},
        DispositionCase{"Content-Type: text/csv", "!a part has no Content-Disposition"},
        DispositionCase{"Content-Disposition: form-data; name=a\r\n folded", "!a part's header line does not parse"}));

TEST(Multipart, BoundaryComesFromTheContentTypeField)
{
    EXPECT_EQ(multipart_boundary("multipart/form-data; boundary=abc").value(), "abc");
    EXPECT_EQ(multipart_boundary("Multipart/Form-Data; charset=utf-8; Boundary=\"a b:c\"").value(), "a b:c");
    for (const std::string_view bad :
         {"text/csv", "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a\rb\"",
          "multipart/form-data; boundary=\"\"", "multipart/mixed; boundary=a"})
        EXPECT_FALSE(multipart_boundary(bad)) << bad;
    EXPECT_FALSE(multipart_boundary("multipart/form-data; boundary=" + std::string(71, 'x')));
}

/// A body in given pieces.
class PiecedBody final : public HttpBody {
public:
    explicit PiecedBody(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {}
    awaitable<Result<std::string>> read_some() override
    {
        if (at_ == pieces_.size())
            co_return std::string{};
        co_return pieces_[at_++];
    }
    bool drained() const { return at_ == pieces_.size(); }

private:
    std::vector<std::string> pieces_;
    std::size_t at_ = 0;
};

awaitable<std::string> read_form(MultipartReader& reader)
{
    std::string out;
    for (;;) {
        const auto got = co_await reader.next();
        if (!got)
            co_return out + "!" + got.error().context;
        out += got->data;
        if (got->kind == Kind::done)
            co_return out;
    }
}

TEST(Multipart, ReaderPullsFromTheBodyAndDrainsTheEpilogue)
{
    PiecedBody body(
        {"--B\r\nContent-Disposition: form-data; ", "name=f\r\n\r\nab", "cd\r", "\n--B-", "-\r\n", "rest", "rest"});
    MultipartReader reader(body, "B");
    EXPECT_EQ(test::run(read_form(reader)), "abcd");
    EXPECT_TRUE(body.drained());

    PiecedBody cut({"--B\r\nContent-Disposition: form-data; name=f\r\n\r\nab"});
    MultipartReader cut_reader(cut, "B");
    EXPECT_EQ(test::run(read_form(cut_reader)), "ab!the multipart body ends before its closing boundary");
}

}  // namespace
}  // namespace winnow::net
