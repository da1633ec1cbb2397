#include "core/address.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace winnow;

/// A valid address survives being written and read, and its canonical forms are stable keys.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const ParsedAddress parsed = parse_address(test::text_of(data, size));
    FUZZ_REQUIRE(parsed.valid == (parsed.fault == AddressFault::none) || parsed.valid);
    FUZZ_REQUIRE(!parsed.usable || parsed.valid);
    if (!parsed.valid)
        return 0;
    const std::string written = parsed.address.to_string();
    for (const char c : written)
        FUZZ_REQUIRE(c != '\r' && c != '\n' && c != '\0');
    const ParsedAddress again = parse_address(written);
    FUZZ_REQUIRE(again.valid);
    FUZZ_REQUIRE(again.address == parsed.address);

    const std::string key = canonical_v1(parsed.address);
    const ParsedAddress canonical = parse_address(key);
    FUZZ_REQUIRE(canonical.valid);
    FUZZ_REQUIRE(canonical_v1(canonical.address) == key);
    (void)loose_form(parsed.address);
    return 0;
}
