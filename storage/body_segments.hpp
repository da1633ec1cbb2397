#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "storage/record_codec.hpp"

namespace winnow::storage {

/// Bodies too large for the database: append-only files `<directory>/<number>.seg` of framed bodies (magic, length,
/// CRC-32C, bytes; docs/storage-format.md). A body is named by the StoredBody that append() returns and counts only
/// once the commit that holds this is on disk, so that a torn tail is garbage and never read.
/// append() and sync() belong to one thread, read() to any.
class BodySegments {
public:
    static constexpr std::size_t inline_limit = 16 * 1024;  ///< larger ones come here

    /// Continues after the last segment. `segment_limit`: a segment that has grown past it is closed.
    static Result<std::unique_ptr<BodySegments>> open(std::string directory,
                                                      std::uint64_t segment_limit = 256ull << 20);
    ~BodySegments();
    BodySegments(const BodySegments&) = delete;
    BodySegments& operator=(const BodySegments&) = delete;

    Result<StoredBody> append(std::string_view body);
    /// What was appended is on disk; before the write-ahead log that refers to it.
    Result<> sync();
    /// Errc::corrupt when the bytes are not those that were written.
    Result<std::string> read(const StoredBody& body) const;

private:
    BodySegments(std::string directory, std::uint64_t segment_limit)
        : directory_(std::move(directory)), segment_limit_(segment_limit)
    {
    }
    std::string path(std::uint64_t segment) const;
    Result<> open_segment(std::uint64_t segment);

    std::string directory_;
    std::uint64_t segment_limit_;
    std::uint64_t segment_ = 0;
    std::uint64_t size_ = 0;
    int file_ = -1;
    bool dirty_ = false;
};

}  // namespace winnow::storage
