#include "net/smtp_data_reader.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "net/smtp_client.hpp"
#include "net/smtp_line_buffer.hpp"
#include "tests/support/corpus.hpp"

namespace winnow::net {
namespace {

struct Read {
    std::string message;
    std::size_t taken = 0;
    bool done = false;
    bool irregular = false;
};

Read read(std::string_view bytes)
{
    SmtpDataReader reader(0);
    Read out;
    out.taken = reader.feed(bytes);
    out.done = reader.done();
    out.irregular = reader.irregular();
    out.message = reader.take_message();
    return out;
}

TEST(SmtpDataReader, EndsAtADotOnALineOfItsOwnAndLeavesTheRest)
{
    const Read whole = read("Subject: a\r\n\r\nb\r\n.\r\nQUIT\r\n");
    EXPECT_TRUE(whole.done);
    EXPECT_EQ(whole.message, "Subject: a\r\n\r\nb\r\n");
    EXPECT_EQ(whole.taken, 20u);
    EXPECT_FALSE(whole.irregular);
    EXPECT_TRUE(read(".\r\n").done) << "an empty message";
}

TEST(SmtpDataReader, RemovesOneDotFromTheStartOfALine)
{
    EXPECT_EQ(read("..\r\n..a\r\n.b\r\nc.\r\n.\r\n").message, ".\r\n.a\r\nb\r\nc.\r\n");
}

TEST(SmtpDataReader, BareLineEndsAndNulAreTextThatIsMadeRegular)
{
    const Read bare = read("a\nb\rc\r\r\nd\n.e\r\n.\r\n");
    EXPECT_TRUE(bare.done);
    EXPECT_TRUE(bare.irregular);
    EXPECT_EQ(bare.message, "a\r\nb\r\nc\r\n\r\nd\r\n.e\r\n") << "no dot is removed behind a bare LF";
    const Read nul = read(std::string_view("a\0b\r\n.\r\n", 8));
    EXPECT_TRUE(nul.irregular);
    EXPECT_EQ(nul.message, "ab\r\n");
}

TEST(SmtpDataReader, PastTheLimitItKeepsNothingButStillFindsTheEnd)
{
    SmtpDataReader reader(10);
    EXPECT_EQ(reader.feed("12345678\r\n"), 10u);
    EXPECT_FALSE(reader.too_big());
    EXPECT_EQ(reader.feed("x\r\n.\r\nRSET"), 6u);
    EXPECT_TRUE(reader.too_big());
    EXPECT_TRUE(reader.done());
    EXPECT_EQ(reader.take_message(), "");
}

/// Bytes in which line ends, dots and NUL abound.
rc::Gen<std::string> hostile_bytes()
{
    return rc::gen::container<std::string>(rc::gen::element('\r', '\n', '.', '\0', 'a'));
}

TEST(SmtpDataReader, OnlyCrLfDotCrLfEverEndsIt)
{
    const bool ok = rc::check([] {
        const std::string bytes = *hostile_bytes();
        const Read got = read(bytes);
        const auto end = ("\r\n" + bytes).find("\r\n.\r\n");
        RC_ASSERT(got.done == (end != std::string::npos));
        if (got.done)
            RC_ASSERT(got.taken == end + 3);
    });
    EXPECT_TRUE(ok);
}

TEST(SmtpDataReader, SplitsMakeNoDifference)
{
    const bool ok = rc::check([] {
        const std::string bytes = *hostile_bytes();
        SmtpDataReader reader(0);
        std::size_t at = 0;
        while (at < bytes.size() && !reader.done()) {
            const auto part = static_cast<std::size_t>(*rc::gen::inRange(1, 5));
            at += reader.feed(std::string_view(bytes).substr(at, part));
        }
        const Read whole = read(bytes);
        RC_ASSERT(reader.done() == whole.done);
        RC_ASSERT(reader.irregular() == whole.irregular);
        RC_ASSERT(at == whole.taken);
        RC_ASSERT(reader.take_message() == whole.message);
    });
    EXPECT_TRUE(ok);
}

TEST(SmtpDataReader, ReadsBackWhatOurClientSends)
{
    const bool ok = rc::check([] {
        const std::string encoded = encode_data(*hostile_bytes());
        const Read got = read(encoded);
        RC_ASSERT(got.done && got.taken == encoded.size() && !got.irregular);
        RC_ASSERT(encode_data(got.message) == encoded);
    });
    EXPECT_TRUE(ok);
}

/// What we received and pass on must hold no sequence that a laxer next hop could take for the end of the message.
bool is_safe_to_pass_on(const std::string& wire)
{
    for (const char* end : {"\n.\n", "\n.\r", "\r.\r", "\r.\n"})
        if (wire.substr(0, wire.size() - 5).find(end) != std::string::npos)
            return false;
    return wire.find('\0') == std::string::npos;
}

TEST(CorpusSmuggling, NoFakeEndOfDataEndsAMessageOrIsPassedOn)
{
    WINNOW_CORPUS_OR_SKIP(folder, "smtp-smuggling");
    test::Score score("smtp-smuggling/receive-and-relay");
    for (const auto& row : test::read_jsonl(folder / "cases.jsonl")) {
        const auto sequence = row.at("sequence").get<std::string>();
        const std::string bytes = "first" + sequence + "MAIL FROM:<x@example.test>\r\n";
        const Read got = read(bytes);
        bool good = got.done == row.at("must_end_data").get<bool>();
        good = good && (got.done || got.irregular) && is_safe_to_pass_on(encode_data(got.message));
        good = good && is_safe_to_pass_on(encode_data(bytes));
        score.add(good, row.at("id").get<std::string>());
    }
    EXPECT_EQ(score.report(), 1.0);
}

// ---- command lines ----

TEST(SmtpLineBuffer, ReturnsLinesAndSaysWhatIsLeft)
{
    SmtpLineBuffer lines;
    lines.feed("EHLO a\r\nMAIL");
    EXPECT_EQ(lines.next(100)->text, "EHLO a");
    EXPECT_FALSE(lines.empty());
    EXPECT_FALSE(lines.next(100));
    lines.feed(" x\n");
    const auto bare = lines.next(100);
    EXPECT_EQ(bare->text, "MAIL x");
    EXPECT_TRUE(bare->bare);
    EXPECT_TRUE(lines.empty());
}

TEST(SmtpLineBuffer, SkipsAnOverlongLineToItsEndWithoutKeepingIt)
{
    SmtpLineBuffer lines;
    for (int i = 0; i < 1000; ++i) {
        lines.feed(std::string(1000, 'x'));
        ASSERT_FALSE(lines.next(100));
        ASSERT_LE(lines.rest().size(), 1000u);
    }
    lines.feed("\r\nNOOP\r\n");
    EXPECT_TRUE(lines.next(100)->too_long);
    EXPECT_EQ(lines.next(100)->text, "NOOP");
    lines.feed(std::string(101, 'y') + "\r\n" + std::string(100, 'z') + "\r\n");
    EXPECT_TRUE(lines.next(100)->too_long);
    EXPECT_EQ(lines.next(100)->text, std::string(100, 'z'));
}

TEST(SmtpLineBuffer, SplitsMakeNoDifference)
{
    const bool ok = rc::check([] {
        const std::string bytes = *rc::gen::container<std::string>(rc::gen::element('\r', '\n', 'a', 'b'));
        const auto collect = [&](std::size_t part) {
            SmtpLineBuffer lines;
            std::vector<std::string> out;
            for (std::size_t at = 0; at < bytes.size(); at += part) {
                lines.feed(std::string_view(bytes).substr(at, part));
                while (auto line = lines.next(5))
                    out.push_back(line->too_long ? "(long)" : line->text + (line->bare ? "\n" : "\r\n"));
            }
            return out;
        };
        RC_ASSERT(collect(1) == collect(bytes.size() + 1));
        RC_ASSERT(collect(2) == collect(3));
    });
    EXPECT_TRUE(ok);
}

}  // namespace
}  // namespace winnow::net
