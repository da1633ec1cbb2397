#include "verifier/list_ingest.hpp"

#include <algorithm>
#include <cctype>
#include <unordered_map>

#include "core/csv.hpp"
#include "core/email_column.hpp"
#include "core/encoding.hpp"
#include "core/ids.hpp"

namespace winnow::verifier {
namespace {

constexpr std::size_t sample_bytes = 64 * 1024;
constexpr std::size_t sample_records = 100;
constexpr std::size_t rows_per_commit = 1'000;
constexpr std::size_t max_record_bytes = 1 << 20;

std::string_view trimmed(std::string_view text)
{
    const auto space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
    while (!text.empty() && space(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && space(text.back()))
        text.remove_suffix(1);
    // No-break space, as pasted from web pages (UTF-8).
    constexpr std::string_view nbsp = "\xc2\xa0";
    while (text.size() >= 2 && text.substr(0, 2) == nbsp)
        text.remove_prefix(2);
    while (text.size() >= 2 && text.substr(text.size() - 2) == nbsp)
        text.remove_suffix(2);
    return text;
}

/// "Ann <ann@example.com>" and "mailto:ann@example.com" hold an address; what is in it is verified.
std::string address_in(std::string_view cell)
{
    cell = trimmed(cell);
    if (!cell.empty() && cell.back() == '>') {
        const auto open = cell.rfind('<');
        if (open != std::string_view::npos)
            cell = trimmed(cell.substr(open + 1, cell.size() - open - 2));
    }
    constexpr std::string_view mailto = "mailto:";
    if (cell.size() > mailto.size() && std::equal(mailto.begin(), mailto.end(), cell.begin(), [](char a, char b) {
            return a == std::tolower(static_cast<unsigned char>(b));
        }))
        cell.remove_prefix(mailto.size());
    return std::string(trimmed(cell));
}

}  // namespace

struct ListIngest::Impl {
    Impl(storage::Engine& e, Rng& r, UploadOptions o) : engine(e), rng(r), options(std::move(o)) {}

    storage::Engine& engine;
    Rng& rng;
    UploadOptions options;
    EncodingGuess guess;
    std::unique_ptr<Utf8Converter>
        utf16;           ///< set for UTF-16 only: other encodings keep their octets, so that rows come back exact
    std::string sample;  ///< what came before the dialect is known
    std::unique_ptr<CsvReader> reader;
    CsvDialect dialect;
    EmailColumn column;
    UploadSummary summary;
    std::vector<storage::ListRow> batch;
    /// First row of each address, by the digest of its loose form.
    std::unordered_map<std::string, std::uint64_t> first_of;
    bool header_seen = false;
    bool started = false;
    std::uint64_t data_rows = 0;

