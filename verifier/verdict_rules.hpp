#pragma once

#include <cstddef>
#include <optional>

#include "core/reply_classifier.hpp"
#include "core/verdict.hpp"

/// From evidence to verdict: pure functions, replayable from what is stored.
namespace winnow::verifier {

/// What an answer to RCPT (or the failure to get one) says about the address. `reply` is null when there was none.
/// A reply about us or about nobody never says that the address is dead, nor does one before RCPT or a 4xx; unknown
/// words are never "undeliverable".
Reason reason_of(const Classified& meaning, const SmtpReply* reply, const Error& error, Stage stage);

/// Reasons that say of a mailbox that it lives, on the word of its host alone: it counts where that host is known to
/// refuse strangers.
bool vouches_for_address(Reason reason) noexcept;

/// What is left of such a reason where no stranger was refused. "Too busy" does not come of catch-alls only: when it
/// was not shown that strangers are accepted, it may be what the host says to all, and another time will tell.
Reason reason_without_proof(Reason reason, bool accepts_strangers) noexcept;

/// Whether asking again later may change the answer, and how often that is worth a probe.
bool worth_retrying(Reason reason, int attempts) noexcept;

inline constexpr std::ptrdiff_t strangers_to_prove = 2;  ///< accepted ones that make a catch-all

/// People's own words, erasure and traps settle that nothing is sent: a probe would only cost. A bounce may have passed
/// and an unsubscribe does not stop every kind of mail, so these are asked about.
bool settles_without_probe(SuppressionReason reason) noexcept;

/// Fills verdict, p_bounce with its interval and expires_at from reason and checked_at. The probabilities are starting
/// beliefs per reason, not measurements; the risk model of an installation replaces them by its own outcomes.
void conclude(VerdictRecord& record, Reason reason, TimePoint now);

/// What the outcome of an own delivery, or a report, says of the mailbox; nothing for other steps and for outcomes that
/// are about us or about the moment.
std::optional<Reason> reason_of_outcome(const Evidence& step);

}  // namespace winnow::verifier
