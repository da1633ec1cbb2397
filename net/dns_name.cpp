#include "net/dns_name.hpp"

#include <algorithm>

namespace winnow::net {

namespace {

constexpr std::size_t max_label = 63;
constexpr std::size_t max_wire_name = 255;  // with the length octets and the root's zero

constexpr char lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

/// The octet of an escape sequence whose backslash is at `at`; moves `at` to its last character.
Result<char> unescape(std::string_view name, std::size_t& at)
{
    if (at + 1 >= name.size())
        return Error(Errc::invalid_argument, "a domain name ends in a backslash");
    if (!is_digit(name[at + 1]))
        return name[++at];
    if (at + 3 >= name.size() || !is_digit(name[at + 2]) || !is_digit(name[at + 3]))
        return Error(Errc::invalid_argument, "an escape in a domain name needs three digits");
    const int value = (name[at + 1] - '0') * 100 + (name[at + 2] - '0') * 10 + (name[at + 3] - '0');
    if (value > 255)
        return Error(Errc::invalid_argument, "an escape in a domain name is past \\255");
    at += 3;
    return static_cast<char>(static_cast<unsigned char>(value));
}

void append_escaped(std::string& out, char c)
{
    const auto octet = static_cast<unsigned char>(c);
    if (c == '.' || c == '\\') {
        out += '\\';
        out += c;
    } else if (octet > 0x20 && octet < 0x7f) {
        out += c;
    } else {
        out += '\\';
        out += static_cast<char>('0' + octet / 100);
        out += static_cast<char>('0' + octet / 10 % 10);
        out += static_cast<char>('0' + octet % 10);
    }
}

Error broken_name(const char* what)
{
    return {Errc::protocol, std::string("a DNS message has a broken name: ") + what};
}

}  // namespace

Result<std::vector<std::string>> dns_labels(std::string_view name)
{
    std::vector<std::string> labels;
    if (name == ".")
        return labels;
    std::string label;
    std::size_t wire = 1;
    const auto end_label = [&]() -> Result<> {
        if (label.empty())
            return Error(Errc::invalid_argument, "a domain name has an empty label");
        if (label.size() > max_label)
            return Error(Errc::invalid_argument, "a label of a domain name is longer than 63 octets");
        wire += label.size() + 1;
        if (wire > max_wire_name)
            return Error(Errc::invalid_argument, "a domain name is longer than 255 octets");
        labels.push_back(std::move(label));
        label.clear();
        return {};
    };
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] == '.') {
            WINNOW_CHECK(end_label());
            if (i + 1 == name.size())
                return labels;
        } else if (name[i] == '\\') {
            WINNOW_TRY(const char octet, unescape(name, i));
            label += octet;
        } else {
            label += name[i];
        }
    }
    WINNOW_CHECK(end_label());
    return labels;
}

std::string dns_name_text(std::span<const std::string> labels)
{
    if (labels.empty())
        return ".";
    std::string out;
    for (const std::string& label : labels) {
        if (!out.empty())
            out += '.';
        for (const char c : label)
            append_escaped(out, c);
    }
    return out;
}

Result<std::string> read_dns_name(std::span<const std::uint8_t> message, std::size_t& offset)
{
    std::string out;
    std::size_t at = offset;
    std::size_t wire = 1;
    std::size_t barrier = offset;  // the next pointer must point before this
    bool jumped = false;
    for (;;) {
        if (at >= message.size())
            return broken_name("it runs past the end");
        const std::uint8_t length = message[at++];
        if (length == 0)
            break;
        if ((length & 0xc0) == 0xc0) {
            if (at >= message.size())
                return broken_name("a pointer runs past the end");
            const std::size_t target = static_cast<std::size_t>(length & 0x3f) << 8 | message[at++];
            if (target >= barrier)
                return broken_name("a pointer does not point backwards");
            if (!jumped)
                offset = at;
            jumped = true;
            barrier = at = target;
            continue;
        }
        if (length > max_label)
            return broken_name("unknown label type");
        if (message.size() - at < length)
            return broken_name("a label runs past the end");
        wire += length + 1u;
        if (wire > max_wire_name)
            return broken_name("it is longer than 255 octets");
        if (!out.empty())
            out += '.';
        for (const std::uint8_t octet : message.subspan(at, length))
            append_escaped(out, static_cast<char>(octet));
        at += length;
    }
    if (!jumped)
        offset = at;
    return out.empty() ? std::string(".") : out;
}

std::string dns_lower(std::string_view name)
{
    std::string out(name);
    std::transform(out.begin(), out.end(), out.begin(), lower);
    return out;
}

std::string dns_canonical(std::string_view name)
{
    const auto labels = dns_labels(name);
    return dns_lower(labels ? dns_name_text(*labels) : std::string(name));
}

bool dns_equal(std::string_view a, std::string_view b) noexcept
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace winnow::net
