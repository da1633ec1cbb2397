#include "core/smtp_reply.hpp"

#include "core/trim.hpp"

namespace winnow {
namespace {

/// One to three digits at the start of `text`, which is shortened by them.
std::optional<int> take_number(std::string_view& text) noexcept
{
    int value = 0;
    std::size_t length = 0;
    while (length < text.size() && text[length] >= '0' && text[length] <= '9') {
        if (length == 3)
            return std::nullopt;
        value = value * 10 + (text[length] - '0');
        ++length;
    }
    if (length == 0)
        return std::nullopt;
    text.remove_prefix(length);
    return value;
}

bool take(std::string_view& text, char c) noexcept
{
    if (text.empty() || text.front() != c)
        return false;
    text.remove_prefix(1);
    return true;
}

/// The status at the start of `text` and what follows it.
std::optional<EnhancedStatus> take_enhanced(std::string_view& text) noexcept
{
    std::string_view rest = text;
    const auto klass = take_number(rest);
    if (!klass || (*klass != 2 && *klass != 4 && *klass != 5) || !take(rest, '.'))
        return std::nullopt;
    const auto subject = take_number(rest);
    if (!subject || !take(rest, '.'))
        return std::nullopt;
    const auto detail = take_number(rest);
    if (!detail || (!rest.empty() && rest.front() != ' '))
        return std::nullopt;
    text = rest;
    return EnhancedStatus{*klass, *subject, *detail};
}

std::string cleaned(std::string_view line)
{
    std::string out(line);
    for (char& c : out) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\t')
            c = ' ';
        else if (byte < 0x20 || byte == 0x7f)
            c = '?';
    }
    return out;
}

void append_word(std::string& out, std::string_view word)
{
    if (word.empty())
        return;
    if (!out.empty())
        out += ' ';
    out += word;
}

}  // namespace

std::string EnhancedStatus::to_string() const
{
    if (!present())
        return {};
    return std::to_string(klass) + '.' + std::to_string(subject) + '.' + std::to_string(detail);
}

std::optional<EnhancedStatus> parse_enhanced_status(std::string_view text) noexcept
{
    return take_enhanced(text);
}

std::string SmtpReply::text() const
{
    std::string out;
    for (std::string_view line : lines) {
        (void)take_enhanced(line);
        append_word(out, trim(line, " "));
    }
    return out;
}

std::string SmtpReply::to_string() const
{
    std::string out;
    if (code != 0)
        append_word(out, std::to_string(code));
    append_word(out, enhanced.to_string());
    append_word(out, text());
    return out;
}

SmtpReply SmtpReply::make(int code, std::string_view text)
{
    SmtpReply reply;
    reply.code = code;
    while (!text.empty()) {
        const auto end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        reply.lines.push_back(cleaned(line));
        if (!reply.enhanced.present())
            reply.enhanced = parse_enhanced_status(reply.lines.back()).value_or(EnhancedStatus{});
    }
    return reply;
}

}  // namespace winnow
