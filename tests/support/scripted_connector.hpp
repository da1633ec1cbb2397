#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "net/stream.hpp"
#include "tests/support/scripted_stream.hpp"

namespace winnow::test {

/// Hands out streams by the address that is connected to; an address that was not announced refuses the connection.
/// Each answer is used once, in the order given; the last one of an address stays.
class ScriptedConnector final : public net::Connector {
public:
    using MakeStream = std::function<Result<std::unique_ptr<net::Stream>>()>;

    /// The next connection to `ip` gets this dialogue, which the test keeps and inspects.
    void script(const std::string& ip, ScriptedStream& dialog)
    {
        serve(ip, [&dialog] { return std::unique_ptr<net::Stream>(std::make_unique<Borrowed>(dialog)); });
    }
    /// The next connection to `ip` fails.
    void fail(const std::string& ip, Error error)
    {
        serve(ip, [error = std::move(error)] { return Result<std::unique_ptr<net::Stream>>(error); });
    }
    /// For anything else, such as one end of a memory pair whose other end the function gives to a server.
    void serve(const std::string& ip, MakeStream make) { answers_[ip].push_back(std::move(make)); }

    net::awaitable<Result<std::unique_ptr<net::Stream>>> connect(net::Endpoint to, net::ConnectOptions options) override
    {
        attempts.emplace_back(to, options);
        auto& answers = answers_[to.ip];
        if (answers.empty())
            co_return Error{boost::system::errc::make_error_code(boost::system::errc::connection_refused),
                            "connect to " + to.to_string()};
        const MakeStream make = answers.front();
        if (answers.size() > 1)
            answers.erase(answers.begin());
        co_return make();
    }

    std::vector<std::pair<net::Endpoint, net::ConnectOptions>> attempts;  ///< in order

private:
    /// The caller owns what it connected, the test owns the script.
    class Borrowed final : public net::Stream {
    public:
        explicit Borrowed(ScriptedStream& dialog) : dialog_(dialog) {}
        ~Borrowed() override { dialog_.close(); }
        void expires_after(milliseconds timeout) override { dialog_.expires_after(timeout); }
        net::awaitable<Result<std::size_t>> read_some(std::span<char> out) override { return dialog_.read_some(out); }
        net::awaitable<Result<>> write(std::string data) override { return dialog_.write(std::move(data)); }
        net::awaitable<Result<>> start_tls_client(net::TlsClientOptions options) override
        {
            return dialog_.start_tls_client(std::move(options));
        }
        net::awaitable<Result<>> start_tls_server(std::shared_ptr<net::TlsServerContext> context) override
        {
            return dialog_.start_tls_server(std::move(context));
        }
        bool encrypted() const noexcept override { return dialog_.encrypted(); }
        net::TlsInfo tls_info() const override { return dialog_.tls_info(); }
        net::Endpoint peer() const override { return dialog_.peer(); }
        net::Endpoint local() const override { return dialog_.local(); }
        void close() override { dialog_.close(); }

    private:
        ScriptedStream& dialog_;
    };

    std::map<std::string, std::vector<MakeStream>> answers_;
};

}  // namespace winnow::test
