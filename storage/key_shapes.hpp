#pragma once

#include <string>
#include <string_view>

#include "storage/key_codec.hpp"
#include "storage/kv.hpp"
#include "storage/records.hpp"

/// The shape of every key, in one place; docs/storage-format.md describes them. Workspace first, except indexes that
/// only the engine itself walks (state, message, due, in_flight). No function here takes a clear address or domain.
namespace winnow::storage::shape {

enum class Document : std::uint8_t { list = 1, job, campaign };
enum class State : std::uint8_t {
    open_job = 1,        ///< workspace, job: present while the job is open
    running_campaign,    ///< workspace, campaign: present while it runs
    cancelled_campaign,  ///< workspace, campaign: the durable mark
    campaign_counts,     ///< workspace, campaign
    queue_counts,        ///< workspace
    event_sequence,      ///< workspace
    lane_sequence,       ///< lane
};

inline std::string documents(std::string_view workspace, Document kind)
{
    return KeyBuilder().text(workspace).byte(static_cast<std::uint8_t>(kind)).str();
}
inline std::string document(std::string_view workspace, Document kind, std::string_view id)
{
    return KeyBuilder().text(workspace).byte(static_cast<std::uint8_t>(kind)).text(id).str();
}

inline std::string states(State kind)
{
    return KeyBuilder().byte(static_cast<std::uint8_t>(kind)).str();
}
inline std::string state(State kind, std::string_view workspace)
{
    return KeyBuilder().byte(static_cast<std::uint8_t>(kind)).text(workspace).str();
}
inline std::string state(State kind, std::string_view workspace, std::string_view id)
{
    return KeyBuilder().byte(static_cast<std::uint8_t>(kind)).text(workspace).text(id).str();
}
inline std::string state(State kind, LaneId lane)
{
    return KeyBuilder().byte(static_cast<std::uint8_t>(kind)).number32(lane.value).str();
}

/// For ranges up to and including `t`.
inline TimePoint just_after(TimePoint t)
{
    return t == TimePoint::max() ? t : t + milliseconds{1};
}

/// Families row and result.
inline std::string rows(std::string_view workspace, std::string_view list)
{
    return KeyBuilder().text(workspace).text(list).str();
}
inline std::string row(std::string_view workspace, std::string_view list, std::uint64_t number)
{
    return KeyBuilder().text(workspace).text(list).number(number).str();
}
inline std::string row_due(std::string_view workspace, std::string_view list, TimePoint due, std::uint64_t number)
{
    return KeyBuilder().text(workspace).text(list).time(due).number(number).str();
}

/// Families verdict and strike, and the prefix of a history in family evidence.
inline std::string of_address(std::string_view workspace, const H16& digest)
{
    return KeyBuilder().text(workspace).digest(digest).str();
}
inline std::string evidence(std::string_view workspace, const H16& digest, TimePoint at, std::uint64_t event)
{
    return KeyBuilder().text(workspace).digest(digest).time_descending(at).number_descending(event).str();
}
/// Family fact.
inline std::string catch_all(const H16& domain)
{
    return KeyBuilder().byte(1).digest(domain).str();
}

/// Families suppression and clear_text. Global entries have the empty workspace.
struct SuppressionKey {
    std::string workspace;
    ScopeKind scope = ScopeKind::workspace;
    std::string list_id;  ///< list scope only
    H16 digest;

    std::string str() const
    {
        return KeyBuilder().text(workspace).byte(static_cast<std::uint8_t>(scope)).text(list_id).digest(digest).str();
    }
    /// Family suppression_domain: finds all entries of a domain, and all scopes and lists of one address.
    std::string under_domain(const H16& domain) const
    {
        return KeyBuilder()
            .text(workspace)
            .digest(domain)
            .digest(digest)
            .byte(static_cast<std::uint8_t>(scope))
            .text(list_id)
            .str();
    }
    static SuppressionKey read(std::string_view key)
    {
        KeyReader reader(key);
        SuppressionKey to;
        to.workspace = reader.text();
        to.scope = static_cast<ScopeKind>(reader.byte());
        to.list_id = reader.text();
        to.digest = reader.digest();
        return to;
    }
    static SuppressionKey read_under_domain(std::string_view key)
    {
        KeyReader reader(key);
        SuppressionKey to;
        to.workspace = reader.text();
        reader.digest();
        to.digest = reader.digest();
        to.scope = static_cast<ScopeKind>(reader.byte());
        to.list_id = reader.text();
        return to;
    }
};

/// Families message and in_flight; also the value of the indexes that name a message.
inline std::string message(MessageRef ref)
{
    return KeyBuilder().number32(ref.lane.value).number(ref.seq).str();
}
inline std::string message_id(std::string_view workspace, std::string_view id)
{
    return KeyBuilder().text(workspace).text(id).str();
}
inline MessageRef read_message(KeyReader& key)
{
    MessageRef ref;
    ref.lane.value = key.number32();
    ref.seq = key.number();
    return ref;
}

inline std::string flow(const FlowKey& flow)
{
    return KeyBuilder()
        .number32(flow.lane.value)
        .byte(static_cast<std::uint8_t>(flow.mail_class))
        .digest(flow.domain)
        .text(flow.workspace)
        .text(flow.campaign)
        .str();
}
inline std::string due(const FlowKey& of, TimePoint at, std::uint64_t seq)
{
    return flow(of) + KeyBuilder().time(at).number(seq).str();
}
/// Reads the flow of a due key; what follows is the item.
inline FlowKey read_flow(KeyReader& key)
{
    FlowKey flow;
    flow.lane.value = key.number32();
    flow.mail_class = static_cast<MailClass>(key.byte());
    flow.domain = key.digest();
    flow.workspace = key.text();
    flow.campaign = key.text();
    return flow;
}

/// Held messages of a workspace, and again by campaign, in the order in which they were held.
inline std::string all_held(std::string_view workspace)
{
    return KeyBuilder().text(workspace).byte(1).str();
}
inline std::string campaign_held(std::string_view workspace, std::string_view campaign)
{
    return KeyBuilder().text(workspace).byte(2).text(campaign).str();
}
inline std::string held_at(std::string prefix, std::uint64_t event)
{
    return std::move(prefix) + KeyBuilder().number(event).str();
}

inline std::string body(std::string_view id)
{
    return KeyBuilder().text(id).str();
}
inline std::string events(std::string_view workspace)
{
    return KeyBuilder().text(workspace).str();
}
inline std::string event(std::string_view workspace, std::uint64_t seq)
{
    return KeyBuilder().text(workspace).number(seq).str();
}
/// Families value and idempotency: callers' keys are digested, because they may hold anything.
inline std::string named(const H16& digest)
{
    return KeyBuilder().digest(digest).str();
}
inline std::string quarantine(Family family, std::string_view key)
{
    std::string name = KeyBuilder().byte(static_cast<std::uint8_t>(family)).str();
    return name.append(key);
}
inline std::string meta()
{
    return KeyBuilder().text("engine").str();
}

}  // namespace winnow::storage::shape
