#include "tests/support/memory_stream.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <string>
#include <utility>

#include "net/upgradable_stream.hpp"

namespace winnow::test {
namespace {

using net::awaitable;
using net::Endpoint;

/// One direction. Shared by both ends and the coroutines that wait on them.
struct Pipe {
    explicit Pipe(TimerSource& timers) : readable(timers.make()), writable(timers.make()) {}
    std::string bytes;
    bool ended = false;   // the writer has closed
    bool broken = false;  // the reader has closed
    std::unique_ptr<Timer> readable;
    std::unique_ptr<Timer> writable;
};

class MemoryStream final : public net::UpgradableStream {
public:
    MemoryStream(TimerSource& timers, MemoryStreamOptions options, std::shared_ptr<Pipe> in, std::shared_ptr<Pipe> out,
                 Endpoint peer, Endpoint local)
        : clock_(timers.clock()),
          options_(std::move(options)),
          end_(std::make_shared<End>()),
          in_(std::move(in)),
          out_(std::move(out)),
          peer_(std::move(peer)),
          local_(std::move(local))
    {
    }
    ~MemoryStream() override { close(); }

    void expires_after(milliseconds timeout) override
    {
        const bool never = timeout > std::chrono::hours{24 * 365};
        end_->deadline = never ? SteadyPoint::max() : clock_.steady() + timeout;
    }
    Endpoint peer() const override { return peer_; }
    Endpoint local() const override { return local_; }
    void interrupt_read() override
    {
        if (!end_->reading)
            return;
        end_->interrupted = true;
        in_->readable->wake();
    }
    void close() override
    {
        if (!end_->closed && !out_->broken)
            out_->bytes += take_farewell();
        shut(*end_, *in_, *out_);
    }

private:
    struct End {
        SteadyPoint deadline = SteadyPoint::max();
        bool closed = false;
        bool timed_out = false;
        bool reading = false;  // waits for octets
        bool interrupted = false;
    };

    static void shut(End& end, Pipe& in, Pipe& out)
    {
        if (end.closed)
            return;
        end.closed = true;
        in.broken = out.ended = true;
        for (Pipe* pipe : {&in, &out}) {
            pipe->readable->wake();
            pipe->writable->wake();
        }
    }

    static Result<> usable(const End& end)
    {
        if (end.timed_out)
            return Error{Errc::timed_out, "memory stream"};
        if (end.closed)
            return Error{Errc::cancelled, "memory stream"};
        return {};
    }

    awaitable<Result<std::size_t>> raw_read(std::span<char> out) override
    {
        const auto end = end_;
        const auto in = in_;
        const auto back = out_;
        const std::size_t most = std::min(out.size(), options_.max_read);
        for (;;) {
            WINNOW_CO_CHECK(usable(*end));
            if (!in->bytes.empty()) {
                const std::size_t count = std::min(most, in->bytes.size());
                std::copy_n(in->bytes.begin(), count, out.begin());
                in->bytes.erase(0, count);
                in->writable->wake();
                co_return count;
            }
            if (in->ended)
                co_return Error{boost::asio::error::eof, "memory stream"};
            end->reading = true;
            const Wake wake = co_await in->readable->wait_until(end->deadline);
            end->reading = false;
            if (std::exchange(end->interrupted, false) && usable(*end))
                co_return Error{boost::asio::error::interrupted, "memory stream"};
            if (wake != Wake::woken)
                give_up(wake, *end, *in, *back);
        }
    }

    awaitable<Result<>> raw_write(std::string data) override
    {
        const auto end = end_;
        const auto in = in_;
        const auto out = out_;
        const std::size_t capacity = options_.capacity;
        std::size_t sent = 0;
        while (sent < data.size()) {
            WINNOW_CO_CHECK(usable(*end));
            if (out->broken)
                co_return Error{boost::asio::error::broken_pipe, "memory stream"};
            if (out->bytes.size() < capacity) {
                const std::size_t count = std::min(capacity - out->bytes.size(), data.size() - sent);
                out->bytes.append(data, sent, count);
                sent += count;
                out->readable->wake();
                continue;
            }
            const Wake wake = co_await out->writable->wait_until(end->deadline);
            if (wake != Wake::woken)
                give_up(wake, *end, *in, *out);
        }
        co_return Result<>{};
    }

    static void give_up(Wake wake, End& end, Pipe& in, Pipe& out)
    {
        end.timed_out = wake == Wake::expired;
        shut(end, in, out);
    }

    const Clock& clock_;
    MemoryStreamOptions options_;
    std::shared_ptr<End> end_;
    std::shared_ptr<Pipe> in_;
    std::shared_ptr<Pipe> out_;
    Endpoint peer_;
    Endpoint local_;
};

}  // namespace

MemoryPair make_memory_pair(TimerSource& timers, MemoryStreamOptions options)
{
    const auto up = std::make_shared<Pipe>(timers);
    const auto down = std::make_shared<Pipe>(timers);
    MemoryPair pair;
    pair.client = std::make_unique<MemoryStream>(timers, options, down, up, options.server, options.client);
    pair.server = std::make_unique<MemoryStream>(timers, options, up, down, options.client, options.server);
    return pair;
}

}  // namespace winnow::test
