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

    ScriptedConnector();
    ~ScriptedConnector() override;

    /// The next connection to `ip` gets this dialogue, which the test keeps and inspects.
    void script(const std::string& ip, ScriptedStream& dialog);
    /// The next connection to `ip` fails.
    void fail(const std::string& ip, Error error);
    /// For anything else, such as one end of a memory pair whose other end the function gives to a server.
    void serve(const std::string& ip, MakeStream make);

    net::awaitable<Result<std::unique_ptr<net::Stream>>> connect(net::Endpoint to,
                                                                 net::ConnectOptions options) override;

    std::vector<std::pair<net::Endpoint, net::ConnectOptions>> attempts;  ///< in order

private:
    std::map<std::string, std::vector<MakeStream>> answers_;
};

}  // namespace winnow::test
