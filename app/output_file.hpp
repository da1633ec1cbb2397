#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace winnow::app {

/// A file that appears under its name only when it is whole: written beside the target under a temporary name, renamed
/// by commit(), removed by the destructor otherwise. "-" is standard output, which cannot be taken back; nor can what
/// goes to a pipe or a device.
class OutputFile {
public:
    /// Errors name the path and the cure.
    static Result<OutputFile> open(const std::string& path);
    Result<> write(std::string_view piece);
    /// Flushes, syncs and renames.
    Result<> commit();
    /// Standard output, a pipe, a device: what was written stays.
    bool in_place() const noexcept { return temporary_.empty(); }
    /// Gives up what was written so far; for a process that ends without destructors.
    void discard() noexcept;

    OutputFile(OutputFile&&) noexcept;
    OutputFile& operator=(OutputFile&&) = delete;
    ~OutputFile();

private:
    OutputFile(int fd, std::string path, std::string temporary);
    int fd_;
    std::string path_, temporary_;  ///< temporary_ is empty for what is written in place
};

/// A file, or "-" for standard input, in pieces.
class InputFile {
public:
    /// Errc::not_found, permission_denied or invalid_argument (a folder), each with the path.
    static Result<InputFile> open(const std::string& path);
    /// The next piece, at most 64 KB; empty at the end.
    Result<std::string> read();

    InputFile(InputFile&&) noexcept;
    InputFile& operator=(InputFile&&) = delete;
    ~InputFile();

private:
    InputFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
    int fd_;
    std::string path_;
};

/// The error of a failed system call on a file: errno turned into not_found, permission_denied, disk_full or io_error.
Error file_error(int error_number, const std::string& what);

}  // namespace winnow::app
