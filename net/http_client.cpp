#include <boost/asio/error.hpp>

#include "net/http.hpp"
#include "net/http_url.hpp"
#include "net/http_wire.hpp"
#include "net/resolver.hpp"

namespace winnow::net {
namespace {

constexpr std::size_t max_response_header = 64 * 1024;
constexpr int max_interim_responses = 8;

/// Adds where it happened to why.
Error at(const HttpUrl& url, const char* doing, Error error)
{
    error.context = std::string(doing) + " " + url.host_port() + ": " + error.message();
    return error;
}

std::vector<std::string> addresses_in(const DnsAnswer& answer)
{
    std::vector<std::string> out;
    for (const auto& record : answer.records)
        if (const auto* text = std::get_if<std::string>(&record.data);
            text && (record.type == DnsType::a || record.type == DnsType::aaaa))
            out.push_back(*text);
    return out;
}

class ClientExchange {
public:
    ClientExchange(Connector& connector, Resolver* resolver, HttpClientRequest request, HttpUrl url)
        : connector_(connector), resolver_(resolver), request_(std::move(request)), url_(std::move(url))
    {
    }

    awaitable<Result<HttpClientResponse>> run(std::function<Result<>(std::string_view)> sink)
    {
        WINNOW_CO_TRY(const std::string head, encode_head());
        WINNOW_CO_CHECK(co_await connect());
        auto sent = co_await send(head);
        // A server may answer and stop reading before it has the whole body (413, 401): its answer tells more than
        // our broken pipe. A failing body source or a deadline is ours.
        const bool may_have_answered = !sent && !source_failed_ && sent.error().code != Errc::timed_out;
        if (!sent && !may_have_answered)
            co_return std::move(sent).error();
        auto response = co_await receive(std::move(sink));
        if (!response && may_have_answered)
            co_return std::move(sent).error();
        co_return response;
    }

private:
    awaitable<Result<>> connect()
    {
        if (is_ip_address(url_.host)) {
            std::vector<std::string> literal{url_.host};
            co_return co_await connect_to_one(std::move(literal));
        }
        if (url_.host == "localhost") {
            std::vector<std::string> loopback{"127.0.0.1", "::1"};
            co_return co_await connect_to_one(std::move(loopback));
        }
        if (!resolver_)
            co_return Error{Errc::invalid_argument, "no resolver to look up " + url_.host_port() + " with"};
        const DnsAnswer v4 = co_await resolver_->query(url_.host, DnsType::a);
        auto tried = co_await connect_to_one(addresses_in(v4));
        if (tried)
            co_return tried;
        const DnsAnswer v6 = co_await resolver_->query(url_.host, DnsType::aaaa);
        auto addresses = addresses_in(v6);
        if (addresses.empty() && addresses_in(v4).empty())
            co_return Error{v4.definite() && v6.definite() ? Errc::not_found : Errc::unavailable,
                            "looking up " + url_.host_port() + ": " + std::string(to_string(v4.status)) +
                                (v4.detail.empty() ? "" : ", " + v4.detail)};
        if (addresses.empty())
            co_return tried;
        co_return co_await connect_to_one(std::move(addresses));
    }

    awaitable<Result<>> connect_to_one(std::vector<std::string> addresses)
    {
        Error last{Errc::not_found, "connecting to " + url_.host_port() + ": no address"};
        for (const auto& ip : addresses) {
            if (request_.guard) {
                auto allowed = request_.guard->check(ip);
                if (!allowed) {
                    last = at(url_, "connecting to", std::move(allowed).error());
                    continue;
                }
            }
            ConnectOptions options;
            options.source_ip = request_.source_ip;
            options.timeout = request_.timeout;
            Endpoint endpoint{ip, url_.port};
            auto stream = co_await connector_.connect(endpoint, options);
            if (!stream) {
                last = at(url_, "connecting to", std::move(stream).error());
                continue;
            }
            stream_ = std::move(*stream);
            auto secured = co_await secure();
            if (!secured)
                co_return at(url_, "TLS handshake with", std::move(secured).error());
            wire_.emplace(*stream_);
            co_return Result<>{};
        }
        co_return last;
    }

