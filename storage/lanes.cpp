#include "storage/engine.hpp"

namespace winnow::storage {

LaneId lane_of(std::string_view pool, std::string_view domain_or_operator, std::uint32_t lanes)
{
    // FNV-1a, frozen: where a message lies must not depend on the build. The final mix spreads the low bits.
    std::uint64_t hash = 14695981039346656037ull;
    const auto add = [&hash](std::uint8_t octet) { hash = (hash ^ octet) * 1099511628211ull; };
    for (const char c : pool)
        add(static_cast<std::uint8_t>(c));
    add(0);
    for (const char c : domain_or_operator)
        add(static_cast<std::uint8_t>(c));
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccdull;
    hash ^= hash >> 33;
    return LaneId{static_cast<std::uint32_t>(hash % (lanes == 0 ? 1 : lanes))};
}

}  // namespace winnow::storage
