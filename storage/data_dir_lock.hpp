#pragma once

#include <string>

#include "core/result.hpp"

namespace winnow::storage {

/// Keeps a second winnow out of a data directory as long as it lives. The kernel drops it with the process, however
/// that ends.
class DataDirLock {
public:
    /// Creates the directory when it does not exist (mode 0700). Errc::locked names the directory and the process that
    /// has it.
    static Result<DataDirLock> acquire(const std::string& data_dir);
    ~DataDirLock();
    DataDirLock(DataDirLock&& other) noexcept;
    DataDirLock& operator=(DataDirLock&& other) noexcept;

private:
    explicit DataDirLock(int file) : file_(file) {}
    int file_ = -1;
};

}  // namespace winnow::storage
