#pragma once

#include <optional>
#include <string>

#include "relay/options.hpp"
#include "storage/ops.hpp"

namespace winnow::relay {

/// The notification that a failed message owes its submitter, as ops for the commit of the outcome: nothing for
/// campaigns, null reverse-paths, unknown submitters and NOTIFY without FAILURE (RFC 3461 section 4.1); never a DSN
/// about a DSN. Header only (RET=HDRS): a list of a million does not come back with its bodies.
struct DsnMail {
    storage::PutBody body;
    storage::Enqueue message;
};
std::optional<DsnMail> make_failure_dsn(const storage::MessageRecord& message, const storage::RecordAttempt& outcome,
                                        const std::string& original, const RelayOptions& options,
                                        const std::string& new_id, TimePoint now);

}  // namespace winnow::relay
