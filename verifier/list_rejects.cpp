#include "verifier/list_rejects.hpp"

#include <array>
#include <nlohmann/json.hpp>

#include "core/address.hpp"
#include "core/csv.hpp"
#include "core/encoding.hpp"
#include "core/ndjson.hpp"

namespace winnow::verifier {
namespace {

constexpr std::size_t rows_per_read = 1'000;
constexpr std::size_t piece_bytes = 64 * 1024;
constexpr std::array<std::string_view, 6> columns{"line", "row", "reason", "detail", "address", "record"};

struct Fault {
    std::string reason, detail;
};

/// Why nobody can be mailed by this row; an empty reason when somebody may be.
Fault fault_of(const storage::ListRow& row)
{
    if (!row.malformed.empty())
        return {"malformed", row.malformed};
    const ParsedAddress parsed = parse_address(row.address);
    if (parsed.usable)
        return {};
    return {std::string(to_string(parsed.fault)), parsed.detail};
}

class RejectWriter {
public:
    explicit RejectWriter(RejectsOptions options) : options_(options) {}

    void header()
    {
        if (options_.ndjson)
            return;
        CsvWriter writer{out, {}, "\n"};
        writer.row(columns);
    }

    void row(const storage::ListRow& row, const Fault& fault)
    {
        const std::string address = to_utf8(row.address);
        const std::string record = to_utf8(row.raw);
        if (options_.ndjson) {
            out += dump_json({{"line", row.line},
                              {"row", row.number},
                              {"reason", fault.reason},
                              {"detail", fault.detail},
                              {"address", address.empty() ? nlohmann::json(nullptr) : nlohmann::json(address)},
                              {"record", record}}) +
                   "\n";
            return;
        }
        const std::string line = std::to_string(row.line);
        const std::string number = std::to_string(row.number);
        CsvWriter writer{out, {}, "\n", options_.spreadsheet_safe};
        writer.row(
            std::array<std::string_view, columns.size()>{line, number, fault.reason, fault.detail, address, record});
    }

    std::string out;

private:
    RejectsOptions options_;
};

}  // namespace

awaitable<Result<std::uint64_t>> export_rejects(storage::Engine& engine, std::string workspace, std::string list_id,
                                                RejectsOptions options,
                                                std::function<awaitable<Result<>>(std::string)> sink)
{
    RejectWriter writer{options};
    writer.header();
    std::uint64_t written = 0;
    std::uint64_t next = 1;
    for (;;) {
        WINNOW_CO_TRY(const auto rows, co_await engine.rows(workspace, list_id, next, rows_per_read));
        if (rows.empty())
            break;
        for (const storage::ListRow& row : rows) {
            next = row.number + 1;
            const Fault fault = fault_of(row);
            if (fault.reason.empty())
                continue;
            writer.row(row, fault);
            ++written;
            if (writer.out.size() >= piece_bytes) {
                std::string piece;
                piece.swap(writer.out);
                WINNOW_CO_CHECK(co_await sink(std::move(piece)));
            }
        }
    }
    if (!writer.out.empty()) {
        WINNOW_CO_CHECK(co_await sink(std::move(writer.out)));
    }
    co_return written;
}

}  // namespace winnow::verifier
