#include "storage/data_dir_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace winnow::storage {
namespace {

Error directory_error(const std::string& data_dir, int error)
{
    const bool denied = error == EACCES || error == EPERM || error == EROFS;
    const Errc code = denied ? Errc::permission_denied : error == ENOSPC ? Errc::disk_full : Errc::io_error;
    return Error(code, "cannot use the data directory " + data_dir + ": " + std::strerror(error) +
                           (denied ? ": let the user who runs winnow own it, or choose another with data_dir" : ""));
}

/// " (process 123)", or nothing when the holder did not write it.
std::string holder(int file)
{
    std::array<char, 32> text{};
    const ssize_t size = ::pread(file, text.data(), text.size(), 0);
    const std::string pid(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    const std::string digits = pid.substr(0, pid.find_first_not_of("0123456789"));
    return digits.empty() ? std::string() : " (process " + digits + ")";
}

}  // namespace

Result<DataDirLock> DataDirLock::acquire(const std::string& data_dir)
{
    std::error_code failed;
    const bool created = std::filesystem::create_directories(data_dir, failed);
    if (failed)
        return directory_error(data_dir, failed.value());
    if (created)
        ::chmod(data_dir.c_str(), 0700);
    const int file = ::open((data_dir + "/winnow.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0)
        return directory_error(data_dir, errno);
    DataDirLock lock(file);
    if (::flock(file, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return directory_error(data_dir, errno);
        return Error(Errc::locked, "the data directory " + data_dir + " is in use by another winnow" + holder(file) +
                                       ": stop that one first, or give this one another data_dir");
    }
    const std::string pid = std::to_string(::getpid()) + '\n';
    // Only for the message above: whether it could be written changes nothing.
    if (::ftruncate(file, 0) == 0 && ::pwrite(file, pid.data(), pid.size(), 0) < 0)
        errno = 0;
    return lock;
}

DataDirLock::~DataDirLock()
{
    if (file_ >= 0)
        ::close(file_);
}

DataDirLock::DataDirLock(DataDirLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

DataDirLock& DataDirLock::operator=(DataDirLock&& other) noexcept
{
    std::swap(file_, other.file_);
    return *this;
}

}  // namespace winnow::storage
