#pragma once

#include <cstddef>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "net/stream.hpp"

namespace winnow::app {

/// How many sessions a listener has at a time.
struct SessionLimits {
    std::size_t total = std::numeric_limits<std::size_t>::max();
    std::size_t per_source = std::numeric_limits<std::size_t>::max();  ///< of one net::client_block
};

/// The sessions of one listener: whether there is room for one more, and the streams that they hold open, so that the
/// end of the drain can close them. A session is in it for as long as its Entry lives: also when its coroutine throws,
/// and when it is destroyed before its end, even after this object (what is counted is shared with the entries). One
/// thread.
class Sessions {
    struct Open {
        std::set<net::Stream*> streams;
        std::map<std::string, std::size_t> by_source;  ///< >= 1
    };

public:
    class Entry {
    public:
        Entry(std::shared_ptr<Open> open, net::Stream& stream)
            : open_(std::move(open)), stream_(&stream), source_(net::client_block(stream.peer().ip))
        {
            open_->streams.insert(stream_);
            ++open_->by_source[source_];
        }
        Entry(Entry&&) noexcept = default;  // what is moved from has no open_
        Entry& operator=(Entry&&) = delete;
        ~Entry()
        {
            if (!open_)
                return;
            open_->streams.erase(stream_);
            const auto count = open_->by_source.find(source_);
            if (--count->second == 0)
                open_->by_source.erase(count);
        }

    private:
        std::shared_ptr<Open> open_;
        net::Stream* stream_;
        std::string source_;
    };

    explicit Sessions(SessionLimits limits = {}) : limits_(limits) {}

    bool full() const noexcept { return size() >= limits_.total; }
    /// Whether the source of `peer` has all the sessions that one may have.
    bool full_of(const net::Endpoint& peer) const
    {
        const auto count = open_->by_source.find(net::client_block(peer.ip));
        return count != open_->by_source.end() && count->second >= limits_.per_source;
    }

    /// `stream` lives until its session suspends for the last time. Keep the entry in the session's coroutine.
    [[nodiscard]] Entry enter(net::Stream& stream) { return Entry{open_, stream}; }
    std::size_t size() const noexcept { return open_->streams.size(); }
    bool empty() const noexcept { return open_->streams.empty(); }
    /// Ends the reads and writes under way; the sessions then end by themselves.
    void close_all()
    {
        for (net::Stream* stream : open_->streams)
            stream->close();
    }

private:
    SessionLimits limits_;
    std::shared_ptr<Open> open_ = std::make_shared<Open>();
};

}  // namespace winnow::app
