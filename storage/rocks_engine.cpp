#include "storage/rocks_engine.hpp"

#include "storage/data_dir_lock.hpp"
#include "storage/kv_engine.hpp"
#include "storage/start_up.hpp"
#include "storage/suppression_value.hpp"

namespace winnow::storage {
namespace {

/// KvEngine that holds the directory's lock until everything else is gone.
class LockHolder {
protected:
    explicit LockHolder(DataDirLock lock) : lock_(std::move(lock)) {}

private:
    DataDirLock lock_;
};

class RocksEngine final : private LockHolder, public KvEngine {
public:
    RocksEngine(DataDirLock lock, Parts parts, const Clock& clock, Rng& rng, Log& log)
        : LockHolder(std::move(lock)), KvEngine(std::move(parts), clock, rng, log)
    {
    }
};

/// Long enough that a clock which was wrong for a while, or set back, takes nothing away.
constexpr milliseconds expiry_grace = std::chrono::days{7};

bool is_expired(Family family, std::string_view value, TimePoint now)
{
    const auto over = [now](TimePoint expires) { return expires != TimePoint{} && expires + expiry_grace <= now; };
    // What cannot be read stays where it is.
    switch (family) {
        case Family::value: {
            const auto record = decode<StoredValue>(value);
            return record && over(record->expires);
        }
        case Family::idempotency: {
            const auto record = decode<StoredOutcome>(value);
            return record && over(record->expires);
        }
        case Family::verdict: {
            const auto record = decode<VerdictRecord>(value);
            return record && over(record->expires_at);
        }
        default:
            return false;
    }
}

Error in_directory(Error error, const std::string& data_dir)
{
    error.context = "data directory " + data_dir + ": " + error.context;
    return error;
}

}  // namespace

Result<std::unique_ptr<Engine>> open_rocks_engine(const std::string& data_dir, EngineKeys keys, EngineOptions options,
                                                  const Clock& clock, Rng& rng, Log& log,
                                                  std::shared_ptr<RocksFaults> faults)
{
    WINNOW_TRY(DataDirLock lock, DataDirLock::acquire(data_dir));
    KvEngine::Parts parts;
    RocksKvOptions kv;
    kv.directory = data_dir + "/store";
    kv.cache_bytes = options.cache_bytes;
    kv.merge = merge_suppression_values;
    kv.expired = [&clock](Family family, std::string_view value) { return is_expired(family, value, clock.now()); };
    kv.faults = std::move(faults);
    const SteadyPoint began = clock.steady();
    WINNOW_TRY(parts.store, open_rocks_kv(std::move(kv)));
    auto meta = prepare_store(*parts.store, options.lanes, keys.id(), rng, format_version, migrations());
    if (!meta)
        return in_directory(std::move(meta.error()), data_dir);
    parts.meta = std::move(*meta);
    WINNOW_TRY(parts.bodies, BodySegments::open(data_dir + "/bodies"));
    WINNOW_TRY(parts.uncertain, clear_in_flight(*parts.store));
    parts.keys = std::move(keys);
    parts.options = options;
    parts.threads = true;
    log.info("storage.opened", {{"ms", std::chrono::duration_cast<milliseconds>(clock.steady() - began).count()},
                                {"format", parts.meta.format},
                                {"lanes", parts.meta.lanes},
                                {"in_flight_at_last_end", parts.uncertain}});
    return std::unique_ptr<Engine>(std::make_unique<RocksEngine>(std::move(lock), std::move(parts), clock, rng, log));
}

Result<std::unique_ptr<Engine>> open_rocks_engine(const std::string& data_dir, EngineKeys keys, EngineOptions options,
                                                  const Clock& clock, Rng& rng, Log& log)
{
    return open_rocks_engine(data_dir, std::move(keys), options, clock, rng, log, nullptr);
}

}  // namespace winnow::storage
