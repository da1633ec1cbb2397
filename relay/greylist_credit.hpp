#pragma once

#include <map>
#include <string>
#include <vector>

#include "relay/relay.hpp"

namespace winnow::relay {

/// The return paths that greylisting hosts know from probes of a list's rows, for the messages to these rows.
class GreylistCredits {
public:
    GreylistCredits(const storage::EngineKeys& keys, const RelayOptions& options) : keys_(keys), options_(options) {}

    /// Of `rows` rows from number `first` on.
    awaitable<Result<>> read(storage::Engine& engine, std::string workspace, std::string list_id, std::uint64_t first,
                             std::size_t rows);
    /// Gives the row's path, where it has one, to its message. It is used from sources that are near the probe's, and
    /// bounces to it find the message.
    void give(std::uint64_t row, storage::MessageRecord& message, storage::OpList& ops) const;

private:
    const storage::EngineKeys& keys_;
    const RelayOptions& options_;
    std::map<std::uint64_t, std::string> paths_;  ///< by row number
};

}  // namespace winnow::relay
