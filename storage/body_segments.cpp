#include "storage/body_segments.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <memory>

#include "core/crypto.hpp"

namespace winnow::storage {
namespace {

constexpr std::string_view magic = "WBD1";
constexpr std::size_t frame_header = 12;  ///< magic, length and CRC-32C, both little-endian

Error io_error(const std::string& path, std::string_view what)
{
    const int error = errno;
    return Error(error == ENOSPC || error == EDQUOT ? Errc::disk_full : Errc::io_error,
                 "cannot " + std::string(what) + " the body segment " + path + ": " + std::strerror(error));
}

void append_little_endian(std::string& out, std::uint32_t value)
{
    for (int shift = 0; shift < 32; shift += 8)
        out.push_back(static_cast<char>(static_cast<std::uint8_t>(value >> shift)));
}

Result<> write_all(int file, std::string_view bytes, const std::string& path)
{
    while (!bytes.empty()) {
        const ssize_t written = ::write(file, bytes.data(), bytes.size());
        if (written >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(written));
        else if (errno != EINTR)
            return io_error(path, "write");
    }
    return {};
}

Result<std::string> read_at(int file, std::uint64_t offset, std::uint64_t length, const std::string& path)
{
    std::string bytes(length, '\0');
    std::size_t have = 0;
    while (have < bytes.size()) {
        const ssize_t got = ::pread(file, bytes.data() + have, bytes.size() - have, static_cast<off_t>(offset + have));
        if (got == 0)
            return Error(Errc::corrupt, "the body segment " + path + " ends before the body does");
        if (got > 0)
            have += static_cast<std::size_t>(got);
        else if (errno != EINTR)
            return io_error(path, "read");
    }
    return bytes;
}

/// Highest number of a file "<number>.seg"; 0 = none.
std::uint64_t last_segment(const std::string& directory)
{
    std::uint64_t last = 0;
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
        if (entry.path().extension() != ".seg")
            continue;
        const std::string stem = entry.path().stem().string();
        std::uint64_t number = 0;
        const auto read = std::from_chars(stem.data(), stem.data() + stem.size(), number);
        if (read.ec == std::errc{} && read.ptr == stem.data() + stem.size())
            last = std::max(last, number);
    }
    return last;
}

Result<> sync_directory(const std::string& directory)
{
    const int file = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file < 0)
        return io_error(directory, "open the directory of");
    const bool failed = ::fsync(file) != 0;
    ::close(file);
    if (failed)
        return io_error(directory, "sync the directory of");
    return {};
}

struct OpenFile {
    explicit OpenFile(int descriptor) : fd(descriptor) {}
    ~OpenFile()
    {
        if (fd >= 0)
            ::close(fd);
    }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    int fd;
};

}  // namespace

Result<std::unique_ptr<BodySegments>> BodySegments::open(std::string directory, std::uint64_t segment_limit)
{
    std::error_code failed;
    std::filesystem::create_directories(directory, failed);
    if (failed)
        return Error(Errc::io_error, "cannot create the body directory " + directory + ": " + failed.message());
    std::unique_ptr<BodySegments> segments(new BodySegments(std::move(directory), segment_limit));
    WINNOW_CHECK(segments->open_segment(std::max<std::uint64_t>(1, last_segment(segments->directory_))));
    return segments;
}

BodySegments::~BodySegments()
{
    if (file_ >= 0)
        ::close(file_);
}

std::string BodySegments::path(std::uint64_t segment) const
{
    std::string number = std::to_string(segment);
    number.insert(0, number.size() < 8 ? 8 - number.size() : 0, '0');
    return directory_ + '/' + number + ".seg";
}

Result<> BodySegments::open_segment(std::uint64_t segment)
{
    const std::string name = path(segment);
    const int file = ::open(name.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (file < 0)
        return io_error(name, "open");
    struct stat status {};
    if (::fstat(file, &status) != 0) {
        ::close(file);
        return io_error(name, "stat");
    }
    if (file_ >= 0)
        ::close(file_);
    file_ = file;
    segment_ = segment;
    size_ = static_cast<std::uint64_t>(status.st_size);
    return sync_directory(directory_);
}

Result<StoredBody> BodySegments::append(std::string_view body)
{
    if (size_ >= segment_limit_) {
        WINNOW_CHECK(sync());
        WINNOW_CHECK(open_segment(segment_ + 1));
    }
    StoredBody stored;
    stored.in_segment = true;
    stored.segment = segment_;
    stored.offset = size_;
    stored.length = body.size();
    stored.crc = crypto::crc32c(body);

    std::string header(magic);
    append_little_endian(header, static_cast<std::uint32_t>(body.size()));
    append_little_endian(header, stored.crc);
    dirty_ = true;
    auto written = write_all(file_, header, path(segment_));
    if (written)
        written = write_all(file_, body, path(segment_));
    if (!written) {
        // A partial frame moved the end of the file; where it is decides where the next body goes.
        struct stat status {};
        if (::fstat(file_, &status) == 0)
            size_ = static_cast<std::uint64_t>(status.st_size);
        return written.error();
    }
    size_ += frame_header + body.size();
    return stored;
}

Result<> BodySegments::sync()
{
    if (!dirty_)
        return {};
    if (::fdatasync(file_) != 0)
        return io_error(path(segment_), "sync");
    dirty_ = false;
    return {};
}

Result<std::string> BodySegments::read(const StoredBody& body) const
{
    const std::string name = path(body.segment);
    const OpenFile file(::open(name.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.fd < 0)
        return io_error(name, "open");
    WINNOW_TRY(const std::string header, read_at(file.fd, body.offset, frame_header, name));
    std::string expected(magic);
    append_little_endian(expected, static_cast<std::uint32_t>(body.length));
    append_little_endian(expected, body.crc);
    if (header != expected)
        return Error(Errc::corrupt, "the body segment " + name + " does not hold the body that is looked for");
    WINNOW_TRY(std::string bytes, read_at(file.fd, body.offset + frame_header, body.length, name));
    if (crypto::crc32c(bytes) != body.crc)
        return Error(Errc::corrupt, "a body in the segment " + name + " does not match its checksum");
    return bytes;
}

}  // namespace winnow::storage
