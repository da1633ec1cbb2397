#include "api/suppression_import.hpp"

#include <algorithm>
#include <optional>

#include "core/crypto.hpp"
#include "core/csv.hpp"
#include "core/duration.hpp"
#include "core/email_column.hpp"
#include "core/encoding.hpp"
#include "core/ids.hpp"
#include "core/trim.hpp"
#include "core/unicode.hpp"

namespace winnow::api {
namespace {

constexpr std::size_t sample_bytes = 64 * 1024;
constexpr std::size_t sample_records = 100;
constexpr std::size_t rows_per_commit = 500;
constexpr std::size_t max_faults = 100;
constexpr std::size_t max_note = 200;
constexpr std::size_t max_record_bytes = 64 * 1024;

/// What a damaged row is told as.
std::string sentence_of(CsvFault fault)
{
    switch (fault) {
        case CsvFault::unterminated_quote:
            return "a quoted cell that never ends";
        case CsvFault::record_too_large:
            return "longer than 64 KB";
        default:
            return std::string(to_string(fault));
    }
}

/// Whether `entry` says nothing new beside `hit`, which stands in the store.
bool covers(const storage::SuppressionHit& hit, const storage::SuppressionEntry& entry)
{
    // A complaint or an unsubscribe is about all tags of a mailbox; another reason is about this one form.
    const auto of_person = [](SuppressionReason reason) {
        return reason == SuppressionReason::complaint || reason == SuppressionReason::unsubscribe;
    };
    return hit.scope == entry.scope && !hit.whole_domain && strength(hit.reason) >= strength(entry.reason) &&
           (of_person(hit.reason) || !of_person(entry.reason)) &&
           (!hit.expires || (entry.expires && *entry.expires <= *hit.expires));
}

std::string cut(std::string_view text, std::size_t max)
{
    while (text.size() > max) {
        text = text.substr(0, max);
        while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80)
            text.remove_suffix(1);
        if (!text.empty() && static_cast<unsigned char>(text.back()) >= 0xC0)
            text.remove_suffix(1);
    }
    return std::string(text);
}

/// Where the other columns are, when the file has a header.
struct OtherColumns {
    std::optional<std::size_t> reason, domain, digest, note, expires;

    void name(std::size_t index, std::string_view header)
    {
        const std::string word = to_lower_ascii(trim(header, white_space));
        for (auto [known, place] :
             {std::pair{"reason", &reason}, std::pair{"domain", &domain}, std::pair{"digest", &digest},
              std::pair{"note", &note}, std::pair{"expires", &expires}})
            if (word == known && !*place)
                *place = index;
    }
};

std::string_view cell(const CsvRecord& record, std::optional<std::size_t> index)
{
    return index && *index < record.fields.size() ? trim(record.fields[*index], white_space) : std::string_view{};
}

}  // namespace

std::vector<SuppressionReason> given_reasons()
{
    auto reasons = all_values<SuppressionReason>();
    std::erase(reasons, SuppressionReason::erased);
    return reasons;
}

struct SuppressionImport::Impl {
    Impl(storage::Engine& e, Rng& r, SuppressionImportOptions o) : engine(e), rng(r), options(std::move(o)) {}

    storage::Engine& engine;
    Rng& rng;
    SuppressionImportOptions options;
    const std::vector<SuppressionReason> reasons = given_reasons();
    Utf8Converter converter;
    std::string sample;  ///< what came before the dialect is known
    std::unique_ptr<CsvReader> reader;
    EmailColumn column;
    OtherColumns others;
    bool header_seen = false;
    SuppressionImportSummary summary;
    storage::OpList batch;

    Result<> begin(bool complete);
    Result<> take(const CsvRecord& record);
    Result<bool> already_there(const storage::SuppressionEntry& entry) const;
    Result<storage::SuppressionEntry> entry_of(const CsvRecord& record) const;
    awaitable<Result<>> drain();
    awaitable<Result<>> flush();
};

Result<> SuppressionImport::Impl::begin(bool complete)
{
    if (trim(sample, white_space).empty())
        return Error{Errc::invalid_argument, "the file is empty; one address a line is enough"};
    const CsvDialect dialect = sniff_dialect(sample, complete);
    CsvReader look{dialect};
    look.feed(sample);
    if (complete)
        look.finish();
    std::vector<std::vector<std::string>> rows;
    bool one_cell = true;
    while (const CsvRecord* record = look.next()) {
        if (record->kind != CsvKind::record)
            continue;
        rows.emplace_back(record->fields.begin(), record->fields.end());
        one_cell = one_cell && rows.back().size() == 1;
        if (rows.size() >= sample_records)
            break;
    }
    const auto found = find_email_column(rows, options.column);
    // One cell a line needs no search: a list of domains alone has no address to find.
    const bool bare_lines =
        one_cell && !rows.empty() && trim(rows.front().front(), white_space).find('@') != std::string::npos;
    if (found)
        column = *found;
    else if (!bare_lines)
        return found.error();
    if (column.has_header)
        for (std::size_t i = 0; i < rows.front().size(); ++i)
            others.name(i, rows.front()[i]);
    CsvLimits limits;
    limits.max_record_bytes = max_record_bytes;
    reader = std::make_unique<CsvReader>(dialect, limits);
    reader->feed(sample);
    sample.clear();
    sample.shrink_to_fit();
    summary.id = make_ulid(engine.now(), rng);
    return {};
}

