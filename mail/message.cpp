#include "mail/message.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "core/duration.hpp"
#include "core/unicode.hpp"
#include "mail/encoding.hpp"

namespace winnow::mail {
namespace {

constexpr std::size_t max_field_line = 998;  ///< RFC 5322 section 2.1.1

bool is_ours(std::string_view name)
{
    static constexpr std::array<std::string_view, 9> ours{"from", "to",         "cc",           "reply-to", "subject",
                                                          "date", "message-id", "mime-version", "bcc"};
    const auto word = to_lower_ascii(name);
    return std::find(ours.begin(), ours.end(), word) != ours.end() || word.starts_with("content-");
}

Result<> check_mailbox(std::string_view field, const Mailbox& mailbox)
{
    WINNOW_CHECK(check_header_value(field, mailbox.name));
    WINNOW_CHECK(check_header_value(field, mailbox.address));
    const auto& a = mailbox.address;
    // Only what could break the field: whether the address is any good is the address parser's business.
    const auto at = a.rfind('@');
    const bool quoted = a.starts_with('"');
    const bool bad = at == std::string::npos || at == 0 || at + 1 == a.size() ||
                     (!quoted && a.find_first_of(" \t<>,;()\"\\") != std::string::npos) ||
                     a.find_first_of("<>", quoted ? at : 0) != std::string::npos;
    if (bad)
        return Error(Errc::invalid_argument, std::string(field) + ": an address must look like local@domain");
    return {};
}

/// "Name: a, b, c" with one address list, folded between addresses.
void append_mailboxes(std::string& out, std::string_view name, const std::vector<Mailbox>& mailboxes)
{
    if (mailboxes.empty())
        return;
    out += name;
    out += ": ";
    std::size_t column = name.size() + 2;
    for (std::size_t i = 0; i < mailboxes.size(); ++i) {
        auto text = format_mailbox(mailboxes[i], column);
        if (i > 0) {
            out += ',';
            if (column + text.size() + 2 > 76) {
                out += "\r\n ";
                column = 1;
                text = format_mailbox(mailboxes[i], column);
            } else {
                out += ' ';
                column += 2;
            }
        }
        out += text;
        const auto last_line = text.rfind('\n');
        column = last_line == std::string::npos ? column + text.size() : text.size() - last_line - 1;
    }
    out += "\r\n";
}

Result<> check_line_lengths(std::string_view field, std::string_view folded)
{
    std::size_t start = 0;
    while (start < folded.size()) {
        const auto end = std::min(folded.find("\r\n", start), folded.size());
        if (end - start > max_field_line)
            return Error(Errc::invalid_argument,
                         std::string(field) + ": the value cannot be folded to lines of 998 octets; add spaces");
        start = end + 2;
    }
    return {};
}

/// A boundary that no part holds, made from the Message-ID so that composing needs no randomness (FNV-1a).
std::string make_boundary(std::string_view message_id, int level, const std::vector<const std::string*>& bodies)
{
    std::uint64_t hash = 14695981039346656037ull;
    for (const char c : message_id)
        hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
    for (;; ++level) {
        constexpr std::string_view digits = "0123456789abcdef";
        // "=_" cannot occur in quoted-printable or base64 text.
        std::string out = "=_w";
        auto rest = (hash ^ static_cast<std::uint64_t>(level)) * 1099511628211ull;
        for (int i = 0; i < 16; ++i, rest >>= 4)
            out += digits[rest & 15u];
        const bool clash = std::any_of(bodies.begin(), bodies.end(),
                                       [&](const std::string* body) { return body->find(out) != std::string::npos; });
        if (!clash)
            return out;
    }
}

/// Content fields, empty line and body of a text part.
std::string text_part(std::string_view subtype, std::string_view text)
{
    auto body = to_crlf(to_valid_utf8(text));
    if (!body.empty() && !body.ends_with("\r\n"))
        body += "\r\n";
    const auto encoding = best_encoding(body);
    const bool ascii = is_ascii(body);
    std::string out = "Content-Type: text/" + std::string(subtype) + "; charset=" + (ascii ? "us-ascii" : "utf-8") +
                      "\r\nContent-Transfer-Encoding: " + std::string(to_string(encoding)) + "\r\n\r\n";
    return out + encode_body(body, encoding);
}

std::string attachment_part(const Attachment& attachment)
{
    std::string out = "Content-Type: " + attachment.type;
    if (!attachment.filename.empty())
        out += encode_parameter("name", attachment.filename);
    out += "\r\nContent-Disposition: ";
    out += attachment.inline_ ? "inline" : "attachment";
    if (!attachment.filename.empty())
        out += encode_parameter("filename", attachment.filename);
    if (!attachment.content_id.empty())
        out += "\r\nContent-ID: <" + attachment.content_id + ">";
    return out + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64_lines(attachment.content);
}

std::string multipart(std::string_view subtype, std::string_view boundary, const std::vector<std::string>& parts)
{
    std::string out =
        "Content-Type: multipart/" + std::string(subtype) + ";\r\n boundary=\"" + std::string(boundary) + "\"\r\n\r\n";
    for (const auto& part : parts) {
        out += "--" + std::string(boundary) + "\r\n" + part;
        out += "\r\n";
    }
    return out + "--" + std::string(boundary) + "--\r\n";
}

Result<> check(const Draft& draft)
{
    WINNOW_CHECK(check_mailbox("From", draft.from));
    const auto check_all = [](std::string_view field, const std::vector<Mailbox>& mailboxes) -> Result<> {
        for (const auto& mailbox : mailboxes) {
            WINNOW_CHECK(check_mailbox(field, mailbox));
        }
        return {};
    };
    WINNOW_CHECK(check_all("To", draft.to));
    WINNOW_CHECK(check_all("Cc", draft.cc));
    WINNOW_CHECK(check_all("Reply-To", draft.reply_to));
    WINNOW_CHECK(check_header_value("Subject", draft.subject));
    WINNOW_CHECK(check_header_value("Message-ID", draft.message_id));
    if (draft.message_id.empty() || draft.message_id.find_first_of(" \t<>") != std::string::npos ||
        !is_ascii(draft.message_id))
        return Error(Errc::invalid_argument, "Message-ID: must be ASCII like id@domain, without brackets or spaces");
    for (const auto& field : draft.headers) {
        WINNOW_CHECK(check_header_name(field.name));
        if (is_ours(field.name))
            return Error(Errc::invalid_argument, field.name + ": this field is set by its own argument");
        WINNOW_CHECK(check_header_value(field.name, field.value));
    }
    for (const auto& attachment : draft.attachments) {
        WINNOW_CHECK(check_header_value("attachment filename", attachment.filename));
        WINNOW_CHECK(check_header_value("attachment type", attachment.type));
        WINNOW_CHECK(check_header_value("attachment content_id", attachment.content_id));
        const auto slash = attachment.type.find('/');
        if (slash == std::string::npos || slash == 0 || !is_ascii(attachment.type) ||
            attachment.type.find_first_of(" ;\"<>,") != std::string::npos)
            return Error(Errc::invalid_argument, "attachment type: must look like image/png");
        if (!is_ascii(attachment.content_id) || attachment.content_id.find_first_of(" <>") != std::string::npos)
            return Error(Errc::invalid_argument, "attachment content_id: must be ASCII without brackets or spaces");
    }
    return {};
}

}  // namespace

Result<> check_header_value(std::string_view field, std::string_view value)
{
    const auto bad = value.find_first_of(std::string_view("\r\n\0", 3));
    if (bad == std::string_view::npos)
        return {};
    const char* what = "a line feed";
    if (value[bad] == '\r')
        what = "a carriage return";
    else if (value[bad] == '\0')
        what = "a NUL";
    return Error(Errc::invalid_argument, std::string(field) + ": the value holds " + what + ", which headers cannot");
}

Result<> check_header_name(std::string_view name)
{
    const bool good = !name.empty() && name.size() <= 76 &&
                      std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < '\x7f' && c != ':'; });
    if (!good)
        return Error(Errc::invalid_argument,
                     "'" + to_valid_utf8(name.substr(0, 80)) + "' is no header field name (RFC 5322 section 2.2)");
    return {};
}

