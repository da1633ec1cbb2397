#include "verifier/jobs.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <map>
#include <set>
#include <vector>

#include "core/ids.hpp"
#include "core/retry_schedule.hpp"
#include "verifier/verdict_rules.hpp"
#include "verifier/verifier_impl.hpp"

namespace winnow::verifier {
namespace {

constexpr std::size_t rows_per_read = 500;
constexpr std::size_t results_per_commit = 500;
constexpr std::size_t max_starting = 256;  ///< rows in precheck or DNS at the same time
constexpr milliseconds flush_every{200};
constexpr milliseconds store_retry{2'000};

using storage::JobRecord;
using storage::RowResult;
using storage::RowState;

bool open_state(JobState s) noexcept
{
    return s == JobState::pending || s == JobState::running || s == JobState::waiting || s == JobState::paused;
}

/// A row that was concluded and is not stored yet.
struct FinishedRow {
    RowResult result;
    std::string address;
    bool was_waiting = false;
    int new_probes = 0;
};

/// A job under way in this process. The counters of `job` cover what is stored, so that they are right after a crash.
struct Running {
    JobRecord job;
    std::unique_ptr<Timer> alarm;
    std::vector<FinishedRow> finished;
    std::set<std::uint64_t> retrying;  ///< rows under way that waited before
    std::size_t starting = 0;          ///< rows in precheck or DNS
    std::size_t under_way = 0;         ///< handed out, not in `finished` yet
    bool read_all = false;             ///< every row of the list was handed out once
    bool stop = false;                 ///< drain, pause or cancel: hand out nothing more
    std::string why_paused;
    JobState stop_as = JobState::running;
    SteadyPoint deadline{};
};

void count(storage::JobCounters& counters, const FinishedRow& row)
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

}  // namespace

struct VerificationJobs::Impl : std::enable_shared_from_this<VerificationJobs::Impl> {
    explicit Impl(Verifier::Impl& v) : verifier(v), services(v.services)
    {
        RetryOptions retry;
        retry.speedup = v.options.retry_speedup;
        retry.min = v.options.greylist_min;
        schedule = RetrySchedule{std::move(retry)};
    }

    Verifier::Impl& verifier;
    Services services;
    RetrySchedule schedule;
    std::map<std::string, std::shared_ptr<Running>> running;  ///< "workspace/id"
    bool draining = false;

