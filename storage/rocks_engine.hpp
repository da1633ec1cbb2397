#pragma once

#include <memory>
#include <string>

#include "storage/engine.hpp"
#include "storage/rocks_kv.hpp"

namespace winnow::storage {

/// open_rocks_engine() with scripted sync failures.
Result<std::unique_ptr<Engine>> open_rocks_engine(const std::string& data_dir, EngineKeys keys, EngineOptions options,
                                                  const Clock& clock, Rng& rng, Log& log,
                                                  std::shared_ptr<SyncFaults> faults);

}  // namespace winnow::storage
