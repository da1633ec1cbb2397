#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "net/smtp_client.hpp"

namespace winnow::relay {

/// The messages that are being sent: no more octets of them than a limit, and one copy of what many attempts send. A
/// message counts as long as somebody holds it. Not thread-safe; what it gave out may outlive it.
class MessageMemory {
    struct State;
    struct Held;

public:
    /// Kept for a message that is to come; given back when dropped.
    using Room = std::shared_ptr<Held>;

    explicit MessageMemory(std::uint64_t limit);

    /// The message that is held under `id`, or null.
    net::SharedText find(const std::string& id) const;
    /// Whether a message of this size finds room now. One that is larger than the limit has to be alone.
    bool has_room(std::uint64_t octets) const noexcept;
    /// Null when there is no room.
    Room reserve(std::uint64_t octets);
    /// Takes a message in, under `id` when that is not empty and not held yet. Null when there is no room for it, with
    /// what `room` (may be null) has kept.
    net::SharedText hold(const std::string& id, std::string message, Room room);
    std::uint64_t used() const noexcept;
    /// `freed` is called whenever a message leaves or a room is dropped; it must not throw.
    void on_freed(std::function<void()> freed);

private:
    std::shared_ptr<State> state_;
};

}  // namespace winnow::relay
