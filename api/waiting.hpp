#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/answer.hpp"
#include "storage/engine.hpp"

namespace winnow::api {

/// Queued mail to one domain, and what was heard there last.
struct WaitingDomain {
    std::string domain;        ///< A-label; empty when no message of it could be read
    std::uint64_t queued = 0;  ///< in flight too, until their attempt is recorded
    TimePoint next{};          ///< the earliest attempt
    /// The latest attempt among the messages that are due first; none when none of them was tried yet.
    std::optional<storage::AttemptRecord> last;
};

/// The `limit` domains of the workspace that most mail waits for, most first. Walks the keys of the whole queue: for
/// people who look, not for probes that come every second.
awaitable<Result<std::vector<WaitingDomain>>> waiting_domains(storage::Engine& engine, std::string workspace,
                                                              std::size_t limit);

/// [{"domain", "queued", "next", "last": {"at", "stage", "class", "reply"} or null}]
nlohmann::json to_json(const std::vector<WaitingDomain>& domains);

}  // namespace winnow::api
