#include "storage/commit_group.hpp"

#include <iterator>

#include "storage/suppression_value.hpp"

namespace winnow::storage {
namespace {

constexpr milliseconds idempotency_memory = std::chrono::hours{24};

}  // namespace

CommitGroup::CommitGroup(const KeyValueStore& store, const ApplyContext& context, TimePoint now)
    : context_(context), now_(now), overlay_(store, merge_suppression_values)
{
}

/// The first outcome of a list whose idempotency key has been seen; nothing when it has not.
Result<std::optional<Committed>> CommitGroup::replay(const OpList& ops, const std::string& key) const
{
    WINNOW_TRY(const auto bytes, overlay_.get(Family::idempotency, key));
    if (!bytes)
        return std::optional<Committed>();
    WINNOW_TRY(auto stored, decode<StoredOutcome>(*bytes));
    if (stored.expires <= now_)
        return std::optional<Committed>();
    if (stored.fingerprint != ops.fingerprint)
        return Error(Errc::conflict, "this idempotency key was used for another request within the last 24 hours");
    Committed committed;
    committed.results = std::move(stored.results);
    committed.replayed = true;
    return std::optional<Committed>(std::move(committed));
}

Result<Committed> CommitGroup::add(OpList ops)
{
    if (ops.idempotency_key.empty())
        return apply(ops.ops);
    std::string key = shape::named(context_.digester.text("idempotency", ops.idempotency_key));
    WINNOW_TRY(auto replayed, replay(ops, key));
    if (replayed)
        return std::move(*replayed);
    WINNOW_TRY(auto committed, apply(ops.ops));
    StoredOutcome outcome{std::move(ops.fingerprint), now_ + idempotency_memory, committed.results};
    overlay_.put(Family::idempotency, std::move(key), encode(outcome));
    return committed;
}

Result<Committed> CommitGroup::apply(std::vector<Op>& ops)
{
    Overlay scratch(&overlay_);
    Apply apply_op(scratch, context_, now_);
    Committed committed;
    committed.results.reserve(ops.size());
    for (Op& op : ops) {
        WINNOW_TRY(OpResult result, std::visit(apply_op, op.change));
        committed.results.push_back(std::move(result));
    }
    std::move(scratch).fold_into(overlay_);
    std::move(apply_op.due_notices().begin(), apply_op.due_notices().end(), std::back_inserter(due_notices_));
    return committed;
}

}  // namespace winnow::storage
