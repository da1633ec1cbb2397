#include "net/policy/spf_record.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace winnow::net;

/// Macros of an accepted record can be expanded, and what a mechanism asks for is bounded.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text = winnow::test::text_of(data, size);
    SpfMacroValues values;
    values.ip = boost::asio::ip::make_address("2001:db8::cb01");
    values.local_part = "strong-bad";
    values.sender_domain = values.domain = "email.example.com";
    values.helo = "mx.example.org";
    values.validated = values.receiver = "unknown";

    if (const auto record = parse_spf_record(text)) {
        FUZZ_REQUIRE(is_spf_record(text));
        for (const SpfMechanism& mechanism : record->mechanisms) {
            FUZZ_REQUIRE(mechanism.prefix4 <= 32 && mechanism.prefix6 <= 128);
            (void)expand_spf_macros(mechanism.domain, values);
        }
    }
    if (const auto macros = parse_spf_macros(text, true)) {
        // A macro takes 4 octets and stands for at most the 63 of an IPv6 address in nibbles, escaped 3 times as long.
        FUZZ_REQUIRE(expand_spf_macros(*macros, values).size() <= size * 63);
    }
    return 0;
}