    void launch(JobRecord job);
    awaitable<void> run(std::shared_ptr<Running> run);
    awaitable<Result<>> turn(std::shared_ptr<Running> run);
    awaitable<Result<>> hand_out_new(std::shared_ptr<Running> run);
    awaitable<Result<>> hand_out_due(std::shared_ptr<Running> run);
    awaitable<void> start_row(std::shared_ptr<Running> run, storage::ListRow row, RowResult before);
    void spawn_row(std::shared_ptr<Running> run, storage::ListRow row, RowResult before);
    void conclude_row(Running& run, std::string address, RowResult before, Conclusion conclusion);
    void skip_row(Running& run, const storage::ListRow& row);
    awaitable<Result<>> flush(std::shared_ptr<Running> run);
    Result<> note_suppressions(const Running& run, FinishedRow& row) const;
    awaitable<Result<>> give_up_waiting(std::shared_ptr<Running> run);
    awaitable<Result<>> finish(std::shared_ptr<Running> run, JobState state, std::string note);
    awaitable<Result<>> store(std::shared_ptr<Running> run, storage::OpList ops);
    bool has_room(const Running& run) const
    {
        return run.starting < max_starting && run.under_way + run.finished.size() < verifier.options.window;
    }
};

void VerificationJobs::Impl::launch(JobRecord job)
{
    const std::string key = job.workspace + "/" + job.id;
    if (draining || running.count(key) > 0)
        return;
    auto state = std::make_shared<Running>();
    state->deadline = services.clock.steady() + std::max(milliseconds{0}, job.deadline - services.engine.now());
    state->job = std::move(job);
    state->alarm = services.timers.make();
    running[key] = state;
    boost::asio::co_spawn(services.executor, run(state), [self = shared_from_this(), key](std::exception_ptr failed) {
        self->running.erase(key);
        if (!failed)
            return;
        try {
            std::rethrow_exception(failed);
        } catch (const std::exception& e) {
            self->services.log.error("job.failed", {{"job", key}, {"what", e.what()}});
        }
    });
}

awaitable<void> VerificationJobs::Impl::run(std::shared_ptr<Running> run)
{
    while (open_state(run->job.state)) {
        const auto done = co_await turn(run);
        if (!done) {
            services.log.warn("job.waits", {{"job", run->job.id}, {"why", done.error().message()}});
            if (co_await sleep_for(services.timers, store_retry) == Wake::cancelled)
                co_return;
            continue;
        }
        if (run->stop && run->under_way == 0 && run->finished.empty())
            co_return;
        if (!open_state(run->job.state))
            co_return;
        if (co_await run->alarm->wait_until(services.clock.steady() + flush_every) == Wake::cancelled)
            co_return;
    }
}

/// One look at everything: new rows, rows whose wait is over, results to store, the end.
awaitable<Result<>> VerificationJobs::Impl::turn(std::shared_ptr<Running> run)
{
    const TimePoint now = services.engine.now();
    const bool over = now >= run->job.deadline;
    if (!run->stop && !over) {
        WINNOW_CO_CHECK(co_await hand_out_due(run));
    }
    if (!run->stop) {
        WINNOW_CO_CHECK(co_await hand_out_new(run));
    }
    if (!run->finished.empty()) {
        WINNOW_CO_CHECK(co_await flush(run));
    }
    if (run->stop) {
        if (run->under_way == 0 && run->stop_as != JobState::running)
            co_return co_await finish(run, run->stop_as, run->why_paused);
        co_return Result<>{};
    }
    if (!run->read_all || run->under_way > 0 || !run->finished.empty())
        co_return Result<>{};
    if (run->job.counters.waiting == 0)
        co_return co_await finish(run, JobState::done, std::string());
    if (over)
        co_return co_await give_up_waiting(run);
    co_return Result<>{};
}

awaitable<Result<>> VerificationJobs::Impl::hand_out_new(std::shared_ptr<Running> run)
{
    JobRecord& job = run->job;
    while (!run->read_all && has_room(*run) && !run->stop) {
        WINNOW_CO_TRY(auto rows,
                      co_await services.engine.rows(job.workspace, job.list_id, job.next_row, rows_per_read));
        run->read_all = rows.empty();
        if (rows.empty())
            break;
        WINNOW_CO_TRY(const auto known, co_await services.engine.row_results(job.workspace, job.list_id,
                                                                             rows.front().number, rows.size()));
        std::map<std::uint64_t, RowState> states;
        for (const RowResult& result : known)
            states[result.number] = result.state;
        for (storage::ListRow& row : rows) {
            job.next_row = row.number + 1;
            // After a restart the rows above the stored mark may have their result already, or wait for their time.
            const auto state = states.find(row.number);
            if (state != states.end() && state->second != RowState::pending)
                continue;
            if (row.duplicate_of != 0 || !row.malformed.empty()) {
                skip_row(*run, row);
                continue;
            }
            RowResult fresh;
            fresh.number = row.number;
            spawn_row(run, std::move(row), std::move(fresh));
        }
        while (run->starting >= max_starting && !run->stop) {
            if (co_await run->alarm->wait_until(services.clock.steady() + flush_every) == Wake::cancelled)
                co_return Error{Errc::cancelled, "shutting down"};
        }
        if (run->finished.size() >= results_per_commit) {
            WINNOW_CO_CHECK(co_await flush(run));
        }
    }
    co_return Result<>{};
}

awaitable<Result<>> VerificationJobs::Impl::hand_out_due(std::shared_ptr<Running> run)
{
    JobRecord& job = run->job;
    if (job.counters.waiting == 0 || !has_room(*run))
        co_return Result<>{};
    WINNOW_CO_TRY(auto due,
                  co_await services.engine.due_rows(job.workspace, job.list_id, services.engine.now(), rows_per_read));
    for (RowResult& before : due) {
        if (run->retrying.count(before.number) > 0)
            continue;  // under way already
        WINNOW_CO_TRY(auto rows, co_await services.engine.rows(job.workspace, job.list_id, before.number, 1));
        if (rows.empty() || rows.front().number != before.number)
            continue;
        run->retrying.insert(before.number);
        spawn_row(run, std::move(rows.front()), std::move(before));
    }
    co_return Result<>{};
}

void VerificationJobs::Impl::spawn_row(std::shared_ptr<Running> run, storage::ListRow row, RowResult before)
{
    ++run->starting;
    ++run->under_way;
    const std::string address = row.address;
    auto failed_as = before;
    boost::asio::co_spawn(services.executor, start_row(run, std::move(row), std::move(before)),
                          [self = shared_from_this(), run, address, failed_as](std::exception_ptr failed) {
                              --run->starting;
                              if (failed) {
                                  Conclusion broken;
                                  conclude(broken.verdict, Reason::internal_error, self->services.engine.now());
                                  self->conclude_row(*run, address, failed_as, std::move(broken));
                              }
                              run->alarm->wake();
                          });
}

awaitable<void> VerificationJobs::Impl::start_row(std::shared_ptr<Running> run, storage::ListRow row, RowResult before)
{
    Question question;
    question.workspace = run->job.workspace;
    question.text = row.address;
    question.deadline = run->deadline;
    question.use_cache = before.attempts == 0;
    if (before.attempts > 0 && before.verdict.reason == Reason::greylisted)
        question.only_mx = before.probe_mx;
    const std::string address = row.address;
    std::function<void(Conclusion)> done = [self = shared_from_this(), run, address, before](Conclusion c) {
        self->conclude_row(*run, address, before, std::move(c));
    };
    co_await verifier.pipeline.begin(question, done);
}

/// A duplicate carries the verdict of the first of its kind, a malformed row none: both are done without being asked.
void VerificationJobs::Impl::skip_row(Running& run, const storage::ListRow& row)
{
    if (row.duplicate_of != 0)
        ++run.job.counters.duplicates;
    else
        ++run.job.counters.malformed;
}

void VerificationJobs::Impl::conclude_row(Running& run, std::string address, RowResult before, Conclusion conclusion)
{
    --run.under_way;
    // Shutting down is no evidence: the row stays as it is in the store and is asked after the restart.
    if (run.stop && conclusion.verdict.reason == Reason::not_probed)
        return;
    const TimePoint now = services.engine.now();
    FinishedRow row;
    row.address = std::move(address);
    row.was_waiting = before.attempts > 0;
    row.new_probes = conclusion.verdict.probes;
    RowResult& result = row.result;
    result.number = before.number;
    result.attempts = before.attempts;
    result.state = RowState::done;
    result.verdict = std::move(conclusion.verdict);
    result.verdict.probes += before.verdict.probes;
    // With the steps of earlier tries in front: the evidence is the whole story.
    if (!before.verdict.evidence.empty()) {
        auto story = std::move(before.verdict.evidence);
        for (Evidence& step : result.verdict.evidence)
            if (step.kind != EvidenceKind::syntax && step.kind != EvidenceKind::list)
                story.push_back(std::move(step));
        result.verdict.evidence = std::move(story);
    }
    const int tries = before.attempts + 1;
    if (worth_retrying(result.verdict.reason, tries)) {
        const auto hint = conclusion.retry_hint > milliseconds{0} ? std::optional{conclusion.retry_hint} : std::nullopt;
        const TimePoint due = schedule.next_attempt(conclusion.klass, tries, now, services.rng.jitter(), hint);
        if (due < run.job.deadline) {
            result.state = RowState::waiting;
            result.due = due;
            result.attempts = tries;
            result.probe_mx = conclusion.mx;
            result.probe_source = conclusion.source;
            result.reverse_path = verifier.options.mail_from;
        }
    }
    run.finished.push_back(std::move(row));
    if (run.finished.size() >= results_per_commit || run.under_way == 0)
        run.alarm->wake();
}

awaitable<Result<>> VerificationJobs::Impl::flush(std::shared_ptr<Running> run)
{
    while (!run->finished.empty()) {
        const JobRecord before = run->job;
        const std::size_t n = std::min(run->finished.size(), results_per_commit);
        std::vector<RowResult> batch;
        batch.reserve(n);
        for (std::size_t i = 0; i < n; ++i) {
            WINNOW_CO_CHECK(note_suppressions(*run, run->finished[i]));
            count(run->job.counters, run->finished[i]);
            batch.push_back(run->finished[i].result);
        }
        auto ops = storage::OpList::of(storage::PutRowResults{run->job.workspace, run->job.list_id, std::move(batch)});
        const auto stored = co_await store(run, std::move(ops));
        if (!stored) {
            run->job = before;
            co_return stored.error();
        }
        // Not before: until the new result is stored the row is still due in the store.
        for (std::size_t i = 0; i < n; ++i)
            run->retrying.erase(run->finished[i].result.number);
        run->finished.erase(run->finished.begin(), run->finished.begin() + static_cast<std::ptrdiff_t>(n));
    }
    co_return Result<>{};
}

/// Beside the verdict, not inside it: who may not be mailed at the moment, and why.
Result<> VerificationJobs::Impl::note_suppressions(const Running& run, FinishedRow& row) const
{
    row.result.suppressed_by.clear();
    const ParsedAddress parsed = parse_address(row.address);
    if (!parsed.usable)
        return {};
    WINNOW_TRY(const auto hits, services.engine.check(run.job.workspace, run.job.list_id, parsed.address));
    for (const storage::SuppressionHit& hit : hits)
        row.result.suppressed_by.push_back(hit.to_string());
    return {};
}

/// The deadline passed while rows still wait: they keep the reason of their last answer.
awaitable<Result<>> VerificationJobs::Impl::give_up_waiting(std::shared_ptr<Running> run)
{
    JobRecord& job = run->job;
    for (;;) {
        WINNOW_CO_TRY(auto waiting,
                      co_await services.engine.due_rows(job.workspace, job.list_id, TimePoint::max(), rows_per_read));
        if (waiting.empty())
            break;
        for (RowResult& result : waiting) {
            result.state = RowState::done;
            ++job.counters.done;
            ++job.counters.by_reason[result.verdict.reason];
        }
        job.counters.waiting -= std::min<std::uint64_t>(job.counters.waiting, waiting.size());
        auto ops = storage::OpList::of(storage::PutRowResults{job.workspace, job.list_id, std::move(waiting)});
        WINNOW_CO_CHECK(co_await store(run, std::move(ops)));
    }
    job.counters.waiting = 0;
    co_return co_await finish(run, JobState::done, std::string());
}

awaitable<Result<>> VerificationJobs::Impl::store(std::shared_ptr<Running> run, storage::OpList ops)
{
    ops.ops.emplace_back(storage::PutJob{run->job});
    WINNOW_CO_TRY(const auto committed, co_await services.engine.commit(std::move(ops)));
    run->job.version = committed.results.back().version;
    co_return Result<>{};
}

awaitable<Result<>> VerificationJobs::Impl::finish(std::shared_ptr<Running> run, JobState state, std::string note)
{
    const JobRecord before = run->job;
    run->job.state = state;
    run->job.note = std::move(note);
    storage::OpList ops;
    if (!open_state(state)) {
        run->job.finished = services.engine.now();
        storage::EventRecord event;
        event.at = run->job.finished;
        event.workspace = run->job.workspace;
        event.type = state == JobState::done ? "list.completed" : "list.cancelled";
        event.list_id = run->job.list_id;
        ops.ops.emplace_back(storage::AppendEvent{std::move(event)});
    }
    const auto stored = co_await store(run, std::move(ops));
    if (!stored)
        run->job = before;
    co_return stored;
}

VerificationJobs::VerificationJobs(Verifier& verifier) : impl_(std::make_shared<Impl>(*verifier.impl_)) {}
VerificationJobs::~VerificationJobs() = default;

awaitable<Result<JobRecord>> VerificationJobs::start(std::string workspace, std::string list_id, milliseconds deadline)
{
    const std::shared_ptr<Impl> self = impl_;
    storage::Engine& engine = self->services.engine;
    WINNOW_CO_TRY(const auto list, co_await engine.get_list(workspace, list_id));
    if (!list)
        co_return Error{Errc::not_found, "list " + list_id + " does not exist"};
    if (!list->complete)
        co_return Error{Errc::invalid_argument, "the upload of list " + list_id + " is not finished"};
    WINNOW_CO_TRY(const auto open, co_await engine.open_jobs());
    for (const JobRecord& job : open)
        if (job.workspace == workspace && job.list_id == list_id)
            co_return Error{Errc::already_exists, "list " + list_id + " is being verified by job " + job.id};

    const TimePoint now = engine.now();
    JobRecord job;
    job.workspace = workspace;
    job.id = make_ulid(now, self->services.rng);
    job.list_id = list_id;
    job.state = JobState::running;
    job.created = now;
    job.started = now;
    job.deadline = now + (deadline > milliseconds{0} ? deadline : self->verifier.options.deadline);
    job.counters.total = list->rows - list->duplicates - list->malformed;
    auto ops = storage::OpList::of(storage::PutJob{job});
    WINNOW_CO_TRY(const auto stored, co_await engine.commit(std::move(ops)));
    job.version = stored.results.front().version;
    self->launch(job);
    co_return job;
}

awaitable<Result<>> VerificationJobs::resume()
{
    const std::shared_ptr<Impl> self = impl_;
    WINNOW_CO_TRY(auto open, co_await self->services.engine.open_jobs());
    for (JobRecord& job : open) {
        if (job.state == JobState::paused)
            continue;
        // Rows handed out before the stop may have no result yet: look at all of them again, those with one are passed
        // over.
        job.next_row = 1;
        job.counters.duplicates = job.counters.malformed = 0;
        self->launch(std::move(job));
    }
    co_return Result<>{};
}

awaitable<Result<JobRecord>> VerificationJobs::get(std::string workspace, std::string job_id)
{
    const std::shared_ptr<Impl> self = impl_;
    const auto at = self->running.find(workspace + "/" + job_id);
    if (at != self->running.end())
        co_return at->second->job;
    WINNOW_CO_TRY(auto job, co_await self->services.engine.get_job(workspace, job_id));
    if (!job)
        co_return Error{Errc::not_found, "job " + job_id + " does not exist"};
    co_return std::move(*job);
}

awaitable<Result<>> VerificationJobs::pause(std::string workspace, std::string job_id, std::string why)
{
    const std::shared_ptr<Impl> self = impl_;
    const auto at = self->running.find(workspace + "/" + job_id);
    if (at == self->running.end())
        co_return Error{Errc::conflict, "job " + job_id + " is not running"};
    at->second->stop = true;
    at->second->stop_as = JobState::paused;
    at->second->why_paused = std::move(why);
    at->second->alarm->wake();
    co_return Result<>{};
}

awaitable<Result<>> VerificationJobs::unpause(std::string workspace, std::string job_id)
{
    const std::shared_ptr<Impl> self = impl_;
    WINNOW_CO_TRY(auto job, co_await self->services.engine.get_job(workspace, job_id));
    if (!job)
        co_return Error{Errc::not_found, "job " + job_id + " does not exist"};
    if (job->state != JobState::paused)
        co_return Error{Errc::conflict, "job " + job_id + " is " + std::string(to_string(job->state)) + ", not paused"};
    job->state = JobState::running;
    job->note.clear();
    job->next_row = 1;
    job->counters.duplicates = job->counters.malformed = 0;
    auto ops = storage::OpList::of(storage::PutJob{*job});
    WINNOW_CO_TRY(const auto stored, co_await self->services.engine.commit(std::move(ops)));
    job->version = stored.results.front().version;
    self->launch(std::move(*job));
    co_return Result<>{};
}

awaitable<Result<>> VerificationJobs::cancel(std::string workspace, std::string job_id)
{
    const std::shared_ptr<Impl> self = impl_;
    const auto at = self->running.find(workspace + "/" + job_id);
    if (at != self->running.end()) {
        at->second->stop = true;
        at->second->stop_as = JobState::cancelled;
        at->second->why_paused = "cancelled";
        at->second->alarm->wake();
        co_return Result<>{};
    }
    WINNOW_CO_TRY(auto job, co_await self->services.engine.get_job(workspace, job_id));
    if (!job)
        co_return Error{Errc::not_found, "job " + job_id + " does not exist"};
    if (!open_state(job->state))
        co_return Error{Errc::conflict, "job " + job_id + " is " + std::string(to_string(job->state))};
    job->state = JobState::cancelled;
    job->finished = self->services.engine.now();
    auto ops = storage::OpList::of(storage::PutJob{*job});
    WINNOW_CO_CHECK(co_await self->services.engine.commit(std::move(ops)));
    co_return Result<>{};
}

awaitable<Result<JobRecord>> VerificationJobs::wait(std::string workspace, std::string job_id,
                                                    std::function<void(const JobRecord&)> progress)
{
    const std::shared_ptr<Impl> self = impl_;
    for (;;) {
        WINNOW_CO_TRY(auto job, co_await get(workspace, job_id));
        if (progress)
            progress(job);
        if (!open_state(job.state) || job.state == JobState::paused)
            co_return job;
        if (co_await sleep_for(self->services.timers, milliseconds{50}) == Wake::cancelled)
            co_return Error{Errc::cancelled, "shutting down"};
    }
}

awaitable<void> VerificationJobs::drain()
{
    const std::shared_ptr<Impl> self = impl_;
    self->draining = true;
    for (auto& [key, run] : self->running) {
        run->stop = true;
        run->alarm->wake();
    }
    co_await self->verifier.pipeline.drain();
    while (!self->running.empty())
        if (co_await sleep_for(self->services.timers, milliseconds{10}) == Wake::cancelled)
            break;
}

}  // namespace winnow::verifier
