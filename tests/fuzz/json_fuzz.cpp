#include <nlohmann/json.hpp>

#include "core/json_members.hpp"
#include "core/ndjson.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace winnow;

/// What parses can be written, and written again it is the same; what can be read as a tree can be read flat.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    NdjsonReader reader(256);
    reader.feed(test::text_of(data, size));
    reader.finish();
    while (const NdjsonLine* line = reader.next()) {
        FUZZ_REQUIRE(line->text.find('\n') == std::string_view::npos);
        const auto value = parse_json(line->text);
        const auto flat = read_json_line(line->text);
        FUZZ_REQUIRE(value.has_value() == flat.has_value());
        if (!value)
            continue;
        FUZZ_REQUIRE((flat->kind == JsonLine::Kind::object) == value->is_object());
        FUZZ_REQUIRE((flat->kind == JsonLine::Kind::text) == value->is_string());
        const std::string written = dump_json(*value);
        const auto again = parse_json(written);
        FUZZ_REQUIRE(again);
        FUZZ_REQUIRE(dump_json(*again) == written);
    }
    return 0;
}
