#pragma once

#include <memory>
#include <string>

#include "app/commands.hpp"
#include "storage/engine.hpp"

namespace winnow::app {

/// What a command does where --data-dir names a folder without winnow's data.
enum class NewData {
    refused,  ///< an empty answer to a mistyped name would pass for the truth
    made,     ///< the command brings the first data; a line on standard error tells of the new folder
};

/// Whether a store was ever made there. Errors name the folder: what cannot be looked into must not pass for empty.
Result<bool> holds_data(const std::string& data_dir);

/// Where the key of `data_dir` is when no setting says it: DIR.key beside the folder if there is one, or if the data
/// are still to be made; else `usual`.
std::string key_file_of(const std::string& data_dir, const std::string& usual);

/// The store of `config`, with its key. Where nothing is to be made nothing is, not even a folder:
/// Errc::invalid_argument says what to look at.
Result<std::unique_ptr<storage::Engine>> open_data_dir(Runtime& runtime, const Config& config, const Globals& globals,
                                                       NewData new_data);

}  // namespace winnow::app
