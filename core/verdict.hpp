#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "core/smtp_reply.hpp"
#include "core/vocabulary.hpp"

namespace winnow {

/// One step of how a verdict came about: what was asked of whom, the answer, the rule. Also the stored form of delivery
/// outcomes: the loop feeds both ends into the same record.
enum class EvidenceKind : std::uint8_t {
    syntax = 1,
    list,
    dns,
    connect,
    rcpt,
    catch_all,
    delivery,
    report,
    history,
    policy
};
std::string_view to_string(EvidenceKind) noexcept;
template <>
std::optional<EvidenceKind> from_string<EvidenceKind>(std::string_view word) noexcept;
template <>
std::vector<EvidenceKind> all_values<EvidenceKind>();

struct Evidence {
    EvidenceKind kind = EvidenceKind::rcpt;
    TimePoint at{};
    std::string asked;                       ///< "MX example.com", "RCPT TO:<a@b>", "disposable list"
    std::string of;                          ///< resolver, MX host and IP, list name; empty for our own rules
    std::string answer;                      ///< the reply or result, one line
    Stage stage = Stage::rcpt;               ///< for SMTP steps
    ReplyClass klass = ReplyClass::unknown;  ///< for SMTP steps
    std::string rule;                        ///< id of the row or rule that read it
};

/// What winnow thinks of an address: a pure function of evidence and rules, replayable, explainable, expiring.
struct VerdictRecord {
    Verdict verdict = Verdict::unknown;
    Reason reason = Reason::not_probed;
    double p_bounce = 0.5;  ///< probability that a message now would bounce, 0..1
    double p_low = 0.0;     ///< 90 % interval
    double p_high = 1.0;
    Flags flags;
    std::string suggestion;  ///< corrected address for a likely typo; empty
    std::string provider;    ///< row of data/mx-providers.tsv; empty when none matches
    std::vector<Evidence> evidence;
    TimePoint checked_at{};
    TimePoint expires_at{};
    int probes = 0;  ///< RCPT commands spent
};

/// Default time to live of a reason: long where the world changes slowly, a day where nothing was learned.
milliseconds default_ttl(Reason reason) noexcept;

}  // namespace winnow
