#include "core/timer.hpp"
#include "storage/kv_engine.hpp"
#include "storage/memory_kv.hpp"
#include "storage/start_up.hpp"
#include "storage/suppression_value.hpp"

namespace winnow::storage {
namespace {

/// KvEngine without threads, on a disk whose commits may take (virtual) time.
class MemoryEngine final : public KvEngine {
public:
    MemoryEngine(Parts parts, std::shared_ptr<MemoryDisk> disk, const Clock& clock, Rng& rng, Log& log)
        : KvEngine(std::move(parts), clock, rng, log), disk_(std::move(disk))
    {
    }
    awaitable<Result<Committed>> commit(OpList ops) override
    {
        const DiskFaults script = faults(*disk_);
        if (script.timers != nullptr && script.delay > milliseconds{0})
            co_await sleep_for(*script.timers, script.delay);
        co_return co_await KvEngine::commit(std::move(ops));
    }

private:
    std::shared_ptr<MemoryDisk> disk_;
};

}  // namespace

Result<std::unique_ptr<Engine>> open_memory_engine(std::shared_ptr<MemoryDisk> disk, EngineKeys keys,
                                                   EngineOptions options, const Clock& clock, Rng& rng)
{
    KvEngine::Parts parts;
    parts.store = open_memory_kv(disk, merge_suppression_values);
    WINNOW_TRY(parts.meta, prepare_store(*parts.store, options.lanes, keys.id(), rng, format_version, migrations()));
    WINNOW_TRY(parts.uncertain, clear_in_flight(*parts.store));
    parts.keys = std::move(keys);
    parts.options = options;
    return std::unique_ptr<Engine>(
        std::make_unique<MemoryEngine>(std::move(parts), std::move(disk), clock, rng, null_log()));
}

std::unique_ptr<Engine> make_memory_engine(EngineKeys keys, EngineOptions options, const Clock& clock, Rng& rng)
{
    // A fresh disk without faults has no way to refuse, unless the options are wrong: value() says so.
    return open_memory_engine(make_memory_disk(), std::move(keys), options, clock, rng).value();
}

}  // namespace winnow::storage
