#include "core/template.hpp"

#include <algorithm>

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

std::string_view trim(std::string_view s)
{
    const auto first = s.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos)
        return {};
    return s.substr(first, s.find_last_not_of(" \t\r\n") - first + 1);
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

}  // namespace

Result<Template> Template::parse(std::string_view text)
{
    if (text.size() > max_text)
        return Error(Errc::limit_exceeded, "the template is larger than 4 MB");
    Template out;
    std::string literal;
    std::size_t places = 0;
    std::size_t at = 0;
    while (at < text.size()) {
        const auto open = text.find("{{", at);
        if (open == std::string_view::npos) {
            literal += text.substr(at);
            break;
        }
        literal += text.substr(at, open - at);
        if (!literal.empty() && open > at && text[open - 1] == '\\') {
            literal.back() = '{';
            literal += '{';
            at = open + 2;
            continue;
        }
        const auto rest = text.substr(open);
        if (rest.starts_with("{{!")) {
            const bool dashed = rest.starts_with("{{!--");
            const auto close = rest.find(dashed ? "--}}" : "}}", dashed ? 5 : 3);
            if (close == std::string_view::npos)
                return Error(Errc::invalid_argument, where(text, open) + "the comment is not closed");
            at = open + close + (dashed ? 4 : 2);
            continue;
        }
        const bool triple = rest.starts_with("{{{");
        const std::string_view closer = triple ? "}}}" : "}}";
        const std::size_t start = triple ? 3 : 2;
        // A bracketed name may hold braces, so its end is looked for first.
        std::size_t from = start;
        const auto lead = rest.find_first_not_of(" \t\r\n&", start);
        const bool bracketed = lead != std::string_view::npos && rest[lead] == '[';
        if (bracketed) {
            const auto end = rest.find(']', lead);
            if (end == std::string_view::npos)
                return Error(Errc::invalid_argument, where(text, open) + "'[' is not closed");
            from = end + 1;
        }
        const auto close = rest.find(closer, from);
        if (close == std::string_view::npos)
            return Error(Errc::invalid_argument,
                         where(text, open) + "'" + std::string(triple ? "{{{" : "{{") + "' is not closed");
        auto name = trim(rest.substr(start, close - start));
        bool raw = triple;
        if (!triple && name.starts_with('&')) {
            raw = true;
            name = trim(name.substr(1));
        }
        if (bracketed && name.size() >= 2 && name.front() == '[' && name.find(']') == name.size() - 1) {
            name = name.substr(1, name.size() - 2);
            if (name.empty())
                return Error(Errc::invalid_argument, where(text, open) + "a place without a name");
        } else if (const auto fault = fault_of_name(name); !fault.empty()) {
            return Error(Errc::invalid_argument, where(text, open) + fault);
        }
        if (++places > max_places)
            return Error(Errc::limit_exceeded, "the template has more than 10,000 places");
        if (!literal.empty())
            out.pieces_.push_back({std::move(literal), false, false});
        literal.clear();
        out.pieces_.push_back({std::string(name), true, raw});
        at = open + close + closer.size();
    }
    if (!literal.empty())
        out.pieces_.push_back({std::move(literal), false, false});
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
