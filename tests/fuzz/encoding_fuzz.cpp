#include "core/encoding.hpp"

#include <string>

#include "core/unicode.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace winnow;

namespace {

std::string convert_in_chunks(std::string_view text, std::size_t chunk)
{
    Utf8Converter converter;
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += chunk)
        converter.feed(text.substr(at, chunk), out);
    converter.finish(out);
    return out;
}

}  // namespace

/// Any file becomes valid UTF-8, the same however it is cut.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text = test::text_of(data, size);
    const std::string whole = convert_in_chunks(text, size + 1);
    FUZZ_REQUIRE(convert_in_chunks(text, 1) == whole);
    std::string without_zero = whole;
    std::erase(without_zero, '\0');  // which is_utf8() refuses for its own reasons
    FUZZ_REQUIRE(is_utf8(without_zero));
    return 0;
}
