#include <cstddef>
#include <cstdint>

// GCC can tell about each basic block (-fsanitize-coverage=trace-pc), libFuzzer wants counters: this is the bridge.
// Compiled without coverage itself; linked before libFuzzer, whose own trace_pc only says that it is not supported.

extern "C" void __sanitizer_cov_8bit_counters_init(std::uint8_t* start, std::uint8_t* stop);
extern "C" void __sanitizer_cov_trace_pc();

namespace {

constexpr std::size_t slots = std::size_t{1} << 16;
std::uint8_t counters[slots];

[[maybe_unused]] const bool registered = [] {
    __sanitizer_cov_8bit_counters_init(counters, counters + slots);
    return true;
}();

}  // namespace

__attribute__((no_sanitize_coverage, no_sanitize("address", "undefined"))) void __sanitizer_cov_trace_pc()
{
    const auto place = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0));
    ++counters[(place ^ place >> 16) % slots];
}
