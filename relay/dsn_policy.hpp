#pragma once

#include <optional>
#include <string>
#include <string_view>

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

/// Whether the header of `original` says that no person waits for an answer: Auto-Submitted other than `no` (RFC 3834
/// section 5), Precedence bulk, junk or list, or a null Return-Path.
bool is_automatic(std::string_view original);

/// Its text and envelope; nothing when none is owed, the original is automatic, or the reverse-path is no address.
/// Header only, whatever RET says:
/// a list of a million does not come back with its bodies.
std::optional<DsnMail> make_failure_dsn(const storage::MessageRecord& message, const storage::RecordAttempt& outcome,
                                        const std::string& original, const RelayOptions& options,
                                        const std::string& new_id, TimePoint now);

}  // namespace winnow::relay
