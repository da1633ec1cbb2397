#pragma once

#include <string>

#include "app/config.hpp"

namespace winnow::app {

/// What of `config` belongs into labs only, in one sentence, so that nobody knocks at the internet like that unawares.
/// Empty when there is nothing of it.
std::string lab_settings(const Config& config);

}  // namespace winnow::app
