#include "api/suppression_rows.hpp"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "core/crypto.hpp"
#include "core/csv.hpp"
#include "core/email_column.hpp"
#include "core/encoding.hpp"
#include "core/gunzip.hpp"
#include "core/json_members.hpp"
#include "core/ndjson.hpp"
#include "core/trim.hpp"
#include "core/unicode.hpp"
#include "verifier/row_parsers.hpp"

namespace winnow::api {
namespace {

constexpr std::size_t sample_bytes = 64 * 1024;
constexpr std::size_t sample_records = 100;
constexpr std::size_t max_record_bytes = 64 * 1024;
constexpr std::size_t magic_bytes = 3;
constexpr std::size_t most_paths = 1'000;
constexpr const char* too_long = "longer than 64 KB";

/// The columns and members with a name of ours, and where their texts go.
constexpr std::pair<std::string_view, std::string_view SuppressionRow::*> known_columns[] = {
    {"domain", &SuppressionRow::domain}, {"digest", &SuppressionRow::digest},   {"reason", &SuppressionRow::reason},
    {"note", &SuppressionRow::note},     {"expires", &SuppressionRow::expires}, {"created", &SuppressionRow::created},
    {"status", &SuppressionRow::status},
};

/// What a damaged row is told as.
std::string sentence_of(CsvFault fault)
{
    switch (fault) {
        case CsvFault::unterminated_quote:
            return "a quoted cell that never ends";
        case CsvFault::record_too_large:
            return too_long;
        default:
            return std::string(to_string(fault));
    }
}

/// Rows out of the text of one format.
class Parser {
public:
    virtual ~Parser() = default;
    virtual void feed(std::string_view text) = 0;  ///< drain before the next
    virtual void finish() = 0;
    /// False when it needs more or is at the end.
    virtual bool next(SuppressionRow& row) = 0;

    std::vector<std::string> columns;  ///< their names, as far as the file tells
};

class CsvRows final : public Parser {
public:
    CsvRows(const CsvDialect& dialect, CsvLimits limits, const EmailColumn& column, std::vector<std::string> first)
        : reader_(dialect, limits), column_(column)
    {
        if (column.has_header)
            columns = std::move(first);
        for (std::size_t i = 0; i < columns.size(); ++i)
            name_column(i, columns[i]);
    }

    void feed(std::string_view text) override { reader_.feed(text); }
    void finish() override { reader_.finish(); }
    bool next(SuppressionRow& row) override
    {
        while (const CsvRecord* const record = reader_.next()) {
            if (record->kind != CsvKind::record)
                continue;
            const bool is_header = column_.has_header && !std::exchange(header_seen_, true);
            const bool nothing = std::all_of(record->fields.begin(), record->fields.end(),
                                             [](std::string_view field) { return trim(field, white_space).empty(); });
            if (is_header || nothing)
                continue;
            take(*record, row);
            return true;
        }
        return false;
    }

private:
    using Cell = std::string_view SuppressionRow::*;

    void name_column(std::size_t index, std::string_view header)
    {
        const std::string word = to_lower_ascii(trim(header, white_space));
        for (const auto& [name, cell] : known_columns)
            if (word == name &&
                std::none_of(cells_.begin(), cells_.end(), [c = cell](const auto& other) { return other.second == c; }))
                cells_.emplace_back(index, cell);
    }

    void take(const CsvRecord& record, SuppressionRow& row) const
    {
        row = {};
        row.line = record.line;
        if (record.fault != CsvFault::none && record.fault != CsvFault::text_after_closing_quote) {
            row.fault = sentence_of(record.fault);
            return;
        }
        if (column_.index < record.fields.size())
            row.address = address_in_cell(record.fields[column_.index]);
        for (const auto& [index, cell] : cells_)
            if (index < record.fields.size())
                row.*cell = trim(record.fields[index], white_space);
    }

    CsvReader reader_;
    EmailColumn column_;
    std::vector<std::pair<std::size_t, Cell>> cells_;  ///< where the other columns are
    bool header_seen_ = false;
};

class NdjsonRows final : public Parser {
public:
    NdjsonRows(std::vector<std::string> address_paths, std::vector<std::string> paths)
        : address_paths_(std::move(address_paths)), reader_(max_record_bytes)
    {
        columns = std::move(paths);
    }