std::string format_mailbox(const Mailbox& mailbox, std::size_t column)
{
    if (mailbox.name.empty())
        return mailbox.address;
    const auto phrase = encode_phrase(to_valid_utf8(mailbox.name), column);
    const auto line = phrase.rfind('\n');
    const auto used = line == std::string::npos ? column + phrase.size() : phrase.size() - line - 1;
    const bool fold = used + mailbox.address.size() + 3 > 78;
    return phrase + (fold ? "\r\n " : " ") + "<" + mailbox.address + ">";
}

Result<Composed> compose(const Draft& draft)
{
    WINNOW_CHECK(check(draft));
    Composed out;
    auto& m = out.message;
    m += "Date: " + format_rfc5322_date(draft.date) + "\r\n";
    append_mailboxes(m, "From", {draft.from});
    append_mailboxes(m, "Reply-To", draft.reply_to);
    append_mailboxes(m, "To", draft.to);
    append_mailboxes(m, "Cc", draft.cc);
    m += fold_field("Subject", encode_unstructured(to_valid_utf8(draft.subject), 9));
    m += "Message-ID: <" + draft.message_id + ">\r\n";
    out.smtputf8 = !is_ascii(m);
    for (const auto& field : draft.headers)
        m += fold_field(field.name, encode_unstructured(to_valid_utf8(field.value), field.name.size() + 2));
    WINNOW_CHECK(check_line_lengths("header", m));
    m += "MIME-Version: 1.0\r\n";

    std::string body;
    const std::vector<const std::string*> bodies{&draft.text, &draft.html};
    if (!draft.text.empty() && !draft.html.empty())
        body = multipart("alternative", make_boundary(draft.message_id, 1, bodies),
                         {text_part("plain", draft.text), text_part("html", draft.html)});
    else if (!draft.html.empty())
        body = text_part("html", draft.html);
    else
        body = text_part("plain", draft.text);
    if (!draft.attachments.empty()) {
        std::vector<std::string> parts{std::move(body)};
        for (const auto& attachment : draft.attachments)
            parts.push_back(attachment_part(attachment));
        body = multipart("mixed", make_boundary(draft.message_id, 1000, bodies), parts);
    }
    m += body;
    return out;
}

}  // namespace winnow::mail
