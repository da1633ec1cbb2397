#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace winnow::test {

/// A directory of its own, removed with everything in it at the end of the scope.
class TempDir {
public:
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    const std::filesystem::path& path() const noexcept { return path_; }
    /// Absolute name of a file in it, existing or not.
    std::string file(std::string_view name) const { return (path_ / name).string(); }
    /// Writes a file and returns its absolute name.
    std::string write(std::string_view name, std::string_view content) const;
    /// The content of a file; throws std::runtime_error when it cannot be read.
    std::string read(std::string_view name) const;

private:
    std::filesystem::path path_;
};

}  // namespace winnow::test
