#include "api/suppression_export.hpp"

#include <array>
#include <nlohmann/json.hpp>

#include "api/record_json.hpp"
#include "core/csv.hpp"
#include "core/duration.hpp"
#include "core/ndjson.hpp"

namespace winnow::api {
namespace {

constexpr std::size_t entries_per_read = 500;
constexpr std::size_t piece_bytes = 64 * 1024;

/// Named so that an import finds them again.
constexpr std::array<std::string_view, 17> columns{"email",    "domain",       "scope", "list_id", "reason",  "origin",
                                                   "class",    "rule",         "first", "last",    "expires", "strikes",
                                                   "provider", "source_event", "note",  "actor",   "digest"};

std::string time_text(TimePoint t)
{
    return t == TimePoint{} ? "" : format_time(t);
}

class Writer {
public:
    Writer(SuppressionFormat format, bool spreadsheet_safe)
        : format_(format), csv_(out, CsvDialect{}, "\r\n", spreadsheet_safe)
    {
        if (format_ == SuppressionFormat::csv)
            csv_.row(columns);
    }

    void entry(const storage::SuppressionEntry& e)
    {
        if (format_ == SuppressionFormat::ndjson)
            out += dump_json(to_json(e)) + "\n";
        else if (format_ == SuppressionFormat::csv)
            csv_entry(e);
        else if (!e.address.empty())
            out += e.address + "\n";
        else if (!e.domain.empty())
            out += "@" + e.domain + "\n";
    }

    std::string out;

private:
    void csv_entry(const storage::SuppressionEntry& e)
    {
        const std::string first = time_text(e.first);
        const std::string last = time_text(e.last);
        const std::string expires = e.expires ? time_text(*e.expires) : "";
        const std::string strikes = std::to_string(e.strikes);
        const std::string digest = e.digest.hex();
        const std::string_view klass = e.klass == ReplyClass::unknown ? std::string_view{} : to_string(e.klass);
        const std::array<std::string_view, columns.size()> cells{e.address,
                                                                 e.domain,
                                                                 to_string(e.scope),
                                                                 e.list_id,
                                                                 to_string(e.reason),
                                                                 to_string(e.origin),
                                                                 klass,
                                                                 e.rule,
                                                                 first,
                                                                 last,
                                                                 expires,
                                                                 strikes,
                                                                 e.provider,
                                                                 e.source_event,
                                                                 e.note,
                                                                 e.actor,
                                                                 digest};
        csv_.row(cells);
    }

    SuppressionFormat format_;
    CsvWriter csv_;
};

}  // namespace

std::optional<SuppressionFormat> suppression_format(std::string_view name) noexcept
{
    if (name == "csv")
        return SuppressionFormat::csv;
    if (name == "ndjson")
        return SuppressionFormat::ndjson;
    if (name == "txt")
        return SuppressionFormat::txt;
    return std::nullopt;
}

awaitable<Result<>> export_suppressions(storage::SuppressionCursor& cursor, SuppressionFormat format,
                                        bool spreadsheet_safe, std::function<awaitable<Result<>>(std::string)> sink)
{
    Writer writer{format, spreadsheet_safe};
    for (;;) {
        WINNOW_CO_TRY(const auto entries, co_await cursor.next(entries_per_read));
        for (const storage::SuppressionEntry& entry : entries)
            writer.entry(entry);
        const bool end = entries.empty();
        if (writer.out.size() >= piece_bytes || (end && !writer.out.empty())) {
            std::string piece;
            piece.swap(writer.out);
            WINNOW_CO_CHECK(co_await sink(std::move(piece)));
        }
        if (end)
            co_return Result<>{};
    }
}

}  // namespace winnow::api
