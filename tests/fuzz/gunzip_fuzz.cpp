#include "core/gunzip.hpp"

#include <string>

#include "tests/fuzz/fuzz.hpp"

using namespace winnow;

namespace {

struct Unpacked {
    std::string octets;
    bool whole = false;
};

Unpacked unpack(std::string_view file, std::size_t chunk)
{
    GunzipLimits limits;
    limits.max_bytes = 1 << 20;
    Gunzip gunzip{limits};
    Unpacked got;
    const auto drain = [&] {
        for (;;) {
            const auto piece = gunzip.next();
            if (!piece || piece->empty())
                return piece.has_value();
            FUZZ_REQUIRE(piece->size() <= 64 * 1024);
            got.octets += *piece;
        }
    };
    for (std::size_t at = 0; at < file.size(); at += chunk) {
        gunzip.feed(file.substr(at, chunk));
        if (!drain())
            return got;
    }
    gunzip.finish();
    got.whole = drain();
    return got;
}

}  // namespace

/// What comes out is the same however the file is cut, and never more than the limit allows.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view file = test::text_of(data, size);
    const Unpacked at_once = unpack(file, size + 1);
    FUZZ_REQUIRE(at_once.octets.size() <= (1 << 20) + 64 * 1024);
    for (const std::size_t chunk : {std::size_t{1}, std::size_t{7}}) {
        const Unpacked cut = unpack(file, chunk);
        FUZZ_REQUIRE(cut.whole == at_once.whole);
        FUZZ_REQUIRE(!cut.whole || cut.octets == at_once.octets);
    }
    return 0;
}
