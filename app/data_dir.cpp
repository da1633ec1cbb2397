#include "app/data_dir.hpp"

#include <cstdio>
#include <filesystem>

#include "app/output_file.hpp"
#include "app/runtime.hpp"

namespace winnow::app {
namespace {

namespace fs = std::filesystem;

bool says_yes(const Result<bool>& answer)
{
    return answer && *answer;
}

Error no_data(const std::string& data_dir)
{
    std::string text = "there is no winnow data in " + data_dir + ": look at --data-dir; ";
    if (const std::string inside = (fs::path(data_dir) / "data").string(); says_yes(holds_data(inside)))
        text += inside + " has some";
    else
        text += "winnow serve, verify and suppression add or import make new data";
    return {Errc::invalid_argument, text};
}

/// The folder that the key file is to be in, if it is ours to make: that of the data.
Result<> make_place_of(const std::string& data_dir)
{
    std::error_code failed;
    const fs::path above = fs::absolute(data_dir, failed).parent_path();
    if (!failed)
        fs::create_directories(above, failed);
    if (failed)
        return file_error(failed.value(), "cannot make " + above.string());
    return {};
}

Result<storage::EngineKeys> keys_of(const Config& config, const Globals& globals, bool fresh)
{
    auto keys = storage::EngineKeys::load_or_create(config.key_file, fresh);
    if (!keys && !fresh && keys.error().code == Errc::not_found && globals.config_path.empty())
        return Error{Errc::not_found, "name the configuration of " + config.data_dir +
                                          " with --config FILE: its key_file tells where the key file is; there is "
                                          "none at " +
                                          config.key_file};
    return keys;
}

}  // namespace

Result<bool> holds_data(const std::string& data_dir)
{
    std::error_code unknown;
    const bool there = fs::exists(fs::path(data_dir) / "store" / "CURRENT", unknown);
    if (unknown)
        return file_error(unknown.value(), "cannot use the data directory " + data_dir + " (data_dir)");
    return there;
}

std::string key_file_of(const std::string& data_dir, const std::string& usual)
{
    std::string beside = data_dir;
    while (beside.size() > 1 && beside.ends_with('/'))
        beside.pop_back();
    beside += ".key";
    std::error_code ignored;
    return fs::exists(beside, ignored) || !says_yes(holds_data(data_dir)) ? beside : usual;
}

Result<std::unique_ptr<storage::Engine>> open_data_dir(Runtime& runtime, const Config& config, const Globals& globals,
                                                       NewData new_data)
{
    WINNOW_TRY(const bool holds, holds_data(config.data_dir));
    const bool fresh = !holds;
    if (fresh && new_data == NewData::refused)
        return no_data(config.data_dir);
    if (fresh) {
        WINNOW_CHECK(make_place_of(config.data_dir));
    }
    WINNOW_TRY(auto keys, keys_of(config, globals, fresh));
    WINNOW_TRY(auto engine, storage::open_rocks_engine(config.data_dir, std::move(keys), config.engine, runtime.clock,
                                                       runtime.rng, runtime.log));
    if (fresh)
        std::fprintf(stderr, "winnow: new data in %s; their key file is %s\n", config.data_dir.c_str(),
                     config.key_file.c_str());
    return engine;
}

}  // namespace winnow::app
