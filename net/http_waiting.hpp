#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "net/stream.hpp"

namespace winnow::net {

/// The connections that have no request under way: silent ones, halves of a header, keep-alive between two requests. A
/// server that is full closes the one that has waited longest for the sake of the next, so that nobody shuts it by
/// holding connections (a client may find a kept-alive connection closed at any time: RFC 9112 section 9.5). One
/// thread.
class HttpWaiting {
    struct State {
        std::map<std::uint64_t, Stream*> streams;  ///< by the order in which they began to wait
        std::uint64_t next = 0;
    };

public:
    /// For as long as a connection waits. May outlive the HttpWaiting in a coroutine that is destroyed with the
    /// executor.
    class Entry {
    public:
        /// `waiting` may be null: nobody will close the connection then.
        Entry(const std::shared_ptr<HttpWaiting>& waiting, Stream& stream) : state_(waiting ? waiting->state_ : nullptr)
        {
            if (state_)
                state_->streams.emplace(turn_ = state_->next++, &stream);
        }
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;
        ~Entry()
        {
            if (state_)
                state_->streams.erase(turn_);
        }

    private:
        std::shared_ptr<State> state_;
        std::uint64_t turn_ = 0;
    };

    /// False when none waits.
    bool close_longest()
    {
        const auto longest = state_->streams.begin();
        if (longest == state_->streams.end())
            return false;
        Stream* const stream = longest->second;
        state_->streams.erase(longest);
        stream->close();
        return true;
    }

private:
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace winnow::net
