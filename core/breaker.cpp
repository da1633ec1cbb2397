#include "core/breaker.hpp"

#include <algorithm>
#include <set>

namespace winnow {
namespace {

/// What an outcome tells about the source or the campaign. Answers about the address or the domain come from a receiver
/// that let us speak; the other refusals of "us" and failures without an answer prove neither.
Breaker::Outcome outcome_for(BreakerScope scope, ReplyClass klass) noexcept
{
    if (breaker_scope(klass) == scope)
        return Breaker::Outcome::failure;
    switch (klass) {
        case ReplyClass::delivered:
            return Breaker::Outcome::success;
        case ReplyClass::mailbox_unknown:
        case ReplyClass::mailbox_moved:
        case ReplyClass::mailbox_disabled:
        case ReplyClass::mailbox_full:
        case ReplyClass::mailbox_busy:
            // The recipient was looked up: the address of the sender had passed, the content was not yet seen.
            return scope == BreakerScope::source ? Breaker::Outcome::success : Breaker::Outcome::neither;
        default:
            return Breaker::Outcome::neither;
    }
}

}  // namespace

Breaker::State Breaker::state(SteadyPoint now) const noexcept
{
    if (!open_until_)
        return State::closed;
    return now < *open_until_ ? State::open : State::half_open;
}

SteadyPoint Breaker::next_attempt(SteadyPoint now) const noexcept
{
    if (!open_until_)
        return now;
    if (now < *open_until_)
        return *open_until_;
    if (!probe_since_)
        return now;
    return std::max(now, *probe_since_ + options_.probe_timeout);
}

void Breaker::begin(SteadyPoint now)
{
    if (state(now) == State::half_open)
        probe_since_ = now;
}

bool Breaker::record(Outcome outcome, std::string_view recipient_domain, SteadyPoint now)
{
    if (state(now) == State::open)
        return false;  // an attempt from before the pause: it is counted already by what opened the breaker
    if (state(now) == State::half_open) {
        probe_since_.reset();
        if (outcome == Outcome::failure) {
            open(now);
            return true;
        }
        if (outcome == Outcome::success && ++successes_ >= options_.successes_to_close)
            reset();
        return false;
    }
    if (outcome == Outcome::neither)
        return false;
    const bool failed = outcome == Outcome::failure;
    recent_.push_back({now, failed, failed ? std::string(recipient_domain) : std::string()});
    forget_old(now);
    // Only a failure trips: the share cannot rise by a success.
    if (!failed || !over_threshold())
        return false;
    open(now);
    return true;
}

void Breaker::reset()
{
    *this = Breaker(options_);
}

bool Breaker::idle(SteadyPoint now) const noexcept
{
    return !open_until_ && (recent_.empty() || recent_.back().at + options_.memory <= now);
}

void Breaker::forget_old(SteadyPoint now)
{
    while (!recent_.empty() && (recent_.size() > static_cast<std::size_t>(std::max(1, options_.attempts)) ||
                                recent_.front().at + options_.memory <= now))
        recent_.pop_front();
}

bool Breaker::over_threshold() const
{
    std::set<std::string_view> domains;
    int failures = 0;
    for (const Attempt& attempt : recent_) {
        if (!attempt.failed)
            continue;
        ++failures;
        domains.insert(attempt.domain);
    }
    if (domains.size() >= static_cast<std::size_t>(options_.distinct_domains))
        return true;
    return recent_.size() >= static_cast<std::size_t>(options_.attempts) &&
           failures >= options_.failure_share * static_cast<double>(recent_.size());
}

void Breaker::open(SteadyPoint now)
{
    pause_ = pause_ == milliseconds{0} ? options_.pause : std::min(2 * pause_, options_.longest_pause);
    open_until_ = now + pause_;
    probe_since_.reset();
    successes_ = 0;
    recent_.clear();
}

BreakerScope breaker_scope(ReplyClass c) noexcept
{
    switch (c) {
        case ReplyClass::ip_blocked:
        case ReplyClass::sender_dns:
            return BreakerScope::source;
        case ReplyClass::auth_failed:
        case ReplyClass::content_spam:
        case ReplyClass::content_virus:
        case ReplyClass::content_format:
            return BreakerScope::campaign;
        default:
            return BreakerScope::none;
    }
}

SteadyPoint Breakers::next_attempt(const Subject& subject, SteadyPoint now) const
{
    SteadyPoint at = now;
    if (const Breaker* b = find(BreakerScope::source, subject.source, subject.operator_name))
        at = std::max(at, b->next_attempt(now));
    if (const Breaker* b = find(BreakerScope::campaign, subject.campaign, subject.operator_name))
        at = std::max(at, b->next_attempt(now));
    return at;
}

void Breakers::begin(const Subject& subject, SteadyPoint now)
{
    for (const auto& [scope, name] :
         {std::pair{BreakerScope::source, subject.source}, std::pair{BreakerScope::campaign, subject.campaign}}) {
        const auto found = breakers_.find(Key{scope, std::string(name), std::string(subject.operator_name)});
        if (found != breakers_.end())
            found->second.begin(now);
    }
}

std::vector<Breakers::Trip> Breakers::record(const Subject& subject, ReplyClass klass,
                                             std::string_view recipient_domain, SteadyPoint now)
{
    std::vector<Trip> trips;
    for (const auto& [scope, name] :
         {std::pair{BreakerScope::source, subject.source}, std::pair{BreakerScope::campaign, subject.campaign}}) {
        if (name.empty())
            continue;
        Key key{scope, std::string(name), std::string(subject.operator_name)};
        const Breaker::Outcome outcome = outcome_for(scope, klass);
        Breaker& breaker = breakers_.try_emplace(key, options_).first->second;
        if (breaker.record(outcome, recipient_domain, now))
            trips.push_back({scope, key.name, key.operator_name});
    }
    if (breakers_.size() >= drop_at_) {
        std::erase_if(breakers_, [now](const auto& entry) { return entry.second.idle(now); });
        drop_at_ = std::max<std::size_t>(1024, 2 * breakers_.size());
    }
    return trips;
}

Breaker::State Breakers::state(BreakerScope scope, std::string_view name, std::string_view operator_name,
                               SteadyPoint now) const
{
    const Breaker* breaker = find(scope, name, operator_name);
    return breaker ? breaker->state(now) : Breaker::State::closed;
}

void Breakers::reset(BreakerScope scope, std::string_view name, std::string_view operator_name)
{
    breakers_.erase(Key{scope, std::string(name), std::string(operator_name)});
}

std::vector<Breakers::Trip> Breakers::not_closed(SteadyPoint now) const
{
    std::vector<Trip> out;
    for (const auto& [key, breaker] : breakers_)
        if (breaker.state(now) != Breaker::State::closed)
            out.push_back({key.scope, key.name, key.operator_name});
    return out;
}

const Breaker* Breakers::find(BreakerScope scope, std::string_view name, std::string_view operator_name) const
{
    const auto found = breakers_.find(Key{scope, std::string(name), std::string(operator_name)});
    return found == breakers_.end() ? nullptr : &found->second;
}

}  // namespace winnow
