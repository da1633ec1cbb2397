#include "sandbox/wire.hpp"

#include <utility>

namespace winnow::sandbox {

using net::awaitable;

awaitable<Result<>> Wire::write(std::string data)
{
    if (next_)
        data = *std::exchange(next_, std::nullopt);
    if (data.empty())
        co_return Result<>{};
    if (per_octet_ == milliseconds::zero())
        co_return co_await below_.write(std::move(data));
    for (const char octet : data) {
        std::string one(1, octet);
        WINNOW_CO_CHECK(co_await below_.write(std::move(one)));
        const Wake wake = co_await sleep_for(timers_, per_octet_);
        if (wake == Wake::cancelled)
            co_return Error{Errc::cancelled};
    }
    co_return Result<>{};
}

awaitable<Result<>> Wire::start_tls_client(net::TlsClientOptions options)
{
    return below_.start_tls_client(std::move(options));
}

awaitable<Result<>> Wire::start_tls_server(std::shared_ptr<net::TlsServerContext> context)
{
    if (!tls_broken_)
        co_return co_await below_.start_tls_server(std::move(context));
    std::string words = "this is no ServerHello\r\n";
    WINNOW_CO_CHECK(co_await below_.write(std::move(words)));
    co_return Error{Errc::protocol, "TLS is broken here"};
}

}  // namespace winnow::sandbox
