// NDJSON: a JSON object or a JSON text a line.
#include <algorithm>
#include <unordered_set>

#include "core/json_members.hpp"
#include "core/trim.hpp"
#include "verifier/list_export.hpp"
#include "verifier/row_parsers.hpp"

namespace winnow::verifier {
namespace {

constexpr std::size_t most_columns = 1'000;
constexpr std::size_t lines_that_tell = 20;

/// Paths of members in the order in which they turn up.
class Paths {
public:
    void add(const JsonLine& line)
    {
        if (line.kind != JsonLine::Kind::object)
            return;
        for (const JsonMember& member : line.members)
            if (in_order_.size() < most_columns && known_.insert(member.path).second)
                in_order_.push_back(member.path);
    }
    const std::vector<std::string>& in_order() const noexcept { return in_order_; }

private:
    std::vector<std::string> in_order_;
    std::unordered_set<std::string> known_;
};

class NdjsonRows final : public RowParser {
public:
    NdjsonRows(std::string file, EmailColumn column, Paths paths)
        : file_(std::move(file)), column_(std::move(column)), paths_(std::move(paths)), reader_(max_record_bytes)
    {
    }

    void feed(std::string_view text) override { reader_.feed(text); }
    void finish() override { reader_.finish(); }
    Result<storage::ListRow*> next() override;
    const EmailColumn& column() const noexcept override { return column_; }
    void describe(storage::ListRecord& list) const override;
    void add_notes(std::vector<std::string>& notes) const override;

private:
    void take(std::string_view text);
    void take_object(JsonLine line);

