#include "relay/message_memory.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "core/memory_budget.hpp"

namespace winnow::relay {

struct MessageMemory::State {
    explicit State(std::uint64_t octets) : limit(octets), budget(octets) {}

    const std::uint64_t limit;
    MemoryBudget budget;
    std::map<std::string, std::weak_ptr<Held>> by_id;
    std::function<void()> freed;
};

struct MessageMemory::Held {
    explicit Held(std::shared_ptr<State> of) : state(std::move(of)), share(&state->budget) {}
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held()
    {
        if (!counted)
            return;
        (void)share.resize(0);
        if (!id.empty())
            state->by_id.erase(id);
        if (state->freed)
            state->freed();
    }

    const std::shared_ptr<State> state;
    MemoryBudget::Share share;
    bool counted = false;
    std::string id;
    std::string message;
};

MessageMemory::MessageMemory(std::uint64_t limit) : state_(std::make_shared<State>(limit)) {}

net::SharedText MessageMemory::find(const std::string& id) const
{
    const auto found = state_->by_id.find(id);
    auto held = found == state_->by_id.end() ? nullptr : found->second.lock();
    return held ? net::SharedText{held, &held->message} : nullptr;
}

bool MessageMemory::has_room(std::uint64_t octets) const noexcept
{
    return state_->budget.has_room(std::min(octets, state_->limit));
}

MessageMemory::Room MessageMemory::reserve(std::uint64_t octets)
{
    auto room = std::make_shared<Held>(state_);
    room->counted = room->share.resize(std::min(octets, state_->limit));
    return room->counted ? room : nullptr;
}

net::SharedText MessageMemory::hold(const std::string& id, std::string message, Room room)
{
    if (!room)
        room = reserve(message.size());
    if (!room || !room->share.resize(std::min<std::uint64_t>(message.size(), state_->limit)))
        return nullptr;
    room->message = std::move(message);
    if (!id.empty() && state_->by_id.emplace(id, room).second)
        room->id = id;
    return {room, &room->message};
}

std::uint64_t MessageMemory::used() const noexcept
{
    return state_->budget.used();
}

void MessageMemory::on_freed(std::function<void()> freed)
{
    state_->freed = std::move(freed);
}

}  // namespace winnow::relay
