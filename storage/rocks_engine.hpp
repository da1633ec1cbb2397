#pragma once

#include <memory>
#include <string>

#include "storage/engine.hpp"
#include "storage/rocks_kv.hpp"

namespace winnow::storage {

/// open_rocks_engine() on a scripted disk (storage/rocks_faults.hpp).
Result<std::unique_ptr<Engine>> open_rocks_engine(const std::string& data_dir, EngineKeys keys, EngineOptions options,
                                                  const Clock& clock, Rng& rng, Log& log,
                                                  std::shared_ptr<RocksFaults> faults);

}  // namespace winnow::storage
