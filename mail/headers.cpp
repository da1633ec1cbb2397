#include "mail/headers.hpp"

#include <algorithm>

#include "core/duration.hpp"
#include "core/trim.hpp"
#include "mail/encoding.hpp"

namespace winnow::mail {
namespace {

bool same_name(std::string_view a, std::string_view b) noexcept
{
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) { return lower(x) == lower(y); });
}

/// The line at `pos` without its end; `pos` moves behind it.
std::string_view next_line(std::string_view text, std::size_t& pos) noexcept
{
    const auto end = text.find('\n', pos);
    auto line = text.substr(pos, end == std::string_view::npos ? std::string_view::npos : end - pos);
    pos = end == std::string_view::npos ? text.size() : end + 1;
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    return line;
}

/// Length of the field name that starts `line`, 0 when it is no header field. White space before the colon is an old
/// form (RFC 5322 section 4.5) that is still met.
std::size_t field_name_length(std::string_view line) noexcept
{
    std::size_t n = 0;
    while (n < line.size() && line[n] > ' ' && line[n] < '\x7f' && line[n] != ':')
        ++n;
    const auto colon = line.find_first_not_of(" \t", n);
    return colon != std::string_view::npos && line[colon] == ':' ? n : 0;
}

/// For values that a peer chose: printable ASCII without what has a meaning in a Received field.
std::string clean(std::string_view text)
{
    std::string out(text.substr(0, 255));
    for (auto& c : out)
        if (c <= ' ' || c >= '\x7f' || std::string_view("()<>;\\\"").find(c) != std::string_view::npos)
            c = '?';
    return out;
}

}  // namespace

HeaderBlock HeaderBlock::read(std::string_view message, HeaderLimits limits)
{
    HeaderBlock out;
    std::size_t pos = 0;
    if (!mbox_line(message).empty())
        next_line(message, pos);
    bool kept = false;  // whether the last field was within the limits, for its continuation lines
    while (pos < message.size()) {
        const auto start = pos;
        const auto line = next_line(message, pos);
        if (line.empty())
            break;
        if ((line.front() == ' ' || line.front() == '\t') && !out.fields_.empty()) {
            if (kept && pos <= limits.max_bytes) {
                auto& value = out.fields_.back().value;
                const auto more = trim(line);
                if (!more.empty()) {
                    if (!value.empty())
                        value += ' ';
                    value += more;
                }
            }
            continue;
        }
        const auto name = field_name_length(line);
        if (name == 0) {
            pos = start;
            out.cut_short_ = true;
            break;
        }
        kept = out.fields_.size() < limits.max_fields && pos <= limits.max_bytes;
        if (kept) {
            const auto colon = line.find(':', name);
            out.fields_.push_back({std::string(line.substr(0, name)), std::string(trim(line.substr(colon + 1)))});
        }
    }
    out.body_offset_ = pos;
    return out;
}

std::string_view HeaderBlock::get(std::string_view name) const noexcept
{
    for (const auto& field : fields_)
        if (same_name(field.name, name))
            return field.value;
    return {};
}

bool HeaderBlock::has(std::string_view name) const noexcept
{
    return count(name) != 0;
}

std::size_t HeaderBlock::count(std::string_view name) const noexcept
{
    return static_cast<std::size_t>(std::count_if(
        fields_.begin(), fields_.end(), [name](const HeaderField& field) { return same_name(field.name, name); }));
}

std::string_view mbox_line(std::string_view message) noexcept
{
    if (!message.starts_with("From ") && !message.starts_with(">From "))
        return {};
    std::size_t pos = 0;
    const auto line = next_line(message, pos);
    return field_name_length(line) == 0 ? line : std::string_view{};
}

std::size_t count_received(std::string_view message)
{
    return HeaderBlock::read(message).count("Received");
}

std::string received_field(const ReceivedTrace& trace)
{
    std::string out = "Received: from " + (trace.helo.empty() ? "unknown" : clean(trace.helo));
    if (!trace.peer_ip.empty()) {
        const bool v6 = trace.peer_ip.find(':') != std::string::npos;
        out += " ([" + std::string(v6 ? "IPv6:" : "") + clean(trace.peer_ip) + "])";
    }
    out += "\r\n\tby " + clean(trace.by) + " with " + clean(trace.protocol);
    if (!trace.id.empty())
        out += " id " + clean(trace.id);
    if (!trace.recipient.empty())
        out += "\r\n\tfor <" + clean(trace.recipient) + ">";
    return out + ";\r\n\t" + format_rfc5322_date(trace.at) + "\r\n";
}

std::string missing_fields(std::string_view message, TimePoint date, std::string_view message_id)
{
    const auto head = HeaderBlock::read(message);
    std::string out;
    if (!head.has("Date"))
        out += "Date: " + format_rfc5322_date(date) + "\r\n";
    if (!head.has("Message-ID"))
        out += "Message-ID: <" + clean(message_id) + ">\r\n";
    return out;
}

std::string with_fields(std::string_view fields, std::string_view message)
{
    std::string out;
    out.reserve(fields.size() + message.size() + 2);
    out += fields;
    const bool starts_with_body =
        HeaderBlock::read(message).fields().empty() && !message.starts_with("\r\n") && !message.starts_with('\n');
    if (starts_with_body)
        out += "\r\n";
    out += message;
    return out;
}

}  // namespace winnow::mail
