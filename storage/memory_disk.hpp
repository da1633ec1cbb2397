#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "core/clock.hpp"

namespace winnow {
class TimerSource;
}

namespace winnow::storage {

class MemoryDisk;

/// What a MemoryEngine stands on, and the place where its faults are scripted. It outlives engines: opening a second
/// one on the same disk is a restart. Thread-safe.
std::shared_ptr<MemoryDisk> make_memory_disk();

struct DiskFaults {
    /// This many syncs succeed, then one fails; negative = never. The engine turns read-only, as on a real disk.
    int fail_sync_after = -1;
    /// What happens to the writes of a failed sync at the next restart: a real disk does either.
    bool failed_writes_survive = false;
    /// Each commit takes this long on `timers` (virtual time in a simulation) before anything of it is visible.
    milliseconds delay{0};
    TimerSource* timers = nullptr;
};
void set_faults(MemoryDisk& disk, DiskFaults faults);
DiskFaults faults(const MemoryDisk& disk);

/// The machine stops: writes that were not synced are lost, engines still open on the disk fail from now on. Open a
/// new engine to go on.
void crash(MemoryDisk& disk);

/// Flips one bit of the stored value of the first key of a family ("message", "suppression", ... as in
/// docs/storage-format.md). False when it is empty.
bool damage_first_value(MemoryDisk& disk, std::string_view family);
/// All keys and, when asked, values of the disk, one after the other: for tests that grep.
std::string dump(const MemoryDisk& disk, bool values);

}  // namespace winnow::storage
