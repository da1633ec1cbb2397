#include "app/output_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

namespace winnow::app {

Error file_error(int error_number, const std::string& what)
{
    const std::string context = what + ": " + std::strerror(error_number);
    switch (error_number) {
        case ENOENT:
        case ENOTDIR:
            return {Errc::not_found, context + "; check the name"};
        case EACCES:
        case EPERM:
        case EROFS:
            return {Errc::permission_denied, context + "; choose another place or run as a user who may"};
        case ENOSPC:
        case EDQUOT:
            return {Errc::disk_full, context + "; free some space or choose another folder"};
        default:
            return {Errc::io_error, context};
    }
}

OutputFile::OutputFile(int fd, std::string path, std::string temporary)
    : fd_(fd), path_(std::move(path)), temporary_(std::move(temporary))
{
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {}))
{
}

OutputFile::~OutputFile()
{
    discard();
}

void OutputFile::discard() noexcept
{
    if (fd_ > STDOUT_FILENO)
        ::close(std::exchange(fd_, -1));
    if (!temporary_.empty())
        ::unlink(temporary_.c_str());
    temporary_.clear();
}

Result<OutputFile> OutputFile::open(const std::string& path)
{
    if (path == "-")
        return OutputFile{STDOUT_FILENO, path, {}};
    struct stat existing {};
    const bool exists = ::stat(path.c_str(), &existing) == 0;
    if (exists && S_ISDIR(existing.st_mode))
        return Error{Errc::invalid_argument, path + " is a folder; name a file"};
    if (exists && !S_ISREG(existing.st_mode)) {
        // A pipe, a terminal, /dev/null: a rename would put a file in its place.
        const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
        if (fd < 0)
            return file_error(errno, "cannot write " + path);
        return OutputFile{fd, path, {}};
    }
    // A link stays one: what it points at is replaced.
    std::error_code unresolved;
    const auto real = std::filesystem::canonical(path, unresolved);
    const std::string target = exists && !unresolved ? real.string() : path;
    std::string temporary = target + ".partial-XXXXXX";
    const int fd = ::mkstemp(temporary.data());
    if (fd < 0)
        return file_error(errno, "cannot write " + path);
    // mkstemp makes 0600; the result gets the mode that an ordinary creation would give, or keeps the file's own.
    const mode_t mask = ::umask(0);
    ::umask(mask);
    (void)::fchmod(fd, exists ? existing.st_mode & 07777 : 0666 & ~mask);
    return OutputFile{fd, target, std::move(temporary)};
}

Result<> OutputFile::write(std::string_view piece)
{
    while (!piece.empty()) {
        const ssize_t n = ::write(fd_, piece.data(), piece.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_error(errno, "cannot write " + (path_ == "-" ? std::string("standard output") : path_));
        piece.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

Result<> OutputFile::commit()
{
    if (temporary_.empty())
        return {};
    if (::fsync(fd_) != 0)
        return file_error(errno, "cannot write " + path_);
    const int closed = ::close(std::exchange(fd_, -1));
    if (closed != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0)
        return file_error(errno, "cannot write " + path_);
    temporary_.clear();
    return {};
}

InputFile::InputFile(InputFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

InputFile::~InputFile()
{
    if (fd_ > STDIN_FILENO)
        ::close(fd_);
}

Result<InputFile> InputFile::open(const std::string& path)
{
    if (path == "-")
        return InputFile{STDIN_FILENO, "standard input"};
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return file_error(errno, "cannot read " + path);
    InputFile file{fd, path};
    struct stat found {};
    if (::fstat(fd, &found) == 0 && S_ISDIR(found.st_mode))
        return Error{Errc::invalid_argument, path + " is a folder; name a file"};
    return file;
}

Result<std::string> InputFile::read()
{
    std::string piece(64 * 1024, '\0');
    for (;;) {
        const ssize_t n = ::read(fd_, piece.data(), piece.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return file_error(errno, "cannot read " + path_);
        piece.resize(static_cast<std::size_t>(n));
        return piece;
    }
}

}  // namespace winnow::app
