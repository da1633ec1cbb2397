#include "net/multipart.hpp"

#include <algorithm>
#include <utility>

#include "core/trim.hpp"
#include "net/http_wire.hpp"

namespace winnow::net {
namespace {

/// RFC 2046 allows white space behind a boundary; nobody sends more than a little.
constexpr std::size_t max_padding = 256;

bool is_space(char c) noexcept
{
    return c == ' ' || c == '\t';
}

struct Parameter {
    std::string name;
    std::string value;
};

/// One "; name=value" or "; name="value"" off the front of `text`; nothing when there is none or it is malformed
/// (then `text` is not empty).
std::optional<Parameter> take_parameter(std::string_view& text)
{
    text = trim(text);
    if (!text.starts_with(';'))
        return std::nullopt;
    auto left = trim(text.substr(1));
    const auto equals = left.find('=');
    if (equals == std::string_view::npos || equals == 0)
        return std::nullopt;
    Parameter out;
    out.name = trim(left.substr(0, equals));
    left = trim(left.substr(equals + 1));
    if (!left.starts_with('"')) {
        const auto end = std::min(left.find(';'), left.size());
        out.value = trim(left.substr(0, end));
        text = left.substr(end);
        return out;
    }
    std::size_t i = 1;
    for (; i < left.size() && left[i] != '"'; ++i) {
        // Old browsers send C:\dir\file.csv unescaped, so a backslash escapes only what has to be escaped.
        if (left[i] == '\\' && i + 1 < left.size() && (left[i + 1] == '"' || left[i + 1] == '\\'))
            ++i;
        out.value += left[i];
    }
    if (i == left.size())
        return std::nullopt;
    text = left.substr(i + 1);
    return out;
}

void replace_all(std::string& text, std::string_view what, std::string_view by)
{
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
        text.replace(at, what.size(), by);
}

/// Browsers escape exactly these three (WHATWG form-data encoding); other percent signs are the user's.
std::string decode_form_name(std::string text)
{
    replace_all(text, "%22", "\"");
    for (const char* cr : {"%0D", "%0d"})
        replace_all(text, cr, "\r");
    for (const char* lf : {"%0A", "%0a"})
        replace_all(text, lf, "\n");
    return text;
}

std::string last_component(std::string path)
{
    const auto slash = path.find_last_of("/\\");
    return slash == std::string::npos ? path : path.substr(slash + 1);
}

/// RFC 5987 ext-value in UTF-8; nothing for other charsets.
std::optional<std::string> decode_extended(std::string_view value)
{
    constexpr std::string_view charset = "utf-8'";
    if (value.size() < charset.size() || !same_field_name(value.substr(0, charset.size()), charset))
        return std::nullopt;
    value.remove_prefix(charset.size());
    const auto quote = value.find('\'');
    if (quote == std::string_view::npos)
        return std::nullopt;
    return percent_decode(value.substr(quote + 1));
}

Result<> read_disposition(std::string_view value, MultipartPart& part)
{
    const auto type_end = std::min(value.find(';'), value.size());
    if (!same_field_name(trim(value.substr(0, type_end)), "form-data"))
        return Error{Errc::protocol, "a part's Content-Disposition is not form-data"};
    value.remove_prefix(type_end);
    bool named = false;
    std::optional<std::string> extended;
    while (auto parameter = take_parameter(value)) {
        if (same_field_name(parameter->name, "name")) {
            if (named)
                return Error{Errc::protocol, "a part has two names"};
            named = true;
            part.name = decode_form_name(std::move(parameter->value));
        } else if (same_field_name(parameter->name, "filename")) {
            part.filename = last_component(decode_form_name(std::move(parameter->value)));
        } else if (same_field_name(parameter->name, "filename*")) {
            extended = decode_extended(parameter->value);
        }
    }
    if (extended)
        part.filename = last_component(std::move(*extended));
    if (!trim(value).empty() && trim(value) != ";")
        return Error{Errc::protocol, "a part's Content-Disposition does not parse"};
    if (!named)
        return Error{Errc::protocol, "a part has no name"};
    return {};
}

/// `section`: header lines, each with its CRLF.
Result<MultipartPart> read_part_header(std::string_view section)
{
    MultipartPart part;
    bool disposed = false;
    while (!section.empty()) {
        const auto end = section.find("\r\n");
        const auto line = section.substr(0, end);
        section.remove_prefix(end + 2);
        const auto colon = line.find(':');
        if (colon == std::string_view::npos || colon == 0 || is_space(line.front()))
            return Error{Errc::protocol, "a part's header line does not parse"};
        const auto name = line.substr(0, colon);
        const auto value = trim(line.substr(colon + 1));
        if (same_field_name(name, "Content-Disposition")) {
            if (disposed)
                return Error{Errc::protocol, "a part has two Content-Disposition fields"};
            disposed = true;
            WINNOW_CHECK(read_disposition(value, part));
        } else if (same_field_name(name, "Content-Type")) {
            part.content_type = value;
        }
    }
    if (!disposed)
        return Error{Errc::protocol, "a part has no Content-Disposition"};
    return part;
}

MultipartEvent event(MultipartEvent::Kind kind)
{
    MultipartEvent out;
    out.kind = kind;
    return out;
}

}  // namespace

Result<std::string> multipart_boundary(std::string_view content_type)
{
    const auto type_end = std::min(content_type.find(';'), content_type.size());
    if (!same_field_name(trim(content_type.substr(0, type_end)), "multipart/form-data"))
        return Error{Errc::invalid_argument, "the Content-Type is not multipart/form-data"};
    content_type.remove_prefix(type_end);
    while (auto parameter = take_parameter(content_type)) {
        if (!same_field_name(parameter->name, "boundary"))
            continue;
        constexpr std::string_view allowed =
            "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'()+_,-./:=? ";
        const auto& value = parameter->value;
        if (value.empty() || value.size() > 70 || value.back() == ' ' ||
            value.find_first_not_of(allowed) != std::string::npos)
            return Error{Errc::invalid_argument, "the multipart boundary is not 1 to 70 characters of RFC 2046"};
        return std::move(parameter->value);
    }
    return Error{Errc::invalid_argument, "the Content-Type names no multipart boundary"};
}

MultipartParser::MultipartParser(std::string_view boundary, MultipartLimits limits)
    : delimiter_("\r\n--" + std::string(boundary)), limits_(limits), buffer_("\r\n")
{
    // The first boundary may open the body; with a CRLF before it, it is found like the others.
}

void MultipartParser::feed(std::string_view octets)
{
    if (state_ == State::done)
        return;
    buffer_.erase(0, at_);
    at_ = 0;
    buffer_ += octets;
}

Result<MultipartEvent> MultipartParser::next()
{
    switch (state_) {
        case State::preamble:
            return next_preamble();
        case State::headers:
            return next_headers();
        case State::data:
            return next_data();
        case State::done:
            break;
    }
    return event(MultipartEvent::Kind::done);
}

Result<MultipartEvent> MultipartParser::need_more() const
{
    if (finished_)
        return Error{Errc::protocol, "the multipart body ends before its closing boundary"};
    return event(MultipartEvent::Kind::need_more);
}

/// `end` goes in behind the delimiter and comes out behind the line.
MultipartParser::Tail MultipartParser::classify_tail(std::size_t& end) const
{
    const auto text = rest();
    std::size_t i = end;
    const auto undecided = finished_ ? Tail::none : Tail::undecided;
    Tail kind = Tail::delimiter;
    if (i < text.size() && text[i] == '-') {
        if (i + 1 == text.size())
            return undecided;
        if (text[i + 1] != '-')
            return Tail::none;
        kind = Tail::closing;
        i += 2;
    }
    const auto padding = i;
    while (i < text.size() && is_space(text[i]) && i - padding <= max_padding)
        ++i;
    if (i == text.size()) {
        end = i;
        return finished_ && kind == Tail::closing ? Tail::closing : undecided;
    }
    if (text[i] != '\r')
        return Tail::none;
    if (i + 1 == text.size())
        return undecided;
    if (text[i + 1] != '\n')
        return Tail::none;
    end = i + 2;
    return kind;
}

/// Where the octets before the next delimiter end, and what is there: `none` when it is further input that decides.
MultipartParser::Tail MultipartParser::find_delimiter(std::size_t& before, std::size_t& behind)
{
    const auto text = rest();
    for (;;) {
        const auto found = text.find(delimiter_, scan_);
        if (found == std::string_view::npos)
            break;
        behind = found + delimiter_.size();
        const Tail tail = classify_tail(behind);
        if (tail != Tail::none) {
            before = scan_ = found;
            return tail;
        }
        scan_ = found + 2;  // a longer word that begins like the boundary: data
    }
    // What may be the beginning of a delimiter stays back.
    const auto most = delimiter_.size() - 1;
    auto keep = text.find('\r', std::max(scan_, text.size() > most ? text.size() - most : 0));
    while (keep != std::string_view::npos && !std::string_view(delimiter_).starts_with(text.substr(keep)))
        keep = text.find('\r', keep + 1);
    before = scan_ = std::min(keep, text.size());
    return Tail::none;
}

void MultipartParser::consume(std::size_t n)
{
    at_ += n;
    scan_ -= std::min(scan_, n);
}

Result<MultipartEvent> MultipartParser::next_preamble()
{
    std::size_t before = 0;
    std::size_t behind = 0;
    const Tail tail = find_delimiter(before, behind);
    skipped_ += before;
    if (skipped_ > limits_.max_preamble)
        return Error{Errc::limit_exceeded, "no multipart boundary near the start of the body"};
    if (tail == Tail::none || tail == Tail::undecided) {
        consume(before);
        return need_more();
    }
    consume(behind);
    state_ = tail == Tail::closing ? State::done : State::headers;
    return next();
}

Result<MultipartEvent> MultipartParser::next_headers()
{
    const auto text = rest();
    const auto end = text.starts_with("\r\n") ? std::size_t{0} : text.find("\r\n\r\n", scan_);
    if ((end == std::string_view::npos ? text.size() : end) > limits_.max_part_header)
        return Error{Errc::limit_exceeded,
                     "a part's header is longer than " + std::to_string(limits_.max_part_header) + " octets"};
    if (end == std::string_view::npos) {
        scan_ = text.size() - std::min<std::size_t>(text.size(), 3);
        return need_more();
    }
    if (++parts_ > limits_.max_parts)
        return Error{Errc::limit_exceeded, "more than " + std::to_string(limits_.max_parts) + " parts"};
    auto out = event(MultipartEvent::Kind::part_begin);
    WINNOW_TRY(out.part, read_part_header(text.substr(0, end == 0 ? 0 : end + 2)));
    scan_ = 0;
    // The CRLF of the blank line may be the one that opens the next boundary (a part without body, RFC 2046 section
    // 5.1.1), so it stays for the search; next_data drops it when it is not.
    at_ += end == 0 ? 0 : end + 2;
    blank_line_ = true;
    state_ = State::data;
    return out;
}

Result<MultipartEvent> MultipartParser::next_data()
{
    std::size_t before = 0;
    std::size_t behind = 0;
    const Tail tail = find_delimiter(before, behind);
    if (before > 0) {
        const std::size_t skip = std::exchange(blank_line_, false) ? 2 : 0;
        auto out = event(MultipartEvent::Kind::data);
        out.data = rest().substr(skip, before - skip);
        consume(before);
        if (out.data.empty())
            return next_data();
        return out;
    }
    if (tail == Tail::none || tail == Tail::undecided)
        return need_more();
    consume(behind);
    blank_line_ = false;
    state_ = tail == Tail::closing ? State::done : State::headers;
    return event(MultipartEvent::Kind::part_end);
}

awaitable<Result<MultipartEvent>> MultipartReader::next()
{
    for (;;) {
        auto got = parser_.next();
        if (!got)
            co_return got;
        const auto kind = got->kind;
        if (kind != MultipartEvent::Kind::need_more && kind != MultipartEvent::Kind::done)
            co_return got;
        WINNOW_CO_TRY(const std::string piece, co_await body_.read_some());
        if (piece.empty()) {
            if (kind == MultipartEvent::Kind::done)
                co_return got;
            parser_.finish();
        }
        parser_.feed(piece);
    }
}

}  // namespace winnow::net
