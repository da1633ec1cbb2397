#include "net/http_wire.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/status.hpp>
#include <charconv>

namespace winnow::net {
namespace {

namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t head_read_size = 8 * 1024;
constexpr std::size_t piece_size = 64 * 1024;
/// The longest chunk header or trailer section: parsed as a whole, so it has to stay in memory.
constexpr std::size_t max_chunk_line = 16 * 1024;

std::string_view view(boost::beast::string_view text) noexcept
{
    return {text.data(), text.size()};
}

template <class Message>
HttpFields copy_fields(const Message& message)
{
    HttpFields out;
    for (const auto& field : message)
        out.add(std::string(view(field.name_string())), std::string(view(field.value())));
    return out;
}

/// Why this request cannot be framed safely, with its status; status 0 when it can. Beast already refuses different
/// lengths and a length beside chunked, but takes repeated equal lengths and other codings before chunked.
struct Doubt {
    int status = 0;
    const char* what = "";
};

Doubt doubt_framing(const http::request<http::buffer_body>& request)
{
    const auto lengths = request.count(http::field::content_length);
    const auto codings = request.count(http::field::transfer_encoding);
    const auto length = view(request[http::field::content_length]);
    if (lengths > 1 || length.find(',') != std::string_view::npos)
        return {400, "Content-Length is given more than once"};
    if (codings > 1 || (codings > 0 && lengths > 0))
        return {400, "Content-Length and Transfer-Encoding contradict each other"};
    if (codings > 0) {
        if (request.version() < 11)
            return {400, "Transfer-Encoding needs HTTP/1.1"};
        if (!boost::beast::iequals(request[http::field::transfer_encoding], "chunked"))
            return {501, "only the transfer coding \"chunked\" is understood"};
    }
    const auto hosts = request.count(http::field::host);
    if (hosts > 1 || (hosts == 0 && request.version() >= 11))
        return {400, "a request has one Host field"};
    return {};
}

/// The request line ends in a version that is well formed, though not ours.
bool names_other_version(std::string_view message) noexcept
{
    const auto line = message.substr(0, message.find_first_of("\r\n"));
    const auto version = line.substr(line.size() - std::min<std::size_t>(line.size(), 8));
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    return version.size() == 8 && version.starts_with("HTTP/") && !version.ends_with("1.0") &&
           !version.ends_with("1.1") && digit(version[5]) && version[6] == '.' && digit(version[7]);
}

/// `message`: the octets that did not parse.
int status_for(const error_code& code, std::string_view message = {}) noexcept
{
    if (code == http::error::header_limit || code == http::error::buffer_overflow)
        return 431;
    if (code == http::error::body_limit)
        return 413;
    if (code == http::error::bad_version && names_other_version(message))
        return 505;
    return 400;
}

}  // namespace

struct HttpWire::Impl {
    boost::beast::flat_buffer in;
    std::optional<http::request_parser<http::buffer_body>> request;
    std::optional<http::response_parser<http::buffer_body>> response;
    std::uint64_t received = 0;  ///< octets of the current body

