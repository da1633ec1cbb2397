#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <utility>
#include <vector>

#include "app/commands.hpp"
#include "app/runtime.hpp"
#include "net/http.hpp"

namespace winnow::app {

using Query = std::vector<std::pair<std::string, std::string>>;

/// A running winnow over HTTP: --server (or $WINNOW_SERVER, else http://127.0.0.1:8080) with the key of --api-key-file
/// or $WINNOW_API_KEY. An answer of 4xx or 5xx becomes an Error with the problem's own words: permission_denied for 401
/// and 403, invalid_argument for other 4xx, unavailable for what is worth trying again.
class Client {
public:
    /// Errc::invalid_argument when no key is given. `resolver` looks up the server's name.
    static Result<Client> make(const Globals& globals, net::Connector& connector, net::Resolver* resolver);

    boost::asio::awaitable<Result<nlohmann::json>> get(std::string path, Query query);
    boost::asio::awaitable<Result<nlohmann::json>> post(std::string path, std::string body);
    boost::asio::awaitable<Result<nlohmann::json>> del(std::string path, Query query);
    /// Sends what `source` gives until it gives nothing.
    boost::asio::awaitable<Result<nlohmann::json>> upload(
        std::string path, Query query, std::function<boost::asio::awaitable<Result<std::string>>()> source);
    /// The body in pieces into `sink`; an answer cut short is an error.
    boost::asio::awaitable<Result<>> download(std::string path, Query query,
                                              std::function<Result<>(std::string_view)> sink);
    const std::string& server() const noexcept { return server_; }

private:
    Client(std::string server, std::string key, net::Connector& connector, net::Resolver* resolver)
        : server_(std::move(server)), key_(std::move(key)), connector_(&connector), resolver_(resolver)
    {
    }
    net::HttpClientRequest request(std::string method, const std::string& path, const Query& query) const;
    boost::asio::awaitable<Result<net::HttpClientResponse>> send(net::HttpClientRequest request,
                                                                 std::function<Result<>(std::string_view)> sink);
    boost::asio::awaitable<Result<nlohmann::json>> json_of(net::HttpClientRequest request);

    std::string server_, key_;
    net::Connector* connector_;
    net::Resolver* resolver_;
};

/// What an answer of 4xx or 5xx says, as Client gives it.
Error error_of(const net::HttpClientResponse& response);

/// The error of a request about one thing: one that is not there is named.
Error about(const char* thing, const std::string& id, const Client& client, Error error);

/// One line on standard output.
void print_json(const nlohmann::json& value);

/// Runs `story` against the server that `globals` names; prints its error. Gives the exit code.
int with_client(const Globals& globals,
                const std::function<boost::asio::awaitable<Result<int>>(Client&, Runtime&)>& story);

}  // namespace winnow::app
