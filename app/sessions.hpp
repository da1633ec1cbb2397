#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <utility>

#include "net/stream.hpp"

namespace winnow::app {

/// The streams that a listener's sessions hold open, so that the end of the drain can close them. A session is in it
/// for as long as the Entry in its coroutine lives: also when it throws, and when the coroutine is destroyed before its
/// end, even after this object (the set is shared with the entries). One thread.
class Sessions {
    using Open = std::set<net::Stream*>;

public:
    class Entry {
    public:
        Entry(std::shared_ptr<Open> open, net::Stream* stream) : open_(std::move(open)), stream_(stream)
        {
            open_->insert(stream_);
        }
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;
        ~Entry() { open_->erase(stream_); }

    private:
        std::shared_ptr<Open> open_;
        net::Stream* stream_;
    };

    /// `stream` lives until its session suspends for the last time. Keep the entry in the session's coroutine.
    [[nodiscard]] Entry enter(net::Stream& stream) { return Entry{open_, &stream}; }
    std::size_t size() const noexcept { return open_->size(); }
    bool empty() const noexcept { return open_->empty(); }
    /// Ends the reads and writes under way; the sessions then end by themselves.
    void close_all()
    {
        for (net::Stream* stream : *open_)
            stream->close();
    }

private:
    std::shared_ptr<Open> open_ = std::make_shared<Open>();
};

}  // namespace winnow::app
