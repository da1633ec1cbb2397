#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

/// One target per parser. Under libFuzzer the input is grown by coverage; without it replay_main.cpp feeds the seeds
/// and their mutations. A target checks what must hold for every input, not only that nothing crashes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace winnow::test {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size)
{
    return {reinterpret_cast<const char*>(data), size};  // an empty input has no address
}

}  // namespace winnow::test

/// A broken promise is a crash, which every fuzzer understands. Not assert(): it must hold in release builds too.
#define FUZZ_REQUIRE(condition)                                                                \
    do {                                                                                       \
        if (!(condition)) {                                                                    \
            std::fprintf(stderr, "%s:%d: FUZZ_REQUIRE(%s)\n", __FILE__, __LINE__, #condition); \
            std::abort();                                                                      \
        }                                                                                      \
    } while (false)
