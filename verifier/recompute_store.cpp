#include "verifier/recompute_store.hpp"

#include <algorithm>

namespace winnow::verifier {
namespace {

constexpr std::size_t batch = 200;
constexpr std::uint64_t samples_of_each = 3;

/// Whom a verdict is about, as far as its evidence tells.
std::string subject_of_verdict(const storage::StoredVerdict& stored)
{
    std::string domain;
    for (const Evidence& step : stored.verdict.evidence) {
        constexpr std::string_view rcpt = "RCPT TO:<", route = "route ";
        if (step.kind == EvidenceKind::rcpt && step.asked.starts_with(rcpt))
            return step.asked.substr(rcpt.size(), step.asked.size() - rcpt.size() - 1);
        if (step.kind == EvidenceKind::dns && step.asked.starts_with(route))
            domain = "somebody at " + step.asked.substr(route.size());
    }
    return domain.empty() ? "digest " + stored.address.hex() : domain;
}

bool reads_alike(const Evidence& a, const Evidence& b)
{
    return a.klass == b.klass && a.rule == b.rule;
}

bool reads_alike(const VerdictRecord& a, const VerdictRecord& b)
{
    return std::equal(a.evidence.begin(), a.evidence.end(), b.evidence.begin(), b.evidence.end(),
                      [](const Evidence& x, const Evidence& y) { return reads_alike(x, y); });
}

RecomputeSummary::Sample sample_of(const storage::StoredVerdict& stored, const VerdictRecord& fresh)
{
    RecomputeSummary::Sample sample{subject_of_verdict(stored), stored.verdict.reason, fresh.reason, {}, {}};
    for (std::size_t i = 0; i < fresh.evidence.size(); ++i)
        if (!reads_alike(stored.verdict.evidence[i], fresh.evidence[i])) {
            sample.answer = fresh.evidence[i].answer;
            sample.rule = fresh.evidence[i].rule;
        }
    return sample;
}

/// One verdict; what is to be stored is added to `revisions`.
void look_at(const storage::StoredVerdict& stored, const Rules& rules, const std::string& workspace,
             RecomputeSummary& summary, storage::OpList& revisions)
{
    ++summary.verdicts;
    VerdictRecord fresh = recompute(stored.verdict, rules);
    const bool changed = fresh.reason != stored.verdict.reason;
    const bool reread = !changed && !reads_alike(fresh, stored.verdict);
    summary.reread += reread;
    if (changed) {
        std::uint64_t& count = summary.changes[{stored.verdict.reason, fresh.reason}];
        if (++count <= samples_of_each)
            summary.samples.push_back(sample_of(stored, fresh));
    }
    if ((changed || reread) && !summary.dry_run) {
        storage::ReviseVerdict revision;
        revision.workspace = workspace;
        revision.address = stored.address;
        revision.checked_at = stored.verdict.checked_at;
        revision.verdict = std::move(fresh);
        revisions.ops.emplace_back(std::move(revision));
    }
}

}  // namespace

std::uint64_t RecomputeSummary::changed() const
{
    std::uint64_t sum = 0;
    for (const auto& [between, count] : changes)
        sum += count;
    return sum;
}

boost::asio::awaitable<Result<RecomputeSummary>> recompute_verdicts(storage::Engine& engine, Rules rules,
                                                                    std::string workspace, bool dry_run)
{
    const ReplyClassifier replies = rules.replies.snapshot();
    const Rules todays{replies, rules.providers, rules.lists};
    RecomputeSummary summary;
    summary.dry_run = dry_run;
    WINNOW_CO_TRY(const auto cursor, co_await engine.open_verdicts(workspace));
    for (;;) {
        WINNOW_CO_TRY(const auto some, co_await cursor->next(batch));
        if (some.empty())
            break;
        storage::OpList revisions;
        for (const storage::StoredVerdict& stored : some)
            look_at(stored, todays, workspace, summary, revisions);
        if (revisions.ops.empty())
            continue;
        WINNOW_CO_TRY(const auto done, co_await engine.commit(std::move(revisions)));
        for (const storage::OpResult& result : done.results)
            ++(result.revised ? summary.written : summary.overtaken);
    }
    co_return Result<RecomputeSummary>{boost::system::in_place_value, std::move(summary)};
}

}  // namespace winnow::verifier
