#include <string>
#include <vector>

#include "net/smtp_reply_parser.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace winnow;
using net::SmtpReplyParser;

namespace {

/// Each reply as one line; "!" when the stream turned out to be none.
std::vector<std::string> read_in_chunks(std::string_view stream, std::size_t chunk)
{
    std::vector<std::string> out;
    SmtpReplyParser parser;
    for (std::size_t at = 0; at < stream.size(); at += chunk) {
        parser.feed(stream.substr(at, chunk));
        for (;;) {
            const auto reply = parser.next();
            if (!reply) {
                out.emplace_back("!");
                return out;
            }
            if (!*reply)
                break;
            FUZZ_REQUIRE((*reply)->code >= 200 && (*reply)->code <= 599);
            out.push_back((*reply)->to_string());
        }
    }
    return out;
}

}  // namespace

/// Replies do not depend on how the stream was cut, and hold no character that could forge a line in a log.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view stream = test::text_of(data, size);
    const auto whole = read_in_chunks(stream, size + 1);
    FUZZ_REQUIRE(read_in_chunks(stream, 1) == whole);
    for (const std::string& reply : whole)
        FUZZ_REQUIRE(reply.find_first_of("\r\n") == std::string::npos);
    return 0;
}
