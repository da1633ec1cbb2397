#include "core/vocabulary.hpp"

#include <type_traits>

namespace winnow {
namespace {

template <class Enum>
struct Word {
    Enum value;
    std::string_view text;
};

/// What a class of reply is about, and what it does to the address and our sources.
struct ClassRow {
    ReplyClass value;
    std::string_view text;
    Subject subject;
    Action action;
};

template <class Enum>
using Of = std::type_identity<Enum>;

// One function per list: its words in the order of the enum (checked below).

constexpr auto rows(Of<Verdict>)
{
    using enum Verdict;
    return std::to_array<Word<Verdict>>(
        {{deliverable, "deliverable"}, {undeliverable, "undeliverable"}, {risky, "risky"}, {unknown, "unknown"}});
}

constexpr auto rows(Of<Reason>)
{
    using enum Reason;
    return std::to_array<Word<Reason>>({
        {accepted, "accepted"},
        {mailbox_busy, "mailbox_busy"},
        {syntax_invalid, "syntax_invalid"},
        {domain_not_found, "domain_not_found"},
        {domain_no_mail, "domain_no_mail"},
        {mailbox_not_found, "mailbox_not_found"},
        {mailbox_disabled, "mailbox_disabled"},
        {catch_all, "catch_all"},
        {catch_all_likely_live, "catch_all_likely_live"},
        {catch_all_likely_dead, "catch_all_likely_dead"},
        {mailbox_full, "mailbox_full"},
        {recipient_restricted, "recipient_restricted"},
        {disposable, "disposable"},
        {trap_risk, "trap_risk"},
        {greylisted, "greylisted"},
        {temp_failure, "temp_failure"},
        {no_connect, "no_connect"},
        {timeout, "timeout"},
        {prober_blocked, "prober_blocked"},
        {policy_refused, "policy_refused"},
        {accepts_then_rejects, "accepts_then_rejects"},
        {dns_failure, "dns_failure"},
        {not_probed, "not_probed"},
        {internal_error, "internal_error"},
    });
}

constexpr auto rows(Of<Flag>)
{
    using enum Flag;
    return std::to_array<Word<Flag>>({
        {role, "role"},
        {free_provider, "free_provider"},
        {disposable_weak, "disposable_weak"},
        {seg, "seg"},
        {subaddress, "subaddress"},
        {typo_suspect, "typo_suspect"},
        {eai, "eai"},
        {catch_all_unknown, "catch_all_unknown"},
    });
}

constexpr auto rows(Of<Subject>)
{
    using enum Subject;
    return std::to_array<Word<Subject>>({{address, "address"}, {domain, "domain"}, {us, "us"}, {nobody, "nobody"}});
}

constexpr auto rows(Of<Stage>)
{
    using enum Stage;
    return std::to_array<Word<Stage>>({
        {connect, "connect"},
        {banner, "banner"},
        {ehlo, "ehlo"},
        {starttls, "starttls"},
        {auth, "auth"},
        {mail, "mail"},
        {rcpt, "rcpt"},
        {data, "data"},
        {end_of_data, "end_of_data"},
    });
}

constexpr auto rows(Of<Action>)
{
    using enum Action;
    return std::to_array<Word<Action>>(
        {{none, "none"}, {suppress, "suppress"}, {suspend, "suspend"}, {retry, "retry"}, {sender, "sender"}});
}

constexpr auto rows(Of<ReplyClass>)
{
    using enum ReplyClass;
    using S = Subject;
    using A = Action;
    return std::to_array<ClassRow>({
        {mailbox_unknown, "mailbox_unknown", S::address, A::suppress},
        {mailbox_moved, "mailbox_moved", S::address, A::suppress},
        {mailbox_disabled, "mailbox_disabled", S::address, A::suspend},
        {mailbox_full, "mailbox_full", S::address, A::suspend},
        {mailbox_busy, "mailbox_busy", S::address, A::retry},
        {recipient_filtered, "recipient_filtered", S::address, A::suspend},
        {domain_invalid, "domain_invalid", S::domain, A::suppress},
        {ip_blocked, "ip_blocked", S::us, A::sender},
        {sender_dns, "sender_dns", S::us, A::sender},
        {auth_failed, "auth_failed", S::us, A::sender},
        {sender_rejected, "sender_rejected", S::us, A::sender},
        {policy, "policy", S::us, A::sender},
        {relay_denied, "relay_denied", S::domain, A::sender},
        {content_spam, "content_spam", S::us, A::sender},
        {content_virus, "content_virus", S::us, A::sender},
        {content_format, "content_format", S::us, A::sender},
        {message_too_big, "message_too_big", S::us, A::sender},
        {rate_limited, "rate_limited", S::us, A::retry},
        {too_many_rcpts, "too_many_rcpts", S::nobody, A::retry},
        {greylisted, "greylisted", S::nobody, A::retry},
        {network, "network", S::nobody, A::retry},
        {server_error, "server_error", S::nobody, A::retry},
        {protocol, "protocol", S::nobody, A::retry},
        {tls, "tls", S::nobody, A::retry},
        {dns_failure, "dns_failure", S::domain, A::retry},
        {expired, "expired", S::nobody, A::retry},
        {complaint, "complaint", S::address, A::suppress},
        {unsubscribe, "unsubscribe", S::address, A::suppress},
        {delivered, "delivered", S::address, A::none},
        {suppressed, "suppressed", S::address, A::none},
        {auto_reply, "auto_reply", S::nobody, A::none},
        {not_a_bounce, "not_a_bounce", S::nobody, A::none},
        {unknown, "unknown", S::nobody, A::none},
    });
}

constexpr auto rows(Of<SuppressionReason>)
{
    using enum SuppressionReason;
    return std::to_array<Word<SuppressionReason>>({{bounce, "bounce"},
                                                   {complaint, "complaint"},
                                                   {unsubscribe, "unsubscribe"},
                                                   {manual, "manual"},
                                                   {invalid, "invalid"},
                                                   {trap, "trap"},
                                                   {erased, "erased"}});
}

constexpr auto rows(Of<SuppressionOrigin>)
{
    using enum SuppressionOrigin;
    return std::to_array<Word<SuppressionOrigin>>(
        {{outcome, "outcome"}, {report, "report"}, {api, "api"}, {import_, "import"}});
}

constexpr auto rows(Of<ScopeKind>)
{
    using enum ScopeKind;
    return std::to_array<Word<ScopeKind>>({{global, "global"}, {workspace, "workspace"}, {list, "list"}});
}

constexpr auto rows(Of<MessageState>)
{
    using enum MessageState;
    return std::to_array<Word<MessageState>>({
        {accepted, "accepted"},
        {queued, "queued"},
        {in_flight, "in_flight"},
        {delivered, "delivered"},
        {deferred, "deferred"},
        {bounced, "bounced"},
        {expired, "expired"},
        {dropped, "dropped"},
        {held, "held"},
        {cancelled, "cancelled"},
    });
}

constexpr auto rows(Of<LaterFact>)
{
    using enum LaterFact;
    return std::to_array<Word<LaterFact>>(
        {{async_bounce, "async_bounce"}, {complaint, "complaint"}, {unsubscribe, "unsubscribe"}});
}

constexpr auto rows(Of<MailClass>)
{
    using enum MailClass;
    return std::to_array<Word<MailClass>>({{bulk, "bulk"}, {transactional, "transactional"}});
}

constexpr auto rows(Of<JobState>)
{
    using enum JobState;
    return std::to_array<Word<JobState>>({{pending, "pending"},
                                          {running, "running"},
                                          {waiting, "waiting"},
                                          {paused, "paused"},
                                          {done, "done"},
                                          {cancelled, "cancelled"},
                                          {failed, "failed"}});
}

constexpr auto rows(Of<CampaignState>)
{
    using enum CampaignState;
    return std::to_array<Word<CampaignState>>(
        {{draft, "draft"}, {running, "running"}, {paused, "paused"}, {done, "done"}, {cancelled, "cancelled"}});
}

template <class Enum>
constexpr auto list = rows(Of<Enum>{});

/// The rows follow the enum without gap, so that a value is its row's index.
template <class Enum>
constexpr bool in_order()
{
    const auto first = static_cast<std::size_t>(list<Enum>[0].value);
    for (std::size_t i = 0; i < list<Enum>.size(); ++i)
        if (static_cast<std::size_t>(list<Enum>[i].value) != first + i)
            return false;
    return true;
}

/// The row of a value; null for a number that is no value (damaged or newer data).
template <class Enum>
constexpr auto find(Enum value) noexcept -> decltype(list<Enum>.data())
{
    static_assert(in_order<Enum>());
    const auto index = static_cast<std::size_t>(value) - static_cast<std::size_t>(list<Enum>[0].value);
    return index < list<Enum>.size() ? &list<Enum>[index] : nullptr;
}

template <class Enum>
constexpr std::string_view word(Enum value) noexcept
{
    const auto* row = find(value);
    return row ? row->text : "?";
}

}  // namespace

template <class Enum>
std::optional<Enum> from_string(std::string_view text) noexcept
{
    for (const auto& row : list<Enum>)
        if (row.text == text)
            return row.value;
    return std::nullopt;
}

template <class Enum>
std::vector<Enum> all_values()
{
    std::vector<Enum> values;
    values.reserve(list<Enum>.size());
    for (const auto& row : list<Enum>)
        values.push_back(row.value);
    return values;
}

#define WINNOW_LIST(Enum)                                                      \
    std::string_view to_string(Enum value) noexcept                            \
    {                                                                          \
        return word(value);                                                    \
    }                                                                          \
    template std::optional<Enum> from_string<Enum>(std::string_view) noexcept; \
    template std::vector<Enum> all_values<Enum>()

WINNOW_LIST(Verdict);
WINNOW_LIST(Reason);
WINNOW_LIST(Flag);
WINNOW_LIST(Subject);
WINNOW_LIST(Stage);
WINNOW_LIST(Action);
WINNOW_LIST(ReplyClass);
WINNOW_LIST(SuppressionReason);
WINNOW_LIST(SuppressionOrigin);
WINNOW_LIST(ScopeKind);
WINNOW_LIST(MessageState);
WINNOW_LIST(LaterFact);
WINNOW_LIST(MailClass);
WINNOW_LIST(JobState);
WINNOW_LIST(CampaignState);

#undef WINNOW_LIST

Verdict verdict_of(Reason reason) noexcept
{
    switch (reason) {
        case Reason::accepted:
        case Reason::mailbox_busy:
            return Verdict::deliverable;
        case Reason::syntax_invalid:
        case Reason::domain_not_found:
        case Reason::domain_no_mail:
        case Reason::mailbox_not_found:
        case Reason::mailbox_disabled:
            return Verdict::undeliverable;
        case Reason::catch_all:
        case Reason::catch_all_likely_live:
        case Reason::catch_all_likely_dead:
        case Reason::mailbox_full:
        case Reason::recipient_restricted:
        case Reason::disposable:
        case Reason::trap_risk:
            return Verdict::risky;
        case Reason::greylisted:
        case Reason::temp_failure:
        case Reason::no_connect:
        case Reason::timeout:
        case Reason::prober_blocked:
        case Reason::policy_refused:
        case Reason::accepts_then_rejects:
        case Reason::dns_failure:
        case Reason::not_probed:
        case Reason::internal_error:
            return Verdict::unknown;
    }
    return Verdict::unknown;
}

std::vector<std::string_view> Flags::names() const
{
    std::vector<std::string_view> out;
    for (const auto& row : list<Flag>)
        if (has(row.value))
            out.push_back(row.text);
    return out;
}

Subject subject_of(ReplyClass c, bool via_smarthost) noexcept
{
    if (c == ReplyClass::relay_denied && via_smarthost)
        return Subject::us;
    const auto* row = find(c);
    return row ? row->subject : Subject::nobody;
}

Action action_of(ReplyClass c) noexcept
{
    const auto* row = find(c);
    return row ? row->action : Action::none;
}

int strength(SuppressionReason r) noexcept
{
    switch (r) {
        case SuppressionReason::erased:
            return 7;
        case SuppressionReason::complaint:
            return 6;
        case SuppressionReason::unsubscribe:
            return 5;
        case SuppressionReason::manual:
            return 4;
        case SuppressionReason::trap:
            return 3;
        case SuppressionReason::bounce:
            return 2;
        case SuppressionReason::invalid:
            return 1;
    }
    return 0;
}

}  // namespace winnow