    awaitable<Result<>> secure()
    {
        if (!url_.tls)
            co_return Result<>{};
        TlsClientOptions options;
        options.server_name = url_.host;
        options.verify = true;
        options.ca_file = request_.ca_file;
        stream_->expires_after(request_.timeout);
        co_return co_await stream_->start_tls_client(options);
    }

    Result<std::string> encode_head() const
    {
        std::string checked;
        WINNOW_CHECK(append_field(checked, request_.method, {}));  // a method is a token, as a field name is
        std::string out = request_.method + " " + url_.target + " HTTP/1.1\r\n";
        WINNOW_CHECK(append_field(out, "Host", url_.authority()));
        if (!request_.fields.has("User-Agent"))
            out += "User-Agent: winnow\r\n";
        for (const auto& [name, value] : request_.fields.all()) {
            const bool framing = same_field_name(name, "Host") || same_field_name(name, "Content-Length") ||
                                 same_field_name(name, "Transfer-Encoding") || same_field_name(name, "Connection");
            if (framing)
                continue;
            WINNOW_CHECK(append_field(out, name, value));
        }
        if (request_.body_source)
            out += "Transfer-Encoding: chunked\r\n";
        else if (!request_.body.empty() || (request_.method != "GET" && request_.method != "HEAD"))
            out += "Content-Length: " + std::to_string(request_.body.size()) + "\r\n";
        out += "Connection: close\r\n\r\n";
        return out;
    }

    awaitable<Result<>> send(std::string head)
    {
        if (!request_.body_source)
            co_return co_await write(head + request_.body);
        auto written = co_await write(std::move(head));
        while (written) {
            auto piece = co_await request_.body_source();
            if (!piece) {
                source_failed_ = true;
                co_return std::move(piece).error();
            }
            written = co_await write(encode_chunk(*piece));
            if (piece->empty())
                break;
        }
        co_return written;
    }

    awaitable<Result<>> write(std::string data)
    {
        stream_->expires_after(request_.timeout);
        auto written = co_await stream_->write(std::move(data));
        if (!written)
            co_return at(url_, "sending to", std::move(written).error());
        co_return written;
    }

    awaitable<Result<HttpClientResponse>> receive(std::function<Result<>(std::string_view)> sink)
    {
        HttpClientResponse response;
        for (int interim = 0; response.status < 200; ++interim) {
            if (interim > max_interim_responses)
                co_return at(url_, "response of", Error{Errc::protocol, "too many interim responses"});
            stream_->expires_after(request_.timeout);
            auto head = co_await wire_->read_response(max_response_header, request_.method == "HEAD");
            if (!head)
                co_return at(url_, "response of", std::move(head).error());
            response.status = head->status;
            response.fields = std::move(head->fields);
        }
        const bool to_sink = sink && response.status < 300;
        for (;;) {
            stream_->expires_after(request_.timeout);
            auto piece = co_await wire_->read_body();
            if (!piece)
                co_return at(url_, "response of", std::move(piece).error());
            if (piece->empty())
                break;
            if (to_sink) {
                WINNOW_CO_CHECK(sink(*piece));
                continue;
            }
            if (piece->size() > request_.max_response_bytes - response.body.size())
                co_return at(url_, "response of",
                             Error{Errc::limit_exceeded, "the body is longer than " +
                                                             std::to_string(request_.max_response_bytes) + " octets"});
            response.body += *piece;
        }
        co_return response;
    }

    Connector& connector_;
    Resolver* resolver_;
    HttpClientRequest request_;
    HttpUrl url_;
    std::unique_ptr<Stream> stream_;
    std::optional<HttpWire> wire_;
    bool source_failed_ = false;
};

}  // namespace

awaitable<Result<HttpClientResponse>> http_request(Connector& connector, Resolver* resolver, HttpClientRequest request,
                                                   std::function<Result<>(std::string_view)> sink)
{
    WINNOW_CO_TRY(HttpUrl url, parse_http_url(request.url));
    ClientExchange exchange(connector, resolver, std::move(request), std::move(url));
    co_return co_await exchange.run(std::move(sink));
}

}  // namespace winnow::net
