// Of JobRun: what becomes of an answer, and how results get into the store.
#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

#include "verifier/job_run.hpp"
#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

using storage::JobRecord;
using storage::RowResult;
using storage::RowState;

/// The steps of earlier tries in front: the evidence is the whole story. What we know without asking is told once.
std::vector<Evidence> joined(std::vector<Evidence> story, std::vector<Evidence> steps)
{
    if (story.empty())
        return steps;
    for (Evidence& step : steps)
        if (step.kind != EvidenceKind::syntax && step.kind != EvidenceKind::list)
            story.push_back(std::move(step));
    return story;
}

}  // namespace

void JobRun::conclude_row(Row& row, Conclusion conclusion)
{
    --under_way_;
    if (under_way_ == 0)
        alarm_->wake();
    // Stopping is no evidence: the row stays as it is in the store and is asked when the job goes on.
    if (stopping() && conclusion.verdict.reason == Reason::not_probed)
        return;
    if (conclusion.unfit && services_.engine.now() < job_.deadline) {
        if (!unfit_)
            next_look_at_us_ = services_.clock.steady() + look_at_ourselves_every;
        unfit_ = true;
        held_.push_back(std::move(row));
        return;
    }
    const int tries = row.before.attempts + 1;
    Finished finished;
    finished.address = std::move(row.address);
    if (!conclusion.cached)
        finished.remembered_for = conclusion.digest ? conclusion.digest : digest_of(finished.address);
    finished.was_waiting = row.before.attempts > 0;
    finished.new_probes = conclusion.verdict.probes;
    RowResult& result = finished.result;
    result.number = row.before.number;
    result.job = job_.id;
    result.attempts = row.before.attempts;
    result.reverse_path = std::move(row.before.reverse_path);
    result.state = RowState::done;
    if (conclusion.suppressed) {
        finished.suppressions_known = true;
        for (const storage::SuppressionHit& hit : *conclusion.suppressed)
            result.suppressed_by.push_back(hit.to_string());
    }
    result.verdict = std::move(conclusion.verdict);
    result.verdict.probes += row.before.verdict.probes;
    result.verdict.evidence = joined(std::move(row.before.verdict.evidence), std::move(result.verdict.evidence));
    // A second question that did not get its turn takes back nothing of the answer to the first.
    if (result.verdict.reason == Reason::not_probed && finished.was_waiting) {
        result.verdict.flags = row.before.verdict.flags;
        conclude(result.verdict, row.before.verdict.reason, row.before.verdict.checked_at);
    }
    const bool again = worth_retrying(result.verdict.reason, tries) || conclusion.stranger_put_off;
    if (!conclusion.final && again)
        postpone(finished, conclusion, tries);
    finished_.push_back(std::move(finished));
    if (finished_.size() == results_per_commit)
        alarm_->wake();
}

/// Nothing for what is no address.
std::optional<storage::H16> JobRun::digest_of(const std::string& text) const
{
    const ParsedAddress parsed = parse_address(text);
    if (!parsed.valid)
        return std::nullopt;
    return services_.engine.digester().address(parsed.address);
}

/// Makes the row wait, when its time comes before the deadline.
void JobRun::postpone(Finished& row, const Conclusion& conclusion, int tries)
{
    const auto hint = conclusion.retry_hint > milliseconds{0} ? std::optional{conclusion.retry_hint} : std::nullopt;
    const TimePoint now = services_.engine.now();
    const std::string& usual_path = verifier_->options.mail_from;
    std::string& path = row.result.reverse_path;
    TimePoint due = now;
    // The first time, the row gets a path of its own, which its message can show later: introduced at once, so that it
    // has waited like any other. That is no try of the ladder.
    bool introduces = false;
    if (path.empty() && row.result.verdict.reason == Reason::greylisted && verifier_->options.greylist_path) {
        path = verifier_->options.greylist_path(conclusion.source);
        introduces = !path.empty();
    }
    if (path.empty())
        path = usual_path;
    const int waits = path == usual_path ? tries : tries - 1;
    if (!introduces)
        due = schedule_.next_attempt(conclusion.klass, waits, now, services_.rng.jitter(), hint);
    if (due >= job_.deadline)
        return;
    row.result.state = RowState::waiting;
    row.result.due = due;
    row.result.attempts = tries;
    row.result.probe_mx = conclusion.mx;
    row.result.probe_source = conclusion.source;
}

