#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/result.hpp"

namespace winnow {

/// Whether a file that begins with these octets (three are enough, fewer are never) is gzip with DEFLATE inside.
bool looks_like_gzip(std::string_view start) noexcept;

/// What makes a gzip file a bomb.
struct GunzipLimits {
    std::uint64_t max_bytes = 8ull << 30;  ///< of what comes out
    /// Octets out for each octet in. Contact lists stay below 50; DEFLATE could do 1,032.
    std::uint64_t max_ratio = 200;
    std::uint64_t ratio_counts_from = 4 << 20;  ///< octets out; what is smaller harms nobody, however dense
};

/// Unpacks gzip (RFC 1952) as a stream, several members one behind the other included. Memory is what was fed plus
/// about 100 KB, however much it expands to:
///
///     gunzip.feed(chunk);  while (next() gives octets) ...;
///     gunzip.finish();     while (next() gives octets) ...;
class Gunzip {
public:
    explicit Gunzip(GunzipLimits limits = {});
    Gunzip(Gunzip&&) noexcept;
    Gunzip& operator=(Gunzip&&) noexcept;
    ~Gunzip();

    void feed(std::string_view chunk);  ///< copies
    void finish() noexcept;
    /// At most 64 KB, valid until the next call; empty when more has to be fed or, after finish(), at the end. Errors
    /// are final: invalid_argument for what is no gzip, is damaged or is cut off, limit_exceeded past a limit. The
    /// context is a sentence without its subject ("is cut off: ...").
    Result<std::string_view> next();

private:
    struct Inflater;
    std::unique_ptr<Inflater> inflater_;
};

}  // namespace winnow
