#include "api/suppression_import.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "api/suppression_rows.hpp"
#include "core/crypto.hpp"
#include "core/duration.hpp"
#include "core/ids.hpp"

namespace winnow::api {
namespace {

constexpr std::size_t rows_per_commit = 500;
constexpr std::size_t max_faults = 100;
constexpr std::size_t max_note = 200;
constexpr std::chrono::hours clock_skew{24};  ///< of who wrote the file

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

/// Seconds since 1970, as most senders write it, or RFC 3339.
Result<TimePoint> creation_time(std::string_view text, TimePoint now)
{
    const TimePoint latest = now + clock_skew;
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    TimePoint time{};
    if (error == std::errc() && end == text.data() + text.size()) {
        // What is out of range stays so, but cannot overflow.
        seconds = std::clamp<std::int64_t>(seconds, -1, to_unix_ms(latest) / 1000 + 1);
        time = TimePoint{std::chrono::seconds{seconds}};
    } else {
        auto read = parse_date_or_time(text);
        if (!read)
            return Error{Errc::invalid_argument, "created: " + read.error().context};
        time = *read;
    }
    if (time < TimePoint{} || time > latest)
        return Error{Errc::invalid_argument, "created: '" + std::string(text) + "' is before 1970 or in the future"};
    return std::min(time, now);
}

/// A digest is the store's own name of an entry, as exports give it.
Result<storage::H16> own_digest(std::string_view text)
{
    storage::H16 digest;
    if (text.empty())
        return Error{Errc::invalid_argument, "no address"};
    const auto bytes = crypto::unhex(text);
    if (!bytes || bytes->size() != digest.bytes.size())
        return Error{Errc::invalid_argument, "no address, and the digest has not 32 hexadecimal digits"};
    std::copy(bytes->begin(), bytes->end(), digest.bytes.begin());
    return digest;
}

}  // namespace

std::vector<SuppressionReason> given_reasons()
{
    auto reasons = all_values<SuppressionReason>();
    std::erase(reasons, SuppressionReason::erased);
    return reasons;
}

struct SuppressionImport::Impl {
    Impl(storage::Engine& e, Rng& r, SuppressionImportOptions o)
        : engine(e), rng(r), options(std::move(o)), rows(options.column)
    {
    }

    storage::Engine& engine;
    Rng& rng;
    SuppressionImportOptions options;
    const std::vector<SuppressionReason> reasons = given_reasons();
    SuppressionRows rows;
    SuppressionImportSummary summary;
    storage::OpList batch;
    std::uint64_t stored = 0;  ///< rows that are in the store
    bool started = false;      ///< the first row was seen

    Result<> take(const SuppressionRow& row);
    Result<bool> already_there(const storage::SuppressionEntry& entry) const;
    Result<storage::SuppressionEntry> entry_of(const SuppressionRow& row) const;
    Error stopped(const Error& error) const;
    awaitable<Result<>> drain();
    awaitable<Result<>> flush();
};

Result<storage::SuppressionEntry> SuppressionImport::Impl::entry_of(const SuppressionRow& row) const
{
    if (!row.fault.empty())
        return Error{Errc::invalid_argument, row.fault};
    if (summary.kind == SendGridExport::bounces && !options.reason && is_block(row.status))
        return Error{Errc::invalid_argument,
                     "a block (status " + std::string(row.status) +
                         "): the sender was refused, not the address; to import it all the same, name a reason for "
                         "the rows of the file"};
    storage::SuppressionEntry entry;
    entry.scope = options.scope;
    entry.workspace = options.workspace;
    entry.list_id = options.list_id;
    entry.reason = options.reason.value_or(summary.kind ? reason_of(*summary.kind) : SuppressionReason::manual);
    entry.origin = SuppressionOrigin::import_;
    entry.source_event = summary.id;
    entry.actor = options.actor;
    entry.note = cut(row.note, max_note);

    const std::string_view domain = row.address.starts_with('@') ? row.address.substr(1) : row.domain;
    if (!row.address.empty() && !row.address.starts_with('@')) {
        const ParsedAddress parsed = parse_address(row.address);
        if (!parsed.valid)
            return Error{Errc::invalid_argument, parsed.detail};
        entry.address = std::string(row.address);
    } else if (!domain.empty()) {
        WINNOW_TRY(entry.domain, to_ascii_domain(domain));
    } else {
        WINNOW_TRY(entry.digest, own_digest(row.digest));
    }

    const auto known = from_string<SuppressionReason>(row.reason);
    if (known && std::find(reasons.begin(), reasons.end(), *known) != reasons.end())
        entry.reason = *known;
    else if (!row.reason.empty() && entry.note.empty())
        entry.note = cut(row.reason, max_note);
    if (!row.expires.empty()) {
        WINNOW_TRY(entry.expires, parse_time(row.expires));
    }
    if (!row.created.empty()) {
        entry.last = engine.now();
        WINNOW_TRY(entry.first, creation_time(row.created, entry.last));
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

Result<> SuppressionImport::Impl::take(const SuppressionRow& row)
{
    auto entry = entry_of(row);
    if (!entry) {
        ++summary.malformed;
        if (summary.faults.size() < max_faults)
            summary.faults.push_back({row.line, entry.error().context});
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
    storage::OpList ops;
    std::swap(ops, batch);
    if (ops.ops.empty() || options.dry_run)
        co_return Result<>{};
    WINNOW_CO_CHECK(co_await engine.commit(std::move(ops)));
    stored = summary.added;
    co_return Result<>{};
}

/// What is wrong with the file, and what became of the rows before: nobody should have to guess.
Error SuppressionImport::Impl::stopped(const Error& error) const
{
    if (stored == 0)
        return error;
    return {error.code, error.context + "; the first " + std::to_string(stored) +
                            " suppressions of it are stored, and sending it again does no harm"};
}

awaitable<Result<>> SuppressionImport::Impl::drain()
{
    if (summary.id.empty() && !options.dry_run)
        summary.id = make_ulid(engine.now(), rng);
    for (;;) {
        const auto row = rows.next();
        if (!row)
            co_return stopped(row.error());
        if (!*row)
            co_return Result<>{};
        if (!std::exchange(started, true))
            summary.kind = sendgrid_export(rows.columns());
        WINNOW_CO_CHECK(take(**row));
        if (batch.ops.size() >= rows_per_commit) {
            WINNOW_CO_CHECK(co_await flush());
        }
    }
}

SuppressionImport::SuppressionImport(storage::Engine& engine, Rng& rng, SuppressionImportOptions options)
    : impl_(std::make_unique<Impl>(engine, rng, std::move(options)))
{
}
SuppressionImport::~SuppressionImport() = default;

awaitable<Result<>> SuppressionImport::feed(std::string piece)
{
    impl_->rows.feed(std::move(piece));
    co_return co_await impl_->drain();
}

awaitable<Result<SuppressionImportSummary>> SuppressionImport::finish(Seal seal)
{
    Impl& self = *impl_;
    self.rows.finish();
    WINNOW_CO_CHECK(co_await self.drain());

    SuppressionImportSummary& summary = self.summary;
    summary.encoding = std::string(self.rows.encoding());
    summary.dry_run = self.options.dry_run;
    if (summary.dry_run)
        co_return summary;

    // One event for the whole import; the entries point to it.
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
