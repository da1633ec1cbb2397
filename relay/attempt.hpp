#pragma once

#include <map>
#include <optional>
#include <string>

#include "relay/connection.hpp"
#include "relay/content.hpp"
#include "relay/dsn_policy.hpp"

namespace winnow::relay {

/// The parts of one delivery attempt that need the store: the gate, the content, the transaction, the notice.
class AttemptRunner {
public:
    AttemptRunner(Services services, const RelayOptions& options) : services_(services), options_(options) {}

    /// Asks the gate again. No ops = go; else what records why not (dropped, held or cancelled). An error = not known
    /// now.
    awaitable<Result<storage::OpList>> before(storage::MessageRecord message);
    /// The octets to send: a campaign's template with the row's values, or the submitted body.
    awaitable<Result<Content>> content(storage::MessageRecord message);
    /// MAIL, RCPT, DATA on an open connection. Leaves the connection ready for the next transaction where it can.
    awaitable<AttemptEnd> transact(Connection& connection, storage::MessageRecord message, Content content);
    /// The delivery status notification that a failure owes its submitter.
    awaitable<std::optional<DsnMail>> failure_notice(storage::MessageRecord message, storage::RecordAttempt outcome);

private:
    awaitable<Result<storage::CampaignRecord>> campaign(std::string workspace, std::string id);

    Services services_;
    const RelayOptions& options_;
    std::map<std::string, storage::CampaignRecord> campaigns_;  ///< content and policy do not change once started
};

/// A domain without a way to it, as the end of an attempt: null MX and no such domain are answers (5xx), DNS trouble is
/// silence.
AttemptEnd unroutable(const net::MailRoute& route);

}  // namespace winnow::relay
