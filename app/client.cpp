#include "app/client.hpp"

#include <boost/asio/error.hpp>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "app/output_file.hpp"
#include "core/ndjson.hpp"

namespace winnow::app {
namespace {

using boost::asio::awaitable;

constexpr const char* default_server = "http://127.0.0.1:8080";
constexpr milliseconds patience = std::chrono::minutes{5};

Result<std::string> read_key(const Globals& globals)
{
    std::string key;
    if (!globals.api_key_file.empty()) {
        WINNOW_TRY(auto file, InputFile::open(globals.api_key_file));
        WINNOW_TRY(key, file.read());
    } else if (const char* from_environment = std::getenv("WINNOW_API_KEY")) {
        key = from_environment;
    }
    while (!key.empty() && (key.back() == '\n' || key.back() == '\r' || key.back() == ' '))
        key.pop_back();
    if (key.empty())
        return Error{Errc::invalid_argument,
                     "no API key: set WINNOW_API_KEY or --api-key-file (winnow key create makes one on the server)"};
    return key;
}

/// The problem's own sentence, which names the wrong fields.
std::string words_of(const net::HttpClientResponse& response)
{
    std::string text = "the server answered " + std::to_string(response.status);
    const auto problem = parse_json(response.body);
    if (!problem || !problem->is_object())
        return text;
    const std::string detail = problem->value("detail", "");
    const std::string title = problem->value("title", "");
    text = detail.empty() ? title : detail;
    // What is wrong with which field; the server's JSON pointers are for programs.
    std::string faults;
    for (const auto& fault : problem->value("errors", nlohmann::json::array())) {
        std::string field = fault.value("pointer", "");
        field.erase(0, field.starts_with('/') ? 1 : 0);
        faults += (faults.empty() ? "" : "; ") + field + ": " + fault.value("detail", "");
    }
    return faults.empty() ? text : faults;
}

/// What to do when nothing answers, or not winnow.
Error unreachable(const std::string& server, const Error& error)
{
    const bool told = error.code.category() == winnow_category();
    return {Errc::unavailable, "no winnow answers at " + server + " (" + (told ? error.context : error.code.message()) +
                                   "); start one with winnow serve, or name it with --server"};
}

}  // namespace

Error error_of(const net::HttpClientResponse& response)
{
    const std::string words = words_of(response);
    switch (response.status) {
        case 401:
            return {Errc::permission_denied,
                    words + " A key that was made while the server runs counts after its SIGHUP or next start."};
        case 403:
            return {Errc::permission_denied, words};
        case 404:
            return {Errc::not_found, words};
        case 409:
            return {Errc::conflict, words};
        case 413:
            return {Errc::limit_exceeded, words};
        case 429:
        case 503:
            return {Errc::unavailable, words};
        case 507:
            return {Errc::disk_full, words};
        default:
            return {response.status < 500 ? Errc::invalid_argument : Errc::internal, words};
    }
}

Result<Client> Client::make(const Globals& globals, net::Connector& connector, net::Resolver* resolver)
{
    std::string server = globals.server;
    if (server.empty()) {
        const char* const from_environment = std::getenv("WINNOW_SERVER");
        server = from_environment && *from_environment ? from_environment : default_server;
    }
    if (server.find("://") == std::string::npos)
        server = "http://" + server;
    while (server.back() == '/')
        server.pop_back();
    WINNOW_TRY(auto key, read_key(globals));
    return Client{std::move(server), std::move(key), connector, resolver};
}

net::HttpClientRequest Client::request(std::string method, const std::string& path, const Query& query) const
{
    net::HttpClientRequest request;
    request.method = std::move(method);
    request.url = server_ + "/api/v1" + path;
    char separator = '?';
    for (const auto& [name, value] : query) {
        if (value.empty())
            continue;
        request.url += separator + name + "=" + net::percent_encode(value);
        separator = '&';
    }
    request.fields.add("Authorization", "Bearer " + key_);
    request.fields.add("Accept", "application/json");
    request.timeout = patience;
    return request;
}

awaitable<Result<net::HttpClientResponse>> Client::send(net::HttpClientRequest request,
                                                        std::function<Result<>(std::string_view)> sink)
{
    bool began = false;
    std::function<Result<>(std::string_view)> counted;
    if (sink)
        counted = [&](std::string_view piece) {
            began = true;
            return sink(piece);
        };
    auto response = co_await net::http_request(*connector_, resolver_, std::move(request), std::move(counted));
    // A name that nobody knows is a server that cannot be reached, not a thing that the server does not have; and what
    // does not speak HTTP is no winnow.
    namespace asio_errc = boost::asio::error;
    if (!response && !began &&
        (response.error().code == Errc::not_found || response.error().code == Errc::protocol ||
         response.error().code == asio_errc::connection_refused))
        co_return unreachable(server_, response.error());
    if (response && response->status >= 400)
        co_return error_of(*response);
    co_return response;
}

awaitable<Result<nlohmann::json>> Client::json_of(net::HttpClientRequest request)
{
    std::function<Result<>(std::string_view)> no_sink;
    WINNOW_CO_TRY(const auto response, co_await send(std::move(request), std::move(no_sink)));
    if (response.body.empty())
        co_return Result<nlohmann::json>{boost::system::in_place_value, nlohmann::json::object()};
    JsonLimits limits;
    limits.max_bytes = 64u << 20;
    co_return parse_json(response.body, limits);
}

awaitable<Result<nlohmann::json>> Client::get(std::string path, Query query)
{
    co_return co_await json_of(request("GET", path, query));
}

awaitable<Result<nlohmann::json>> Client::del(std::string path, Query query)
{
    co_return co_await json_of(request("DELETE", path, query));
}

awaitable<Result<nlohmann::json>> Client::post(std::string path, std::string body)
{
    auto message = request("POST", path, Query{});
    message.fields.add("Content-Type", "application/json");
    message.body = std::move(body);
    co_return co_await json_of(std::move(message));
}

awaitable<Result<nlohmann::json>> Client::upload(std::string path, Query query,
                                                 std::function<awaitable<Result<std::string>>()> source)
{
    auto message = request("POST", path, query);
    message.fields.add("Content-Type", "text/csv");
    message.body_source = std::move(source);
    co_return co_await json_of(std::move(message));
}

awaitable<Result<>> Client::download(std::string path, Query query, std::function<Result<>(std::string_view)> sink)
{
    WINNOW_CO_CHECK(co_await send(request("GET", path, query), std::move(sink)));
    co_return Result<>{};
}

Error about(const char* thing, const std::string& id, const Client& client, Error error)
{
    if (error.code == Errc::not_found)
        return {Errc::not_found, std::string("there is no ") + thing + " \"" + id + "\" on " + client.server()};
    return error;
}

void print_json(const nlohmann::json& value)
{
    std::printf("%s\n", dump_json(value).c_str());
}

int with_client(const Globals& globals, const std::function<awaitable<Result<int>>(Client&, Runtime&)>& story)
{
    if (!globals.data_dir.empty() && globals.server.empty())
        return fail({Errc::invalid_argument,
                     "this command asks a running server (--server URL) and reads no --data-dir; suppression, queue, "
                     "explain, verdicts and replies unmatched do"});
    const SystemClock clock;
    const auto log = make_stderr_log(LogLevel::error, clock);
    Config config;
    auto runtime = Runtime::make(config, *log);
    if (!runtime)
        return fail_setup(runtime.error());
    auto client = Client::make(globals, *(*runtime)->connector, (*runtime)->resolver.get());
    if (!client)
        return fail(client.error());
    auto main = [](const std::function<awaitable<Result<int>>(Client&, Runtime&)>& tell, Client& c,
                   Runtime& r) -> awaitable<int> {
        const auto done = co_await tell(c, r);
        co_return done ? *done : fail(done.error());
    };
    return run_to_end(**runtime, main(story, *client, **runtime));
}

}  // namespace winnow::app
