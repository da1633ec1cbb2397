#include "verifier/list_ingest.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <unordered_map>

#include "core/crypto.hpp"
#include "core/csv.hpp"
#include "core/email_column.hpp"
#include "core/encoding.hpp"
#include "core/ids.hpp"
#include "verifier/list_export.hpp"

namespace winnow::verifier {
namespace {

constexpr std::size_t sample_bytes = 64 * 1024;
constexpr std::size_t sample_records = 100;
constexpr std::size_t rows_per_commit = 1'000;
constexpr std::size_t bytes_per_commit = 1 << 20;
constexpr std::size_t max_record_bytes = 1 << 20;
constexpr milliseconds replay_memory = std::chrono::hours{24};

struct DigestHash {
    std::size_t operator()(const storage::H16& digest) const noexcept
    {
        std::size_t start = 0;
        std::memcpy(&start, digest.bytes.data(), sizeof start);
        return start;
    }
};

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
    crypto::Sha256 digest;  ///< of the file, for idempotent uploads
    EncodingGuess guess;
    std::unique_ptr<Utf8Converter> utf16;  ///< set for UTF-16 only
    std::string sample;                    ///< what came before the dialect is known
    std::unique_ptr<CsvReader> reader;
    CsvDialect dialect;
    EmailColumn column;
    UploadSummary summary;
    std::vector<storage::ListRow> batch;
    std::size_t batch_bytes = 0;
    std::unordered_map<storage::H16, std::uint64_t, DigestHash> first_of;  ///< row of each address in its loose form
    bool header_seen = false;
    bool started = false;
    bool ended = false;
    std::uint64_t data_rows = 0;
    bool mixed_line_ends = false;
    std::size_t own_columns_at = 0;  ///< columns of an earlier export begin there; 0 = there are none

    std::string file() const { return options.file_name.empty() ? "the list" : options.file_name; }
    Result<> begin(bool complete);
    Result<> find_columns(bool complete);
    void describe_list();
    Result<> take_record(const CsvRecord& record);
    bool take_header(const CsvRecord& record);
    void find_own_columns();
    std::string_view without_own(const CsvRecord& record) const;
    void take_line_end(std::string_view terminator);
    std::string fault_of(const CsvRecord& record) const;
    void note_duplicate(storage::ListRow& row);
    void add_notes();
    awaitable<Result<>> store_list();
    awaitable<Result<>> flush();
    awaitable<Result<>> take(std::string text);
    awaitable<Result<>> take_sample(bool complete);
    awaitable<Result<>> end();
    awaitable<Result<>> complete();
    awaitable<Result<>> discard();
};

/// Encoding, dialect and e-mail column from the first records; the list is not stored before these are known.
Result<> ListIngest::Impl::begin(bool complete)
{
    guess = detect_encoding(sample);
    if (guess.encoding == TextEncoding::utf16le || guess.encoding == TextEncoding::utf16be) {
        utf16 = std::make_unique<Utf8Converter>(guess.encoding);
        std::string text;
        utf16->feed(sample, text);
        if (complete)
            utf16->finish(text);
        sample = std::move(text);
    }
    if (sample.find('\0') != std::string::npos)
        return Error{Errc::invalid_argument,
                     file() + " is not a text file (it holds NUL octets); export the list as CSV"};
    const std::string_view text = std::string_view(sample).substr(utf16 ? 0 : guess.bom);
    if (std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isspace(c) != 0; }))
        return Error{Errc::invalid_argument, file() + " is empty; a list needs a header row or one address per line"};
    dialect = sniff_dialect(sample, complete);
    WINNOW_CHECK(find_columns(complete));

    storage::ListRecord& list = summary.list;
    list.workspace = options.workspace;
    list.created = engine.now();
    list.id = make_ulid(list.created, rng);
    describe_list();
    list.delimiter = dialect.delimiter.front();
    list.terminator.clear();
    list.email_column = static_cast<int>(column.index);
    CsvLimits limits;
    limits.max_record_bytes = max_record_bytes;
    reader = std::make_unique<CsvReader>(dialect, limits);
    started = true;
    return {};
}

