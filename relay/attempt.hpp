#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "relay/connection.hpp"
#include "relay/content.hpp"
#include "relay/dsn_policy.hpp"
#include "relay/message_memory.hpp"

namespace winnow::relay {

/// A message in memory, ready for DATA.
struct Outgoing {
    net::SharedText message;   ///< null: there is no room for it now
    std::uint64_t octets = 0;  ///< what it takes; without room at least this
    bool smtputf8 = false;
    bool eight_bit = false;
};

/// The parts of one delivery attempt that need the store: the gate, the content, the transaction, the notice.
class AttemptRunner {
public:
    AttemptRunner(Services services, const RelayOptions& options)
        : services_(services), options_(options), memory_(options.message_memory)
    {
    }

    /// Asks the gate again. No ops = go; else what records why not (dropped, held or cancelled), with the notice that
    /// this owes the submitter. An error = not known now.
    awaitable<Result<storage::OpList>> before(storage::MessageRecord message);
    /// The octets to send: a campaign's template with the row's values, or the submitted body, which is read once for
    /// all attempts that are under way with it. `room` is what was kept for it in memory(), or null. Errors of
    /// disposition permanent stay.
    awaitable<Result<Outgoing>> content(storage::MessageRecord message, MessageMemory::Room room);
    /// MAIL, RCPT, DATA on an open connection. What the next hop has said it cannot take is refused here, in its name.
    /// Leaves the connection ready for the next transaction unless there was no reply, or a 421.
    awaitable<AttemptEnd> transact(Connection& connection, storage::MessageRecord message, Outgoing content);
    /// The outcome, with the delivery status notification that a failure owes its submitter.
    awaitable<storage::OpList> with_notice(storage::MessageRecord message, storage::RecordAttempt outcome);

    MessageMemory& memory() noexcept { return memory_; }

private:
    struct Reading;
    struct CampaignPlan {
        storage::CampaignRecord record;  ///< content and policy do not change once started
        CampaignTemplate form;
    };
    using Plan = std::shared_ptr<const CampaignPlan>;

    awaitable<Result<Plan>> plan_of(storage::MessageRecord message);
    awaitable<Result<Outgoing>> body(std::string id, MessageMemory::Room room);
    awaitable<std::string> envelope_from(storage::MessageRecord message, std::string source);

    Services services_;
    const RelayOptions& options_;
    MessageMemory memory_;
    std::map<std::string, std::shared_ptr<Reading>> reading_;  ///< by id of the body
    std::map<std::string, Plan> plans_;                        ///< by workspace and id
};

/// A domain without a way to it, as the end of an attempt: null MX and no such domain are answers (5xx), DNS trouble
/// and targets we do not connect to are not.
AttemptEnd unroutable(const net::MailRoute& route);

/// A message that cannot be made from what is stored, as the end of an attempt; nothing when a later try may succeed.
std::optional<AttemptEnd> unwritable(const Error& error);

}  // namespace winnow::relay
