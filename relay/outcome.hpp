#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/gate.hpp"
#include "core/reply_classifier.hpp"
#include "core/retry_schedule.hpp"
#include "relay/options.hpp"
#include "storage/ops.hpp"

namespace winnow::relay {

/// How one delivery attempt ended: a reply, or the error that kept us from one. What the message's fate, the strike and
/// the event are made from.
struct AttemptEnd {
    Stage stage = Stage::connect;
    std::optional<SmtpReply> reply;  ///< none when there was no answer
    Error error;                     ///< when there is no reply
    /// Set when we decided without asking a mail host (no route, message too big for it): then `reply` holds our own
    /// words, which are not read like a server's.
    std::optional<Classified> decided;
    /// `decided` is what our own resolver said of the domain: it may be held against all of it.
    bool own_dns = false;
    /// Trouble of our own (store, gate): the message waits, no attempt is counted and nothing is learnt.
    bool ours = false;
    std::string mx;        ///< "mx.example.com[192.0.2.1]"; empty when none was reached
    std::string source;    ///< our address
    std::string provider;  ///< row of the provider table
    bool tls = false;
};

/// "mx.example.com" of an attempt's "mx.example.com[192.0.2.1]".
inline std::string_view mx_host(std::string_view mx) noexcept
{
    return mx.substr(0, mx.find('['));
}

/// An end that we decide, in the form of the reply that says so; nothing about it is left to the reply table.
AttemptEnd decided_end(Stage stage, ReplyClass klass, std::string_view rule, int code, std::string_view text);
/// An end for which nobody outside is to blame.
AttemptEnd own_trouble(Error error);

/// Retry ladders with the lab's speed-up applied.
RetrySchedule make_schedule(const RelayOptions& options);

/// What the end of an attempt means for the message: the class by the classifier, the fate by the reply's digit (2xx
/// delivered, 4xx or silence deferred, 5xx bounced), the next due time by the class's ladder and the server's own hint,
/// the last try at expiry. Pure: `now` and `jitter` (in [-1, 1)) are passed in.
storage::RecordAttempt judge(const storage::MessageRecord& message, const AttemptEnd& end,
                             const ReplyClassifier& replies, const RetrySchedule& schedule, TimePoint now,
                             double jitter);

/// A message that the gate stopped just before the attempt.
storage::RecordAttempt stopped_by_gate(const storage::MessageRecord& message, const GateAnswer& answer, TimePoint now);

/// A message whose time was over before its turn came (its site was paused, or the queue before it too long).
storage::RecordAttempt expired_waiting(const storage::MessageRecord& message, TimePoint now);

/// True for classes that say "slow down" to a source at a site: the site pauses.
bool is_throttle(ReplyClass klass) noexcept;

}  // namespace winnow::relay
