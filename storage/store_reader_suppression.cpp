// Suppression checks, look-ups and walks.
#include <algorithm>
#include <set>
#include <utility>

#include "core/crypto.hpp"
#include "storage/store_reader.hpp"
#include "storage/suppression_value.hpp"

namespace winnow::storage {
namespace {

using shape::SuppressionKey;

const SuppressionFacts::Fact* fact_with(const SuppressionFacts& facts, SuppressionReason reason, TimePoint now)
{
    for (const auto& fact : facts.facts)
        if (fact.core.reason == reason && (!fact.core.expires || *fact.core.expires > now))
            return &fact;
    return nullptr;
}

enum class Name : std::uint8_t { address, loose, domain };
/// Where an entry against an address may be.
struct Place {
    ScopeKind scope;
    Name name;
};

std::vector<Place> places_of(std::string_view list_id)
{
    std::vector<Place> places;
    for (const ScopeKind scope : {ScopeKind::global, ScopeKind::workspace, ScopeKind::list})
        for (const Name name : {Name::address, Name::loose, Name::domain})
            if (scope != ScopeKind::list || !list_id.empty())
                places.push_back({scope, name});
    return places;
}

bool matches(const SuppressionKey& key, const SuppressionFilter& filter)
{
    if (filter.scope && key.scope != *filter.scope)
        return false;
    return filter.list_id.empty() || (key.scope == ScopeKind::list && key.list_id == filter.list_id);
}

}  // namespace

Result<std::vector<SuppressionHit>> StoreReader::check(std::string_view workspace, std::string_view list_id,
                                                       const Address& address, TimePoint now) const
{
    return std::move(check_many(workspace, list_id, std::vector{address}, now).front());
}

std::vector<Result<std::vector<SuppressionHit>>> StoreReader::check_many(std::string_view workspace,
                                                                         std::string_view list_id,
                                                                         const std::vector<Address>& addresses,
                                                                         TimePoint now) const
{
    return check_many(workspace, list_id, digests_of(addresses), now);
}

std::vector<Result<std::vector<SuppressionHit>>> StoreReader::check_many(std::string_view workspace,
                                                                         std::string_view list_id,
                                                                         const std::vector<Digests>& of,
                                                                         TimePoint now) const
{
    const std::vector<Place> places = places_of(list_id);
    std::vector<std::string> keys;
    keys.reserve(of.size() * places.size());
    for (const Digests& names : of)
        for (const Place& place : places) {
            SuppressionKey key;
            key.scope = place.scope;
            if (place.scope != ScopeKind::global)
                key.workspace = workspace;
            if (place.scope == ScopeKind::list)
                key.list_id = list_id;
            key.digest = place.name == Name::address ? names.address
                         : place.name == Name::loose ? names.loose
                                                     : names.domain;
            keys.push_back(key.str());
        }
    const auto stored = store_.get_many(Family::suppression, keys);
    std::size_t next = 0;
    const auto hits_of_next = [&]() -> Result<std::vector<SuppressionHit>> {
        std::vector<SuppressionHit> hits;
        const std::size_t first = std::exchange(next, next + places.size());
        for (std::size_t i = 0; i < places.size(); ++i) {
            // An entry that cannot be read is an error and not "may be mailed": it may be somebody's unsubscribe.
            WINNOW_TRY(const auto facts,
                       decoded<SuppressionFacts>(Family::suppression, keys[first + i], stored[first + i]));
            if (!facts)
                continue;
            if (!facts->damaged.empty() && facts->facts.empty())
                return Error(Errc::corrupt, "a suppression of this address cannot be read");
            if (const auto* fact = strongest(*facts, now))
                hits.push_back(
                    {places[i].scope, fact->core.reason, fact->core.expires, places[i].name == Name::domain});
        }
        return hits;
    };
    std::vector<Result<std::vector<SuppressionHit>>> all;
    all.reserve(of.size());
    while (all.size() < of.size())
        all.push_back(hits_of_next());
    return all;
}

Result<std::optional<SuppressionEntry>> StoreReader::entry(const SuppressionKey& key, const KvSnapshot* snapshot,
                                                           std::optional<SuppressionReason> reason, TimePoint now) const
{
    const std::string name = key.str();
    WINNOW_TRY(const auto bytes, store_.get(Family::suppression, name, snapshot));
    if (!bytes)
        return std::optional<SuppressionEntry>();
    const auto facts = decode<SuppressionFacts>(*bytes);
    if (!facts) {
        quarantine_.keep(Family::suppression, name, *bytes, facts.error());
        return std::optional<SuppressionEntry>();
    }
    const auto* fact = reason ? fact_with(*facts, *reason, now) : strongest(*facts, now);
    if (fact == nullptr)
        return std::optional<SuppressionEntry>();

    SuppressionEntry entry;
    entry.scope = key.scope;
    entry.workspace = key.workspace;
    entry.list_id = key.list_id;
    entry.digest = key.digest;
    entry.reason = fact->core.reason;
    entry.origin = fact->origin;
    entry.klass = fact->klass;
    entry.rule = fact->rule;
    entry.source_event = fact->source_event;
    entry.note = fact->note;
    entry.actor = fact->actor;
    entry.provider = fact->provider;
    entry.first = fact->core.first;
    entry.last = fact->core.last;
    entry.expires = fact->core.expires;
    entry.strikes = fact->core.strikes;
    WINNOW_TRY(const auto sealed, store_.get(Family::clear_text, name, snapshot));
    if (sealed) {
        auto text = crypto::open(keys_.seal, *sealed, name);
        if (!text)
            quarantine_.keep(Family::clear_text, name, *sealed, text.error());
        else if (facts->whole_domain)
            entry.domain = std::move(*text);
        else
            entry.address = std::move(*text);
    }
    return std::optional(std::move(entry));
}

Result<std::vector<SuppressionEntry>> StoreReader::find_suppressions(const std::string& workspace,
                                                                     const Address& address, TimePoint now) const
{
    const H16 domain = digester_.domain(address.domain);
    std::set<std::string> seen;
    std::vector<SuppressionEntry> entries;
    const auto add = [&](const SuppressionKey& key) -> Result<> {
        if (!seen.insert(key.str()).second)
            return {};
        WINNOW_TRY(auto found, entry(key, nullptr, std::nullopt, now));
        if (found)
            entries.push_back(std::move(*found));
        return {};
    };
    for (const std::string& space : {std::string(), workspace}) {
        for (const H16& digest : {digester_.address(address), digester_.loose(address), domain}) {
            // Of an entry that came as a digest the domain is not known: it is not in the index.
            SuppressionKey key;
            key.workspace = space;
            key.scope = space.empty() ? ScopeKind::global : ScopeKind::workspace;
            key.digest = digest;
            WINNOW_CHECK(add(key));
            auto at = store_.scan(Family::suppression_domain,
                                  KeyRange::prefix(KeyBuilder().text(space).digest(domain).digest(digest).str()));
            for (; at->valid(); at->next()) {
                WINNOW_CHECK(add(SuppressionKey::read_under_domain(at->key())));
            }
            WINNOW_CHECK(at->status());
        }
    }
    return entries;
}

Result<StoreReader::SuppressionWalk> StoreReader::open_suppressions(std::string workspace,
                                                                    SuppressionFilter filter) const
{
    SuppressionWalk walk;
    if (filter.scope != ScopeKind::global)
        walk.workspace = std::move(workspace);
    KeyBuilder prefix;
    prefix.text(walk.workspace);
    if (!filter.domain.empty()) {
        WINNOW_TRY(const std::string domain, to_ascii_domain(filter.domain));
        prefix.digest(digester_.domain(domain));
    }
    walk.prefix = prefix.str();
    if (!filter.after.empty())
        walk.after = walk.prefix + filter.after;
    walk.filter = std::move(filter);
    walk.snapshot = store_.snapshot();
    return walk;
}

Result<std::vector<SuppressionEntry>> StoreReader::next_suppressions(SuppressionWalk& walk, std::size_t limit,
                                                                     TimePoint now) const
{
    const SuppressionFilter& filter = walk.filter;
    std::vector<SuppressionEntry> entries;
    if (walk.ended)
        return entries;
    const bool by_domain = !filter.domain.empty();
    KeyRange range = walk.after.empty() ? KeyRange::prefix(walk.prefix) : KeyRange::after(walk.prefix, walk.after);
    auto at = store_.scan(by_domain ? Family::suppression_domain : Family::suppression, std::move(range),
                          walk.snapshot.get());
    for (; at->valid() && entries.size() < limit; at->next()) {
        walk.after.assign(at->key());
        const SuppressionKey key =
            by_domain ? SuppressionKey::read_under_domain(at->key()) : SuppressionKey::read(at->key());
        if (!matches(key, filter))
            continue;
        WINNOW_TRY(auto found, entry(key, walk.snapshot.get(), filter.reason, now));
        if (found && (!filter.since || found->last >= *filter.since))
            entries.push_back(std::move(*found));
    }
    WINNOW_CHECK(at->status());
    walk.ended = !at->valid();
    return entries;
}

}  // namespace winnow::storage
