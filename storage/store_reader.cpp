// Lists, jobs, verdicts, events and values.
#include "storage/store_reader.hpp"

#include <limits>
#include <map>

namespace winnow::storage {

using shape::Document;
using shape::State;

namespace {

KeyRange after_id(const std::string& workspace, Document kind, const std::string& id)
{
    std::string prefix = shape::documents(workspace, kind);
    if (id.empty())
        return KeyRange::prefix(std::move(prefix));
    return KeyRange::after(std::move(prefix), shape::document(workspace, kind, id));
}

KeyRange rows_from(const std::string& workspace, const std::string& list_id, std::uint64_t from)
{
    KeyRange range = KeyRange::prefix(shape::rows(workspace, list_id));
    range.lower = shape::row(workspace, list_id, from);
    return range;
}

/// A cache: what cannot be read is found out again, like what expired.
Result<std::optional<VerdictRecord>> fresh(Result<std::optional<VerdictRecord>> stored, TimePoint now)
{
    if (!stored && stored.error().code == make_error_code(Errc::corrupt))
        return std::optional<VerdictRecord>();
    if (stored && *stored && (*stored)->expires_at <= now)
        return std::optional<VerdictRecord>();
    return stored;
}

}  // namespace

Result<std::optional<ListRecord>> StoreReader::get_list(const std::string& workspace, const std::string& id) const
{
    return read<ListRecord>(Family::document, shape::document(workspace, Document::list, id));
}

Result<std::vector<ListRecord>> StoreReader::lists(const std::string& workspace, const std::string& id,
                                                   std::size_t limit) const
{
    return read_range<ListRecord>(Family::document, after_id(workspace, Document::list, id), limit);
}

Result<std::vector<ListRow>> StoreReader::rows(const std::string& workspace, const std::string& list_id,
                                               std::uint64_t from, std::size_t limit) const
{
    return read_range<ListRow>(Family::row, rows_from(workspace, list_id, from), limit);
}

Result<std::vector<RowResult>> StoreReader::row_results(const std::string& workspace, const std::string& list_id,
                                                        std::uint64_t from, std::size_t limit) const
{
    return read_range<RowResult>(Family::result, rows_from(workspace, list_id, from), limit);
}

Result<std::vector<RowResult>> StoreReader::due_rows(const std::string& workspace, const std::string& list_id,
                                                     TimePoint until, std::size_t limit) const
{
    KeyRange range = KeyRange::prefix(shape::rows(workspace, list_id));
    range.upper = shape::row_due(workspace, list_id, shape::just_after(until), 0);
    std::vector<RowResult> results;
    auto at = store_.scan(Family::row_due, std::move(range));
    for (; at->valid() && results.size() < limit; at->next()) {
        KeyReader key(at->key());
        key.text();
        key.text();
        key.time();
        auto result = read<RowResult>(Family::result, shape::row(workspace, list_id, key.number()));
        if (!result && result.error().code != make_error_code(Errc::corrupt))
            return result.error();
        if (result && *result)
            results.push_back(std::move(**result));
    }
    WINNOW_CHECK(at->status());
    return results;
}

Result<std::optional<TimePoint>> StoreReader::next_due_row(const std::string& workspace,
                                                           const std::string& list_id) const
{
    const auto at = store_.scan(Family::row_due, KeyRange::prefix(shape::rows(workspace, list_id)));
    if (!at->valid()) {
        WINNOW_CHECK(at->status());
        return std::optional<TimePoint>();
    }
    KeyReader key(at->key());
    key.text();
    key.text();
    return std::optional(key.time());
}

Result<std::optional<JobRecord>> StoreReader::get_job(const std::string& workspace, const std::string& id) const
{
    return read<JobRecord>(Family::document, shape::document(workspace, Document::job, id));
}

template <class Record>
Result<std::vector<Record>> StoreReader::read_documents(Document kind, State index) const
{
    std::vector<Record> records;
    auto at = store_.scan(Family::state, KeyRange::prefix(shape::states(index)));
    for (; at->valid(); at->next()) {
        KeyReader key(at->key());
        key.byte();
        const std::string workspace = key.text();
        auto record = read<Record>(Family::document, shape::document(workspace, kind, key.text()));
        if (!record && record.error().code != make_error_code(Errc::corrupt))
            return record.error();
        if (record && *record)
            records.push_back(std::move(**record));
    }
    WINNOW_CHECK(at->status());
    return records;
}

Result<std::vector<JobRecord>> StoreReader::open_jobs() const
{
    return read_documents<JobRecord>(Document::job, State::open_job);
}

Result<std::vector<CampaignRecord>> StoreReader::running_campaigns() const
{
    WINNOW_TRY(auto campaigns, read_documents<CampaignRecord>(Document::campaign, State::running_campaign));
    for (CampaignRecord& campaign : campaigns) {
        WINNOW_CHECK(add_counts(campaign));
    }
    return campaigns;
}

Result<std::vector<CampaignRecord>> StoreReader::campaigns(const std::string& workspace, const std::string& id,
                                                           std::size_t limit) const
{
    WINNOW_TRY(auto campaigns,
               read_range<CampaignRecord>(Family::document, after_id(workspace, Document::campaign, id), limit));
    for (CampaignRecord& campaign : campaigns) {
        WINNOW_CHECK(add_counts(campaign));
    }
    return campaigns;
}

Result<std::optional<VerdictRecord>> StoreReader::get_verdict(const std::string& workspace, const Address& address,
                                                              TimePoint now) const
{
    const std::string key = shape::of_address(workspace, digester_.address(address));
    return fresh(read<VerdictRecord>(Family::verdict, key), now);
}

StoreReader::VerdictWalk StoreReader::open_verdicts(std::string workspace) const
{
    return {std::move(workspace), store_.snapshot()};
}

Result<std::vector<StoredVerdict>> StoreReader::next_verdicts(VerdictWalk& walk, std::size_t limit, TimePoint now) const
{
    std::vector<StoredVerdict> verdicts;
    if (walk.ended)
        return verdicts;
    const std::string prefix = KeyBuilder().text(walk.workspace).str();
    KeyRange range = walk.after.empty() ? KeyRange::prefix(prefix) : KeyRange::after(prefix, walk.after);
    auto at = store_.scan(Family::verdict, std::move(range), walk.snapshot.get());
    for (; at->valid() && verdicts.size() < limit; at->next()) {
        walk.after.assign(at->key());
        auto verdict = decode<VerdictRecord>(at->value());
        if (!verdict) {
            quarantine_.keep(Family::verdict, at->key(), at->value(), verdict.error());
            continue;
        }
        KeyReader key(at->key());
        (void)key.text();
        const H16 address = key.digest();
        if (key.ok() && verdict->expires_at > now)
            verdicts.push_back({address, std::move(*verdict)});
    }
    WINNOW_CHECK(at->status());
    walk.ended = !at->valid();
    return verdicts;
}

Result<std::vector<Evidence>> StoreReader::history(const std::string& workspace, const Address& address,
                                                   std::size_t limit) const
{
    return read_range<Evidence>(Family::evidence,
                                KeyRange::prefix(shape::of_address(workspace, digester_.address(address))), limit);
}

std::vector<StoreReader::Digests> StoreReader::digests_of(const std::vector<Address>& addresses) const
{
    std::vector<Digests> all;
    all.reserve(addresses.size());
    const Address* before = nullptr;
    for (const Address& address : addresses) {
        // Rows of a domain come together.
        const bool same_domain = before != nullptr && before->domain == address.domain;
        const H16 domain = same_domain ? all.back().domain : digester_.domain(address.domain);
        all.push_back({digester_.address(address), digester_.loose(address), domain});
        before = &address;
    }
    return all;
}

std::vector<std::optional<VerdictRecord>> StoreReader::verdicts_of(const std::vector<std::string>& keys,
                                                                   TimePoint now) const
{
    const auto stored = store_.get_many(Family::verdict, keys);
    std::vector<std::optional<VerdictRecord>> verdicts;
    verdicts.reserve(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
        auto verdict = fresh(decoded<VerdictRecord>(Family::verdict, keys[i], stored[i]), now);
        verdicts.push_back(verdict ? std::move(*verdict) : std::nullopt);
    }
    return verdicts;
}

std::vector<AddressKnowledge> StoreReader::knowledge(const std::string& workspace, const std::string& list_id,
                                                     const std::vector<Address>& addresses, std::size_t history_limit,
                                                     TimePoint now) const
{
    const std::vector<Digests> names = digests_of(addresses);
    std::vector<std::string> keys;  // the same in the families verdict and evidence
    keys.reserve(names.size());
    for (const Digests& name : names)
        keys.push_back(shape::of_address(workspace, name.address));
    auto verdicts = verdicts_of(keys, now);
    auto checks = check_many(workspace, list_id, names, now);
    const auto outcomes = store_.scan(Family::evidence, KeyRange{});
    std::map<H16, std::optional<CatchAllRecord>> tested;  // the rows of a page share a few domains
    std::vector<AddressKnowledge> all(addresses.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
        AddressKnowledge& known = all[i];
        known.digest = names[i].address;
        outcomes->seek(keys[i]);
        if (auto found = read_on<Evidence>(*outcomes, Family::evidence, keys[i], history_limit))
            known.history = std::move(*found);
        if (!known.history.empty()) {
            const auto [of_domain, first] = tested.try_emplace(names[i].domain);
            if (first)
                if (auto stored = read<CatchAllRecord>(Family::fact, shape::catch_all(names[i].domain)))
                    of_domain->second = std::move(*stored);
            known.catch_all = of_domain->second;
        }
        known.verdict = std::move(verdicts[i]);
        known.suppressed = std::move(checks[i]);
    }
    return all;
}

Result<std::optional<CatchAllRecord>> StoreReader::get_catch_all(const std::string& domain) const
{
    return read<CatchAllRecord>(Family::fact, shape::catch_all(digester_.domain(domain)));
}

Result<std::vector<EventRecord>> StoreReader::events(const std::string& workspace, std::uint64_t after_seq,
                                                     std::size_t limit) const
{
    if (after_seq == std::numeric_limits<std::uint64_t>::max())
        return std::vector<EventRecord>();
    KeyRange range = KeyRange::prefix(shape::events(workspace));
    range.lower = shape::event(workspace, after_seq + 1);
    return read_range<EventRecord>(Family::event, std::move(range), limit);
}

Result<std::optional<std::string>> StoreReader::get_value(const std::string& key, TimePoint now) const
{
    WINNOW_TRY(auto stored, read<StoredValue>(Family::value, shape::named(digester_.text("value", key))));
    if (!stored || (stored->expires != TimePoint{} && stored->expires <= now))
        return std::optional<std::string>();
    return std::optional(std::move(stored->value));
}

}  // namespace winnow::storage