void ListIngest::Impl::describe_list()
{
    storage::ListRecord& list = summary.list;
    list.name = options.name.empty() ? file() : options.name;
    list.source = options.source;
    list.collected_at = options.collected_at;
    list.consent_basis = options.consent_basis;
}

Result<> ListIngest::Impl::find_columns(bool complete)
{
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
    if (rows.empty() && !complete)
        return Error{Errc::invalid_argument,
                     file() + ": line 1 is longer than 64 KiB; a list needs a header row or one address per line"};
    auto found = find_email_column(rows, options.column);
    if (!found)
        return Error{found.error().code, file() + ": " + found.error().context};
    column = std::move(*found);
    return {};
}

void ListIngest::Impl::note_duplicate(storage::ListRow& row)
{
    const ParsedAddress parsed = parse_address(row.address);
    const storage::H16 key =
        parsed.valid ? engine.digester().loose(parsed.address) : engine.digester().text("unreadable", row.address);
    const auto [first, fresh] = first_of.try_emplace(key, row.number);
    if (fresh)
        return;
    row.duplicate_of = first->second;
    ++summary.list.duplicates;
}

void ListIngest::Impl::take_line_end(std::string_view terminator)
{
    if (terminator.empty())
        return;
    if (summary.list.terminator.empty())
        summary.list.terminator = std::string(terminator);
    else if (summary.list.terminator != terminator)
        mixed_line_ends = true;
}

/// A list that was verified before ends in our columns. Twice the same names would leave a reader to guess which one
/// counts: the old ones go, as a whole or not at all.
void ListIngest::Impl::find_own_columns()
{
    auto& names = summary.list.columns;
    const auto own = export_columns();
    if (names.size() <= own.size() || !std::equal(own.begin(), own.end(), names.end() - std::ssize(own)))
        return;
    const std::size_t at = names.size() - own.size();
    if (column.index >= at)
        return;
    own_columns_at = at;
}

/// The octets of a record without our columns. One that has not as many cells as the header, or broken quotes, stays as
/// it is.
std::string_view ListIngest::Impl::without_own(const CsvRecord& record) const
{
    const std::string_view raw = record.raw;
    if (own_columns_at == 0 || record.kind != CsvKind::record || record.fault != CsvFault::none ||
        record.fields.size() != own_columns_at + export_columns().size())
        return raw;
    std::size_t at = raw.starts_with("\xef\xbb\xbf") ? 3 : 0;
    for (std::size_t cell = 0;; at += dialect.delimiter.size()) {
        if (at < raw.size() && raw[at] == dialect.quote) {
            // A doubled quote ends one quoted stretch and begins the next: the cell is over where none begins.
            do {
                at = raw.find(dialect.quote, at + 1);
                if (at == std::string_view::npos)
                    return raw;
                ++at;
            } while (at < raw.size() && raw[at] == dialect.quote);
        }
        at = raw.find(dialect.delimiter, at);
        if (at == std::string_view::npos || ++cell == own_columns_at)
            return raw.substr(0, at);
    }
}

/// True for the header and for what stands before it: both belong to the list, not to its rows.
bool ListIngest::Impl::take_header(const CsvRecord& record)
{
    if (!column.has_header || header_seen)
        return false;
    storage::ListRecord& list = summary.list;
    header_seen = record.kind == CsvKind::record;
    if (!header_seen) {
        list.header_raw.append(record.raw).append(record.terminator);
        return true;
    }
    for (std::string_view field : record.fields)
        list.columns.emplace_back(trimmed(to_utf8(field)));
    find_own_columns();
    list.header_raw.append(without_own(record));
    if (own_columns_at > 0)
        list.columns.resize(own_columns_at);
    return true;
}

