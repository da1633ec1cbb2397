#pragma once

#include <optional>
#include <string>

#include "relay/options.hpp"
#include "storage/ops.hpp"

namespace winnow::relay {

/// A notification that a failed message owes its submitter, as ops for the commit of the outcome.
struct DsnMail {
    storage::PutBody body;
    storage::Enqueue message;
};

/// Whether a message that ends in `state` owes its submitter a notice of failure: bounced, expired, or stopped by the
/// gate after it was accepted. Never for campaigns, null reverse-paths (no DSN about a DSN), submitters we do not know
/// and NOTIFY without FAILURE (RFC 3461 section 4.1).
bool owes_failure_notice(const storage::MessageRecord& message, MessageState state);

/// Its text and envelope; nothing when none is owed, or the reverse-path is no address. Header only, whatever RET says:
/// a list of a million does not come back with its bodies.
std::optional<DsnMail> make_failure_dsn(const storage::MessageRecord& message, const storage::RecordAttempt& outcome,
                                        const std::string& original, const RelayOptions& options,
                                        const std::string& new_id, TimePoint now);

}  // namespace winnow::relay
