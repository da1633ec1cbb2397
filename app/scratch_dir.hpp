#pragma once

#include <memory>
#include <string>

#include "core/result.hpp"

namespace winnow::app {

/// A fresh folder under $TMPDIR (or /tmp), removed with everything in it by the destructor.
class ScratchDir {
public:
    static Result<std::unique_ptr<ScratchDir>> make();
    ~ScratchDir();
    const std::string& path() const noexcept { return path_; }

private:
    explicit ScratchDir(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

}  // namespace winnow::app
