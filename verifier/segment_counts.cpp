#include "verifier/segment_counts.hpp"

#include "verifier/segment.hpp"

namespace winnow::verifier {
namespace {

constexpr std::size_t results_per_read = 1'000;

void add(SegmentCounts& counts, const VerdictRecord& verdict)
{
    ++counts.addresses;
    ++counts.by_verdict[verdict.verdict];
    ++counts.by_reason[verdict.reason];
    for (const Flag flag : all_values<Flag>())
        if (verdict.flags.has(flag))
            ++counts.by_flag[flag];
    ++counts.by_provider[verdict.provider.empty() ? std::string(no_provider) : verdict.provider];
}

}  // namespace

awaitable<Result<SegmentCounts>> count_segments(storage::Engine& engine, std::string workspace, std::string list_id)
{
    SegmentCounts counts;
    std::uint64_t next = 1;
    for (;;) {
        WINNOW_CO_TRY(const auto results, co_await engine.row_results(workspace, list_id, next, results_per_read));
        if (results.empty())
            co_return counts;
        for (const storage::RowResult& result : results)
            add(counts, result.verdict);
        next = results.back().number + 1;
    }
}

}  // namespace winnow::verifier
