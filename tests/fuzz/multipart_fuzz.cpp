#include <string>
#include <vector>

#include "net/multipart.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace winnow::net;

namespace {

/// Parts as "name|filename|data", then how it ended.
std::vector<std::string> read_in_chunks(std::string_view body, std::size_t chunk)
{
    std::vector<std::string> out;
    MultipartParser parser("b");
    std::size_t at = 0;
    for (;;) {
        auto event = parser.next();
        if (!event) {
            out.emplace_back("error");
            return out;
        }
        switch (event->kind) {
            case MultipartEvent::Kind::need_more:
                if (at < body.size()) {
                    parser.feed(body.substr(at, chunk));
                    at += chunk;
                } else {
                    parser.finish();
                    at = body.size() + 1;
                }
                break;
            case MultipartEvent::Kind::part_begin:
                FUZZ_REQUIRE(event->part.filename.value_or("").find('/') == std::string::npos);
                out.push_back(event->part.name + '|' + event->part.filename.value_or("-") + '|');
                break;
            case MultipartEvent::Kind::data:
                FUZZ_REQUIRE(!event->data.empty() && !out.empty());
                out.back() += event->data;
                break;
            case MultipartEvent::Kind::part_end:
                break;
            case MultipartEvent::Kind::done:
                out.emplace_back("done");
                return out;
        }
    }
}

}  // namespace

/// The first line is a Content-Type, the rest a body with the boundary "b": parts do not depend on the chunks.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text = winnow::test::text_of(data, size);
    const auto line = text.substr(0, text.find('\n'));
    if (const auto boundary = multipart_boundary(line))
        FUZZ_REQUIRE(!boundary->empty() && boundary->size() <= 70);
    const std::string_view body = text.substr(std::min(line.size() + 1, size));
    const auto whole = read_in_chunks(body, body.size() + 1);
    const auto cut = read_in_chunks(body, 1);
    // An error may be seen before or after the data in front of it; whole parts must agree.
    if (whole.back() == "done" || cut.back() == "done")
        FUZZ_REQUIRE(whole == cut);
    return 0;
}
