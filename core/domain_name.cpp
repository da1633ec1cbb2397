#include "core/domain_name.hpp"

#include <idn2.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "core/unicode.hpp"

namespace winnow {
namespace {

constexpr std::size_t max_label = 63;    // RFC 1035 section 2.3.4
constexpr std::size_t max_domain = 253;  // 255 octets on the wire, less the first length octet and the root label

struct Idn2Free {
    void operator()(void* memory) const noexcept { idn2_free(memory); }
};
using Idn2Text = std::unique_ptr<char, Idn2Free>;

bool is_letter_or_digit(char c) noexcept
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_ldh(char c) noexcept
{
    return is_letter_or_digit(c) || c == '-';
}

bool is_ascii(std::string_view text) noexcept
{
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::vector<std::string_view> split_labels(std::string_view domain)
{
    std::vector<std::string_view> labels;
    for (std::size_t start = 0;;) {
        const std::size_t dot = domain.find('.', start);
        labels.push_back(domain.substr(start, dot - start));
        if (dot == std::string_view::npos)
            return labels;
        start = dot + 1;
    }
}

DomainReading bad(AddressFault fault, std::string detail)
{
    return {{}, fault, std::move(detail)};
}

/// Scripts written from right to left live in these blocks (Unicode's default Bidi_Class R and AL); marks inside them
/// need no care, for a label cannot begin with one and holds a letter anyway.
bool is_right_to_left(char32_t c) noexcept
{
    return (c >= 0x0590 && c <= 0x08FF) || (c >= 0xFB1D && c <= 0xFDFF) || (c >= 0xFE70 && c <= 0xFEFF) ||
           (c >= 0x10800 && c <= 0x10FFF) || (c >= 0x1E800 && c <= 0x1EFFF);
}

bool is_european_digit(char32_t c) noexcept
{
    return (c >= '0' && c <= '9') || (c >= 0x06F0 && c <= 0x06F9);
}

bool is_arabic_digit(char32_t c) noexcept
{
    return c >= 0x0660 && c <= 0x0669;
}

/// What a decoded label means for the Bidi rule of RFC 5893 as far as libidn2 leaves it to its caller.
struct LabelScript {
    bool right_to_left = false;
    bool digit_first = false;
    bool mixed_digits = false;
};

LabelScript script_of(std::string_view unicode_label) noexcept
{
    LabelScript script;
    bool european = false;
    bool arabic = false;
    for (std::size_t pos = 0; pos < unicode_label.size();) {
        const bool first = pos == 0;
        const char32_t c = next_code_point(unicode_label, pos);
        if (is_european_digit(c) || is_arabic_digit(c)) {
            european = european || is_european_digit(c);
            arabic = arabic || is_arabic_digit(c);
            script.digit_first = script.digit_first || first;
        } else if (is_right_to_left(c)) {
            script.right_to_left = true;
        }
    }
    script.mixed_digits = script.right_to_left && european && arabic;
    return script;
}

/// Decodes an A-label and holds it against the registration rules of IDNA2008: lookup rules alone pass CONTEXTO
/// violations. Returns an empty text when the label is not one that a registry could have issued.
std::string decode_a_label(const std::string& label)
{
    char* raw = nullptr;
    if (idn2_to_unicode_8z8z(label.c_str(), &raw, 0) != IDN2_OK)
        return {};
    const Idn2Text unicode(raw);
    unsigned char* encoded = nullptr;
    if (idn2_register_u8(reinterpret_cast<const unsigned char*>(unicode.get()), nullptr, &encoded, 0) != IDN2_OK)
        return {};
    const std::unique_ptr<unsigned char, Idn2Free> again(encoded);
    if (label != reinterpret_cast<const char*>(again.get()))
        return {};
    return unicode.get();
}

bool has_hyphens_in_3_and_4(std::string_view label) noexcept
{
    return label.size() >= 4 && label[2] == '-' && label[3] == '-';
}

std::string quoted(std::string_view label)
{
    return '"' + std::string(label) + '"';
}

/// Checks one lower-case ASCII label and notes its script.
DomainReading check_label(std::string_view label, LabelScript& script)
{
    if (label.empty())
        return bad(AddressFault::domain_syntax, "the domain has an empty label (two dots in a row, or one at an end)");
    if (label.size() > max_label)
        return bad(AddressFault::label_too_long,
                   "the domain label beginning " + quoted(label.substr(0, 16)) + " is longer than 63 octets");
    for (const char c : label)
        if (!is_ldh(c))
            return bad(AddressFault::domain_syntax, "the domain contains " + quoted(std::string_view(&c, 1)) +
                                                        "; only letters, digits, hyphens and dots are allowed");
    if (label.front() == '-' || label.back() == '-')
        return bad(AddressFault::domain_syntax, "the domain label " + quoted(label) + " begins or ends with a hyphen");
    if (!has_hyphens_in_3_and_4(label)) {
        script.digit_first = label.front() >= '0' && label.front() <= '9';
        return {};
    }
    // RFC 5890 section 2.3.1: labels of this shape are reserved, and only "xn--" has been given a meaning.
    if (!label.starts_with("xn--"))
        return bad(AddressFault::idna, "the domain label " + quoted(label) + " has hyphens in places 3 and 4");
    const std::string unicode = decode_a_label(std::string(label));
    if (unicode.empty())
        return bad(AddressFault::idna, quoted(label) + " is not an A-label of IDNA2008");
    script = script_of(unicode);
    return {};
}

/// UTS 46 mapping and Punycode for a domain with non-ASCII characters.
DomainReading map_unicode(std::string_view domain)
{
    if (!is_utf8(domain))
        return bad(AddressFault::idna, "the domain is not UTF-8");
    for (std::size_t pos = 0; pos < domain.size();) {
        const char32_t c = next_code_point(domain, pos);
        if (c >= 0x80 && is_invisible(c))
            return bad(AddressFault::idna, "the domain contains the invisible character " + code_point_name(c));
    }
    char* raw = nullptr;
    const int rc = idn2_to_ascii_8z(std::string(domain).c_str(), &raw, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    const Idn2Text ascii(raw);
    if (rc == IDN2_TOO_BIG_LABEL || rc == IDN2_PUNYCODE_BIG_OUTPUT)
        return bad(AddressFault::label_too_long, "a domain label is longer than 63 octets in its ASCII form");
    if (rc == IDN2_TOO_BIG_DOMAIN)
        return bad(AddressFault::domain_too_long, "the domain is longer than 253 octets in its ASCII form");
    if (rc != IDN2_OK)
        return bad(AddressFault::idna, std::string("the domain is not valid in IDNA2008: ") + idn2_strerror(rc));
    return {to_lower_ascii(ascii.get()), AddressFault::none, {}};
}

}  // namespace

DomainReading read_domain(std::string_view domain)
{
    if (domain.empty())
        return bad(AddressFault::domain_empty, "the domain is empty");
    // libidn2 drops some ASCII characters that it does not like; refuse them before it sees them.
    for (const char c : domain)
        if (static_cast<unsigned char>(c) < 0x80 && !is_ldh(c) && c != '.')
            return bad(AddressFault::domain_syntax,
                       "the domain contains " +
                           (c > ' ' && c < 0x7f ? quoted(std::string_view(&c, 1))
                                                : code_point_name(static_cast<unsigned char>(c))) +
                           "; only letters, digits, hyphens and dots are allowed");
    DomainReading reading;
    if (is_ascii(domain))
        reading.ascii = to_lower_ascii(domain);
    else
        reading = map_unicode(domain);
    if (reading.fault != AddressFault::none)
        return reading;

    std::vector<LabelScript> scripts;
    for (const std::string_view label : split_labels(reading.ascii))
        if (auto fault = check_label(label, scripts.emplace_back()); fault.fault != AddressFault::none)
            return fault;
    if (reading.ascii.size() > max_domain)
        return bad(AddressFault::domain_too_long, "the domain is longer than 253 octets");

    // RFC 5893: one right-to-left label makes a Bidi domain name, and then every label must keep the Bidi rule.
    const bool bidi = std::any_of(scripts.begin(), scripts.end(), [](auto& s) { return s.right_to_left; });
    if (bidi && std::any_of(scripts.begin(), scripts.end(), [](auto& s) { return s.digit_first || s.mixed_digits; }))
        return bad(AddressFault::idna, "the domain breaks the Bidi rule of RFC 5893");
    return reading;
}

bool is_special_use(std::string_view ascii) noexcept
{
    // .test and .example (and example.com) are reserved too, but they stay usable: the sandbox, every tutorial and
    // people's own trials live there. Public DNS answers for them, and says no.
    static constexpr std::array<std::string_view, 14> names = {"alt",       "arpa",    "corp",  "home",   "internal",
                                                               "intranet",  "invalid", "lan",   "local",  "localdomain",
                                                               "localhost", "mail",    "onion", "private"};
    const std::string_view top = ascii.substr(ascii.rfind('.') + 1);
    return std::find(names.begin(), names.end(), top) != names.end();
}

Result<std::string> to_ascii_domain(std::string_view domain)
{
    if (domain.size() > 1 && domain.ends_with('.'))
        domain.remove_suffix(1);
    DomainReading reading = read_domain(domain);
    if (reading.fault != AddressFault::none)
        return Error{Errc::invalid_argument, std::move(reading.detail)};
    return std::move(reading.ascii);
}

std::string to_unicode_domain(std::string_view domain)
{
    const std::string input(domain);
    if (input.find('\0') != std::string::npos)
        return input;
    char* raw = nullptr;
    if (idn2_to_unicode_8z8z(input.c_str(), &raw, IDN2_NONTRANSITIONAL) != IDN2_OK)
        return input;
    return Idn2Text(raw).get();
}

bool is_hostname(std::string_view name)
{
    if (name.empty() || name.size() > max_domain)
        return false;
    std::vector<LabelScript> scripts;
    for (const std::string_view label : split_labels(name)) {
        const std::string lower = to_lower_ascii(label);
        LabelScript& script = scripts.emplace_back();
        // RFC 1123 knows nothing of reserved labels: only the form "xn--" has more rules.
        if (has_hyphens_in_3_and_4(lower) && !lower.starts_with("xn--")) {
            if (lower.size() > max_label || lower.front() == '-' || lower.back() == '-' ||
                !std::all_of(lower.begin(), lower.end(), is_ldh))
                return false;
        } else if (check_label(lower, script).fault != AddressFault::none) {
            return false;
        }
    }
    const bool bidi = std::any_of(scripts.begin(), scripts.end(), [](auto& s) { return s.right_to_left; });
    return !bidi ||
           std::none_of(scripts.begin(), scripts.end(), [](auto& s) { return s.digit_first || s.mixed_digits; });
}

}  // namespace winnow