    void feed(std::string_view text) override { reader_.feed(text); }
    void finish() override { reader_.finish(); }
    bool next(SuppressionRow& row) override
    {
        const NdjsonLine* const line = reader_.next();
        if (!line)
            return false;
        row = {};
        row.line = line->line;
        if (line->too_long)
            row.fault = too_long;
        else
            take(line->text, row);
        return true;
    }

private:
    std::string_view text_of(std::string_view path) const
    {
        const JsonMember* const member = find_member(line_, path);
        return member ? trim(member->value, white_space) : std::string_view{};
    }

    void take(std::string_view text, SuppressionRow& row)
    {
        auto line = read_json_line(trim(text, white_space));
        if (!line) {
            row.fault = line.error().context;
            return;
        }
        line_ = std::move(*line);
        if (line_.kind == JsonLine::Kind::text) {
            row.address = address_in_cell(line_.members.front().value);
        } else if (line_.kind == JsonLine::Kind::object) {
            for (std::size_t i = 0; i < address_paths_.size() && row.address.empty(); ++i)
                row.address = address_in_cell(text_of(address_paths_[i]));
            for (const auto& [name, cell] : known_columns)
                row.*cell = text_of(name);
        } else {
            row.fault = "neither a JSON object nor a JSON text";
        }
    }

    std::vector<std::string> address_paths_;  ///< where the address is looked for
    NdjsonReader reader_;
    JsonLine line_;  ///< holds the cells of the row
};

/// Why there are no addresses, when the last of the first rows tells: a list of MD5, SHA-1 or SHA-256 digests is none
/// that a look-up finds again, since the store's own digests are keyed.
Error without_addresses(const std::vector<std::vector<std::string>>& table, const Error& error)
{
    const auto is_digest = [](const std::string& cell) {
        const std::string_view text = trim(cell, white_space);
        return (text.size() == 32 || text.size() == 40 || text.size() == 64) && crypto::unhex(text);
    };
    if (table.empty() || std::none_of(table.back().begin(), table.back().end(), is_digest))
        return error;
    return {Errc::invalid_argument,
            "the file holds digests of addresses, which cannot be imported; it has to hold the addresses themselves"};
}

Result<std::unique_ptr<Parser>> make_csv(std::string_view sample, bool complete, const std::string& wanted)
{
    const CsvDialect dialect = sniff_dialect(sample, complete);
    CsvReader look{dialect};
    look.feed(sample);
    if (complete)
        look.finish();
    std::vector<std::vector<std::string>> rows;
    bool one_cell = true;
    while (const CsvRecord* const record = rows.size() < sample_records ? look.next() : nullptr) {
        if (record->kind != CsvKind::record)
            continue;
        rows.emplace_back(record->fields.begin(), record->fields.end());
        one_cell = one_cell && rows.back().size() == 1;
    }
    const auto found = find_email_column(rows, wanted);
    // One cell a line needs no search: a list of domains alone has no address to find.
    const bool bare_lines =
        one_cell && !rows.empty() && trim(rows.front().front(), white_space).find('@') != std::string::npos;
    if (!found && !bare_lines)
        return without_addresses(rows, found.error());
    CsvLimits limits;
    limits.max_record_bytes = max_record_bytes;
    const EmailColumn column = found ? *found : EmailColumn{};
    return std::make_unique<CsvRows>(dialect, limits, column, rows.empty() ? std::vector<std::string>{} : rows.front());
}

/// The first lines as a table, whose header is the members' paths.
std::vector<std::vector<std::string>> table_of(std::string_view sample, bool complete)
{
    NdjsonReader look{max_record_bytes};
    look.feed(sample);
    if (complete)
        look.finish();
    std::vector<JsonLine> lines;
    std::vector<std::vector<std::string>> table(1);
    std::vector<std::string>& paths = table.front();
    while (const NdjsonLine* const line = lines.size() < sample_records ? look.next() : nullptr) {
        auto read = read_json_line(trim(line->text, white_space));
        if (!read || read->kind != JsonLine::Kind::object)
            continue;
        for (const JsonMember& member : read->members)
            if (paths.size() < most_paths && std::find(paths.begin(), paths.end(), member.path) == paths.end())
                paths.push_back(member.path);
        lines.push_back(std::move(*read));
    }
    for (const JsonLine& line : lines) {
        std::vector<std::string> row;
        for (const std::string& path : table.front()) {
            const JsonMember* const member = find_member(line, path);
            row.push_back(member ? member->value : "");
        }
        table.push_back(std::move(row));
    }
    return table;
}

Result<std::unique_ptr<Parser>> make_ndjson(std::string_view sample, bool complete, const std::string& wanted)
{
    const auto table = table_of(sample, complete);
    const std::vector<std::string>& paths = table.front();
    const bool named = std::any_of(paths.begin(), paths.end(), [](const std::string& path) {
        return path == "email" || path == "address" || path == "domain";
    });
    if (wanted.empty() && named)
        return std::make_unique<NdjsonRows>(std::vector<std::string>{"email", "address"}, paths);
    const auto column = find_email_column(table, wanted, true);
    if (!column)
        return without_addresses(table, column.error());
    return std::make_unique<NdjsonRows>(std::vector<std::string>{paths[column->index]}, paths);
}

}  // namespace

struct SuppressionRows::Impl {
    explicit Impl(std::string c) : wanted(std::move(c)) {}

