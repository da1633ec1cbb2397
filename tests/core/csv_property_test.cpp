#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "core/csv.hpp"

namespace winnow {
namespace {

using Table = std::vector<std::vector<std::string>>;

/// Text made of the characters that a CSV codec can get wrong.
rc::Gen<std::string> hostile_text()
{
    return rc::gen::container<std::string>(
        rc::gen::element('"', ',', ';', '\n', '\r', ' ', '\'', '#', '\\', 'a', 'b', '=', '\0', '\xEF', '\xBB', '\xBF'));
}

rc::Gen<CsvDialect> dialects()
{
    return rc::gen::map(rc::gen::tuple(rc::gen::element<std::string>(",", ";", "\t", "::"), rc::gen::element('"', '\''),
                                       rc::gen::element<std::string>("", "#")),
                        [](const auto& parts) {
                            CsvDialect dialect;
                            dialect.delimiter = std::get<0>(parts);
                            dialect.quote = dialect.escape = std::get<1>(parts);
                            dialect.comment = std::get<2>(parts);
                            return dialect;
                        });
}

/// All that a reader says about one record.
struct Row {
    std::vector<std::string> fields;
    std::string raw;
    std::string terminator;
    std::size_t line = 0;
    std::uint64_t offset = 0;
    CsvKind kind = CsvKind::record;
    CsvFault fault = CsvFault::none;
    bool operator==(const Row&) const = default;
};

std::vector<Row> read(const std::string& text, const CsvDialect& dialect, CsvLimits limits,
                      const std::vector<std::size_t>& cuts)
{
    std::vector<Row> rows;
    CsvReader reader(dialect, limits);
    const auto drain = [&] {
        while (const CsvRecord* r = reader.next())
            rows.push_back({{r->fields.begin(), r->fields.end()},
                            std::string(r->raw),
                            std::string(r->terminator),
                            r->line,
                            r->offset,
                            r->kind,
                            r->fault});
    };
    std::size_t at = 0;
    for (const std::size_t cut : cuts) {
        const std::size_t size = std::min(cut % 7, text.size() - at);
        reader.feed(std::string_view(text).substr(at, size));
        at += size;
        drain();
    }
    reader.feed(std::string_view(text).substr(at));
    drain();
    reader.finish();
    drain();
    return rows;
}

RC_GTEST_PROP(CsvProperty, WhatIsWrittenIsReadBack, ())
{
    const auto dialect = *dialects();
    // A hundred cells of a hundred characters in each of a hundred rows would say no more than a few of each.
    const auto table = *rc::gen::scale(
        0.2,
        rc::gen::container<Table>(rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(hostile_text()))));
    std::string text;
    CsvWriter writer(text, dialect, *rc::gen::element<std::string>("\n", "\r\n", "\r"));
    for (const auto& row : table)
        writer.row(std::vector<std::string_view>(row.begin(), row.end()));
    Table again;
    for (const auto& record : read(text, dialect, {}, *rc::gen::arbitrary<std::vector<std::size_t>>())) {
        RC_ASSERT(record.fault == CsvFault::none);
        RC_ASSERT(record.kind == CsvKind::record);
        again.push_back(record.fields);
    }
    RC_ASSERT(again == table);
}

RC_GTEST_PROP(CsvProperty, RawOctetsOfAnyInputAddUpToIt, ())
{
    const auto text = *hostile_text();
    const auto dialect = *dialects();
    const bool recover = *rc::gen::arbitrary<bool>();
    std::string sum;
    for (const auto& record : read(text, dialect, CsvLimits{.recover_at_next_line = recover}, {})) {
        RC_ASSERT(record.offset == sum.size());
        sum += record.raw + record.terminator;
    }
    RC_ASSERT(sum == text);
}

RC_GTEST_PROP(CsvProperty, ChunksDoNotChangeTheReading, ())
{
    const auto text = *hostile_text();
    auto dialect = *dialects();
    dialect.newline = *rc::gen::element(CsvNewline::any, CsvNewline::lf, CsvNewline::crlf, CsvNewline::cr);
    dialect.escape = *rc::gen::element(dialect.quote, '\\');
    const CsvLimits limits{.max_record_bytes = *rc::gen::inRange<std::size_t>(4, 40),
                           .recover_at_next_line = *rc::gen::arbitrary<bool>()};
    const auto whole = read(text, dialect, limits, {});
    RC_ASSERT(read(text, dialect, limits, *rc::gen::arbitrary<std::vector<std::size_t>>()) == whole);
    RC_ASSERT(read(text, dialect, limits, std::vector<std::size_t>(text.size(), 1)) == whole);
}

RC_GTEST_PROP(CsvProperty, SniffingTakesAnyInput, ())
{
    RC_ASSERT(sniff_dialect(*hostile_text(), *rc::gen::arbitrary<bool>()).valid());
}

}  // namespace
}  // namespace winnow