/// Stores results while more rows are handed out. Nothing else may change the job meanwhile but how far it was read.
void JobRun::flush_beside()
{
    flushing_ = true;
    boost::asio::co_spawn(services_.executor, flush_full_batches(),
                          [self = shared_from_this()](std::exception_ptr failed, Result<> ended) {
                              self->flushing_ = false;
                              self->flushed_ = failed ? Error(Errc::internal, "storing results failed") : ended;
                              self->alarm_->wake();
                          });
}

awaitable<Result<>> JobRun::flush_full_batches()
{
    while (finished_.size() >= results_per_commit) {
        WINNOW_CO_CHECK(co_await flush_batch());
        alarm_->wake();
    }
    co_return Result<>{};
}

/// The end of what flush_beside() began.
awaitable<Result<>> JobRun::flush_ended()
{
    while (flushing_) {
        WINNOW_CO_CHECK(co_await look_again());
    }
    co_return Result<>{};
}

/// The same, and how it ended.
awaitable<Result<>> JobRun::flushed()
{
    WINNOW_CO_CHECK(co_await flush_ended());
    co_return std::exchange(flushed_, Result<>{});
}

awaitable<Result<>> JobRun::flush()
{
    WINNOW_CO_CHECK(co_await flushed());
    while (!finished_.empty()) {
        WINNOW_CO_CHECK(co_await flush_batch());
    }
    co_return Result<>{};
}

awaitable<Result<>> JobRun::flush_batch()
{
    const std::size_t n = std::min(finished_.size(), results_per_commit);
    WINNOW_CO_CHECK(co_await note_suppressions(n));
    JobRecord next = job_;
    storage::PutRowResults put;
    put.workspace = job_.workspace;
    put.list_id = job_.list_id;
    put.results.reserve(n);
    put.remembered_for.reserve(n);
    for (std::size_t i = 0; i < n; ++i) {
        count(next.counters, finished_[i]);
        put.results.push_back(finished_[i].result);  // a copy: a commit that fails is tried again
        put.remembered_for.push_back(finished_[i].remembered_for);
    }
    const std::uint64_t connections = asker_->connections;
    next.counters.connections += connections - connections_stored_;
    const std::uint64_t done_now = next.counters.done - job_.counters.done;
    auto ops = storage::OpList::of(std::move(put));
    WINNOW_CO_CHECK(co_await store(std::move(ops), std::move(next)));
    connections_stored_ = connections;
    rate_.record(done_now, services_.clock.steady());
    // Not before: until then the row is still due in the store.
    for (std::size_t i = 0; i < n; ++i)
        retrying_.erase(finished_[i].result.number);
    finished_.erase(finished_.begin(), finished_.begin() + static_cast<std::ptrdiff_t>(n));
    co_return Result<>{};
}

void JobRun::count(storage::JobCounters& counters, const Finished& row)
{
    counters.probes += static_cast<std::uint64_t>(row.new_probes);
    if (row.was_waiting && counters.waiting > 0)
        --counters.waiting;
    if (row.result.state == RowState::waiting) {
        ++counters.waiting;
    } else {
        ++counters.done;
        ++counters.by_reason[row.result.verdict.reason];
    }
}

/// Of the first of `finished_`, beside the verdict and not inside it: who may not be mailed at the moment, and why.
awaitable<Result<>> JobRun::note_suppressions(std::size_t of_first)
{
    std::vector<Address> addresses;
    std::vector<std::size_t> whose;
    for (std::size_t i = 0; i < of_first; ++i) {
        if (finished_[i].suppressions_known)
            continue;
        finished_[i].result.suppressed_by.clear();
        ParsedAddress parsed = parse_address(finished_[i].address);
        if (!parsed.usable)
            continue;
        addresses.push_back(std::move(parsed.address));
        whose.push_back(i);
    }
    if (whose.empty())
        co_return Result<>{};
    WINNOW_CO_TRY(const auto checks,
                  co_await services_.engine.check_many(job_.workspace, job_.list_id, std::move(addresses)));
    for (std::size_t k = 0; k < whose.size(); ++k) {
        if (!checks[k])
            co_return checks[k].error();
        for (const storage::SuppressionHit& hit : *checks[k])
            finished_[whose[k]].result.suppressed_by.push_back(hit.to_string());
    }
    co_return Result<>{};
}

}  // namespace winnow::verifier
