#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace winnow {

/// Source of randomness, passed in so that a run can be repeated from its seed. The derived draws give the same values
/// for the same bytes on every machine.
class Rng {
public:
    virtual ~Rng() = default;
    virtual void fill(std::span<std::byte> out) = 0;

    std::uint64_t next();
    /// Uniform in [0, bound), bound > 0.
    std::uint64_t below(std::uint64_t bound);
    /// Uniform in [0, 1).
    double unit();
    /// Uniform in [-1, 1): jitter for retry schedules.
    double jitter() { return unit() * 2.0 - 1.0; }
    /// Lower-case base32 (RFC 4648 alphabet, no padding) of `bytes` random bytes.
    std::string token(std::size_t bytes);
};

/// The operating system's generator (through OpenSSL). Thread-safe. For ids, keys and tokens.
class SystemRng final : public Rng {
public:
    void fill(std::span<std::byte> out) override;
};

/// SplitMix64: repeatable, not secret. For simulation, sandbox and generated lists. Not thread-safe.
class SeededRng final : public Rng {
public:
    explicit SeededRng(std::uint64_t seed) : state_(seed) {}
    void fill(std::span<std::byte> out) override;

private:
    std::uint64_t state_;
};

}  // namespace winnow
