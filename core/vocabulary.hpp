#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The closed lists of winnow: spelled alike in storage, API, CLI, logs and metrics. A value's name is its enumerator.
/// Each enum has to_string (static storage) and from_string (nothing for an unknown word). Numbers are stored on disk:
/// never renumber, only append.
namespace winnow {

enum class Verdict : std::uint8_t { deliverable = 1, undeliverable, risky, unknown };

/// Why; every reason belongs to one verdict (verdict_of) and has a default time to live (default_ttl in
/// core/verdict.hpp).
enum class Reason : std::uint8_t {
    accepted = 1,
    mailbox_busy,
    syntax_invalid,
    domain_not_found,
    domain_no_mail,
    mailbox_not_found,
    mailbox_disabled,
    catch_all,
    catch_all_likely_live,
    catch_all_likely_dead,
    mailbox_full,
    recipient_restricted,
    disposable,
    trap_risk,
    greylisted,
    temp_failure,
    no_connect,
    timeout,
    prober_blocked,
    policy_refused,
    accepts_then_rejects,
    dns_failure,
    not_probed,
    internal_error,
};
Verdict verdict_of(Reason reason) noexcept;

/// Remarks beside the verdict; they never decide alone. A set is a bit mask (Flags).
enum class Flag : std::uint8_t {
    role,
    free_provider,
    disposable_weak,
    seg,
    subaddress,
    typo_suspect,
    eai,
    catch_all_unknown
};

class Flags {
public:
    constexpr Flags() = default;
    explicit constexpr Flags(std::uint32_t bits) : bits_(bits) {}
    constexpr void set(Flag f) noexcept { bits_ |= 1u << static_cast<unsigned>(f); }
    constexpr bool has(Flag f) const noexcept { return (bits_ >> static_cast<unsigned>(f)) & 1u; }
    constexpr std::uint32_t bits() const noexcept { return bits_; }
    /// Names in the order of the enum, e.g. {"role", "seg"}.
    std::vector<std::string_view> names() const;
    bool operator==(const Flags&) const = default;

private:
    std::uint32_t bits_ = 0;
};

enum class Subject : std::uint8_t { address = 1, domain, us, nobody };
enum class Stage : std::uint8_t { connect = 1, banner, ehlo, starttls, auth, mail, rcpt, data, end_of_data };
enum class Action : std::uint8_t { none = 1, suppress, suspend, retry, sender };

enum class ReplyClass : std::uint8_t {
    mailbox_unknown = 1,
    mailbox_moved,
    mailbox_disabled,
    mailbox_full,
    mailbox_busy,
    recipient_filtered,
    domain_invalid,
    ip_blocked,
    sender_dns,
    auth_failed,
    sender_rejected,
    policy,
    relay_denied,
    content_spam,
    content_virus,
    content_format,
    message_too_big,
    rate_limited,
    too_many_rcpts,
    greylisted,
    network,
    server_error,
    protocol,
    tls,
    dns_failure,
    expired,
    complaint,
    unsubscribe,
    delivered,
    suppressed,
    auto_reply,
    not_a_bounce,
    unknown,
};
/// Subject and action of a class. `relay_denied` is about the domain on direct MX and about us through a smarthost.
Subject subject_of(ReplyClass c, bool via_smarthost = false) noexcept;
Action action_of(ReplyClass c) noexcept;

enum class SuppressionReason : std::uint8_t { bounce = 1, complaint, unsubscribe, manual, invalid, trap, erased };
/// erased > complaint > unsubscribe > manual > trap > bounce > invalid; higher is stronger.
int strength(SuppressionReason r) noexcept;
enum class SuppressionOrigin : std::uint8_t { outcome = 1, report, api, import_ };
enum class ScopeKind : std::uint8_t { global = 1, workspace, list };

enum class MessageState : std::uint8_t {
    accepted = 1,
    queued,
    in_flight,
    delivered,
    deferred,
    bounced,
    expired,
    dropped,
    held,
    cancelled
};
/// Facts about a message that come after its state is final.
enum class LaterFact : std::uint8_t { async_bounce = 1, complaint, unsubscribe };

enum class MailClass : std::uint8_t { bulk = 1, transactional };

enum class JobState : std::uint8_t { pending = 1, running, waiting, paused, done, cancelled, failed };
enum class CampaignState : std::uint8_t { draft = 1, running, paused, done, cancelled };

std::string_view to_string(Verdict) noexcept;
std::string_view to_string(Reason) noexcept;
std::string_view to_string(Flag) noexcept;
std::string_view to_string(Subject) noexcept;
std::string_view to_string(Stage) noexcept;
std::string_view to_string(Action) noexcept;
std::string_view to_string(ReplyClass) noexcept;
std::string_view to_string(SuppressionReason) noexcept;
std::string_view to_string(SuppressionOrigin) noexcept;
std::string_view to_string(ScopeKind) noexcept;
std::string_view to_string(MessageState) noexcept;
std::string_view to_string(LaterFact) noexcept;
std::string_view to_string(MailClass) noexcept;
std::string_view to_string(JobState) noexcept;
std::string_view to_string(CampaignState) noexcept;

/// `from_string<Reason>("catch_all")`.
template <class Enum>
std::optional<Enum> from_string(std::string_view word) noexcept;

/// Every value of a list, in order; for tables in docs, metrics and tests.
template <class Enum>
std::vector<Enum> all_values();

}  // namespace winnow
