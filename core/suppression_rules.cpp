#include "core/suppression_rules.hpp"

#include <algorithm>

namespace winnow {
namespace {

using Count = StrikeState::Count;

struct CountRule {
    milliseconds spacing{0};  ///< a strike nearer than this to the last one is part of it
    milliseconds window{0};   ///< strikes further apart than this do not add up
};

void count_strike(Count& count, TimePoint at, const CountRule& rule)
{
    if (count.strikes == 0 || at - count.last > rule.window) {
        count = {.strikes = 1, .first = at, .last = at};
    } else if (at < count.first) {
        count.first = at;
    } else if (at - count.last >= rule.spacing) {
        if (at - count.first > rule.window) {
            // Strikes are not remembered one by one: of those in a window that slid, only the last is known to be
            // inside. This errs towards suppressing later.
            count.first = count.last;
            count.strikes = 1;
        }
        ++count.strikes;
        count.last = at;
    }
}

void forget_until(Count& count, TimePoint delivered)
{
    if (count.last <= delivered)
        count = {};
}

NewSuppression suppression(SuppressionReason reason, ScopeKind scope, std::uint32_t strikes)
{
    return {.reason = reason, .scope = scope, .expires = std::nullopt, .strikes = static_cast<int>(strikes)};
}

/// Counts, and makes a bounce suppression once `needed` strikes are there. A duration of zero = permanent.
std::optional<NewSuppression> strike(Count& count, const StrikeOutcome& outcome, const CountRule& rule, int needed,
                                     milliseconds duration)
{
    count_strike(count, outcome.at, rule);
    if (static_cast<int>(count.strikes) < needed)
        return std::nullopt;
    auto made = suppression(SuppressionReason::bounce, ScopeKind::workspace, count.strikes);
    if (duration.count() > 0)
        made.expires = outcome.at + duration;
    return made;
}

bool about_address_and_final(const StrikeOutcome& outcome)
{
    // Nothing said before RCPT can be about the recipient: that the classifier never says so is its rule, that no
    // suppression follows if it did is this one.
    return outcome.permanent && outcome.stage >= Stage::rcpt;
}

}  // namespace

StrikeResult apply_outcome(const StrikeState& prior, const StrikeOutcome& outcome, const SuppressionOptions& options)
{
    StrikeResult result{.state = prior, .suppression = std::nullopt};
    StrikeState& state = result.state;
    if (outcome.klass == ReplyClass::delivered) {
        for (Count* count : {&state.unknown, &state.disabled, &state.full, &state.filtered})
            forget_until(*count, outcome.at);
        return result;
    }
    if (outcome.klass == ReplyClass::complaint) {
        result.suppression = suppression(SuppressionReason::complaint, ScopeKind::workspace, 1);
        return result;
    }
    if (outcome.klass == ReplyClass::unsubscribe) {
        result.suppression = suppression(SuppressionReason::unsubscribe, ScopeKind::list, 1);
        return result;
    }
    if (!about_address_and_final(outcome))
        return result;
    const milliseconds memory = options.strike_memory;
    switch (outcome.klass) {
        case ReplyClass::mailbox_unknown:
        case ReplyClass::mailbox_moved: {
            const bool clear = outcome.clear && outcome.stage == Stage::rcpt;
            result.suppression = strike(state.unknown, outcome, {options.unknown_spacing, memory},
                                        clear ? options.unknown_clear_strikes : options.unknown_ambiguous_strikes, {});
            break;
        }
        case ReplyClass::domain_invalid:
            if (!outcome.own_dns)
                result.suppression = strike(state.unknown, outcome, {options.domain_spacing, memory},
                                            options.domain_strikes, options.domain_duration);
            break;
        case ReplyClass::mailbox_disabled:
            result.suppression = strike(state.disabled, outcome, {options.disabled_spacing, memory},
                                        outcome.final_ ? 1 : options.disabled_strikes, options.disabled_duration);
            break;
        case ReplyClass::mailbox_full:
            result.suppression = strike(state.full, outcome, {options.full_spacing, options.full_window},
                                        options.full_strikes, options.full_duration);
            break;
        case ReplyClass::recipient_filtered:
            result.suppression = strike(state.filtered, outcome, {options.filtered_spacing, memory},
                                        options.filtered_strikes, options.filtered_duration);
            break;
        default:
            break;
    }
    return result;
}

DomainStrikeResult apply_domain_outcome(const Count& prior, const StrikeOutcome& outcome,
                                        const SuppressionOptions& options)
{
    DomainStrikeResult result{.state = prior, .suppression = std::nullopt};
    if (outcome.klass == ReplyClass::delivered)
        forget_until(result.state, outcome.at);
    else if (outcome.klass == ReplyClass::domain_invalid && outcome.permanent && outcome.own_dns)
        result.suppression = strike(result.state, outcome, {options.domain_spacing, options.strike_memory},
                                    outcome.clear ? 1 : options.domain_strikes,
                                    outcome.clear ? options.null_mx_duration : options.domain_duration);
    return result;
}

SuppressionCore merge(const SuppressionCore& a, const SuppressionCore& b)
{
    SuppressionCore merged = strength(b.reason) > strength(a.reason) ? b : a;
    if (a.reason == b.reason)
        merged.expires = a.expires && b.expires ? std::optional(std::max(*a.expires, *b.expires)) : std::nullopt;
    merged.first = std::min(a.first, b.first);
    merged.last = std::max(a.last, b.last);
    merged.strikes = std::max(a.strikes, b.strikes);
    return merged;
}

}  // namespace winnow
