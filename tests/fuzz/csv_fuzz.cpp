#include "core/csv.hpp"

#include <string>
#include <vector>

#include "tests/fuzz/fuzz.hpp"

using namespace winnow;

namespace {

struct Read {
    std::string octets;
    std::vector<std::string> cells;
};

Read read_in_chunks(std::string_view file, const CsvDialect& dialect, std::size_t chunk)
{
    Read out;
    CsvReader reader(dialect);
    const auto drain = [&] {
        while (const CsvRecord* record = reader.next()) {
            out.octets += record->raw;
            out.octets += record->terminator;
            for (const std::string_view field : record->fields)
                out.cells.emplace_back(field);
            out.cells.emplace_back("\n");
        }
    };
    for (std::size_t at = 0; at < file.size(); at += chunk) {
        reader.feed(file.substr(at, chunk));
        drain();
    }
    reader.finish();
    drain();
    return out;
}

}  // namespace

/// The records are the file octet for octet, however it is cut; what a writer wrote reads back as the same cells.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view file = test::text_of(data, size);
    const CsvDialect dialect = sniff_dialect(file, true);
    FUZZ_REQUIRE(dialect.valid());
    const Read whole = read_in_chunks(file, dialect, size + 1);
    FUZZ_REQUIRE(whole.octets == file);
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}}) {
        const Read cut = read_in_chunks(file, dialect, chunk);
        FUZZ_REQUIRE(cut.octets == whole.octets);
        FUZZ_REQUIRE(cut.cells == whole.cells);
    }

    const std::string_view half = file.substr(0, size / 2);
    const std::vector<std::string_view> row{half, file.substr(size / 2), "end"};
    std::string written;
    CsvWriter writer(written);
    writer.row(row);
    CsvReader reader;
    reader.feed(written);
    reader.finish();
    const CsvRecord* record = reader.next();
    FUZZ_REQUIRE(record && record->fault == CsvFault::none && record->fields.size() == row.size());
    // The reader takes a byte order mark off the first cell: that is not the writer's to prevent.
    const bool bom = half.starts_with("\xef\xbb\xbf");
    for (std::size_t i = bom ? 1 : 0; i < row.size(); ++i)
        FUZZ_REQUIRE(record->fields[i] == row[i]);
    FUZZ_REQUIRE(!reader.next());
    return 0;
}