/// Why a record holds no address; empty when it may.
std::string ListIngest::Impl::fault_of(const CsvRecord& record) const
{
    if (record.kind == CsvKind::blank)
        return "blank line";
    if (record.kind != CsvKind::record)
        return "comment";
    if (record.fault != CsvFault::none && record.fault != CsvFault::text_after_closing_quote)
        return std::string(to_string(record.fault));
    if (column.index >= record.fields.size())
        return "no e-mail column: the record has " + std::to_string(record.fields.size()) + " of " +
               std::to_string(std::max(summary.list.columns.size(), column.index + 1)) + " columns";
    return {};
}

Result<> ListIngest::Impl::take_record(const CsvRecord& record)
{
    if (record.fault == CsvFault::record_too_large)
        return Error{Errc::invalid_argument,
                     file() + ": line " + std::to_string(record.line) +
                         " is longer than 1 MiB, and a list that lacks a part of it would not be yours; shorten or "
                         "remove it (a quote that is never closed can make one line of many)"};
    storage::ListRecord& list = summary.list;
    take_line_end(record.terminator);
    if (take_header(record))
        return {};
    storage::ListRow row;
    row.number = ++list.rows;
    row.line = record.line;
    row.raw = std::string(without_own(record));
    row.malformed = fault_of(record);
    data_rows += record.kind == CsvKind::record;
    if (row.malformed.empty()) {
        row.address = address_in(to_utf8(record.fields[column.index]));
        if (row.address.empty())
            row.malformed = "empty e-mail field";
    }
    if (!row.malformed.empty())
        ++list.malformed;
    else
        note_duplicate(row);
    batch_bytes += row.raw.size();
    batch.push_back(std::move(row));
    return {};
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
    batch_bytes = 0;
    auto ops = storage::OpList::of(storage::PutRows{summary.list.workspace, summary.list.id, std::move(rows)});
    WINNOW_CO_CHECK(co_await engine.commit(std::move(ops)));
    co_return Result<>{};
}

awaitable<Result<>> ListIngest::Impl::take(std::string text)
{
    // In pieces, so that what is decoded and not stored yet stays small.
    for (std::size_t at = 0; at < text.size(); at += sample_bytes) {
        reader->feed(std::string_view(text).substr(at, sample_bytes));
        while (const CsvRecord* record = reader->next()) {
            WINNOW_CO_CHECK(take_record(*record));
            if (batch.size() >= rows_per_commit || batch_bytes >= bytes_per_commit) {
                WINNOW_CO_CHECK(co_await flush());
            }
        }
    }
    co_return Result<>{};
}

awaitable<Result<>> ListIngest::Impl::take_sample(bool complete)
{
    WINNOW_CO_CHECK(begin(complete));
    std::string held;
    held.swap(sample);
    co_return co_await take(std::move(held));
}

awaitable<Result<>> ListIngest::Impl::end()
{
    if (!started) {
        WINNOW_CO_CHECK(co_await take_sample(true));
    } else if (utf16) {
        std::string rest;
        utf16->finish(rest);
        WINNOW_CO_CHECK(co_await take(std::move(rest)));
    }
    reader->finish();
    while (const CsvRecord* record = reader->next()) {
        WINNOW_CO_CHECK(take_record(*record));
    }
    if (data_rows == 0)
        co_return Error{Errc::invalid_argument, file() + " has a header and no rows"};
    WINNOW_CO_CHECK(co_await flush());
    ended = true;
    co_return Result<>{};
}

void ListIngest::Impl::add_notes()
{
    summary.encoding = std::string(to_string(guess.encoding));
    auto& notes = summary.notes;
    if (utf16)
        notes.push_back("read as " + summary.encoding + ", written as UTF-8");
    else if (guess.encoding == TextEncoding::windows_1252)
        notes.push_back("read as " + summary.encoding + "; the rows keep their octets");
    if (column.found_by == EmailColumn::FoundBy::content)
        notes.push_back("e-mail column " + std::to_string(column.index + 1) + " was found by its content");
    if (own_columns_at > 0)
        notes.push_back("the file was verified before; its winnow_ columns are written anew");
    if (mixed_line_ends)
        notes.push_back("line ends are mixed; the export writes the first kind everywhere");
}

