#pragma once

#include <vector>

#include "storage/apply.hpp"

namespace winnow::storage {

/// Op lists that reach the disk together: one batch, one sync. Each list is accepted whole or refused whole; a refused
/// one leaves nothing behind for its neighbours.
class CommitGroup {
public:
    CommitGroup(const KeyValueStore& store, const ApplyContext& context, TimePoint now);

    /// What the list will have done once the group is on disk; nothing of it may be shown before.
    Result<Committed> add(OpList ops);

    bool empty() const noexcept { return overlay_.empty(); }
    std::size_t bytes() const noexcept { return overlay_.bytes(); }
    KvBatch batch() const { return overlay_.batch(); }
    const std::vector<DueNotice>& due_notices() const noexcept { return due_notices_; }

private:
    Result<Committed> apply(std::vector<Op>& ops);
    Result<std::optional<Committed>> replay(const OpList& ops, const std::string& key) const;

    const ApplyContext& context_;
    TimePoint now_;
    Overlay overlay_;
    std::vector<DueNotice> due_notices_;
};

}  // namespace winnow::storage
