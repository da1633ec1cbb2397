#include <algorithm>
#include <string>

#include "net/smtp_data_encoder.hpp"
#include "net/smtp_data_reader.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace winnow::net;

/// No message can end DATA early or smuggle a command: what is encoded, in any pieces, is taken whole by a reader, ends
/// exactly where it was meant to, and comes out with CR LF as its only line ends.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view message = winnow::test::text_of(data, size);
    SmtpDataEncoder at_once;
    std::string wire = at_once.encode(message);
    wire += at_once.finish();
    SmtpDataEncoder piecewise;
    std::string pieces;
    for (const char c : message)
        pieces += piecewise.encode(std::string_view(&c, 1));
    FUZZ_REQUIRE(pieces + piecewise.finish() == wire);
    FUZZ_REQUIRE(wire.find('\0') == std::string::npos);
    for (std::size_t i = 0; i < wire.size(); ++i) {
        FUZZ_REQUIRE(wire[i] != '\n' || (i > 0 && wire[i - 1] == '\r'));
        FUZZ_REQUIRE(wire[i] != '\r' || (i + 1 < wire.size() && wire[i + 1] == '\n'));
    }

    SmtpDataReader reader(0);
    const std::string stream = wire + "RSET\r\n";
    FUZZ_REQUIRE(reader.feed(stream) == wire.size());
    FUZZ_REQUIRE(reader.done() && !reader.irregular());

    // The raw octets as a hostile client's stream: however cut, the same end and the same message.
    SmtpDataReader whole(0);
    const std::size_t taken = whole.feed(message);
    SmtpDataReader cut(0);
    std::size_t taken_cut = 0;
    while (taken_cut < size && !cut.done())
        taken_cut += cut.feed(message.substr(taken_cut, 1));
    FUZZ_REQUIRE(taken == taken_cut);
    FUZZ_REQUIRE(whole.done() == cut.done());
    if (whole.done())
        FUZZ_REQUIRE(whole.take_message() == cut.take_message());
    return 0;
}
