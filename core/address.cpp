#include "core/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "core/domain_name.hpp"
#include "core/unicode.hpp"

namespace winnow {
namespace {

constexpr std::size_t max_local = 64;     // RFC 5321 section 4.5.3.1.1
constexpr std::size_t max_address = 254;  // a 256-octet path (section 4.5.3.1.3) less its angle brackets

bool is_ascii_alnum(char c) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_non_ascii(char c) noexcept
{
    return static_cast<unsigned char>(c) >= 0x80;
}

/// atext of RFC 5322 section 3.2.3, extended by RFC 6531 section 3.3.
bool is_atext(char c) noexcept
{
    return is_ascii_alnum(c) || is_non_ascii(c) ||
           std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

bool is_dot_string(std::string_view text) noexcept
{
    if (text.empty() || text.front() == '.' || text.back() == '.' || text.find("..") != std::string_view::npos)
        return false;
    return std::all_of(text.begin(), text.end(), [](char c) { return c == '.' || is_atext(c); });
}

/// The Quoted-string of `content`, with a backslash only where RFC 5321 asks for one.
std::string quote(std::string_view content)
{
    std::string out = "\"";
    for (const char c : content) {
        if (c == '"' || c == '\\')
            out += '\\';
        out += c;
    }
    return out + '"';
}

/// What a local part says once quotes and backslashes are off. `end` is the first octet after it.
struct LocalReading {
    std::string content;
    std::size_t end = 0;
    bool quoted = false;
    AddressFault fault = AddressFault::none;
    std::string detail;
};

LocalReading bad_local(AddressFault fault, std::string detail)
{
    LocalReading reading;
    reading.fault = fault;
    reading.detail = std::move(detail);
    return reading;
}

std::string at_place(std::size_t offset)
{
    return " at character " + std::to_string(offset + 1);
}

LocalReading read_quoted(std::string_view text)
{
    LocalReading reading;
    reading.quoted = true;
    std::size_t pos = 1;
    for (; pos < text.size() && text[pos] != '"'; ++pos) {
        if (text[pos] == '\\') {
            // quoted-pairSMTP takes printable ASCII only; RFC 6531 extends qtextSMTP but not this.
            if (++pos == text.size() || is_non_ascii(text[pos]))
                return bad_local(AddressFault::local_syntax,
                                 "a backslash in the quoted local part escapes nothing" + at_place(pos - 1));
        }
        reading.content += text[pos];
    }
    if (pos == text.size())
        return bad_local(AddressFault::local_syntax, "the quoted local part has no closing quote");
    reading.end = pos + 1;
    if (reading.end == text.size())
        return bad_local(AddressFault::no_at, "there is no @ after the quoted local part");
    if (text[reading.end] != '@')
        return bad_local(AddressFault::local_syntax, "the closing quote of the local part is not followed by @");
    return reading;
}

LocalReading read_dot_string(std::string_view text)
{
    LocalReading reading;
    reading.end = text.find('@');
    if (reading.end == std::string_view::npos) {
        constexpr std::string_view full_width_at = "\xEF\xBC\xA0";
        if (text.find(full_width_at) != std::string_view::npos)
            return bad_local(AddressFault::no_at, "the @ is a full-width one (U+FF20)");
        return bad_local(AddressFault::no_at, "there is no @");
    }
    if (reading.end == 0)
        return bad_local(AddressFault::local_empty, "there is nothing before the @");
    reading.content = text.substr(0, reading.end);
    for (std::size_t i = 0; i < reading.end; ++i) {
        const char c = text[i];
        if (c != '.' && !is_atext(c)) {
            std::string detail =
                "the local part contains " + (c == ' ' ? "a space" : std::string{'"', c, '"'}) + at_place(i);
            if (c == '<')
                detail += "; give the address alone, without a name and angle brackets";
            return bad_local(AddressFault::local_syntax, std::move(detail));
        }
    }
    if (!is_dot_string(reading.content))
        return bad_local(AddressFault::local_syntax,
                         "the local part begins or ends with a dot, or has two dots in a row");
    return reading;
}

/// Composes the local part and writes it in its shortest form. Normalization can turn a character into ASCII (U+037E
/// becomes a semicolon), so the grammar is asked again afterwards.
void settle_local(LocalReading& reading, Address& address)
{
    const std::string content = to_nfc(reading.content);
    address.quoted = !is_dot_string(content);
    if (address.quoted && !reading.quoted) {
        reading = bad_local(AddressFault::local_syntax, "the local part is not valid once its characters are composed");
        return;
    }
    address.local = address.quoted ? quote(content) : content;
    address.eai = std::any_of(content.begin(), content.end(), is_non_ascii);
    if (address.local.size() > max_local)
        reading = bad_local(AddressFault::local_too_long,
                            "the local part has " + std::to_string(address.local.size()) + " octets; 64 are allowed");
}

/// Why a local part that the grammar allows is still not one that people use; empty when it is.
std::string invisible_in(std::string_view local)
{
    for (std::size_t pos = 0; pos < local.size();) {
        const std::size_t start = pos;
        const char32_t c = next_code_point(local, pos);
        if (c < 0x80)
            continue;
        if (is_invisible(c))
            return "the local part contains the invisible character " + code_point_name(c);
        if (start == 0 && is_combining_mark(c))
            return "the local part begins with the combining mark " + code_point_name(c);
    }
    return {};
}

/// IPv4 or "IPv6:" text to its shortest spelling. The General-address-literal of RFC 5321 needs a tag from the IANA
/// registry, and that registry holds only "IPv6".
std::optional<std::string> settle_literal(std::string_view inside)
{
    constexpr std::string_view tag = "IPv6:";
    std::array<char, INET6_ADDRSTRLEN> text{};
    std::array<unsigned char, 16> octets{};
    const bool v6 = to_lower_ascii(inside.substr(0, tag.size())) == to_lower_ascii(tag);
    const std::string number(v6 ? inside.substr(tag.size()) : inside);
    const int family = v6 ? AF_INET6 : AF_INET;
    if (inet_pton(family, number.c_str(), octets.data()) != 1 ||
        !inet_ntop(family, octets.data(), text.data(), static_cast<socklen_t>(text.size())))
        return std::nullopt;
    return '[' + std::string(v6 ? tag : "") + text.data() + ']';
}

void fail(ParsedAddress& parsed, AddressFault fault, std::string detail)
{
    parsed.fault = fault;
    parsed.detail = std::move(detail);
}

void read_literal(std::string_view domain, ParsedAddress& parsed)
{
    const std::size_t close = domain.find(']');
    if (close == std::string_view::npos)
        return fail(parsed, AddressFault::literal_syntax, "the address literal has no closing bracket");
    if (close + 1 != domain.size())
        return fail(parsed, AddressFault::trailing_text, "there is text after the address literal");
    auto literal = settle_literal(domain.substr(1, close - 1));
    if (!literal)
        return fail(parsed, AddressFault::literal_syntax,
                    "the brackets hold neither an IPv4 address nor \"IPv6:\" and an IPv6 address");
    parsed.address.domain = std::move(*literal);
    parsed.address.literal = true;
}

void read_name(std::string_view domain, ParsedAddress& parsed)
{
    // A list of addresses, a comment or a name after the address: say so rather than blame the domain.
    if (const std::size_t stop = domain.find_first_of(" ;<>(\""); stop != std::string_view::npos && stop != 0)
        if (read_domain(domain.substr(0, stop)).fault == AddressFault::none)
            return fail(parsed, AddressFault::trailing_text,
                        "there is text after the domain \"" + std::string(domain.substr(0, stop)) + '"');
    if (domain.find('@') != std::string_view::npos)
        return fail(parsed, AddressFault::domain_syntax, "there is more than one @");
    DomainReading reading = read_domain(domain);
    if (reading.fault != AddressFault::none)
        return fail(parsed, reading.fault, std::move(reading.detail));
    parsed.address.domain = std::move(reading.ascii);
}

/// Top-level names are alphabetic or A-labels, of two characters or more (RFC 3696 section 2, ICANN's rules).
bool could_be_top_level(std::string_view label) noexcept
{
    return label.starts_with("xn--") ||
           (label.size() >= 2 && std::all_of(label.begin(), label.end(), [](char c) { return c >= 'a' && c <= 'z'; }));
}

/// Fills `usable`, or says what keeps a valid address from being one.
void judge_usable(ParsedAddress& parsed)
{
    const std::string& domain = parsed.address.domain;
    const std::size_t dot = domain.rfind('.');
    if (parsed.address.literal)
        return fail(parsed, AddressFault::literal, "the domain is an address literal, not a host name");
    if (is_special_use(domain))
        return fail(parsed, AddressFault::special_use,
                    "the top-level name of \"" + domain + "\" is reserved: it never receives internet mail");
    if (dot == std::string::npos)
        return fail(parsed, AddressFault::domain_single_label, "the domain has no dot");
    if (!could_be_top_level(std::string_view(domain).substr(dot + 1)))
        return fail(parsed, AddressFault::tld_syntax, "\"" + domain.substr(dot + 1) + "\" cannot be a top-level name");
    if (auto detail = invisible_in(parsed.address.local); !detail.empty())
        return fail(parsed, AddressFault::invisible_character, std::move(detail));
    parsed.usable = true;
}

/// Content of a local part as stored in an Address: without quotes and backslashes.
std::string unquoted(std::string_view local)
{
    if (local.size() < 2 || local.front() != '"' || local.back() != '"')
        return std::string(local);
    std::string content;
    for (std::size_t i = 1; i + 1 < local.size(); ++i) {
        if (local[i] == '\\' && i + 2 < local.size())
            ++i;
        content += local[i];
    }
    return content;
}

std::string canonical_of(std::string_view content, std::string_view domain)
{
    const std::string lower = is_utf8(content) ? to_lower_nfc(content) : to_lower_ascii(content);
    return (is_dot_string(lower) ? lower : quote(lower)) + '@' + to_lower_ascii(domain);
}

}  // namespace

std::string_view Address::tag() const noexcept
{
    // A leading plus is a name ("+15551234@..."), not the start of a tag.
    const std::size_t plus = local.find('+', 1);
    if (quoted || plus == std::string::npos)
        return {};
    return std::string_view(local).substr(plus + 1);
}

std::string_view to_string(AddressFault fault) noexcept
{
    switch (fault) {
        case AddressFault::none:
            return "none";
        case AddressFault::empty:
            return "empty";
        case AddressFault::no_at:
            return "no_at";
        case AddressFault::local_empty:
            return "local_empty";
        case AddressFault::local_too_long:
            return "local_too_long";
        case AddressFault::local_syntax:
            return "local_syntax";
        case AddressFault::domain_empty:
            return "domain_empty";
        case AddressFault::domain_too_long:
            return "domain_too_long";
        case AddressFault::label_too_long:
            return "label_too_long";
        case AddressFault::domain_syntax:
            return "domain_syntax";
        case AddressFault::domain_single_label:
            return "domain_single_label";
        case AddressFault::idna:
            return "idna";
        case AddressFault::literal_syntax:
            return "literal_syntax";
        case AddressFault::too_long:
            return "too_long";
        case AddressFault::control_character:
            return "control_character";
        case AddressFault::trailing_text:
            return "trailing_text";
        case AddressFault::invisible_character:
            return "invisible_character";
        case AddressFault::literal:
            return "literal";
        case AddressFault::tld_syntax:
            return "tld_syntax";
        case AddressFault::special_use:
            return "special_use";
    }
    return "none";
}

ParsedAddress parse_address(std::string_view text)
{
    ParsedAddress parsed;
    const auto stop = [&parsed](AddressFault fault, std::string detail) {
        fail(parsed, fault, std::move(detail));
        return parsed;
    };
    if (text.empty())
        return stop(AddressFault::empty, "the text is empty");
    for (std::size_t i = 0; i < text.size(); ++i)
        if (static_cast<unsigned char>(text[i]) < 0x20 || text[i] == 0x7f)
            return stop(AddressFault::control_character, "there is a control character (" +
                                                             code_point_name(static_cast<unsigned char>(text[i])) +
                                                             ')' + at_place(i));
    if (!is_utf8(text))
        return stop(AddressFault::local_syntax, "the text is not UTF-8");

    LocalReading local = text.front() == '"' ? read_quoted(text) : read_dot_string(text);
    if (local.fault == AddressFault::none)
        settle_local(local, parsed.address);
    if (local.fault != AddressFault::none)
        return stop(local.fault, std::move(local.detail));

    const std::string_view domain = text.substr(local.end + 1);
    if (domain.empty())
        return stop(AddressFault::domain_empty, "there is nothing after the @");
    if (domain.front() == '[')
        read_literal(domain, parsed);
    else
        read_name(domain, parsed);
    if (parsed.fault != AddressFault::none)
        return parsed;
    // The local part counts as written too: it travels that way through systems that do not normalize.
    const std::size_t octets = std::max(parsed.address.local.size(), local.end) + 1 + parsed.address.domain.size();
    if (octets > max_address)
        return stop(AddressFault::too_long, "the address has " + std::to_string(octets) + " octets; 254 are allowed");
    parsed.valid = true;
    judge_usable(parsed);
    return parsed;
}

std::string canonical_v1(const Address& address)
{
    return canonical_of(unquoted(address.local), address.domain);
}

std::string loose_form(const Address& address)
{
    std::string content = unquoted(address.local);
    const bool dot_string = is_dot_string(content);
    if (const std::size_t plus = content.find('+', 1); dot_string && plus != std::string::npos)
        content.erase(plus);
    std::string domain = to_lower_ascii(address.domain);
    if (domain == "googlemail.com")
        domain = "gmail.com";
    if (dot_string && domain == "gmail.com")
        std::erase(content, '.');
    return canonical_of(content, domain);
}

}  // namespace winnow
