#include "relay/greylist_credit.hpp"

namespace winnow::relay {

awaitable<Result<>> GreylistCredits::read(storage::Engine& engine, std::string workspace, std::string list_id,
                                          std::uint64_t first, std::size_t rows)
{
    if (options_.bounce_domain.empty() || rows == 0)
        co_return Result<>{};
    WINNOW_CO_TRY(auto results, co_await engine.row_results(std::move(workspace), std::move(list_id), first, rows));
    for (storage::RowResult& result : results)
        if (looks_like_credit(options_, result.reverse_path))
            paths_[result.number] = std::move(result.reverse_path);
    co_return Result<>{};
}

void GreylistCredits::give(std::uint64_t row, storage::MessageRecord& message, storage::OpList& ops) const
{
    const auto path = paths_.find(row);
    if (path == paths_.end())
        return;
    std::string key = credit_key(keys_, options_, path->second, message.accepted);
    if (key.empty())
        return;
    message.envelope_from = path->second;
    ops.ops.emplace_back(credit_value(std::move(key), message, options_));
}

}  // namespace winnow::relay
