#include "net/policy/spf_record.hpp"

#include <algorithm>
#include <array>

#include "net/dns_name.hpp"

namespace winnow::net {

namespace {

constexpr std::string_view version = "v=spf1";
constexpr std::string_view mechanism_letters = "slodipvh";
constexpr std::string_view explanation_letters = "crt";
constexpr std::string_view delimiter_characters = ".-+,/_=";

constexpr bool is_alpha(char c) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}
constexpr bool is_alnum(char c) noexcept
{
    return is_alpha(c) || is_digit(c);
}

Error syntax_error(std::string what)
{
    return {Errc::protocol, std::move(what)};
}

// ------------------------------------------------------------------------------------------------------ macros

/// "%{" is before `at`; reads up to "}" and moves `at` behind it.
Result<SpfMacroToken> parse_macro(std::string_view text, std::size_t& at, bool explanation)
{
    const auto broken = [&] { return syntax_error("broken macro in \"" + std::string(text) + '"'); };
    SpfMacroToken token;
    if (at >= text.size() || !is_alpha(text[at]))
        return broken();
    token.url_escape = text[at] >= 'A' && text[at] <= 'Z';
    token.letter = dns_lower(text.substr(at, 1))[0];
    ++at;
    if (mechanism_letters.find(token.letter) == std::string_view::npos &&
        (!explanation || explanation_letters.find(token.letter) == std::string_view::npos))
        return broken();
    const std::size_t digits = at;
    while (at < text.size() && is_digit(text[at])) {
        // 128 is more than any name has labels; the bound keeps the number from overflowing.
        token.keep = std::min(token.keep * 10 + static_cast<unsigned>(text[at] - '0'), 128u);
        ++at;
    }
    if (at > digits && token.keep == 0)
        return broken();
    if (at < text.size() && (text[at] == 'r' || text[at] == 'R')) {
        token.reverse = true;
        ++at;
    }
    const std::size_t delimiters = at;
    while (at < text.size() && delimiter_characters.find(text[at]) != std::string_view::npos)
        ++at;
    if (at > delimiters)
        token.delimiters = text.substr(delimiters, at - delimiters);
    if (at >= text.size() || text[at] != '}')
        return broken();
    ++at;
    return token;
}

void add_literal(SpfMacroString& out, std::string_view text)
{
    if (out.empty() || out.back().letter != 0)
        out.emplace_back();
    out.back().literal += text;
}

/// "1.2.3.4", or nibbles for IPv6 (RFC 7208 section 7.3).
std::string dotted(const boost::asio::ip::address& ip)
{
    if (ip.is_v4())
        return ip.to_string();
    constexpr std::string_view hex = "0123456789abcdef";
    std::string out;
    for (const unsigned octet : ip.to_v6().to_bytes()) {
        for (const unsigned nibble : {octet >> 4, octet & 0xf}) {
            if (!out.empty())
                out += '.';
            out += hex[nibble];
        }
    }
    return out;
}

std::string value_of(char letter, const SpfMacroValues& v)
{
    switch (letter) {
        case 's':
            return v.local_part + '@' + v.sender_domain;
        case 'l':
            return v.local_part;
        case 'o':
            return v.sender_domain;
        case 'd':
            return v.domain;
        case 'i':
            return dotted(v.ip);
        case 'p':
            return v.validated;
        case 'v':
            return v.ip.is_v4() ? "in-addr" : "ip6";
        case 'h':
            return v.helo;
        case 'c':
            return v.ip.to_string();
        case 'r':
            return v.receiver;
        case 't':
            return std::to_string(v.unix_seconds);
        default:
            return {};
    }
}

std::string transform(const std::string& value, const SpfMacroToken& token)
{
    std::vector<std::string> parts(1);
    for (const char c : value) {
        if (token.delimiters.find(c) != std::string::npos)
            parts.emplace_back();
        else
            parts.back() += c;
    }
    if (token.reverse)
        std::reverse(parts.begin(), parts.end());
    const std::size_t keep = token.keep == 0 ? parts.size() : std::min<std::size_t>(token.keep, parts.size());
    std::string out;
    for (std::size_t i = parts.size() - keep; i < parts.size(); ++i) {
        if (i != parts.size() - keep)
            out += '.';
        out += parts[i];
    }
    return out;
}

std::string url_escaped(std::string_view text)
{
    constexpr std::string_view hex = "0123456789ABCDEF";
    constexpr std::string_view unreserved = "-._~";  // RFC 3986 section 2.3, beside letters and digits
    std::string out;
    for (const char c : text) {
        if (is_alnum(c) || unreserved.find(c) != std::string_view::npos) {
            out += c;
            continue;
        }
        const auto octet = static_cast<unsigned char>(c);
        out += '%';
        out += hex[octet >> 4u];
        out += hex[octet & 0xfu];
    }
    return out;
}

// ------------------------------------------------------------------------------------------------------- terms

/// toplabel: letters, digits and inner hyphens, not digits alone.
bool is_toplabel(std::string_view label) noexcept
{
    return !label.empty() && is_alnum(label.front()) && is_alnum(label.back()) &&
           std::all_of(label.begin(), label.end(), [](char c) { return is_alnum(c) || c == '-'; }) &&
           !std::all_of(label.begin(), label.end(), is_digit);
}

/// domain-spec: a macro-string that ends in a macro, or in a dot and a toplabel.
Result<SpfMacroString> parse_domain_spec(std::string_view text)
{
    WINNOW_TRY(SpfMacroString macros, parse_spf_macros(text, false));
    const bool ends_in_escape =
        text.size() >= 2 && text[text.size() - 2] == '%' && std::string_view("%_-").find(text.back()) != text.npos;
    if (!macros.empty() && (macros.back().letter != 0 || ends_in_escape))
        return macros;
    std::string_view tail = macros.empty() ? std::string_view{} : std::string_view(macros.back().literal);
    if (tail.ends_with('.'))
        tail.remove_suffix(1);
    const auto dot = tail.rfind('.');
    if (dot == std::string_view::npos || !is_toplabel(tail.substr(dot + 1)))
        return syntax_error('"' + std::string(text) + "\" is not a domain");
    return macros;
}

/// Takes a "/digits" off the end of `text`: no leading zero, at most `limit`. False when what is there is wrong.
bool take_prefix_length(std::string_view& text, std::string_view slash, unsigned limit, unsigned& length)
{
    std::size_t digits = 0;
    while (digits < text.size() && is_digit(text[text.size() - 1 - digits]))
        ++digits;
    const std::string_view before = text.substr(0, text.size() - digits);
    if (digits == 0 || !before.ends_with(slash))
        return true;  // there is none
    const std::string_view number = text.substr(before.size());
    if (number.size() > 3 || (number.size() > 1 && number.front() == '0'))
        return false;
    unsigned value = 0;
    for (const char c : number)
        value = value * 10 + static_cast<unsigned>(c - '0');
    if (value > limit)
        return false;
    length = value;
    text = before.substr(0, before.size() - slash.size());
    return true;
}

/// `rest` is what follows the mechanism's name: [":" domain-spec] [dual-cidr-length].
Result<> parse_host(std::string_view rest, SpfMechanism& m)
{
    if (!take_prefix_length(rest, "//", 128, m.prefix6) || !take_prefix_length(rest, "/", 32, m.prefix4))
        return syntax_error("wrong prefix length");
    if (rest.empty())
        return {};
    if (rest.front() != ':')
        return syntax_error("unexpected text after the name");
    WINNOW_TRY(m.domain, parse_domain_spec(rest.substr(1)));
    return {};
}

Result<> parse_network(std::string_view rest, SpfMechanism& m)
{
    const bool v4 = m.kind == SpfMechanismKind::ip4;
    if (!rest.starts_with(':'))
        return syntax_error("a network is missing");
    rest.remove_prefix(1);
    if (!take_prefix_length(rest, "/", v4 ? 32 : 128, v4 ? m.prefix4 : m.prefix6))
        return syntax_error("wrong prefix length");
    boost::system::error_code code;
    const std::string text(rest);
    if (v4)
        m.network = boost::asio::ip::make_address_v4(text, code);
    else
        m.network = boost::asio::ip::make_address_v6(text, code);
    if (code || text.find('%') != std::string::npos)  // Asio would take an IPv6 scope
        return syntax_error("not an address");
    return {};
}

Result<> parse_domain_argument(std::string_view rest, SpfMechanism& m)
{
    if (!rest.starts_with(':'))
        return syntax_error("a domain is missing");
    WINNOW_TRY(m.domain, parse_domain_spec(rest.substr(1)));
    return {};
}

Result<> parse_argument(std::string_view rest, SpfMechanism& m)
{
    switch (m.kind) {
        case SpfMechanismKind::all:
            if (!rest.empty())
                return syntax_error("\"all\" takes no argument");
            return {};
        case SpfMechanismKind::ptr:
            if (rest.empty())
                return {};
            return parse_domain_argument(rest, m);
        case SpfMechanismKind::include:
        case SpfMechanismKind::exists:
            return parse_domain_argument(rest, m);
        case SpfMechanismKind::a:
        case SpfMechanismKind::mx:
            return parse_host(rest, m);
        case SpfMechanismKind::ip4:
        case SpfMechanismKind::ip6:
            return parse_network(rest, m);
    }
    return syntax_error("unknown mechanism");
}

constexpr std::array<std::pair<std::string_view, SpfMechanismKind>, 8> mechanism_names{
    {{"all", SpfMechanismKind::all},
     {"include", SpfMechanismKind::include},
     {"a", SpfMechanismKind::a},
     {"mx", SpfMechanismKind::mx},
     {"ptr", SpfMechanismKind::ptr},
     {"ip4", SpfMechanismKind::ip4},
     {"ip6", SpfMechanismKind::ip6},
     {"exists", SpfMechanismKind::exists}}};

Result<SpfMechanism> parse_mechanism(std::string_view term)
{
    SpfMechanism m;
    m.text = term;
    if (std::string_view("+-~?").find(term.front()) != std::string_view::npos) {
        m.qualifier = static_cast<SpfQualifier>(term.front());
        term.remove_prefix(1);
    }
    const std::size_t end = std::min(term.find_first_of(":/"), term.size());
    const std::string name = dns_lower(term.substr(0, end));
    const auto* known = std::find_if(mechanism_names.begin(), mechanism_names.end(),
                                     [&](const auto& entry) { return entry.first == name; });
    if (known == mechanism_names.end())
        return syntax_error("unknown mechanism");
    m.kind = known->second;
    WINNOW_CHECK(parse_argument(term.substr(end), m));
    return m;
}

/// Length of the name before "=" when the term is a modifier, else 0.
std::size_t modifier_name(std::string_view term) noexcept
{
    const std::size_t end = term.find('=');
    if (end == std::string_view::npos || end == 0 || !is_alpha(term.front()))
        return 0;
    const std::string_view name = term.substr(0, end);
    const bool valid =
        std::all_of(name.begin(), name.end(), [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
    return valid ? end : 0;
}

Result<> parse_modifier(std::string_view term, std::size_t name_length, SpfRecord& record)
{
    const std::string name = dns_lower(term.substr(0, name_length));
    const std::string_view value = term.substr(name_length + 1);
    if (name != "redirect" && name != "exp") {
        WINNOW_CHECK(parse_spf_macros(value, false));  // unknown modifiers are ignored, but must be well formed
        return {};
    }
    auto& place = name == "exp" ? record.exp : record.redirect;
    if (place)
        return syntax_error("it appears twice");
    WINNOW_TRY(place, parse_domain_spec(value));
    return {};
}

Result<> parse_term(std::string_view term, SpfRecord& record)
{
    if (const std::size_t name_length = modifier_name(term))
        return parse_modifier(term, name_length, record);
    WINNOW_TRY(auto mechanism, parse_mechanism(term));
    record.mechanisms.push_back(std::move(mechanism));
    return {};
}

}  // namespace

Result<SpfMacroString> parse_spf_macros(std::string_view text, bool explanation)
{
    SpfMacroString out;
    for (std::size_t at = 0; at < text.size();) {
        const char c = text[at++];
        if (c != '%') {
            if ((c < 0x21 || c > 0x7e) && !(explanation && c == ' '))
                return syntax_error("a character that is not printable ASCII");
            add_literal(out, std::string_view(&c, 1));
            continue;
        }
        const char next = at < text.size() ? text[at++] : '\0';
        switch (next) {
            case '%':
                add_literal(out, "%");
                break;
            case '_':
                add_literal(out, " ");
                break;
            case '-':
                add_literal(out, "%20");
                break;
            case '{': {
                WINNOW_TRY(auto token, parse_macro(text, at, explanation));
                out.push_back(std::move(token));
                break;
            }
            default:
                return syntax_error("a lone \"%\" in \"" + std::string(text) + '"');
        }
    }
    return out;
}

std::string expand_spf_macros(const SpfMacroString& macros, const SpfMacroValues& values)
{
    std::string out;
    for (const SpfMacroToken& token : macros) {
        if (token.letter == 0) {
            out += token.literal;
            continue;
        }
        const std::string text = transform(value_of(token.letter, values), token);
        out += token.url_escape ? url_escaped(text) : text;
    }
    return out;
}

bool uses_validated_name(const SpfMacroString& macros) noexcept
{
    return std::any_of(macros.begin(), macros.end(), [](const SpfMacroToken& t) { return t.letter == 'p'; });
}

bool SpfRecord::has_all() const noexcept
{
    return std::any_of(mechanisms.begin(), mechanisms.end(),
                       [](const SpfMechanism& m) { return m.kind == SpfMechanismKind::all; });
}

bool is_spf_record(std::string_view txt) noexcept
{
    return txt.size() >= version.size() && dns_equal(txt.substr(0, version.size()), version) &&
           (txt.size() == version.size() || txt[version.size()] == ' ');
}

Result<SpfRecord> parse_spf_record(std::string_view txt)
{
    if (!is_spf_record(txt))
        return syntax_error("the record does not start with \"v=spf1\"");
    SpfRecord record;
    txt.remove_prefix(version.size());
    while (!txt.empty()) {
        const auto begin = txt.find_first_not_of(' ');
        if (begin == std::string_view::npos)
            break;
        const auto end = std::min(txt.find(' ', begin), txt.size());
        const std::string_view term = txt.substr(begin, end - begin);
        if (auto parsed = parse_term(term, record); !parsed)
            return syntax_error("term \"" + std::string(term) + "\": " + parsed.error().context);
        txt.remove_prefix(end);
    }
    return record;
}

}  // namespace winnow::net
