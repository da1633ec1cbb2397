#include "core/verdict.hpp"

#include <utility>

namespace winnow {
namespace {

using enum EvidenceKind;
constexpr std::pair<EvidenceKind, std::string_view> kinds[] = {
    {syntax, "syntax"},       {list, "list"},         {dns, "dns"},       {connect, "connect"}, {rcpt, "rcpt"},
    {catch_all, "catch_all"}, {delivery, "delivery"}, {report, "report"}, {history, "history"}, {policy, "policy"},
};

using std::chrono::days;

}  // namespace

std::string_view to_string(EvidenceKind kind) noexcept
{
    for (const auto& [value, text] : kinds)
        if (value == kind)
            return text;
    return "?";
}

template <>
std::optional<EvidenceKind> from_string<EvidenceKind>(std::string_view word) noexcept
{
    for (const auto& [value, text] : kinds)
        if (text == word)
            return value;
    return std::nullopt;
}

template <>
std::vector<EvidenceKind> all_values<EvidenceKind>()
{
    std::vector<EvidenceKind> values;
    for (const auto& kind : kinds)
        values.push_back(kind.first);
    return values;
}

milliseconds default_ttl(Reason reason) noexcept
{
    switch (reason) {
        // A matter of our own rules, not of the world; an upgrade of the rules is the only thing that changes it.
        case Reason::syntax_invalid:
        case Reason::mailbox_not_found:
            return days{90};
        case Reason::accepted:
        case Reason::mailbox_busy:
        case Reason::domain_no_mail:
        case Reason::mailbox_disabled:
            return days{30};
        case Reason::catch_all:
        case Reason::catch_all_likely_live:
        case Reason::catch_all_likely_dead:
        case Reason::recipient_restricted:
        // The lists behind these two change weekly.
        case Reason::disposable:
        case Reason::trap_risk:
            return days{14};
        case Reason::domain_not_found:
            return days{7};
        case Reason::mailbox_full:
            return days{3};
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
            return days{1};
    }
    return days{1};
}

}  // namespace winnow
