#include "relay/mass_events.hpp"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "core/ndjson.hpp"
#include "relay/outcome.hpp"

namespace winnow::relay {
namespace {

constexpr std::size_t history_depth = 50;
constexpr const char* freezes_key = "mass-events/freezes";
constexpr std::size_t max_hosts = 50'000;  ///< remembered with their site

/// One number per recipient of a workspace.
std::uint64_t number_of(const storage::AddressDigester& digester, const std::string& workspace, const Address& address)
{
    const storage::H16 digest = digester.text("recipient", workspace + "/" + canonical_v1(address));
    std::uint64_t number = 0;
    std::memcpy(&number, digest.bytes.data(), sizeof number);
    return number;
}

nlohmann::json to_json(const std::string& site, const MassEventGuard::Freeze& freeze)
{
    return {{"site", site},
            {"since", to_unix_ms(freeze.since)},
            {"until", to_unix_ms(freeze.until)},
            {"dead", freeze.dead},
            {"known_good", freeze.known_good}};
}

struct KeptFreeze {
    std::string site;
    MassEventGuard::Freeze freeze;
};

std::optional<KeptFreeze> freeze_of(const nlohmann::json& kept)
{
    const auto number = [&kept](const char* name) -> std::optional<std::int64_t> {
        const auto at = kept.find(name);
        if (at == kept.end() || !at->is_number_integer())
            return std::nullopt;
        return at->get<std::int64_t>();
    };
    if (!kept.is_object() || !kept.contains("site") || !kept["site"].is_string())
        return std::nullopt;
    const auto since = number("since"), until = number("until"), dead = number("dead"), good = number("known_good");
    if (!since || !until || !dead || !good)
        return std::nullopt;
    return KeptFreeze{
        kept["site"].get<std::string>(),
        {from_unix_ms(*since), from_unix_ms(*until), static_cast<std::size_t>(*dead), static_cast<std::size_t>(*good)}};
}

storage::UndoOutcome undo_of(MessageRef message, TimePoint since)
{
    storage::UndoOutcome undo;
    undo.ref = message;
    undo.since = since;
    undo.note = "many recipients of this site were declared dead at once";
    undo.actor = "mass-event";
    return undo;
}

}  // namespace

MassEvents::MassEvents(storage::Engine& engine, Log& log, Metrics& metrics, MassEventOptions options)
    : engine_(engine), log_(log), metrics_(metrics), options_(options), guard_(options)
{
}

awaitable<Result<>> MassEvents::restore()
{
    const std::string key = freezes_key;
    WINNOW_CO_TRY(const auto kept, co_await engine_.get_value(key));
    const TimePoint now = engine_.now();
    show(now);
    if (!kept)
        co_return Result<>{};
    const auto freezes = parse_json(*kept);
    if (!freezes || !freezes->is_array()) {
        log_.error("delivery.freezes_unreadable");
        co_return Result<>{};
    }
    for (const nlohmann::json& one : *freezes) {
        const auto freeze = freeze_of(one);
        if (!freeze)
            log_.error("delivery.freezes_unreadable");
        if (!freeze || now >= freeze->freeze.until)
            continue;
        guard_.restore(freeze->site, freeze->freeze);
        freezes_[freeze->site] = freeze->freeze;
        log_.warn("delivery.site_still_frozen", {{"site", engine_.digester().domain(freeze->site).hex()}});
    }
    show(now);
    co_return Result<>{};
}

/// All that are in force, as one value: there are few, and whoever starts has to find each without knowing its name.
storage::PutValue MassEvents::kept_freezes(TimePoint now) const
{
    storage::PutValue value{freezes_key, {}, {}};
    nlohmann::json all = nlohmann::json::array();
    for (const auto& [site, freeze] : freezes_) {
        if (now >= freeze.until)
            continue;
        all.push_back(to_json(site, freeze));
        value.expires = std::max(value.expires, freeze.until);
    }
    value.value = dump_json(all);
    return value;
}

bool MassEvents::is_death(ReplyClass klass) noexcept
{
    if (klass == ReplyClass::complaint || klass == ReplyClass::unsubscribe)
        return false;
    // In a server's words: a strike against the address.
    if (klass == ReplyClass::domain_invalid)
        return true;
    const Action action = action_of(klass);
    return subject_of(klass) == Subject::address && (action == Action::suppress || action == Action::suspend);
}

bool MassEvents::frozen(std::string_view site) const
{
    return guard_.frozen(site, engine_.now()).has_value();
}

std::string MassEvents::site_of(const storage::MessageRecord& message) const
{
    for (auto attempt = message.history.rbegin(); attempt != message.history.rend(); ++attempt) {
        const std::string_view host = mx_host(attempt->mx);
        if (host.empty())
            continue;
        const auto known = sites_.find(host);
        return known == sites_.end() ? std::string(host) : known->second;
    }
    return message.domain;
}

awaitable<MassEvents::Weighed> MassEvents::weigh_attempt(std::string site, storage::MessageRecord message,
                                                         storage::RecordAttempt record)
{
    const bool dead = record.state == MessageState::bounced && !record.own_dns && is_death(record.attempt.klass);
    if (!dead && record.state != MessageState::delivered)
        co_return Weighed{};
    const std::string_view host = mx_host(record.attempt.mx);
    if (!host.empty() && sites_.find(host) == sites_.end()) {
        if (sites_.size() >= max_hosts)
            sites_.clear();
        sites_.emplace(host, site);
    }
    co_return co_await weigh(std::move(site), std::move(message), dead, record.attempt.at);
}

awaitable<MassEvents::Weighed> MassEvents::weigh_report(storage::MessageRecord message, storage::RecordReport report)
{
    if (report.fact != LaterFact::async_bounce || !is_death(report.klass))
        co_return Weighed{};
    std::string site = site_of(message);
    co_return co_await weigh(std::move(site), std::move(message), true, report.at);
}

awaitable<MassEvents::Weighed> MassEvents::weigh(std::string site, storage::MessageRecord message, bool dead,
                                                 TimePoint at)
{
    const ParsedAddress recipient = parse_address(message.recipient);
    const auto good = co_await last_good(message.workspace, recipient);
    if (dead)
        remember(site, message, at);
    const auto freeze =
        guard_.observe(site, number_of(engine_.digester(), message.workspace, recipient.address), good, dead, at);
    Weighed weighed;
    // A delivery ends strikes, freeze or not.
    weighed.frozen = dead && guard_.frozen(site, at).has_value();
    if (freeze)
        owed_[site].undo = begin(site, *freeze);
    const auto owed = owed_.find(site);
    if (owed != owed_.end() && !owed->second.offered) {
        owed->second.offered = true;
        weighed.undo = owed->second.undo;
        // As of now: another site's may have begun since this undo was first offered.
        weighed.undo.ops.emplace_back(kept_freezes(at));
    }
    show(at);
    co_return weighed;
}

void MassEvents::undone(const std::string& site, bool taken)
{
    const auto owed = owed_.find(site);
    if (owed == owed_.end())
        return;
    if (taken)
        owed_.erase(owed);
    else
        owed->second.offered = false;
}

/// When the recipient last took mail, or a probe, as far as the store tells. Not knowing is no evidence.
awaitable<std::optional<TimePoint>> MassEvents::last_good(std::string workspace, ParsedAddress recipient)
{
    if (!recipient.valid)
        co_return std::nullopt;
    std::optional<TimePoint> good;
    const auto history = co_await engine_.history(workspace, recipient.address, history_depth);
    if (history)
        for (const Evidence& evidence : *history)
            if (evidence.klass == ReplyClass::delivered && (!good || evidence.at > *good))
                good = evidence.at;
    if (good)
        co_return good;
    const auto verdict = co_await engine_.get_verdict(workspace, recipient.address);
    if (verdict && *verdict && (*verdict)->verdict == Verdict::deliverable)
        good = (*verdict)->checked_at;
    co_return good;
}

void MassEvents::remember(const std::string& site, const storage::MessageRecord& message, TimePoint at)
{
    std::deque<Death>& deaths = deaths_[site];
    while (!deaths.empty() && (at - deaths.front().at > options_.window || deaths.size() >= options_.max_tracked))
        deaths.pop_front();
    deaths.push_back({at, message.ref, message.workspace});
}

storage::OpList MassEvents::begin(const std::string& site, const MassEventGuard::Freeze& freeze)
{
    freezes_[site] = freeze;
    storage::OpList undo;
    std::set<std::string> workspaces;
    for (const Death& death : deaths_[site]) {
        if (death.at < freeze.since)
            continue;
        undo.ops.emplace_back(undo_of(death.message, freeze.since));
        workspaces.insert(death.workspace);
    }
    for (const std::string& workspace : workspaces) {
        storage::EventRecord event;
        event.workspace = workspace;
        event.type = "site.frozen";
        event.at = engine_.now();
        event.detail = site + ": " + std::to_string(freeze.dead) + " of " + std::to_string(freeze.known_good) +
                       " recipients that took mail before were declared dead; no suppression is written for this "
                       "site for now, and those written since are lifted";
        event.rule = "mass-event";
        undo.ops.emplace_back(storage::AppendEvent{std::move(event)});
    }
    // The site by its digest: a log line holds no domain.
    log_.error("delivery.mass_event", {{"site", engine_.digester().domain(site).hex()},
                                       {"dead", freeze.dead},
                                       {"known_good", freeze.known_good},
                                       {"lifted", undo.ops.size() - workspaces.size()}});
    metrics_.counter("winnow_mass_events_total", "Times that a site declared many good recipients dead at once.").add();
    return undo;
}

void MassEvents::overtaken(const std::string& site, MessageRef message, storage::OpList& undo) const
{
    if (const auto freeze = guard_.frozen(site, engine_.now()))
        undo.ops.emplace_back(undo_of(message, freeze->since));
}

void MassEvents::show(TimePoint now)
{
    std::erase_if(freezes_, [now](const auto& freeze) { return now >= freeze.second.until; });
    metrics_.gauge("winnow_frozen_sites", "Sites at which no suppression is written because of a mass event.")
        .set(static_cast<double>(freezes_.size()));
    // The guard and the deaths are bounded per site; sites without news go.
    if (deaths_.size() > 1'000)
        std::erase_if(deaths_, [&](const auto& site) {
            return site.second.empty() || now - site.second.back().at > options_.window;
        });
    if (guard_.sites() > 1'000)
        guard_.forget_idle(now);
}

}  // namespace winnow::relay
