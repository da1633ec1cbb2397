#include "core/rng.hpp"

#include <algorithm>
#include <array>

#include "core/crypto.hpp"

namespace winnow {

std::uint64_t Rng::next()
{
    std::array<std::byte, 8> bytes;
    fill(bytes);
    // Assembled by hand, so that the same seed gives the same numbers on every machine.
    std::uint64_t value = 0;
    for (const std::byte b : bytes)
        value = value << 8 | std::to_integer<std::uint64_t>(b);
    return value;
}

std::uint64_t Rng::below(std::uint64_t bound)
{
    // Lemire's multiplication; the few values that would make the first results likelier are drawn again.
    __extension__ using Wide = unsigned __int128;
    const std::uint64_t skewed = (0 - bound) % bound;
    for (;;) {
        const Wide product = static_cast<Wide>(next()) * bound;
        if (static_cast<std::uint64_t>(product) >= skewed)
            return static_cast<std::uint64_t>(product >> 64);
    }
}

double Rng::unit()
{
    return static_cast<double>(next() >> 11) * 0x1p-53;
}

std::string Rng::token(std::size_t bytes)
{
    std::string raw(bytes, '\0');
    fill(std::as_writable_bytes(std::span(raw)));
    return crypto::base32(raw);
}

void SeededRng::fill(std::span<std::byte> out)
{
    while (!out.empty()) {
        state_ += 0x9e3779b97f4a7c15;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        z ^= z >> 31;
        const std::size_t length = std::min<std::size_t>(8, out.size());
        for (std::size_t i = 0; i < length; ++i)
            out[i] = static_cast<std::byte>(z >> (56 - 8 * i));
        out = out.subspan(length);
    }
}

}  // namespace winnow
