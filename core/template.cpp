#include "core/template.hpp"

#include <algorithm>

#include "core/trim.hpp"

namespace winnow {
namespace {

constexpr std::size_t max_places = 10'000;
constexpr std::size_t max_text = 4u << 20;

/// Characters that end a Handlebars identifier.
constexpr std::string_view not_in_name = " \t\r\n!\"#%&'()*+,/;<=>@[\\]^`{|}~";

std::string where(std::string_view text, std::size_t offset)
{
    const auto before = text.substr(0, offset);
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const auto start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
    // UTF-8 continuation bytes are no characters of their own.
    const auto column = 1 + std::count_if(before.begin() + static_cast<std::ptrdiff_t>(start), before.end(),
                                          [](char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; });
    return "line " + std::to_string(line) + ", column " + std::to_string(column) + ": ";
}

/// Empty when `name` can stand in a place, else what is wrong with it.
std::string fault_of_name(std::string_view name)
{
    if (name.empty())
        return "a place without a name";
    if (std::string_view("#/^>").find(name.front()) != std::string_view::npos || name == "else")
        return "blocks and partials are not supported yet";
    if (name.front() == '~' || name.back() == '~')
        return "white space control (~) is not supported";
    if (name.find_first_of(" \t\r\n") != std::string_view::npos)
        return "helpers are not supported; write {{[" + std::string(name) + "]}} for a column with spaces in its name";
    const auto bad = name.find_first_of(not_in_name);
    if (bad != std::string_view::npos)
        return std::string("'") + name[bad] + "' cannot stand in a name; write {{[the name]}}";
    return {};
}

/// A `{{...}}` or `{{{...}}}` at the start of a text.
struct Place {
    std::string_view name;
    bool raw = false;
    std::size_t length = 0;  ///< of the whole place
    std::string fault;       ///< a sentence without position; empty when the place is good
};

Place bad_place(std::string fault)
{
    Place out;
    out.fault = std::move(fault);
    return out;
}

Place read_place(std::string_view text)
{
    const bool triple = text.starts_with("{{{");
    const std::string_view opener = triple ? "{{{" : "{{";
    const std::string_view closer = triple ? "}}}" : "}}";
    // A bracketed name may hold braces, so its end is looked for first.
    std::size_t from = opener.size();
    const auto lead = text.find_first_not_of(" \t\r\n&", from);
    const bool bracketed = lead != std::string_view::npos && text[lead] == '[';
    if (bracketed) {
        const auto end = text.find(']', lead);
        if (end == std::string_view::npos)
            return bad_place("'[' is not closed");
        from = end + 1;
    }
    const auto close = text.find(closer, from);
    if (close == std::string_view::npos)
        return bad_place("'" + std::string(opener) + "' is not closed");
    Place out{trim(text.substr(opener.size(), close - opener.size()), white_space), triple, close + closer.size(), {}};
    if (!triple && out.name.starts_with('&')) {
        out.raw = true;
        out.name = trim(out.name.substr(1), white_space);
    }
    if (bracketed && out.name.size() > 2 && out.name.front() == '[' && out.name.find(']') == out.name.size() - 1)
        out.name = out.name.substr(1, out.name.size() - 2);
    else
        out.fault = fault_of_name(out.name);
    return out;
}

/// Length of the comment at the start of a text; 0 when it is not closed.
std::size_t comment_length(std::string_view text)
{
    const bool dashed = text.starts_with("{{!--");
    const std::string_view closer = dashed ? "--}}" : "}}";
    const auto close = text.find(closer, dashed ? 5 : 3);
    return close == std::string_view::npos ? 0 : close + closer.size();
}

}  // namespace

Result<Template> Template::parse(std::string_view text)
{
    if (text.size() > max_text)
        return Error(Errc::limit_exceeded, "the template is larger than 4 MB");
    Template out;
    std::string literal;
    std::size_t places = 0;
    std::size_t at = 0;
    const auto flush = [&] {
        if (!literal.empty())
            out.pieces_.push_back({literal, false, false});
        literal.clear();
    };
    while (at < text.size()) {
        const auto open = text.find("{{", at);
        literal += text.substr(at, open - at);
        if (open == std::string_view::npos)
            break;
        const auto rest = text.substr(open);
        if (open > at && text[open - 1] == '\\') {
            literal.back() = '{';
            literal += '{';
            at = open + 2;
        } else if (rest.starts_with("{{!")) {
            const auto length = comment_length(rest);
            if (length == 0)
                return Error(Errc::invalid_argument, where(text, open) + "the comment is not closed");
            at = open + length;
        } else {
            const auto place = read_place(rest);
            if (!place.fault.empty())
                return Error(Errc::invalid_argument, where(text, open) + place.fault);
            if (++places > max_places)
                return Error(Errc::limit_exceeded, "the template has more than 10,000 places");
            flush();
            out.pieces_.push_back({std::string(place.name), true, place.raw});
            at = open + place.length;
        }
    }
    flush();
    return out;
}

RenderedText Template::render(const TemplateLookup& lookup, Escape escape) const
{
    RenderedText out;
    for (const auto& piece : pieces_) {
        if (!piece.place) {
            out.text += piece.text;
            continue;
        }
        const auto value = lookup(piece.text);
        if (!value) {
            if (std::find(out.missing.begin(), out.missing.end(), piece.text) == out.missing.end())
                out.missing.push_back(piece.text);
        } else if (piece.raw || escape == Escape::none) {
            out.text += *value;
        } else {
            out.text += escape_html(*value);
        }
    }
    return out;
}

std::vector<std::string> Template::names() const
{
    std::vector<std::string> out;
    for (const auto& piece : pieces_)
        if (piece.place && std::find(out.begin(), out.end(), piece.text) == out.end())
            out.push_back(piece.text);
    return out;
}

std::string escape_html(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#x27;";
                break;
            case '`':
                out += "&#x60;";
                break;
            case '=':
                out += "&#x3D;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

}  // namespace winnow
