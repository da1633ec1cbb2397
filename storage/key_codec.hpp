#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "storage/keys.hpp"

/// Keys are sequences of tagged parts. A part is one tag octet and its content; numbers are big-endian and texts carry
/// their length, so that keys of one shape sort like the tuple of their parts and no part can run into the next.
/// docs/storage-format.md lists the shape of every key.
namespace winnow::storage {

/// Longest text in a key: workspace, list, campaign, body ids.
inline constexpr std::size_t max_key_text = 255;

class KeyBuilder {
public:
    KeyBuilder& text(std::string_view text);  ///< at most max_key_text octets (checked by the op's validation)
    KeyBuilder& digest(const H16& digest);
    KeyBuilder& byte(std::uint8_t value);
    KeyBuilder& number32(std::uint32_t value);
    KeyBuilder& number(std::uint64_t value);
    KeyBuilder& time(TimePoint t);  ///< earlier sorts first, also before 1970
    /// Later sorts first: for "newest first" scans.
    KeyBuilder& time_descending(TimePoint t);
    KeyBuilder& number_descending(std::uint64_t value);

    const std::string& str() const& noexcept { return bytes_; }
    std::string str() && noexcept { return std::move(bytes_); }

private:
    std::string bytes_;
};

/// Reads a key part by part. After the first part of another shape everything is empty and ok() is false.
class KeyReader {
public:
    explicit KeyReader(std::string_view key) : rest_(key) {}
    std::string text();
    H16 digest();
    std::uint8_t byte();
    std::uint32_t number32();
    std::uint64_t number();
    TimePoint time();
    bool ok() const noexcept { return ok_; }
    bool at_end() const noexcept { return rest_.empty(); }

private:
    std::string_view take(char tag, std::size_t size);

    std::string_view rest_;
    bool ok_ = true;
};

/// The keys in [lower, upper).
struct KeyRange {
    std::string lower;
    std::string upper;  ///< empty = no bound

    /// All keys that begin with `prefix`.
    static KeyRange prefix(std::string prefix);
    /// The same, but starting right after `key` (which begins with the prefix).
    static KeyRange after(std::string prefix, std::string_view key);
};

}  // namespace winnow::storage
