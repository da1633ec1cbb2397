#include "core/duration.hpp"
#include "core/greylist_hint.hpp"
#include "core/reply_text.hpp"
#include "core/unmatched_replies.hpp"
#include "net/endpoint.hpp"
#include "net/xtext.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace winnow;

/// The small readers of settings, replies and parameters: what they accept, they can write.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text = test::text_of(data, size);
    if (const auto duration = parse_duration(text)) {
        const auto again = parse_duration(format_duration(*duration));
        FUZZ_REQUIRE(again && *again == *duration);
    }
    if (const auto time = parse_time(text)) {
        const auto again = parse_time(format_time(*time));
        FUZZ_REQUIRE(again && *again == *time);
    }
    (void)parse_size(text);
    const std::string masked = mask_reply_text(fold_reply_text(text), text.substr(0, 64));
    FUZZ_REQUIRE(masked.size() <= 240);
    const SystemClock clock;
    UnmatchedReplies unmatched{clock};
    unmatched.add(text);
    const std::string kept = unmatched.to_text();
    UnmatchedReplies reloaded{clock};
    reloaded.add(kept);
    FUZZ_REQUIRE(reloaded.to_text() == kept);
    if (const auto hint = retry_hint(text))
        FUZZ_REQUIRE(hint->count() >= 0);
    if (const auto endpoint = net::parse_endpoint(text, 25)) {
        FUZZ_REQUIRE(net::is_ip_address(endpoint->ip));
        const auto again = net::parse_endpoint(endpoint->to_string());
        FUZZ_REQUIRE(again && *again == *endpoint);
    }
    (void)net::is_public_address(text);
    (void)net::reverse_name(text);
    const auto decoded = net::decode_xtext(net::encode_xtext(text));
    FUZZ_REQUIRE(decoded && *decoded == text);
    return 0;
}
