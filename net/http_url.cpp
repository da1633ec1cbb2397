#include "net/http_url.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/unicode.hpp"
#include "net/endpoint.hpp"
#include "net/http.hpp"

namespace winnow::net {
namespace {

constexpr std::string_view hex_digits = "0123456789ABCDEF";

int hex_value(char c) noexcept
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool is_alnum(char c) noexcept
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool visible_ascii(std::string_view text) noexcept
{
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

std::optional<std::uint16_t> parse_port(std::string_view text)
{
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0)
        return std::nullopt;
    return port;
}

bool is_reg_name(std::string_view host) noexcept
{
    return !host.empty() && host.size() <= 253 && std::all_of(host.begin(), host.end(), [](char c) {
        return is_alnum(c) || c == '.' || c == '-' || c == '_';
    });
}

std::vector<std::pair<std::string, std::string>> parse_query(std::string_view text)
{
    std::vector<std::pair<std::string, std::string>> out;
    while (!text.empty()) {
        const auto end = std::min(text.find('&'), text.size());
        const auto item = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (item.empty())
            continue;
        const auto equals = item.find('=');
        if (equals == std::string_view::npos)
            out.emplace_back(percent_decode(item), std::string{});
        else
            out.emplace_back(percent_decode(item.substr(0, equals)), percent_decode(item.substr(equals + 1)));
    }
    return out;
}

}  // namespace

std::string percent_encode(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            out += c;
        } else {
            const auto octet = static_cast<unsigned char>(c);
            out += '%';
            out += hex_digits[octet >> 4];
            out += hex_digits[octet & 15];
        }
    }
    return out;
}

std::string percent_decode(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            const int high = hex_value(text[i + 1]);
            const int low = hex_value(text[i + 2]);
            if (high >= 0 && low >= 0) {
                out += static_cast<char>(high * 16 + low);
                i += 2;
                continue;
            }
        }
        out += text[i];
    }
    return out;
}

std::string HttpUrl::host_port() const
{
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string HttpUrl::authority() const
{
    if (port != (tls ? 443 : 80))
        return host_port();
    return host.find(':') != std::string::npos ? "[" + host + "]" : host;
}

Result<HttpUrl> parse_http_url(std::string_view text)
{
    HttpUrl url;
    const auto scheme_end = text.find("://");
    const auto scheme =
        scheme_end == std::string_view::npos ? std::string{} : to_lower_ascii(text.substr(0, scheme_end));
    if (scheme != "http" && scheme != "https")
        return Error{Errc::invalid_argument, "a URL starts with http:// or https://"};
    url.tls = scheme == "https";
    text.remove_prefix(scheme_end + 3);
    text = text.substr(0, text.find('#'));

    const auto authority_end = std::min(text.find_first_of("/?"), text.size());
    auto authority = text.substr(0, authority_end);
    url.target = text.substr(authority_end);
    if (url.target.empty() || url.target.front() == '?')
        url.target.insert(0, "/");
    if (!visible_ascii(url.target))
        return Error{Errc::invalid_argument, "a URL holds visible ASCII only: percent-encode the rest"};
    if (authority.find('@') != std::string_view::npos)
        return Error{Errc::invalid_argument, "user names and passwords do not belong into a URL: use a header field"};

    std::string_view port_text;
    bool has_port = false;
    if (authority.starts_with('[')) {
        const auto close = authority.find(']');
        if (close == std::string_view::npos)
            return Error{Errc::invalid_argument, "the URL's IPv6 address lacks its closing bracket"};
        url.host = to_lower_ascii(authority.substr(1, close - 1));
        if (url.host.find(':') == std::string::npos || !is_ip_address(url.host))
            return Error{Errc::invalid_argument, "the URL's brackets hold no IPv6 address"};
        authority.remove_prefix(close + 1);
        has_port = authority.starts_with(':');
        if (!authority.empty() && !has_port)
            return Error{Errc::invalid_argument, "the URL has text behind its IPv6 address"};
        port_text = has_port ? authority.substr(1) : authority;
    } else {
        const auto colon = authority.find(':');
        has_port = colon != std::string_view::npos;
        url.host = to_lower_ascii(authority.substr(0, colon));
        if (!is_reg_name(url.host))
            return Error{Errc::invalid_argument, "the URL has no valid host name"};
        if (has_port)
            port_text = authority.substr(colon + 1);
    }
    url.port = url.tls ? 443 : 80;
    if (has_port) {
        const auto port = parse_port(port_text);
        if (!port)
            return Error{Errc::invalid_argument, "the URL's port is not a number between 1 and 65535"};
        url.port = *port;
    }
    return url;
}

Result<HttpTarget> parse_http_target(std::string_view target)
{
    HttpTarget out;
    if (target == "*") {
        out.path = "*";
        return out;
    }
    if (!target.starts_with('/')) {
        const auto scheme_end = target.find("://");
        const auto scheme = to_lower_ascii(target.substr(0, scheme_end == std::string_view::npos ? 0 : scheme_end));
        if (scheme != "http" && scheme != "https")
            return Error{Errc::protocol, "the request target is neither a path nor an http URL"};
        target.remove_prefix(scheme_end + 3);
        target.remove_prefix(std::min(target.find_first_of("/?"), target.size()));
    }
    target = target.substr(0, target.find('#'));
    const auto question = target.find('?');
    out.path = percent_decode(target.substr(0, question));
    if (out.path.empty())
        out.path = "/";
    if (out.path.find('\0') != std::string::npos)
        return Error{Errc::protocol, "the request target holds an encoded NUL"};
    if (question != std::string_view::npos)
        out.query = parse_query(target.substr(question + 1));
    return out;
}

}  // namespace winnow::net
