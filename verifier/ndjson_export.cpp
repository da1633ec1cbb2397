// Rows as NDJSON: the verdict's object, or the user's own objects with our members.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/csv.hpp"
#include "core/encoding.hpp"
#include "core/json_members.hpp"
#include "core/ndjson.hpp"
#include "core/trim.hpp"
#include "verifier/list_reader.hpp"
#include "verifier/row_writers.hpp"
#include "verifier/verdict_json.hpp"

namespace winnow::verifier {
namespace {

nlohmann::json suppressions_of(const storage::RowResult* result)
{
    nlohmann::json suppressed = nlohmann::json::array();
    if (result)
        for (const std::string& scope : result->suppressed_by)
            suppressed.push_back(scope);
    return suppressed;
}

class VerdictWriter final : public RowWriter {
public:
    VerdictWriter(const storage::ListRecord& list, bool evidence) : list_(list), evidence_(evidence) {}

    void row(std::string& out, const storage::ListRow& row, const storage::RowResult* result) override
    {
        if (!is_blank(row))
            out += dump_json(object(row, result)) + "\n";
    }

private:
    nlohmann::json object(const storage::ListRow& row, const storage::RowResult* result) const
    {
        const std::string address = to_utf8(row.address);
        nlohmann::json object =
            result ? verdict_to_json(address, result->verdict, evidence_) : nlohmann::json{{"address", address}};
        object["row"] = row.number;
        object["line"] = row.line;
        if (row.duplicate_of != 0)
            object["duplicate_of"] = row.duplicate_of;
        if (!row.malformed.empty())
            object["malformed"] = row.malformed;
        object["suppressed_by"] = suppressions_of(result);
        if (list_.columns.empty() || !row.malformed.empty())
            return object;
        const std::vector<std::string> cells = cells_of_row(list_, row);
        nlohmann::json columns = nlohmann::json::object();
        for (std::size_t i = 0; i < std::min(cells.size(), list_.columns.size()); ++i)
            columns[list_.columns[i]] = cells[i];
        object["columns"] = std::move(columns);
        return object;
    }

    const storage::ListRecord& list_;
    bool evidence_;
};

/// Our members in the order of export_columns(); find_own_members reads them again.
std::string members_of(const storage::ListRow& row, const storage::RowResult* result)
{
    nlohmann::ordered_json members;
    const auto names = export_columns();
    const nlohmann::json v =
        result ? verdict_to_json({}, result->verdict, false) : nlohmann::json(nlohmann::json::object());
    const auto take = [&v](const char* name) { return v.value(name, nlohmann::json(nullptr)); };
    members[std::string(names[0])] = take("verdict");
    members[std::string(names[1])] = row.malformed.empty() ? take("reason") : nlohmann::json(malformed_reason(row));
    members[std::string(names[2])] = take("p_bounce");
    members[std::string(names[3])] = v.value("flags", nlohmann::json::array());
    members[std::string(names[4])] = take("suggestion");
    members[std::string(names[5])] = take("provider");
    members[std::string(names[6])] = suppressions_of(result);
    members[std::string(names[7])] = take("checked_at");
    const std::string object = members.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    return object.substr(1, object.size() - 2);
}

class MemberWriter final : public RowWriter {
public:
    explicit MemberWriter(const std::string& email_name) : text_start_("{" + dump_json(email_name) + ":") {}

    void row(std::string& out, const storage::ListRow& row, const storage::RowResult* result) override
    {
        const std::string members = members_of(row, result);
        if (is_object(row)) {
            // The user's octets, with ours before the brace that closes the object.
            const std::string_view start = std::string_view(row.raw).substr(0, row.raw.rfind('}'));
            const bool is_empty = trim(start, white_space) == "{";
            ((out += start) += is_empty ? "" : ",") += members;
        } else {
            const bool readable = row.malformed.empty();
            out += readable ? text_start_ + row.raw : "{\"winnow_raw\":" + dump_json(row.raw);
            (out += ',') += members;
        }
        out += "}\n";
    }

private:
    /// A row that is an object may still be malformed, for it may lack the address.
    static bool is_object(const storage::ListRow& row)
    {
        if (!row.raw.starts_with('{') || row.malformed.empty())
            return row.raw.starts_with('{');
        return read_json_line(row.raw).has_value();
    }

    std::string text_start_;  ///< of the object that a text becomes
};

}  // namespace

std::unique_ptr<RowWriter> make_verdict_writer(const storage::ListRecord& list, bool evidence)
{
    return std::make_unique<VerdictWriter>(list, evidence);
}

std::unique_ptr<RowWriter> make_member_writer(const storage::ListRecord& list)
{
    const auto email = static_cast<std::size_t>(list.email_column);
    const bool is_member = email < list.columns.size() && list.columns[email].find('.') == std::string::npos;
    return std::make_unique<MemberWriter>(is_member ? list.columns[email] : "email");
}

std::vector<std::string> cells_of_row(const storage::ListRecord& list, const storage::ListRow& row)
{
    std::vector<std::string> cells;
    if (list.format == storage::ListFormat::csv) {
        CsvDialect dialect;
        dialect.delimiter = std::string(1, list.delimiter);
        dialect.newline = list.terminator == "\r" ? CsvNewline::cr : CsvNewline::lf;
        CsvReader reader{dialect};
        reader.feed(row.raw);
        reader.finish();
        if (const CsvRecord* const record = reader.next())
            for (const std::string_view field : record->fields)
                cells.push_back(to_utf8(field));
        return cells;
    }
    const auto line = read_json_line(row.raw);
    const std::size_t email = static_cast<std::size_t>(list.email_column);
    cells.resize(std::max(list.columns.size(), email + 1));
    if (line && line->kind == JsonLine::Kind::object) {
        for (std::size_t i = 0; i < list.columns.size(); ++i)
            if (const JsonMember* const member = find_member(*line, list.columns[i]))
                cells[i] = member->value;
    } else {
        cells[email] = line && line->kind == JsonLine::Kind::text ? line->members.front().value : row.raw;
    }
    return cells;
}

}  // namespace winnow::verifier