Result<storage::SuppressionEntry> SuppressionImport::Impl::entry_of(const CsvRecord& record) const
{
    if (record.fault != CsvFault::none && record.fault != CsvFault::text_after_closing_quote)
        return Error{Errc::invalid_argument, sentence_of(record.fault)};
    storage::SuppressionEntry entry;
    entry.scope = options.scope;
    entry.workspace = options.workspace;
    entry.list_id = options.list_id;
    entry.reason = options.reason;
    entry.origin = SuppressionOrigin::import_;
    entry.source_event = summary.id;
    entry.actor = options.actor;
    entry.note = cut(cell(record, others.note), max_note);

    const std::string_view address =
        column.index < record.fields.size() ? address_in_cell(record.fields[column.index]) : std::string_view{};
    const std::string_view domain = address.starts_with('@') ? address.substr(1) : cell(record, others.domain);
    if (!address.empty() && !address.starts_with('@')) {
        const ParsedAddress parsed = parse_address(address);
        if (!parsed.valid)
            return Error{Errc::invalid_argument, parsed.detail};
        entry.address = std::string(address);
    } else if (!domain.empty()) {
        WINNOW_TRY(entry.domain, to_ascii_domain(domain));
    } else {
        const auto bytes = crypto::unhex(cell(record, others.digest));
        if (!bytes || bytes->size() != entry.digest.bytes.size())
            return Error{Errc::invalid_argument, "no address"};
        std::copy(bytes->begin(), bytes->end(), entry.digest.bytes.begin());
    }

    const std::string_view reason = cell(record, others.reason);
    const auto known = from_string<SuppressionReason>(reason);
    if (known && std::find(reasons.begin(), reasons.end(), *known) != reasons.end())
        entry.reason = *known;
    else if (!reason.empty() && entry.note.empty())
        entry.note = cut(reason, max_note);
    const std::string_view expires = cell(record, others.expires);
    if (!expires.empty()) {
        WINNOW_TRY(entry.expires, parse_time(expires));
    }
    return entry;
}

/// Domains and digests are written again: the join of the store leaves what is known of them as it is.
Result<bool> SuppressionImport::Impl::already_there(const storage::SuppressionEntry& entry) const
{
    if (entry.address.empty())
        return false;
    WINNOW_TRY(const auto hits, engine.check(entry.workspace, entry.list_id, parse_address(entry.address).address));
    return std::any_of(hits.begin(), hits.end(), [&](const auto& hit) { return covers(hit, entry); });
}

Result<> SuppressionImport::Impl::take(const CsvRecord& record)
{
    if (record.kind != CsvKind::record)
        return {};
    if (column.has_header && !header_seen) {
        header_seen = true;
        return {};
    }
    const bool nothing = std::all_of(record.fields.begin(), record.fields.end(),
                                     [](std::string_view field) { return trim(field, white_space).empty(); });
    if (nothing)
        return {};
    auto entry = entry_of(record);
    if (!entry) {
        ++summary.malformed;
        if (summary.faults.size() < max_faults)
            summary.faults.push_back({record.line, entry.error().context});
        return {};
    }
    WINNOW_TRY(const bool known, already_there(*entry));
    if (known) {
        ++summary.already_there;
        return {};
    }
    ++summary.added;
    batch.ops.emplace_back(storage::AddSuppression{std::move(*entry)});
    return {};
}

awaitable<Result<>> SuppressionImport::Impl::flush()
{
    if (batch.ops.empty())
        co_return Result<>{};
    storage::OpList ops;
    std::swap(ops, batch);
    WINNOW_CO_CHECK(co_await engine.commit(std::move(ops)));
    co_return Result<>{};
}

awaitable<Result<>> SuppressionImport::Impl::drain()
{
    while (const CsvRecord* record = reader->next()) {
        WINNOW_CO_CHECK(take(*record));
        if (batch.ops.size() >= rows_per_commit) {
            WINNOW_CO_CHECK(co_await flush());
        }
    }
    co_return Result<>{};
}

SuppressionImport::SuppressionImport(storage::Engine& engine, Rng& rng, SuppressionImportOptions options)
    : impl_(std::make_unique<Impl>(engine, rng, std::move(options)))
{
}
SuppressionImport::~SuppressionImport() = default;

awaitable<Result<>> SuppressionImport::feed(std::string piece)
{
    Impl& self = *impl_;
    std::string text;
    self.converter.feed(piece, text);
    if (self.reader) {
        self.reader->feed(text);
    } else {
        self.sample += text;
        if (self.sample.size() < sample_bytes)
            co_return Result<>{};
        WINNOW_CO_CHECK(self.begin(false));
    }
    co_return co_await self.drain();
}

awaitable<Result<SuppressionImportSummary>> SuppressionImport::finish(Seal seal)
{
    Impl& self = *impl_;
    std::string rest;
    self.converter.finish(rest);
    if (self.reader) {
        self.reader->feed(rest);
    } else {
        self.sample += rest;
        WINNOW_CO_CHECK(self.begin(true));
    }
    self.reader->finish();
    WINNOW_CO_CHECK(co_await self.drain());

    // One event for the whole import; the entries point to it.
    SuppressionImportSummary& summary = self.summary;
    storage::EventRecord event;
    event.at = self.engine.now();
    event.workspace = self.options.workspace;
    event.type = "suppression.imported";
    event.list_id = self.options.list_id;
    event.detail = summary.id + ": " + std::to_string(summary.added) + " added, " +
                   std::to_string(summary.already_there) + " already there, " + std::to_string(summary.malformed) +
                   " malformed";
    event.rule = self.options.actor;
    self.batch.ops.emplace_back(storage::AppendEvent{std::move(event)});
    summary.encoding = std::string(to_string(self.converter.encoding()));
    if (seal)
        seal(summary, self.batch);
    WINNOW_CO_CHECK(co_await self.flush());
    co_return summary;
}

awaitable<Result<SuppressionImportSummary>> SuppressionImport::finish()
{
    Seal nothing;
    return finish(std::move(nothing));
}

}  // namespace winnow::api
