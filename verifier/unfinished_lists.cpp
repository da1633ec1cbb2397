#include "verifier/unfinished_lists.hpp"

#include <utility>
#include <vector>

#include "storage/engine.hpp"

namespace winnow::verifier {
namespace {

constexpr std::size_t lists_per_read = 500;

}  // namespace

boost::asio::awaitable<Result<std::size_t>> discard_unfinished_lists(storage::Engine& engine, std::string workspace)
{
    std::size_t discarded = 0;
    std::string after;
    for (;;) {
        WINNOW_CO_TRY(const auto lists, co_await engine.lists(workspace, after, lists_per_read));
        if (lists.empty())
            co_return discarded;
        after = lists.back().id;
        for (const storage::ListRecord& list : lists) {
            if (list.complete)
                continue;
            // One by one: what is left after a fault is for the next start.
            auto ops = storage::OpList::of(storage::DeleteList{workspace, list.id});
            WINNOW_CO_CHECK(co_await engine.commit(std::move(ops)));
            ++discarded;
        }
    }
}

}  // namespace winnow::verifier
