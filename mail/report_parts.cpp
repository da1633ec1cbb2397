#include "mail/report_parts.hpp"

#include <algorithm>

#include "mail/encoding.hpp"

namespace winnow::mail {
namespace {

bool is_digit(char c) noexcept
{
    return c >= '0' && c <= '9';
}

bool is_word(char c) noexcept
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_local_char(char c) noexcept
{
    return static_cast<unsigned char>(c) >= 0x80 || is_word(c) ||
           std::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) != std::string_view::npos;
}

bool is_domain_char(char c) noexcept
{
    return static_cast<unsigned char>(c) >= 0x80 || is_word(c) || c == '-' || c == '.' || c == '_';
}

/// Bounds of the address around the '@' at `at`; empty when there is none.
std::string_view address_around(std::string_view text, std::size_t at) noexcept
{
    std::size_t start = at;
    if (start > 0 && text[start - 1] == '"') {
        const auto open = start >= 2 ? text.rfind('"', start - 2) : std::string_view::npos;
        if (open == std::string_view::npos || at - open > 66 ||
            text.substr(open, at - open).find_first_of("\r\n") != std::string_view::npos)
            return {};
        start = open;
    } else {
        while (start > 0 && is_local_char(text[start - 1]))
            --start;
        // "smtp;a@b" and "'a@b'" and "=a@b": what only looks like a part of the address.
        while (start < at && (text[start] == '\'' || text[start] == '=' || text[start] == '.'))
            ++start;
    }
    std::size_t end = at + 1;
    if (end < text.size() && text[end] == '[') {
        const auto close = text.find(']', end);
        end = close == std::string_view::npos || close - end > 64 ? at + 1 : close + 1;
    } else {
        bool ascii_label = true;
        while (end < text.size() && is_domain_char(text[end])) {
            // "a@example.jp" followed by Chinese or Japanese prose without a space.
            constexpr unsigned char first_ideographic_lead = 0xE3;
            if (ascii_label && static_cast<unsigned char>(text[end]) >= first_ideographic_lead && end > at + 1 &&
                text[end - 1] != '.')
                break;
            ascii_label = text[end] == '.' || (ascii_label && static_cast<unsigned char>(text[end]) < 0x80);
            ++end;
        }
        while (end > at + 1 && (text[end - 1] == '.' || text[end - 1] == '-' || text[end - 1] == '_'))
            --end;
    }
    if (start == at || end == at + 1 || at - start > 128 || end - at > 255)
        return {};
    return text.substr(start, end - start);
}

}  // namespace

std::vector<std::string> addresses_in(std::string_view text)
{
    constexpr std::size_t most = 1000;
    std::vector<std::string> out;
    for (auto at = text.find('@'); at != std::string_view::npos && out.size() < most; at = text.find('@', at + 1)) {
        const std::string found = to_valid_utf8(address_around(text, at));  // header fields hold any octets
        if (!found.empty() && std::find(out.begin(), out.end(), found) == out.end())
            out.push_back(found);
    }
    return out;
}

std::string address_in(std::string_view text)
{
    // An address in angle brackets wins over one in a display name.
    const auto open = text.rfind('<');
    if (open != std::string_view::npos) {
        const auto inside = addresses_in(text.substr(open + 1, text.find('>', open) - open - 1));
        if (!inside.empty())
            return inside.front();
    }
    const auto all = addresses_in(text);
    if (!all.empty())
        return all.front();
    auto rest = text.substr(std::min(text.size(), text.find(';') == std::string_view::npos ? 0 : text.find(';') + 1));
    auto line = one_line(rest, 256);
    if (line.starts_with('<') && line.ends_with('>'))
        line = line.substr(1, line.size() - 2);
    return line;
}

std::string find_status(std::string_view text, bool any_class)
{
    for (std::size_t i = 0; i + 4 < text.size(); ++i) {
        const char c = text[i];
        if ((c != '4' && c != '5' && !(any_class && c == '2')) || text[i + 1] != '.')
            continue;
        if (i > 0 && (is_word(text[i - 1]) || text[i - 1] == '.' || text[i - 1] == '-') && text[i - 1] != '-')
            continue;
        std::size_t pos = i + 2;
        std::size_t subject = 0;
        while (pos < text.size() && is_digit(text[pos]) && subject < 4)
            ++pos, ++subject;
        if (subject == 0 || subject > 1 || pos >= text.size() || text[pos] != '.')
            continue;
        ++pos;
        std::size_t detail = 0;
        while (pos < text.size() && is_digit(text[pos]) && detail < 4)
            ++pos, ++detail;
        // "5.1.1.2" is an address or a version.
        const bool ends =
            pos >= text.size() ||
            !(is_word(text[pos]) || (text[pos] == '.' && pos + 1 < text.size() && is_digit(text[pos + 1])));
        if (detail >= 1 && detail <= 3 && ends)
            return std::string(text.substr(i, pos - i));
    }
    return {};
}

int find_reply_code(std::string_view text)
{
    int found = 0;
    for (std::size_t i = 0; i + 2 < text.size(); ++i) {
        if ((text[i] != '4' && text[i] != '5') || text[i + 1] < '0' || text[i + 1] > '5' || !is_digit(text[i + 2]))
            continue;
        // Not a part of a number, a name or a port; but "CODE :550".
        const bool spaced_colon = i > 1 && text[i - 1] == ':' && text[i - 2] == ' ';
        if (i > 0 && !spaced_colon &&
            (is_word(text[i - 1]) || std::string_view(".-[:@/_").find(text[i - 1]) != std::string_view::npos))
            continue;
        const auto next = i + 3 < text.size() ? text[i + 3] : ' ';
        if (std::string_view(" -:,#]'\"").find(next) == std::string_view::npos)
            continue;
        const int code = (text[i] - '0') * 100 + (text[i + 1] - '0') * 10 + (text[i + 2] - '0');
        // 554 is what relays wrap around the reply that they got ("554 <a@b>... 550 Host unknown").
        if (code != 554 || i != 0)
            return code;
        found = code;
    }
    return found;
}

std::string find_remote_status(std::string_view text)
{
    for (std::size_t i = 0; i + 8 < text.size(); ++i) {
        if ((text[i] != '4' && text[i] != '5') || !is_digit(text[i + 1]) || !is_digit(text[i + 2]) ||
            (text[i + 3] != ' ' && text[i + 3] != '-') || (i > 0 && is_word(text[i - 1])))
            continue;
        std::size_t at = i + 4;
        while (at < text.size() && (text[at] == '\'' || text[at] == '"' || text[at] == ' ' || text[at] == '#'))
            ++at;
        const auto status = find_status(text.substr(at, 12));
        if (!status.empty() && text.substr(at).starts_with(status) && status.front() == text[i])
            return status;
    }
    return {};
}

std::string one_line(std::string_view text, std::size_t limit)
{
    std::string out;
    bool blank = false;
    for (const char c : text) {
        if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') {
            blank = !out.empty();
            continue;
        }
        if (blank)
            out += ' ';
        blank = false;
        out += c;
        if (out.size() >= limit)
            break;
    }
    out = to_valid_utf8(out);
    // Replacement characters are longer than what they replace, and a character may not be cut.
    if (out.size() > limit) {
        auto end = limit;
        while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0u) == 0x80u)
            --end;
        out.resize(end);
    }
    return out;
}

bool contains_any(std::string_view text, const std::vector<std::string_view>& phrases)
{
    return std::any_of(phrases.begin(), phrases.end(),
                       [&](std::string_view phrase) { return text.find(phrase) != std::string_view::npos; });
}

}  // namespace winnow::mail
