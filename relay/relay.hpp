#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/breaker.hpp"
#include "core/metrics.hpp"
#include "core/provider_table.hpp"
#include "core/reply_classifier.hpp"
#include "core/timer.hpp"
#include "net/resolver.hpp"
#include "net/stream.hpp"
#include "relay/admission.hpp"
#include "relay/options.hpp"
#include "relay/verdict_requests.hpp"
#include "storage/engine.hpp"

namespace winnow::relay {

template <class T>
using awaitable = boost::asio::awaitable<T>;

class MassEvents;

/// What the relay stands on. References outlive it; wired in `app`.
struct Services {
    storage::Engine& engine;
    const storage::EngineKeys& keys;
    net::Resolver& resolver;
    net::Connector& connector;
    TimerSource& timers;
    const Clock& clock;
    Rng& rng;
    Log& log;
    Metrics& metrics;
    const ReplyClassifier& replies;
    const ProviderTable& providers;
    Admission& admission;
    Breakers* breakers = nullptr;         ///< shared with probing; without them sending counts by itself
    MassEvents* mass_events = nullptr;    ///< shared by delivery and bounce intake; null = nobody is guarded
    VerdictRequests* verdicts = nullptr;  ///< null = held rows wait for whoever verifies the list
};

/// Takes due messages from the lanes and delivers them: flows in turn, sites with their own connections, window and
/// dead-host memory, the gate asked again before each attempt, outcomes committed with their evidence and suppression.
///
/// At least once: an outcome that the store does not take is offered again until it does; when winnow ends before, the
/// message is still due and goes out again after the restart, also if the receiver had taken it.
///
/// Runs on one executor; not thread-safe.
class Delivery {
public:
    Delivery(Services services, RelayOptions options);
    ~Delivery();
    /// Reads the flows of the store and runs until drain(). Call once, after the engine is open.
    awaitable<void> run();
    /// Takes nothing new, finishes the transactions under way, gives back what was not attempted; run() then returns.
    awaitable<void> drain();
    /// Messages in a transaction right now.
    std::size_t in_flight() const noexcept;

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;  ///< shared with the coroutines under way
};

/// The VERP return path of a message, "b-<token>@<bounce_domain>"; and back from a recipient of the bounce listener, in
/// any case. Nothing when the token is forged or expired, or the domain another (or none is set).
std::string return_path(const storage::EngineKeys& keys, const RelayOptions& options, MessageRef ref,
                        TimePoint accepted);
std::optional<MessageRef> read_return_path(const storage::EngineKeys& keys, const RelayOptions& options,
                                           std::string_view recipient, TimePoint now);
/// The same for unsubscribes by mail, "u-<token>@<bounce_domain>": mail to it says that its recipient wants no more of
/// the list.
std::string unsubscribe_address(const storage::EngineKeys& keys, const RelayOptions& options, MessageRef ref,
                                TimePoint accepted);
std::optional<MessageRef> read_unsubscribe_address(const storage::EngineKeys& keys, const RelayOptions& options,
                                                   std::string_view recipient, TimePoint now);
/// Greylist credit. A host that deferred a probe of a list's row knows a triplet by now; the row's message that shows
/// the same one need not wait again. "g-<token>@<bounce_domain>", different at each call, for probes from `source`;
/// empty without a bounce domain.
std::string greylist_path(const storage::EngineKeys& keys, const RelayOptions& options, std::string_view source,
                          Rng& rng, TimePoint now);
/// Whether a message from `source` shows the triplet of such a path: from the same /24, or /64 for IPv6.
bool gives_credit(const storage::EngineKeys& keys, const RelayOptions& options, std::string_view path,
                  std::string_view source, TimePoint now);
/// The stored value that names the message of such a path, as credit_value() writes it; empty when the path is none, is
/// forged or has expired.
std::string credit_key(const storage::EngineKeys& keys, const RelayOptions& options, std::string_view path,
                       TimePoint now);
/// A path of that form, be it right or forged.
bool looks_like_credit(const RelayOptions& options, std::string_view path);
/// Says which message leaves under the path, in the commit that queues it.
storage::PutValue credit_value(std::string key, const storage::MessageRecord& message, const RelayOptions& options);

/// Whether a recipient at the bounce domain has the form of one of the three, be it right or forged.
bool looks_keyed(const RelayOptions& options, std::string_view recipient);

}  // namespace winnow::relay
