#include "core/gunzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>
#include <string>

namespace winnow {
namespace {

constexpr std::size_t piece_bytes = 64 * 1024;
constexpr int gzip_only = 16 + MAX_WBITS;  // zlib's way to ask for the gzip header and its CRC

}  // namespace

bool looks_like_gzip(std::string_view start) noexcept
{
    return start.starts_with("\x1f\x8b\x08");
}

struct Gunzip::Inflater {
    explicit Inflater(GunzipLimits l) : limits(l)
    {
        if (inflateInit2(&stream, gzip_only) != Z_OK)
            throw std::bad_alloc();
    }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    ~Inflater() { inflateEnd(&stream); }

    Result<std::string_view> next();
    Result<> begin_member();
    Result<> check_limits() const;

    GunzipLimits limits;
    z_stream stream{};
    std::string input;
    std::size_t at = 0;   ///< of what was not unpacked yet in `input`
    bool final = false;   ///< nothing is fed any more
    bool between = true;  ///< no member is open
    bool had_member = false;
    std::uint64_t in = 0, out = 0;
    std::array<char, piece_bytes> piece;
};

/// Behind a member stands the next one, the end, or the zeros that fill up a tape's block.
Result<> Gunzip::Inflater::begin_member()
{
    if (had_member) {
        const std::size_t next = input.find_first_not_of('\0', at);
        at = next == std::string::npos ? input.size() : next;
        if (at == input.size())
            return {};
        if (inflateReset(&stream) != Z_OK)
            return Error{Errc::internal, "the decompressor cannot be reset"};
    }
    between = false;
    return {};
}

Result<> Gunzip::Inflater::check_limits() const
{
    if (out > limits.max_bytes)
        return Error{Errc::limit_exceeded,
                     "holds more than " + std::to_string(limits.max_bytes >> 20) + " MiB; split it into several lists"};
    if (out > limits.ratio_counts_from && out / limits.max_ratio > in)
        return Error{Errc::limit_exceeded, "expands to more than " + std::to_string(limits.max_ratio) +
                                               " times its size, as no list does; send it unpacked if it is one"};
    return {};
}

Result<std::string_view> Gunzip::Inflater::next()
{
    for (;;) {
        if (between) {
            WINNOW_CHECK(begin_member());
            if (between)
                return std::string_view{};
        }
        stream.next_in = reinterpret_cast<Bytef*>(input.data() + at);
        stream.avail_in = static_cast<uInt>(std::min<std::size_t>(input.size() - at, piece_bytes));
        stream.next_out = reinterpret_cast<Bytef*>(piece.data());
        stream.avail_out = static_cast<uInt>(piece.size());
        const uInt offered = stream.avail_in;
        const int answer = inflate(&stream, Z_NO_FLUSH);
        at += offered - stream.avail_in;
        in += offered - stream.avail_in;
        const std::size_t got = piece.size() - stream.avail_out;
        out += got;
        WINNOW_CHECK(check_limits());
        if (answer == Z_STREAM_END)
            between = had_member = true;
        else if (answer != Z_OK && answer != Z_BUF_ERROR)
            return Error{Errc::invalid_argument,
                         had_member ? "holds something else behind its end" : "is damaged: it does not unpack as gzip"};
        if (got > 0)
            return std::string_view(piece.data(), got);
        if (between || at < input.size())
            continue;
        if (final)
            return Error{Errc::invalid_argument, "is cut off: its end is missing"};
        return std::string_view{};
    }
}

Gunzip::Gunzip(GunzipLimits limits) : inflater_(std::make_unique<Inflater>(limits)) {}
Gunzip::Gunzip(Gunzip&&) noexcept = default;
Gunzip& Gunzip::operator=(Gunzip&&) noexcept = default;
Gunzip::~Gunzip() = default;

void Gunzip::feed(std::string_view chunk)
{
    inflater_->input.erase(0, inflater_->at);
    inflater_->at = 0;
    inflater_->input.append(chunk);
}

void Gunzip::finish() noexcept
{
    inflater_->final = true;
}

Result<std::string_view> Gunzip::next()
{
    return inflater_->next();
}

}  // namespace winnow