    std::string file() const { return options.file_name.empty() ? "the list" : options.file_name; }
    Result<> begin(bool complete);
    Result<> take_records();
    void take_record(const CsvRecord& record);
    void note_duplicate(storage::ListRow& row);
    awaitable<Result<>> store_list();
    awaitable<Result<>> flush();
    awaitable<Result<>> take(const std::string& text);
    awaitable<Result<>> take_sample(bool complete);
};

/// Dialect and e-mail column from the first records; the list is not stored before these are known.
Result<> ListIngest::Impl::begin(bool complete)
{
    guess = detect_encoding(sample);
    if (guess.encoding == TextEncoding::utf16le || guess.encoding == TextEncoding::utf16be) {
        utf16 = std::make_unique<Utf8Converter>();
        std::string text;
        utf16->feed(sample, text);
        if (complete)
            utf16->finish(text);
        sample = std::move(text);
    }
    if (sample.find('\0') != std::string::npos)
        return Error{Errc::invalid_argument,
                     file() + " is not a text file (it holds NUL octets); export the list as CSV"};
    if (std::all_of(sample.begin(), sample.end(), [](unsigned char c) { return std::isspace(c) != 0; }))
        return Error{Errc::invalid_argument, file() + " is empty; a list needs a header row or one address per line"};
    dialect = sniff_dialect(sample, complete);
    CsvReader look{dialect};
    look.feed(sample);
    if (complete)
        look.finish();
    std::vector<std::vector<std::string>> rows;
    while (const CsvRecord* record = look.next()) {
        if (record->kind != CsvKind::record || record->fault == CsvFault::record_too_large)
            continue;
        rows.emplace_back();
        for (std::string_view field : record->fields)
            rows.back().push_back(to_utf8(field));
        if (rows.size() >= sample_records)
            break;
    }
    auto found = find_email_column(rows, options.column);
    if (!found)
        return Error{found.error().code, file() + ": " + found.error().context};
    column = *found;

    storage::ListRecord& list = summary.list;
    list.workspace = options.workspace;
    list.created = engine.now();
    list.id = make_ulid(list.created, rng);
    list.name = options.name.empty() ? file() : options.name;
    list.source = options.source;
    list.collected_at = options.collected_at;
    list.consent_basis = options.consent_basis;
    list.delimiter = dialect.delimiter.front();
    list.email_column = static_cast<int>(column.index);
    CsvLimits limits;
    limits.max_record_bytes = max_record_bytes;
    reader = std::make_unique<CsvReader>(dialect, limits);
    started = true;
    return {};
}

void ListIngest::Impl::note_duplicate(storage::ListRow& row)
{
    const ParsedAddress parsed = parse_address(row.address);
    const std::string key =
        parsed.valid ? std::string(engine.digester().loose(parsed.address).view()) : "?" + row.address;
    const auto [first, fresh] = first_of.try_emplace(key, row.number);
    if (fresh)
        return;
    row.duplicate_of = first->second;
    ++summary.list.duplicates;
}

void ListIngest::Impl::take_record(const CsvRecord& record)
{
    storage::ListRecord& list = summary.list;
    if (!record.terminator.empty())
        list.terminator = std::string(record.terminator);
    if (record.kind == CsvKind::record && column.has_header && !header_seen) {
        header_seen = true;
        list.header_raw = std::string(record.raw);
        for (std::string_view field : record.fields)
            list.columns.emplace_back(trimmed(to_utf8(field)));
        return;
    }
    storage::ListRow row;
    row.number = ++list.rows;
    row.line = record.line;
    row.raw = std::string(record.raw);
    if (record.kind != CsvKind::record) {
        row.malformed = record.kind == CsvKind::blank ? "blank line" : "comment";
    } else if (record.fault != CsvFault::none && record.fault != CsvFault::text_after_closing_quote) {
        row.malformed = std::string(to_string(record.fault));
    } else if (column.index >= record.fields.size()) {
        row.malformed = "no e-mail column: the record has " + std::to_string(record.fields.size()) + " of " +
                        std::to_string(std::max(list.columns.size(), column.index + 1)) + " columns";
    } else {
        row.address = address_in(to_utf8(record.fields[column.index]));
        if (row.address.empty())
            row.malformed = "empty e-mail field";
    }
    if (!row.malformed.empty())
        ++list.malformed;
    else
        note_duplicate(row);
    batch.push_back(std::move(row));
}

awaitable<Result<>> ListIngest::Impl::store_list()
{
    auto ops = storage::OpList::of(storage::PutList{summary.list});
    WINNOW_CO_TRY(const auto stored, co_await engine.commit(std::move(ops)));
    summary.list.version = stored.results.front().version;
    co_return Result<>{};
}

awaitable<Result<>> ListIngest::Impl::flush()
{
    if (summary.list.version == 0) {
        WINNOW_CO_CHECK(co_await store_list());
    }
    if (batch.empty())
        co_return Result<>{};
    std::vector<storage::ListRow> rows;
    rows.swap(batch);
    auto ops = storage::OpList::of(storage::PutRows{summary.list.workspace, summary.list.id, std::move(rows)});
    WINNOW_CO_CHECK(co_await engine.commit(std::move(ops)));
    co_return Result<>{};
}

awaitable<Result<>> ListIngest::Impl::take(const std::string& text)
{
    reader->feed(text);
    while (const CsvRecord* record = reader->next()) {
        take_record(*record);
        if (batch.size() >= rows_per_commit) {
            WINNOW_CO_CHECK(co_await flush());
        }
    }
    co_return Result<>{};
}

awaitable<Result<>> ListIngest::Impl::take_sample(bool complete)
{
    WINNOW_CO_CHECK(begin(complete));
    std::string held;
    held.swap(sample);
    co_return co_await take(held);
}

ListIngest::ListIngest(storage::Engine& engine, Rng& rng, UploadOptions options)
    : impl_(std::make_unique<Impl>(engine, rng, std::move(options)))
{
}
ListIngest::~ListIngest() = default;

awaitable<Result<>> ListIngest::feed(std::string piece)
{
    Impl& self = *impl_;
    self.summary.bytes += piece.size();
    if (self.started) {
        std::string text = std::move(piece);
        if (self.utf16) {
            std::string converted;
            self.utf16->feed(text, converted);
            text = std::move(converted);
        }
        co_return co_await self.take(text);
    }
    self.sample += piece;
    if (self.sample.size() < sample_bytes)
        co_return Result<>{};
    co_return co_await self.take_sample(false);
}

awaitable<Result<UploadSummary>> ListIngest::finish()
{
    Impl& self = *impl_;
    if (!self.started) {
        WINNOW_CO_CHECK(co_await self.take_sample(true));
    } else if (self.utf16) {
        std::string rest;
        self.utf16->finish(rest);
        WINNOW_CO_CHECK(co_await self.take(rest));
    }
    self.reader->finish();
    std::string nothing;
    WINNOW_CO_CHECK(co_await self.take(nothing));

    storage::ListRecord& list = self.summary.list;
    // The blank line at the end of a file is its last line end, not a row that somebody forgot to fill.
    if (list.rows == 0)
        co_return Error{Errc::invalid_argument, self.file() + " has a header and no rows"};
    WINNOW_CO_CHECK(co_await self.flush());
    list.complete = true;
    WINNOW_CO_CHECK(co_await self.store_list());
    self.summary.encoding = std::string(to_string(self.guess.encoding));
    if (self.utf16)
        self.summary.notes.push_back("read as " + self.summary.encoding + ", written as UTF-8");
    else if (self.guess.encoding == TextEncoding::windows_1252)
        self.summary.notes.push_back("read as " + self.summary.encoding + "; the rows keep their octets");
    if (self.column.found_by == EmailColumn::FoundBy::content)
        self.summary.notes.push_back("e-mail column " + std::to_string(self.column.index + 1) +
                                     " was found by its content");
    co_return self.summary;
}

awaitable<Result<>> ListIngest::discard()
{
    storage::ListRecord& list = impl_->summary.list;
    if (list.version == 0)
        co_return Result<>{};
    auto ops = storage::OpList::of(storage::DeleteList{list.workspace, list.id});
    WINNOW_CO_CHECK(co_await impl_->engine.commit(std::move(ops)));
    list.version = 0;
    co_return Result<>{};
}

}  // namespace winnow::verifier