    template <class F>
    decltype(auto) with_parser(F f)
    {
        return request ? f(*request) : f(*response);
    }
};

awaitable<void> FairTurns::count(std::size_t octets)
{
    constexpr std::size_t turn = 512 * 1024;  // a millisecond's work or less
    since_turn_ += octets;
    if (since_turn_ < turn)
        co_return;
    since_turn_ = 0;
    const auto executor = co_await boost::asio::this_coro::executor;
    co_await boost::asio::post(executor, boost::asio::use_awaitable);
}

HttpWire::HttpWire(Stream& stream) : stream_(stream), impl_(std::make_unique<Impl>()) {}
HttpWire::~HttpWire() = default;

Error HttpWire::refuse(int status, Errc code, std::string what)
{
    refusal_ = status;
    return Error{code, std::move(what)};
}

/// False at the peer's orderly end.
awaitable<Result<bool>> HttpWire::fill(std::size_t most)
{
    const auto space = impl_->in.prepare(most);
    const std::span<char> out(static_cast<char*>(space.data()), space.size());
    auto got = co_await stream_.read_some(out);
    if (!got) {
        if (got.error().code == boost::asio::error::eof)
            co_return false;
        refusal_ = got.error().code == Errc::timed_out ? 408 : 0;
        co_return std::move(got).error();
    }
    impl_->in.commit(*got);
    co_await turns_.count(*got);
    co_return true;
}

awaitable<Result<bool>> HttpWire::wait_for_message()
{
    auto& in = impl_->in;
    // An idle connection keeps no more memory than one small request needs.
    if (in.size() == 0 && in.capacity() > head_read_size) {
        in.clear();
        in.shrink_to_fit();
    }
    for (;;) {
        const auto* text = static_cast<const char*>(in.data().data());
        // Some clients send an extra CRLF after a body (RFC 9112 section 2.2).
        std::size_t blank = 0;
        while (blank < in.size() && (text[blank] == '\r' || text[blank] == '\n'))
            ++blank;
        in.consume(blank);
        if (in.size() > 0)
            co_return true;
        WINNOW_CO_TRY(const bool more, co_await fill(head_read_size));
        if (!more)
            co_return false;
    }
}

awaitable<Result<HttpRequestHead>> HttpWire::read_request(std::size_t max_header_bytes, std::uint64_t max_body_bytes)
{
    refusal_ = 0;
    impl_->received = 0;
    impl_->response.reset();
    auto& parser = impl_->request.emplace();
    parser.header_limit(static_cast<std::uint32_t>(max_header_bytes));
    parser.body_limit(max_body_bytes);
    auto& in = impl_->in;
    while (!parser.is_header_done()) {
        if (in.size() > 0) {
            error_code code;
            const auto octets = in.data();
            const auto used = parser.put(octets, code);
            if (code && code != http::error::need_more) {
                const std::string_view seen(static_cast<const char*>(octets.data()), octets.size());
                co_return refuse(status_for(code, seen),
                                 code == http::error::header_limit ? Errc::limit_exceeded : Errc::protocol,
                                 "the request does not parse: " + code.message());
            }
            in.consume(used);
            if (parser.is_header_done())
                break;
            if (!code)
                continue;
        }
        WINNOW_CO_TRY(const bool more, co_await fill(head_read_size));
        if (!more)
            co_return refuse(0, Errc::protocol, "the connection ended within a request header");
    }
    const auto& message = parser.get();
    if (const Doubt doubt = doubt_framing(message); doubt.status != 0)
        co_return refuse(doubt.status, Errc::protocol, doubt.what);

    parser.eager(true);  // one call decodes as many chunks as are there: tiny chunks must not cost a buffer each

    HttpRequestHead head;
    head.method = view(message.method_string());
    head.target = view(message.target());
    head.http11 = message.version() >= 11;
    head.keep_alive = parser.keep_alive();
    head.expect_continue = head.http11 && boost::beast::iequals(message[http::field::expect], "100-continue");
    head.fields = copy_fields(message);
    co_return head;
}

awaitable<Result<HttpResponseHead>> HttpWire::read_response(std::size_t max_header_bytes, bool bodiless)
{
    refusal_ = 0;
    impl_->received = 0;
    impl_->request.reset();
    auto& parser = impl_->response.emplace();
    parser.header_limit(static_cast<std::uint32_t>(max_header_bytes));
    parser.body_limit(boost::none);
    parser.skip(bodiless);
    auto& in = impl_->in;
    while (!parser.is_header_done()) {
        if (in.size() > 0) {
            error_code code;
            in.consume(parser.put(in.data(), code));
            if (code && code != http::error::need_more)
                co_return Error{code == http::error::header_limit ? Errc::limit_exceeded : Errc::protocol,
                                "the response does not parse: " + code.message()};
            if (parser.is_header_done())
                break;
            if (!code)
                continue;
        }
        WINNOW_CO_TRY(const bool more, co_await fill(head_read_size));
        if (!more)
            co_return Error{Errc::protocol, "the connection ended before a whole response header"};
    }
    parser.eager(true);
    HttpResponseHead head;
    head.status = static_cast<int>(parser.get().result_int());
    head.fields = copy_fields(parser.get());
    co_return head;
}

awaitable<Result<std::string>> HttpWire::read_body()
{
    auto& in = impl_->in;
    while (!complete()) {
        if (in.size() > 0) {
            // A decoded body is never longer than its coded form, so the parser never lacks room.
            std::string piece(std::min(in.size(), piece_size), '\0');
            error_code code;
            bool used = false;
            impl_->with_parser([&](auto& parser) {
                auto& body = parser.get().body();
                body.data = piece.data();
                body.size = piece.size();
                const auto consumed = parser.put(in.data(), code);
                in.consume(consumed);
                used = consumed > 0;
                piece.resize(piece.size() - body.size);
            });
            if (code && code != http::error::need_more && code != http::error::need_buffer)
                co_return refuse(status_for(code),
                                 code == http::error::body_limit ? Errc::limit_exceeded : Errc::protocol,
                                 code == http::error::body_limit ? "the body is longer than this server takes"
                                                                 : "the body does not parse: " + code.message());
            if (!piece.empty()) {
                impl_->received += piece.size();
                co_return piece;
            }
            if (used)
                continue;
            if (in.size() > max_chunk_line)
                co_return refuse(400, Errc::limit_exceeded, "a chunk header or trailer is too long");
        }
        WINNOW_CO_TRY(const bool more, co_await fill(piece_size));
        if (more)
            continue;
        error_code code;
        impl_->with_parser([&](auto& parser) { parser.put_eof(code); });
        if (code)
            co_return refuse(
                0, Errc::protocol,
                "the connection ended within the body, after " + std::to_string(impl_->received) + " octets of it");
    }
    co_return std::string{};
}

bool HttpWire::complete() const noexcept
{
    return (impl_->request && impl_->request->is_done()) || (impl_->response && impl_->response->is_done());
}

std::optional<std::uint64_t> HttpWire::remaining() const
{
    if (complete())
        return 0;
    const auto left = impl_->with_parser([](auto& parser) { return parser.content_length_remaining(); });
    return left ? std::optional<std::uint64_t>(*left) : std::nullopt;
}

Result<> append_field(std::string& out, std::string_view name, std::string_view value)
{
    constexpr std::string_view punctuation = "!#$%&'*+-.^_`|~";
    const auto is_token = [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               punctuation.find(c) != std::string_view::npos;
    };
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_token))
        return Error{Errc::invalid_argument, "a header field's name is not a token"};
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
        return Error{Errc::invalid_argument, "the value of header field " + std::string(name) + " holds a line end"};
    out.append(name).append(": ").append(value).append("\r\n");
    return {};
}

std::string status_line_text(int status)
{
    const auto reason = view(http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status))));
    return std::to_string(status) + " " + std::string(reason);
}

std::string encode_chunk(std::string_view piece)
{
    if (piece.empty())
        return "0\r\n\r\n";
    char size[16];
    const auto end = std::to_chars(size, size + sizeof size, piece.size(), 16).ptr;
    std::string out;
    out.reserve(piece.size() + 24);
    out.append(size, end).append("\r\n").append(piece).append("\r\n");
    return out;
}

}  // namespace winnow::net