/// The last commit: from now on it is a list. With an idempotency key it may turn out to be the second of its kind.
awaitable<Result<>> ListIngest::Impl::complete()
{
    storage::ListRecord& list = summary.list;
    list.complete = true;
    if (list.terminator.empty())
        list.terminator = "\n";
    if (options.idempotency_key.empty())
        co_return co_await store_list();
    const std::string name = options.workspace + "/" + options.idempotency_key;
    const std::string key = "upload/" + engine.digester().text("upload", name).hex();
    auto ops =
        storage::OpList::of(storage::PutList{list}, storage::PutValue{key, list.id, engine.now() + replay_memory});
    ops.idempotency_key = key;
    ops.fingerprint = crypto::hex(digest.finish());
    auto committed = co_await engine.commit(std::move(ops));
    if (committed && !committed->replayed) {
        list.version = committed->results.front().version;
        co_return Result<>{};
    }
    WINNOW_CO_CHECK(co_await discard());
    if (!committed)
        co_return committed.error();
    WINNOW_CO_TRY(const auto id, co_await engine.get_value(key));
    const std::string first_id = id.value_or("");
    WINNOW_CO_TRY(auto first, co_await engine.get_list(options.workspace, first_id));
    if (!first)
        co_return Error{Errc::conflict, "the list of the first upload with this idempotency key was deleted"};
    list = std::move(*first);
    summary.repeated = true;
    summary.notes.push_back("the same upload was taken before; this is its list");
    co_return Result<>{};
}

awaitable<Result<>> ListIngest::Impl::discard()
{
    storage::ListRecord& list = summary.list;
    if (list.version == 0)
        co_return Result<>{};
    auto ops = storage::OpList::of(storage::DeleteList{list.workspace, list.id});
    WINNOW_CO_CHECK(co_await engine.commit(std::move(ops)));
    list.version = 0;
    co_return Result<>{};
}

ListIngest::ListIngest(storage::Engine& engine, Rng& rng, UploadOptions options)
    : impl_(std::make_unique<Impl>(engine, rng, std::move(options)))
{
    impl_->digest.update(impl_->options.request);
}
ListIngest::~ListIngest() = default;

void ListIngest::describe(const UploadOptions& late)
{
    UploadOptions& options = impl_->options;
    options.name = late.name;
    options.source = late.source;
    options.collected_at = late.collected_at;
    options.consent_basis = late.consent_basis;
    if (impl_->started)
        impl_->describe_list();
}

awaitable<Result<>> ListIngest::feed(std::string piece)
{
    Impl& self = *impl_;
    self.summary.bytes += piece.size();
    self.digest.update(piece);
    if (!self.started) {
        self.sample += piece;
        if (self.sample.size() < sample_bytes)
            co_return Result<>{};
        co_return co_await self.take_sample(false);
    }
    if (!self.utf16)
        co_return co_await self.take(std::move(piece));
    std::string converted;
    self.utf16->feed(piece, converted);
    co_return co_await self.take(std::move(converted));
}

awaitable<Result<storage::ListRecord>> ListIngest::end()
{
    Impl& self = *impl_;
    if (!self.ended) {
        WINNOW_CO_CHECK(co_await self.end());
    }
    co_return self.summary.list;
}

awaitable<Result<UploadSummary>> ListIngest::finish()
{
    Impl& self = *impl_;
    if (!self.ended) {
        WINNOW_CO_CHECK(co_await self.end());
    }
    self.add_notes();
    WINNOW_CO_CHECK(co_await self.complete());
    co_return self.summary;
}

awaitable<Result<>> ListIngest::discard()
{
    return impl_->discard();
}

}  // namespace winnow::verifier