    std::string file_;
    EmailColumn column_;
    Paths paths_;
    NdjsonReader reader_;
    storage::ListRow row_;
    bool was_verified_ = false;
};

void NdjsonRows::take_object(JsonLine line)
{
    const std::size_t own = find_own_members(row_.raw);
    if (own != std::string::npos) {
        was_verified_ = true;
        row_.raw.replace(own, std::string::npos, "}");
        std::erase_if(line.members, [](const JsonMember& member) { return is_own_member(member.path); });
    }
    paths_.add(line);
    const JsonMember* const email = find_member(line, column_.name);
    if (!email)
        row_.malformed = "no member \"" + column_.name + "\"";
    else
        row_.address = std::string(address_in_cell(email->value));
}

/// JSON is UTF-8 (RFC 8259 section 8.1); of what is not, a meaning is guessed as for every list.
void NdjsonRows::take(std::string_view text)
{
    row_.raw = to_utf8(trim(text, white_space));
    auto line = read_json_line(row_.raw);
    if (!line)
        row_.malformed = line.error().context;
    else if (line->kind == JsonLine::Kind::object)
        take_object(std::move(*line));
    else if (line->kind == JsonLine::Kind::text)
        row_.address = std::string(address_in_cell(line->members.front().value));
    else
        row_.malformed = "neither a JSON object nor a JSON text";
    if (row_.malformed.empty() && row_.address.empty())
        row_.malformed = "empty e-mail field";
}

Result<storage::ListRow*> NdjsonRows::next()
{
    const NdjsonLine* const line = reader_.next();
    if (!line)
        return nullptr;
    if (line->too_long)
        return too_long(file_, line->line);
    row_ = {};
    row_.line = line->line;
    take(line->text);
    return &row_;
}

void NdjsonRows::describe(storage::ListRecord& list) const
{
    list.format = storage::ListFormat::ndjson;
    list.columns = paths_.in_order();
    list.header_raw.clear();
    list.terminator = "\n";
    list.delimiter = ',';  // of an export as CSV
    list.email_column = static_cast<int>(column_.index);
}

void NdjsonRows::add_notes(std::vector<std::string>& notes) const
{
    if (column_.found_by == EmailColumn::FoundBy::content)
        notes.push_back("the member \"" + column_.name + "\" was found by its content");
    if (was_verified_)
        notes.push_back("the file was verified before; its winnow_ members are written anew");
}

/// The member with the addresses, by the rules for columns: the paths are the header.
Result<EmailColumn> find_email_member(const std::vector<JsonLine>& lines, const Paths& paths, const std::string& wanted)
{
    if (paths.in_order().empty()) {
        EmailColumn texts_only;
        texts_only.name = "email";
        texts_only.found_by = EmailColumn::FoundBy::name;
        return texts_only;
    }
    std::vector<std::vector<std::string>> table;
    table.push_back(paths.in_order());
    for (const JsonLine& line : lines) {
        if (line.kind != JsonLine::Kind::object)
            continue;
        table.emplace_back();
        for (const std::string& path : paths.in_order()) {
            const JsonMember* const member = find_member(line, path);
            table.back().push_back(member ? member->value : "");
        }
    }
    WINNOW_TRY(EmailColumn column, find_email_column(table, wanted, true));
    column.name = paths.in_order()[column.index];  // as it is written, space and all
    return column;
}

}  // namespace

Result<bool> looks_like_ndjson(std::string_view sample, bool complete, const std::string& file)
{
    const std::size_t first = sample.find_first_not_of(white_space);
    if (first == std::string_view::npos)
        return false;
    const std::string_view start = sample.substr(first);
    const std::size_t second = start.find_first_not_of(white_space, 1);
    const char next = second == std::string_view::npos ? '\0' : start[second];
    if (start.front() == '[' && (next == '{' || next == '"'))
        return Error{Errc::invalid_argument,
                     file + " is a JSON array; a list has one JSON object a line (jq -c '.[]' writes it so)"};
    if (start.front() != '{')
        return false;
    NdjsonReader reader;
    reader.feed(sample);
    if (complete)
        reader.finish();
    std::size_t lines = 0;
    std::size_t objects = 0;
    std::size_t texts = 0;
    while (const NdjsonLine* const line = lines < lines_that_tell ? reader.next() : nullptr) {
        ++lines;
        const auto read = read_json_line(to_utf8(trim(line->text, white_space)));
        objects += read && read->kind == JsonLine::Kind::object;
        texts += read && read->kind == JsonLine::Kind::text;
    }
    if (objects > 0 && 2 * (objects + texts) >= lines)
        return true;
    if (next == '"' && (start[1] == '\n' || start[1] == '\r'))
        return Error{Errc::invalid_argument,
                     file + " is JSON, but not one object a line (jq -c . writes it so); a list has a row a line"};
    return false;
}

Result<std::unique_ptr<RowParser>> make_ndjson_parser(std::string_view sample, bool complete,
                                                      const ListReading& reading)
{
    NdjsonReader look;
    look.feed(sample);
    if (complete)
        look.finish();
    Paths paths;
    std::vector<JsonLine> lines;
    std::size_t seen = 0;
    for (; seen < sampled_records; ++seen) {
        const NdjsonLine* const line = look.next();
        if (!line)
            break;
        auto read = read_json_line(to_utf8(trim(line->text, white_space)));
        if (!read || read->kind == JsonLine::Kind::other)
            continue;
        std::erase_if(read->members, [](const JsonMember& member) { return is_own_member(member.path); });
        paths.add(*read);
        lines.push_back(std::move(*read));
    }
    if (lines.empty())
        return Error{
            Errc::invalid_argument,
            reading.file() + (seen == 0 ? ": line 1 is longer than 64 KiB; an NDJSON list has a JSON object or "
                                          "text a line"
                                        : ": none of the first lines is a JSON object or a JSON text; an "
                                          "NDJSON list has one a line")};
    auto column = find_email_member(lines, paths, reading.column);
    if (!column)
        return Error{column.error().code, reading.file() + ": " + column.error().context};
    return std::make_unique<NdjsonRows>(reading.file(), std::move(*column), std::move(paths));
}

std::size_t find_own_members(std::string_view object)
{
    const auto own = export_columns();
    const std::size_t name_at = object.rfind("\"" + std::string(own.front()) + "\":");
    if (name_at == std::string_view::npos || name_at == 0)
        return std::string_view::npos;
    const auto tail = read_json_line("{" + std::string(object.substr(name_at)));
    if (!tail || !std::all_of(tail->members.begin(), tail->members.end(),
                              [](const JsonMember& member) { return is_own_member(member.path); }))
        return std::string_view::npos;
    for (const std::string_view name : own)
        if (object.find("\"" + std::string(name) + "\":", name_at) == std::string_view::npos)
            return std::string_view::npos;
    return object[name_at - 1] == ',' ? name_at - 1 : name_at;
}

}  // namespace winnow::verifier
