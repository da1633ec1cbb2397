#pragma once

#include <memory>
#include <set>

#include "net/stream.hpp"

namespace winnow::net {

/// The end of a server, told to its sessions: each finishes the transaction that it is in; outside one it hears 421
/// 4.3.2 and is closed, at once where it waits for a command (RFC 5321 section 3.8 lets the server speak first here).
/// Shared by the server and its sessions. One thread.
class SmtpDrain {
    using Streams = std::set<Stream*>;

public:
    /// For as long as a session waits for something that it need not wait for when the server ends. May outlive the
    /// server in a coroutine that is destroyed with the executor.
    class Idle {
    public:
        /// `drain` may be null: nobody will interrupt then.
        Idle(const std::shared_ptr<SmtpDrain>& drain, Stream& stream)
            : idle_(drain ? drain->idle_ : nullptr), stream_(&stream)
        {
            if (idle_)
                idle_->insert(stream_);
        }
        Idle(const Idle&) = delete;
        Idle& operator=(const Idle&) = delete;
        ~Idle()
        {
            if (idle_)
                idle_->erase(stream_);
        }

    private:
        std::shared_ptr<Streams> idle_;
        Stream* stream_;
    };

    bool begun() const noexcept { return begun_; }
    void begin()
    {
        begun_ = true;
        for (Stream* stream : *idle_)
            stream->interrupt_read();
    }

private:
    std::shared_ptr<Streams> idle_ = std::make_shared<Streams>();
    bool begun_ = false;
};

}  // namespace winnow::net
