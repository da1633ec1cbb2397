#include "storage/key_codec.hpp"

#include <algorithm>
#include <cassert>

namespace winnow::storage {
namespace {

constexpr char tag_text = 't';
constexpr char tag_digest = 'h';
constexpr char tag_byte = 'b';
constexpr char tag_number32 = 'w';
constexpr char tag_number = 'n';
constexpr char tag_time = 'm';
constexpr std::uint64_t sign_bit = 1ull << 63;

template <class Unsigned>
void append_big_endian(std::string& out, Unsigned value)
{
    for (int shift = static_cast<int>(sizeof value - 1) * 8; shift >= 0; shift -= 8)
        out.push_back(static_cast<char>(static_cast<std::uint8_t>(value >> shift)));
}

template <class Unsigned>
Unsigned read_big_endian(std::string_view bytes)
{
    Unsigned value = 0;
    for (const char c : bytes)
        value = static_cast<Unsigned>((value << 8) | static_cast<std::uint8_t>(c));
    return value;
}

std::uint64_t ordered(TimePoint t)
{
    return static_cast<std::uint64_t>(to_unix_ms(t)) ^ sign_bit;
}

}  // namespace

KeyBuilder& KeyBuilder::text(std::string_view text)
{
    assert(text.size() <= max_key_text);
    bytes_.push_back(tag_text);
    bytes_.push_back(static_cast<char>(static_cast<std::uint8_t>(text.size())));
    bytes_.append(text);
    return *this;
}

KeyBuilder& KeyBuilder::digest(const H16& digest)
{
    bytes_.push_back(tag_digest);
    bytes_.append(digest.view());
    return *this;
}

KeyBuilder& KeyBuilder::byte(std::uint8_t value)
{
    bytes_.push_back(tag_byte);
    bytes_.push_back(static_cast<char>(value));
    return *this;
}

KeyBuilder& KeyBuilder::number32(std::uint32_t value)
{
    bytes_.push_back(tag_number32);
    append_big_endian(bytes_, value);
    return *this;
}

KeyBuilder& KeyBuilder::number(std::uint64_t value)
{
    bytes_.push_back(tag_number);
    append_big_endian(bytes_, value);
    return *this;
}

KeyBuilder& KeyBuilder::number_descending(std::uint64_t value)
{
    return number(~value);
}

KeyBuilder& KeyBuilder::time(TimePoint t)
{
    bytes_.push_back(tag_time);
    append_big_endian(bytes_, ordered(t));
    return *this;
}

KeyBuilder& KeyBuilder::time_descending(TimePoint t)
{
    bytes_.push_back(tag_time);
    append_big_endian(bytes_, ~ordered(t));
    return *this;
}

std::string_view KeyReader::take(char tag, std::size_t size)
{
    if (!ok_ || rest_.size() < 1 + size || rest_.front() != tag) {
        ok_ = false;
        rest_ = {};
        return {};
    }
    const std::string_view content = rest_.substr(1, size);
    rest_.remove_prefix(1 + size);
    return content;
}

std::string KeyReader::text()
{
    const std::string_view length = take(tag_text, 1);
    if (!ok_)
        return {};
    const auto size = static_cast<std::uint8_t>(length.front());
    if (rest_.size() < size) {
        ok_ = false;
        rest_ = {};
        return {};
    }
    std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
}

H16 KeyReader::digest()
{
    H16 digest;
    const std::string_view content = take(tag_digest, digest.bytes.size());
    std::copy(content.begin(), content.end(), digest.bytes.begin());
    return digest;
}

std::uint8_t KeyReader::byte()
{
    return read_big_endian<std::uint8_t>(take(tag_byte, 1));
}

std::uint32_t KeyReader::number32()
{
    return read_big_endian<std::uint32_t>(take(tag_number32, 4));
}

std::uint64_t KeyReader::number()
{
    return read_big_endian<std::uint64_t>(take(tag_number, 8));
}

TimePoint KeyReader::time()
{
    const auto value = read_big_endian<std::uint64_t>(take(tag_time, 8));
    return ok_ ? from_unix_ms(static_cast<std::int64_t>(value ^ sign_bit)) : TimePoint{};
}

KeyRange KeyRange::prefix(std::string prefix)
{
    KeyRange range;
    range.upper = prefix;
    range.lower = std::move(prefix);
    while (!range.upper.empty() && range.upper.back() == '\xff')
        range.upper.pop_back();
    if (!range.upper.empty())
        range.upper.back() = static_cast<char>(static_cast<std::uint8_t>(range.upper.back()) + 1);
    return range;
}

KeyRange KeyRange::after(std::string prefix, std::string_view key)
{
    KeyRange range = KeyRange::prefix(std::move(prefix));
    range.lower.assign(key);
    range.lower.push_back('\0');  // the smallest key greater than `key`
    return range;
}

}  // namespace winnow::storage
