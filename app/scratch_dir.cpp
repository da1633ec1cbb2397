#include "app/scratch_dir.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "app/output_file.hpp"

namespace winnow::app {

Result<std::unique_ptr<ScratchDir>> ScratchDir::make()
{
    const char* const base = std::getenv("TMPDIR");
    std::string path = std::string(base && *base ? base : "/tmp") + "/winnow-XXXXXX";
    if (!::mkdtemp(path.data()))
        return file_error(errno, "cannot make a temporary folder " + path + " (set TMPDIR)");
    return std::unique_ptr<ScratchDir>{new ScratchDir(std::move(path))};
}

ScratchDir::~ScratchDir()
{
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

}  // namespace winnow::app
