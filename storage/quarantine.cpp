#include "storage/quarantine.hpp"

#include "storage/key_shapes.hpp"

namespace winnow::storage {

void Quarantine::keep(Family family, std::string_view key, std::string_view bytes, const Error& why)
{
    std::string name = shape::quarantine(family, key);
    const auto known = store_.get(Family::quarantine, name);
    if (known && *known)
        return;
    log_.error("storage.record_unreadable",
               {{"family", to_string(family)}, {"bytes", bytes.size()}, {"cause", why.message()}});
    KvBatch batch;
    batch.put(Family::quarantine, std::move(name), std::string(bytes));
    // In a read-only store this fails; the original stays where it is all the same.
    if (const auto written = store_.write(batch, false); !written)
        log_.warn("storage.quarantine_failed", {{"cause", written.error().message()}});
}

}  // namespace winnow::storage
