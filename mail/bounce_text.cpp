#include <algorithm>
#include <optional>

#include "core/reply_diagnostic.hpp"
#include "core/trim.hpp"
#include "core/unicode.hpp"
#include "mail/report_parts.hpp"

/// Bounces in prose: no standard, only habits. The habits used here: an address stands at the start of a line, the
/// reason follows behind it or below it; a copy of the message follows a line that says so.
namespace winnow::mail {
namespace {

constexpr std::size_t max_lines = 4000;
constexpr std::size_t max_recipients = 200;

std::vector<std::string_view> lines_of(std::string_view text)
{
    std::vector<std::string_view> out;
    while (!text.empty() && out.size() < max_lines) {
        const auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        out.push_back(line);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

/// A line that announces the returned message.
bool announces_original(std::string_view line)
{
    if (line.size() > 120)
        return false;
    const auto text = to_lower_ascii(trim(line));
    if (text.find(" was ") != std::string::npos || text.find(" received ") != std::string::npos)
        return false;
    return contains_any(text, {"original message follows", "original message -",         "copy of the message",
                               "copy of your message",     "copy of the original",       "header of the original",
                               "headers of the original",  "message headers follow",     "unsent message follows",
                               "message header follows",   "returned message -",         "original mail as follows",
                               "message text follows",     "below this line is",         "text of your message follows",
                               "original message header",  "copy of the message header", "rejected message",
                               "original message:",        "headers of the message",     "message headers:"}) ||
           (text.starts_with("--") && contains_any(text, {"original message", "returned message", "original mail"}));
}

bool starts_header(std::string_view line)
{
    for (const std::string_view name :
         {"Received:", "Return-Path:", "Return-path:", "DKIM-Signature:", "Delivered-To:"})
        if (line.starts_with(name))
            return true;
    return false;
}

bool is_code_at(std::string_view text) noexcept
{
    return text.size() > 3 && (text[0] == '4' || text[0] == '5') && text[1] >= '0' && text[1] <= '5' &&
           text[2] >= '0' && text[2] <= '9' && (text[3] == ' ' || text[3] == '-');
}

/// A recipient as the subject of a line.
struct Mention {
    std::string address;
    std::string rest;       ///< what follows it in the line
    bool is_reply = false;  ///< the line starts with a reply code: a reply of its own
};

/// `<a@b>: reason`, `a@b`, `"a@b":`, `a@b [reason]`, `550 <a@b>... reason`, with any indent.
std::optional<Mention> leading_recipient(std::string_view line)
{
    auto text = trim(line);
    std::string code;
    if (is_code_at(text)) {
        code = std::string(text.substr(0, 4));
        text = trim(text.substr(4));
    }
    while (!text.empty() && std::string_view("<\"'*([").find(text.front()) != std::string_view::npos)
        text.remove_prefix(1);
    const auto at = text.find('@');
    if (at == std::string_view::npos || at > 128)
        return std::nullopt;
    const auto found = addresses_in(text.substr(0, std::min<std::size_t>(text.size(), at + 256)));
    if (found.empty() || !text.starts_with(found.front()))
        return std::nullopt;
    auto rest = text.substr(found.front().size());
    while (!rest.empty() && std::string_view(">\"')],:").find(rest.front()) != std::string_view::npos)
        rest.remove_prefix(1);
    rest = trim(rest);
    Mention out{found.front(), {}, false};
    // With a code in front, the whole line is the reply.
    out.is_reply = !code.empty();
    out.rest = code.empty() ? std::string(rest) : code + "<" + out.address + "> " + std::string(rest);
    return out;
}

/// `Recipient: <a@b>`, `RCPT TO:<a@b>`, `could not deliver ... to <a@b>`: an address that a line says has failed.
std::optional<Mention> labelled_recipient(std::string_view line)
{
    const auto text = to_lower_ascii(line);
    if (contains_any(text, {"mail from", "from:", "sender", "reply-to", "generated from", "contact", "envelope-from"}))
        return std::nullopt;
    if (!contains_any(
            text, {"recipient", "rcpt to", "deliver", "undeliverable", "userid", "unknown", "invalid", "no such",
                   "mailbox", "address", "failed", "rejected", "reach", "exceed", "quota", "disabled", "not exist"}))
        return std::nullopt;
    const auto found = addresses_in(line);
    if (found.empty())
        return std::nullopt;
    const auto at = line.find(found.front());
    auto rest = trim(line.substr(at + found.front().size()));
    while (!rest.empty() && std::string_view(">\"')],:.").find(rest.front()) != std::string_view::npos)
        rest.remove_prefix(1);
    return Mention{found.front(), std::string(trim(rest)), false};
}

bool same_address(std::string_view a, std::string_view b)
{
    return to_lower_ascii(a) == to_lower_ascii(b);
}

bool is_listed(const std::string& address, const std::vector<std::string>& list)
{
    return std::any_of(list.begin(), list.end(), [&](const auto& other) { return same_address(address, other); });
}

struct Found {
    std::string address;
    std::size_t line = 0;
    std::string rest;
    bool is_reply = false;
};

template <class Reader>
std::vector<Found> mentions(const std::vector<std::string_view>& lines, const std::vector<std::string>& skip,
                            Reader reader)
{
    std::vector<Found> out;
    for (std::size_t i = 0; i < lines.size() && out.size() < max_recipients; ++i)
        if (auto mention = reader(lines[i]); mention && !is_listed(mention->address, skip)) {
            // Named again: mostly in a reply that is quoted below the first mention.
            const bool known = std::any_of(out.begin(), out.end(),
                                           [&](const Found& f) { return same_address(f.address, mention->address); });
            if (!known)
                out.push_back({std::move(mention->address), i, std::move(mention->rest), mention->is_reply});
        }
    return out;
}

/// The words that tell why, from the line behind the address up to `to`: through the paragraph of the address, and on
/// while nothing that looks like a reply was found. A reply ends where the next one starts.
std::string diagnostic_of(const Found& found, const std::vector<std::string_view>& lines, std::size_t to)
{
    std::string out = found.rest;
    for (std::size_t i = found.line + 1; i < to && out.size() < 2000; ++i) {
        const auto line = trim(lines[i]);
        if (line.empty()) {
            // `a@b: this is why` has said it all; below it, the mail system goes on about other things.
            const bool said = std::count(found.rest.begin(), found.rest.end(), ' ') >= 1 && !found.rest.ends_with(':');
            if (found.is_reply || said || find_reply_code(out) != 0 || !find_status(out).empty())
                break;
            continue;
        }
        if (found.is_reply && (is_code_at(line) || line.starts_with("<<<") || line.starts_with(">>>") ||
                               line.starts_with("While talking") || line.starts_with("... while")))
            break;
        out += out.empty() ? "" : " ";
        out += line;
    }
    return one_line(out);
}

/// The reply that a server gave in an SMTP transcript: lines of code and text, with or without `<<<`. One that names
/// the address is preferred, and required when several recipients share the transcript.
std::string transcript_reply(const std::vector<std::string_view>& lines, std::string_view address, bool must_name_it)
{
    std::string best;
    const auto wanted = to_lower_ascii(address);
    for (const auto line : lines) {
        auto text = trim(line);
        if (text.starts_with("<<<"))
            text = trim(text.substr(3));
        else if (!is_code_at(text))
            continue;
        if (!is_code_at(text))
            continue;
        const bool about_it = to_lower_ascii(text).find(wanted) != std::string::npos;
        if (about_it || (best.empty() && !must_name_it))
            best = std::string(text);
        if (about_it)
            break;
    }
    return best;
}

}  // namespace

std::optional<Stage> transcript_stage(std::string_view text)
{
    std::optional<Stage> asked;
    for (const auto line : lines_of(text)) {
        const auto words = to_lower_ascii(trim(line));
        const auto command = words.starts_with(">>>") ? std::string(trim(std::string_view(words).substr(3))) : words;
        if (command.starts_with("rcpt to"))
            asked = Stage::rcpt;
        else if (command.starts_with("mail from"))
            asked = Stage::mail;
        else if (command == "data")
            asked = Stage::data;
        else if (command.starts_with("ehlo") || command.starts_with("helo"))
            asked = Stage::ehlo;
        else if (words.starts_with("<<<") && is_code_at(trim(std::string_view(words).substr(3))) && asked)
            return asked;
    }
    return asked;
}

BounceText split_bounce_text(std::string_view text)
{
    BounceText out;
    std::size_t pos = 0;
    while (pos < text.size()) {
        const auto end = std::min(text.find('\n', pos), text.size());
        auto line = text.substr(pos, end - pos);
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        const bool header = starts_header(line);
        if (header || announces_original(line)) {
            out.report = std::string(text.substr(0, pos));
            auto rest = text.substr(header ? pos : std::min(end + 1, text.size()));
            // Empty lines and rulers between the announcement and the header.
            while (!rest.empty()) {
                const auto stop = std::min(rest.find('\n'), rest.size());
                const auto first = trim(rest.substr(0, stop));
                if (!first.empty() && first != "\r" && first.find_first_not_of("-=*_\r ") != std::string_view::npos)
                    break;
                rest.remove_prefix(std::min(stop + 1, rest.size()));
            }
            out.original = std::string(rest);
            return out;
        }
        pos = end + 1;
    }
    out.report = std::string(text);
    return out;
}

std::vector<ReportedRecipient> read_bounce_text(std::string_view report, const std::vector<std::string>& not_recipients)
{
    const auto lines = lines_of(report);
    auto found = mentions(lines, not_recipients, leading_recipient);
    if (found.empty())
        found = mentions(lines, not_recipients, labelled_recipient);

    std::vector<ReportedRecipient> out;
    for (std::size_t i = 0; i < found.size(); ++i) {
        ReportedRecipient r;
        r.final_recipient = found[i].address;
        r.diagnostic = diagnostic_of(found[i], lines, i + 1 < found.size() ? found[i + 1].line : lines.size());
        r.reply_code = find_reply_code(r.diagnostic);
        // With several recipients, what follows the last one may be a transcript about all of them.
        const bool unsure = r.reply_code == 0 || (found.size() > 1 && !found[i].is_reply && i + 1 == found.size());
        if (const auto reply = transcript_reply(lines, r.final_recipient, found.size() > 1); unsure && !reply.empty()) {
            r.diagnostic = one_line(reply + " " + r.diagnostic);
            r.reply_code = find_reply_code(reply);
        }
        if (r.diagnostic.empty())
            r.diagnostic = one_line(report, 1000);
        r.status = find_status(r.diagnostic);
        r.stage = read_diagnostic(r.diagnostic).stage;
        out.push_back(std::move(r));
    }
    return out;
}

}  // namespace winnow::mail
