#include "verifier/own_history.hpp"

#include <algorithm>

#include "verifier/precheck.hpp"
#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

using Answer = storage::CatchAllRecord::Answer;

constexpr std::string_view sorted_domain = "history:sorted_domain";
constexpr std::string_view not_returned = "history:not_returned";
constexpr std::string_view may_return = "history:may_return";
constexpr std::string_view returned = "history:returned";
constexpr std::string_view untested_domain = "history:untested_domain";

bool is_delivery(const Evidence& step)
{
    return step.kind == EvidenceKind::delivery && step.klass == ReplyClass::delivered;
}

/// Who runs the mail host ("mx.example.com[192.0.2.1]") that took our last message.
const Provider* provider_of_last(const std::vector<Evidence>& history, const ProviderTable& providers)
{
    const auto last = std::find_if(history.begin(), history.end(), is_delivery);
    if (last == history.end())
        return nullptr;
    return providers.find(std::string_view(last->of).substr(0, last->of.find('[')));
}

/// The message came back, and the words are not about the mailbox: it was not put into one all the same. Of class
/// `unknown` are also reports that must not count.
bool came_back(const Evidence& step)
{
    if (step.kind != EvidenceKind::report)
        return false;
    switch (step.klass) {
        case ReplyClass::unknown:
        case ReplyClass::auto_reply:
        case ReplyClass::not_a_bounce:
            return false;
        default:
            const Subject subject = subject_of(step.klass);
            return subject == Subject::nobody || subject == Subject::domain;
    }
}

/// It came back, and nobody can read why, or that must not count. "To somebody else" is no return of ours.
bool is_unread_return(const Evidence& step)
{
    return step.kind == EvidenceKind::report && step.klass == ReplyClass::unknown &&
           step.rule != "report:another-recipient";
}

OutcomeFact read_delivery(const Evidence& step, Sorting domain, TimePoint now)
{
    if (domain == Sorting::refuses_strangers)
        return {Reason::accepted, &step, step.at, sorted_domain};
    if (domain == Sorting::unknown)
        return untested_fact(step);
    if (now < step.at + bounce_window)
        return {Reason::catch_all, &step, step.at, may_return};
    return {Reason::catch_all_likely_live, &step, step.at + bounce_window, not_returned};
}

std::optional<OutcomeFact> read_step(const Evidence& step, Sorting domain, TimePoint now)
{
    if (is_delivery(step))
        return read_delivery(step, domain, now);
    if (domain == Sorting::takes_everybody && came_back(step))
        return OutcomeFact{Reason::catch_all_likely_dead, &step, step.at, returned};
    if (const auto reason = reason_of_outcome(step))
        return OutcomeFact{*reason, &step, step.at, {}};
    return std::nullopt;
}

std::string in_words(const OutcomeFact& fact)
{
    if (fact.rule == sorted_domain)
        return "delivered, and the domain refuses mailboxes that it does not have";
    if (fact.rule == not_returned)
        return "delivered, and nothing came back within three days";
    if (fact.rule == may_return)
        return "delivered, and it may still come back";
    if (fact.rule == returned)
        return "it came back, though not in words about the mailbox";
    return "delivered; whether the domain takes mail for anybody is not known";
}

}  // namespace

DomainHabit habit_of(const std::string& domain, const std::vector<Evidence>& history,
                     const std::optional<storage::CatchAllRecord>& tested, milliseconds catch_all_ttl,
                     const AddressLists& lists, const ProviderTable& providers, TimePoint now)
{
    DomainHabit habit;
    const auto by_class = [&habit, now](Sorting sorting, std::string answer, std::string rule) {
        habit.sorting = sorting;
        habit.steps.push_back(own_step(EvidenceKind::list, "provider class", std::move(answer), std::move(rule), now));
    };
    const Provider* const provider = provider_of_last(history, providers);
    const bool own_domain = lists.is_popular(domain) || (provider && provider->large && lists.is_free(domain));
    if (provider && provider->kind == ProviderKind::parked) {
        by_class(Sorting::takes_everybody, provider->name + " takes mail for unused domains: that proves nothing",
                 "provider:parked");
    } else if (own_domain && !(provider && provider->accepts_all)) {
        by_class(Sorting::refuses_strangers, domain + " is a mailbox provider's own domain: it refuses strangers",
                 "provider:own_domain");
    } else if (tested && tested->answer != Answer::inconclusive && now < tested->checked + catch_all_ttl) {
        habit.sorting = tested->answer == Answer::yes ? Sorting::takes_everybody : Sorting::refuses_strangers;
        habit.steps = tested->evidence;
    }
    return habit;
}

std::optional<OutcomeFact> read_outcomes(const std::vector<Evidence>& history, Sorting domain, TimePoint now)
{
    std::optional<OutcomeFact> early;
    bool unread = false;
    for (const Evidence& step : history) {
        unread = unread || is_unread_return(step);
        // Of a message that came back for whatever reason it cannot be said that it did not.
        if (unread && domain == Sorting::takes_everybody && is_delivery(step)) {
            unread = false;
            continue;
        }
        const auto fact = read_step(step, domain, now);
        if (!fact || now >= fact->holds_until())
            continue;
        if (fact->rule != may_return)
            return fact;
        // It refutes nothing of what is older.
        if (!early)
            early = fact;
    }
    return early;
}

OutcomeFact untested_fact(const Evidence& delivery)
{
    return {Reason::catch_all, &delivery, delivery.at, untested_domain, true};
}

void conclude_by_outcome(VerdictRecord& verdict, const OutcomeFact& fact, const DomainHabit& habit)
{
    verdict.evidence.push_back(*fact.by);
    if (!fact.rule.empty()) {
        verdict.evidence.insert(verdict.evidence.end(), habit.steps.begin(), habit.steps.end());
        verdict.evidence.push_back(
            own_step(EvidenceKind::history, "own outcomes", in_words(fact), std::string(fact.rule), fact.at));
    }
    if (fact.untested)
        verdict.flags.set(Flag::catch_all_unknown);
    conclude(verdict, fact.reason, fact.at);
}

bool is_untested(const VerdictRecord& verdict)
{
    return !verdict.evidence.empty() && verdict.evidence.back().rule == untested_domain;
}

}  // namespace winnow::verifier
