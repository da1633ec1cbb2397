#include "net/http_url.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace winnow::net;

/// Parts of an accepted URL cannot end a request line or a Host field.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text = winnow::test::text_of(data, size);
    if (const auto url = parse_http_url(text)) {
        FUZZ_REQUIRE(!url->host.empty() && url->port != 0);
        FUZZ_REQUIRE(url->target.starts_with('/'));
        FUZZ_REQUIRE(url->target.find_first_of(" \r\n") == std::string::npos);
        FUZZ_REQUIRE(url->host_port().find_first_of(" \r\n/@") == std::string::npos);
    }
    if (const auto target = parse_http_target(text))
        FUZZ_REQUIRE(target->path.starts_with('/') || target->path == "*");
    return 0;
}
