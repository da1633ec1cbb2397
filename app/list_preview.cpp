#include "app/list_preview.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/report.hpp"

namespace winnow::app {
namespace {

using nlohmann::json;

std::string number(const json& object, const char* name)
{
    return with_commas(object.at(name).get<std::uint64_t>());
}

/// Without control characters (C0, DEL, C1): a file's words must not speak to the terminal, nor break the table.
std::string printable(const std::string& words)
{
    std::string out;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto c = static_cast<unsigned char>(words[i]);
        const auto next = static_cast<unsigned char>(i + 1 < words.size() ? words[i + 1] : '\0');
        const bool is_c1 = c == 0xC2 && next >= 0x80 && next < 0xA0;
        out += c < 0x20 || c == 0x7F || is_c1 ? ' ' : words[i];
        i += is_c1 ? 1 : 0;
    }
    return out;
}

std::string text(const json& object, const char* name)
{
    return object.at(name).is_string() ? printable(object.at(name).get<std::string>()) : "";
}

std::string shown_delimiter(const std::string& delimiter)
{
    return delimiter == "\t" ? "tab" : "\"" + printable(delimiter) + "\"";
}

/// "CSV, delimiter ";", with a header, UTF-8, gzip".
std::string form_of(const json& answer)
{
    const json& list = answer.at("list");
    const json& rows = answer.at("rows");
    const bool has_columns =
        std::any_of(rows.begin(), rows.end(), [](const json& row) { return row.at("cells").size() > 1; });
    const bool has_header = list.at("has_header").get<bool>();
    std::string form;
    if (text(list, "format") == "ndjson")
        form = "NDJSON";
    else if (!has_columns)
        form = has_header ? "one address a line, with a header" : "one address a line";
    else
        form = "CSV, delimiter " + shown_delimiter(list.at("delimiter").get<std::string>()) +
               (has_header ? ", with a header" : ", without a header");
    form += ", " + text(list, "encoding");
    if (!text(list, "compression").empty())
        form += ", " + text(list, "compression");
    return form;
}

std::string column_of(const json& list)
{
    const std::string name = text(list, "email_column");
    const std::string how = text(list, "email_column_found_by");
    return "addresses: column " + number(list, "email_column_number") + (name.empty() ? "" : " \"" + name + "\"") +
           (how == "request" ? ", as you said" : ", found by its " + how);
}

std::string names_of(const json& columns)
{
    std::string names;
    for (const json& name : columns)
        names += (names.empty() ? "" : ", ") + printable(name.get<std::string>());
    return names;
}

/// As much of a text as fits.
std::string cut(const std::string& text, std::size_t width)
{
    if (text.size() <= width)
        return text;
    std::size_t end = width > 3 ? width - 3 : 0;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)  // not through a UTF-8 sequence
        --end;
    return text.substr(0, end) + "...";
}

std::string row_line(const json& row, std::size_t columns)
{
    std::string line = std::to_string(row.at("line").get<std::uint64_t>());
    line.insert(0, line.size() < 8 ? 8 - line.size() : 0, ' ');
    line += "  " + text(row, "address");
    if (row.at("duplicate_of").is_number())
        line += "  (again: row " + number(row, "duplicate_of") + ")";
    if (row.at("malformed").is_string())
        line += (text(row, "address").empty() ? "- " : " - ") + text(row, "malformed");
    return cut(line, columns) + "\n";
}

}  // namespace

std::string preview_text(const json& answer, std::size_t columns)
{
    const json& list = answer.at("list");
    Summary summary{columns};
    summary.title(cut(text(list, "name"), columns));
    summary.words(number(list, "rows") + " rows; nothing was stored");
    summary.words(form_of(answer));
    if (!list.at("columns").empty())
        summary.words("columns: " + names_of(list.at("columns")));
    summary.words(column_of(list));
    summary.words(number(list, "addresses") + " addresses, " + number(list, "duplicates") + " duplicates, " +
                  number(list, "malformed") + " blank or malformed");
    for (const json& note : list.at("notes"))
        summary.words("note: " + note.get<std::string>(), 2);
    summary.title("the first " + std::to_string(answer.at("rows").size()) + " rows, with their lines");
    std::string all = summary.text();
    for (const json& row : answer.at("rows"))
        all += row_line(row, columns);
    return all;
}

}  // namespace winnow::app