    std::string wanted;
    std::string input;      ///< as it was fed
    bool final = false;     ///< nothing is fed any more
    bool opened = false;    ///< whether it is gzip is known
    bool all_text = false;  ///< the parser has everything
    std::optional<Gunzip> gunzip;
    Utf8Converter converter;
    std::string sample;  ///< the beginning, until the format is known
    std::unique_ptr<Parser> parser;
    SuppressionRow row;

    static Error wrong(const std::string& what) { return {Errc::invalid_argument, "the file " + what}; }
    Result<std::string> unpacked();
    Result<> begin(bool complete);
    Result<> take(std::string_view text);
    Result<bool> advance();
};

/// The next octets of the file as it was before compression; none when it needs more or is at the end.
Result<std::string> SuppressionRows::Impl::unpacked()
{
    if (!gunzip)
        return std::exchange(input, {});
    gunzip->feed(std::exchange(input, {}));
    if (final)
        gunzip->finish();
    const auto piece = gunzip->next();
    if (!piece)
        return Error{piece.error().code, "the file " + piece.error().context};
    return std::string(*piece);
}

Result<> SuppressionRows::Impl::begin(bool complete)
{
    if (trim(sample, white_space).empty())
        return wrong("is empty; one address a line is enough");
    WINNOW_TRY(const bool json, verifier::looks_like_ndjson(sample, complete, "the file"));
    if (json) {
        WINNOW_TRY(parser, make_ndjson(sample, complete, wanted));
    } else {
        WINNOW_TRY(parser, make_csv(sample, complete, wanted));
    }
    parser->feed(std::exchange(sample, {}));
    return {};
}

Result<> SuppressionRows::Impl::take(std::string_view text)
{
    if (parser) {
        parser->feed(text);
        return {};
    }
    sample += text;
    return sample.size() < sample_bytes ? Result<>{} : begin(false);
}

/// Gives the parser more, which has to be drained by now. False when there is nothing to give.
Result<bool> SuppressionRows::Impl::advance()
{
    if (!opened) {
        if (input.size() < magic_bytes && !final)
            return false;
        opened = true;
        if (looks_like_gzip(input))
            gunzip.emplace();
    }
    WINNOW_TRY(const std::string piece, unpacked());
    if (!piece.empty()) {
        if (gunzip && !parser && sample.empty() && looks_like_gzip(piece))
            return wrong("is compressed twice; compress it once");
        std::string text;
        converter.feed(piece, text);
        WINNOW_CHECK(take(text));
        return true;
    }
    if (!final || all_text)
        return false;
    all_text = true;
    std::string rest;
    converter.finish(rest);
    WINNOW_CHECK(take(rest));
    if (!parser) {
        WINNOW_CHECK(begin(true));
    }
    parser->finish();
    return true;
}

SuppressionRows::SuppressionRows(std::string column) : impl_(std::make_unique<Impl>(std::move(column))) {}
SuppressionRows::SuppressionRows(SuppressionRows&&) noexcept = default;
SuppressionRows::~SuppressionRows() = default;

void SuppressionRows::feed(std::string piece)
{
    if (impl_->input.empty())
        impl_->input = std::move(piece);
    else
        impl_->input += piece;
}

void SuppressionRows::finish() noexcept
{
    impl_->final = true;
}

Result<const SuppressionRow*> SuppressionRows::next()
{
    for (;;) {
        if (impl_->parser && impl_->parser->next(impl_->row))
            return &impl_->row;
        WINNOW_TRY(const bool more, impl_->advance());
        if (!more)
            return nullptr;
    }
}

const std::vector<std::string>& SuppressionRows::columns() const noexcept
{
    static const std::vector<std::string> none;
    return impl_->parser ? impl_->parser->columns : none;
}

std::string_view SuppressionRows::encoding() const noexcept
{
    return to_string(impl_->converter.encoding());
}

}  // namespace winnow::api
