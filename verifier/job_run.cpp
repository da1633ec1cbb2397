#include "verifier/job_run.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <utility>

#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

constexpr std::size_t rows_per_read = 500;
constexpr std::size_t rows_per_start = 500;  ///< handed out with one read of what is stored about them
constexpr std::size_t max_lookups = 256;     ///< domains that are looked up at the same time
/// Rows read ahead for each one that may be under way: the more there are, the more of a domain are asked together. A
/// row waits here as its address alone.
constexpr std::size_t ahead_per_window = 40;
constexpr std::size_t max_retrying = 5'000;  ///< rows that are asked again at the same time
constexpr milliseconds flush_every{200};
constexpr milliseconds store_retry{2'000};
constexpr milliseconds longest_sleep = std::chrono::hours{1};

using storage::JobRecord;
using storage::RowResult;
using storage::RowState;

RetrySchedule schedule_of(const VerifierOptions& options)
{
    RetryOptions retry;
    retry.speedup = options.retry_speedup;
    retry.min = options.greylist_min;
    return RetrySchedule{std::move(retry)};
}

std::string_view event_of(JobState state)
{
    switch (state) {
        case JobState::done:
            return "list.completed";
        case JobState::cancelled:
            return "list.cancelled";
        default:
            return "list.failed";
    }
}

}  // namespace

bool is_open(JobState state) noexcept
{
    return state == JobState::pending || state == JobState::running || state == JobState::waiting ||
           state == JobState::paused;
}

JobRun::JobRun(std::shared_ptr<Verifier::Impl> verifier, storage::JobRecord job)
    : verifier_(std::move(verifier)),
      services_(verifier_->services),
      job_(std::move(job)),
      schedule_(schedule_of(verifier_->options)),
      alarm_(services_.timers.make()),
      deadline_(services_.clock.steady() + std::max(milliseconds{0}, job_.deadline - services_.engine.now())),
      rate_(services_.clock.steady()),
      to_hand_out_(static_cast<std::size_t>(std::max(1, verifier_->options.manners.rcpts_per_connection)))
{
    job_.note.clear();  // why it waited then
}

void JobRun::stop(JobState as, std::string why)
{
    stop_as_ = as;
    why_stopped_ = std::move(why);
    verifier_->pipeline.withdraw(*asker_);
    alarm_->wake();
}

JobProgress JobRun::progress() const
{
    return progress_of(job_, rate_.per_second(services_.clock.steady()), services_.engine.now());
}

void JobRun::drain()
{
    draining_ = true;
    alarm_->wake();
}

bool JobRun::has_room() const noexcept
{
    return verifier_->pipeline.looking_up() < max_lookups && finished_.size() < most_unstored &&
           under_way_ + finished_.size() < verifier_->options.window;
}

awaitable<void> JobRun::run()
{
    std::string failure;
    asker_->progress = [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self && self->verifier_->pipeline.looking_up() <= max_lookups / 2)
            self->alarm_->wake();
    };
    try {
        co_await loop();
    } catch (const std::exception& e) {
        failure = e.what();
    }
    // Ended with rows under way (its list is gone, or it failed): nobody waits for them.
    if (!draining_)
        verifier_->pipeline.withdraw(*asker_);
    if (failure.empty())
        co_return;
    services_.log.error("job.failed", {{"job", job_.id}, {"what", failure}});
    const auto stored = co_await enter(JobState::failed, failure);
    if (!stored)
        services_.log.error("job.not_stored", {{"job", job_.id}, {"why", stored.error().message()}});
}

awaitable<void> JobRun::loop()
{
    while (is_open(job_.state)) {
        const auto done = co_await turn();
        const bool idle = under_way_ == 0 && finished_.empty();
        if (draining_ && (idle || !done))
            co_return;
        if (!done && done.error().code == Errc::not_found) {
            const std::string why = "the list was deleted";
            const auto ended = co_await enter(JobState::failed, why);
            if (ended)
                co_return;
        }
        if (!done) {
            services_.log.warn("job.waits", {{"job", job_.id}, {"why", done.error().message()}});
            const Wake wake = co_await sleep_for(services_.timers, store_retry);
            if (wake == Wake::cancelled)
                co_return;
            continue;
        }
        if (job_.state == JobState::paused && stop_as_ == JobState::paused)
            co_return;
        if (!is_open(job_.state))
            co_return;
        const SteadyPoint next = co_await next_look();
        const Wake wake = co_await alarm_->wait_until(next);
        if (wake == Wake::cancelled)
            co_return;
    }
}

awaitable<SteadyPoint> JobRun::next_look()
{
    const SteadyPoint now = services_.clock.steady();
    if (unfit_ && under_way_ == 0 && !stopping())
        co_return std::max(now + flush_every, std::min(next_look_at_us_, deadline_));
    if (under_way_ > 0 || !handed_out_all() || stopping())
        co_return now + flush_every;
    // Only waiting rows are left: nothing happens before the first of them.
    const auto due = co_await services_.engine.next_due_row(job_.workspace, job_.list_id);
    milliseconds wait = job_.deadline - services_.engine.now();
    if (due && *due)
        wait = std::min(wait, **due - services_.engine.now());
    co_return now + std::clamp(wait, flush_every, longest_sleep);
}

/// One look at everything: new rows, rows whose wait is over, results to store, the end.
awaitable<Result<>> JobRun::turn()
{
    WINNOW_CO_CHECK(co_await flushed());
    const bool over = services_.engine.now() >= job_.deadline;
    if (unfit_ && !stopping())
        co_return co_await sit_out(over);
    if (!stopping() && !over) {
        WINNOW_CO_CHECK(co_await hand_out_due());
    }
    if (!stopping()) {
        WINNOW_CO_CHECK(co_await hand_out_new());
    }
    WINNOW_CO_CHECK(co_await flush());
    if (under_way_ > 0 || draining_ || (unfit_ && !stopping()))
        co_return Result<>{};
    if (stop_as_ != JobState::running)
        co_return co_await enter(stop_as_, why_stopped_);
    if (!handed_out_all())
        co_return Result<>{};
    if (job_.counters.waiting == 0)
        co_return co_await enter(JobState::done);
    if (over)
        co_return co_await give_up_waiting();
    if (job_.state != JobState::waiting)
        co_return co_await enter(JobState::waiting);
    co_return Result<>{};
}

/// No DNS server answers, or the self-test found us not fit to ask: nothing is handed out and no row's tries are spent
/// until that is over. The job says that it waits, and why.
awaitable<Result<>> JobRun::sit_out(bool over)
{
    WINNOW_CO_CHECK(co_await flush());
    const std::string why = verifier_->pipeline.unfit();
    if (over || why.empty()) {
        unfit_ = false;
        std::vector<Row> back;
        back.swap(held_);
        co_await start(std::move(back));
        co_return co_await enter(JobState::running);
    }
    if (under_way_ == 0 && (job_.state != JobState::waiting || job_.note != why)) {
        WINNOW_CO_CHECK(co_await enter(JobState::waiting, why));
    }
    if (services_.clock.steady() >= next_look_at_us_)
        look_at_ourselves();
    co_return Result<>{};
}

/// Beside the job's own turns: a stop does not wait for anybody's silence.
void JobRun::look_at_ourselves()
{
    next_look_at_us_ = services_.clock.steady() + look_at_ourselves_every;
    boost::asio::co_spawn(services_.executor, verifier_->pipeline.look_at_ourselves(),
                          [self = shared_from_this()](std::exception_ptr) { self->alarm_->wake(); });
}

// --- rows out

awaitable<Result<>> JobRun::hand_out_new()
{
    while (!handed_out_all() && has_room() && !stopping() && !unfit_) {
        WINNOW_CO_CHECK(co_await read_ahead());
        std::vector<Row> rows;
        for (RowOrder::Row& row : to_hand_out_.take(rows_per_start)) {
            Row& next = rows.emplace_back();
            next.address = std::move(row.address);
            next.before.number = row.number;
        }
        co_await start(std::move(rows));
        if (finished_.size() >= results_per_commit && !flushing_)
            flush_beside();
        while (must_wait() && !stopping()) {
            WINNOW_CO_CHECK(co_await look_again());
        }
    }
    co_return Result<>{};
}

/// Soon it will be otherwise: look-ups end, or a commit of results makes room.
bool JobRun::must_wait() const noexcept
{
    return verifier_->pipeline.looking_up() >= max_lookups || (flushing_ && !has_room());
}

awaitable<Result<>> JobRun::look_again()
{
    const Wake wake = co_await alarm_->wait_until(services_.clock.steady() + flush_every);
    if (wake == Wake::cancelled)
        co_return Error{Errc::cancelled, "shutting down"};
    co_return Result<>{};
}

awaitable<Result<>> JobRun::read_ahead()
{
    const std::size_t most = verifier_->options.window * ahead_per_window;
    while (!read_all_ && to_hand_out_.size() < most && !stopping()) {
        WINNOW_CO_CHECK(co_await read_page());
    }
    co_return Result<>{};
}

awaitable<Result<>> JobRun::read_page()
{
    auto& engine = services_.engine;
    WINNOW_CO_TRY(auto rows, co_await engine.rows(job_.workspace, job_.list_id, job_.next_row, rows_per_read));
    read_all_ = rows.empty();
    if (rows.empty())
        co_return Result<>{};
    const std::uint64_t first = rows.front().number;
    WINNOW_CO_TRY(const auto known, co_await engine.row_results(job_.workspace, job_.list_id, first, rows.size()));
    auto result = known.begin();
    for (storage::ListRow& row : rows) {
        job_.next_row = row.number + 1;
        // A duplicate carries the verdict of the first of its kind, a malformed row none.
        if (row.duplicate_of != 0 || !row.malformed.empty())
            continue;
        // After a restart, rows may have their result already, or wait for their time. Results of an earlier
        // verification of the list are replaced.
        while (result != known.end() && result->number < row.number)
            ++result;
        if (result != known.end() && result->number == row.number && result->job == job_.id)
            continue;
        to_hand_out_.add({row.number, std::move(row.address)});
    }
    co_return Result<>{};
}

awaitable<Result<>> JobRun::hand_out_due()
{
    const SteadyPoint now = services_.clock.steady();
    if (job_.counters.waiting == 0 || now < next_due_look_ || retrying_.size() >= max_retrying || !has_room())
        co_return Result<>{};
    // Those under way are still in the index until their result is stored: look past them.
    const std::size_t most = rows_per_read + retrying_.size();
    auto& engine = services_.engine;
    WINNOW_CO_TRY(auto due, co_await engine.due_rows(job_.workspace, job_.list_id, engine.now(), most));
    next_due_look_ = now + flush_every + milliseconds{due.size() / 10};
    std::vector<Row> again;
    for (RowResult& before : due) {
        const std::uint64_t number = before.number;
        if (before.job != job_.id || retrying_.count(number) > 0)
            continue;
        WINNOW_CO_TRY(auto rows, co_await engine.rows(job_.workspace, job_.list_id, number, 1));
        if (rows.empty() || rows.front().number != number)
            continue;
        retrying_.insert(number);
        job_.state = JobState::running;
        again.push_back({std::move(rows.front().address), std::move(before)});
    }
    co_await start(std::move(again));
    co_return Result<>{};
}

awaitable<void> JobRun::start(std::vector<Row> rows)
{
    under_way_ += rows.size();
    std::vector<Request> requests;
    requests.reserve(rows.size());
    for (Row& row : rows)
        requests.push_back(request_for(std::make_shared<Row>(std::move(row))));
    co_await verifier_->pipeline.begin(std::move(requests));
}

Request JobRun::request_for(std::shared_ptr<Row> row)
{
    Request request;
    Question& question = request.question;
    question.workspace = job_.workspace;
    question.list_id = job_.list_id;
    question.text = row->address;
    question.deadline = deadline_;
    question.asker = asker_;
    question.policies = verifier_->options.policy_evidence == PolicyEvidence::always;
    question.use_cache = row->before.attempts == 0;
    if (row->before.attempts > 0 && row->before.verdict.reason == Reason::greylisted) {
        question.only_mx = row->before.probe_mx;
        question.source = row->before.probe_source;
        question.reverse_path = row->before.reverse_path;
    }
    request.done = [self = shared_from_this(), row = std::move(row)](Conclusion c) {
        self->conclude_row(*row, std::move(c));
    };
    return request;
}

// --- the end, and the store

/// The deadline passed while rows still wait: they keep the reason of their last answer.
awaitable<Result<>> JobRun::give_up_waiting()
{
    auto& engine = services_.engine;
    for (;;) {
        WINNOW_CO_TRY(auto waiting,
                      co_await engine.due_rows(job_.workspace, job_.list_id, TimePoint::max(), rows_per_read));
        if (waiting.empty())
            break;
        JobRecord next = job_;
        for (RowResult& result : waiting) {
            result.state = RowState::done;
            ++next.counters.done;
            ++next.counters.by_reason[result.verdict.reason];
        }
        next.counters.waiting -= std::min<std::uint64_t>(next.counters.waiting, waiting.size());
        auto ops = storage::OpList::of(storage::PutRowResults{job_.workspace, job_.list_id, std::move(waiting)});
        WINNOW_CO_CHECK(co_await store(std::move(ops), std::move(next)));
    }
    co_return co_await enter(JobState::done);
}

awaitable<Result<>> JobRun::enter(JobState state)
{
    return enter(state, std::string{});
}

/// Stores another state; an end with its event.
awaitable<Result<>> JobRun::enter(JobState state, std::string note)
{
    WINNOW_CO_CHECK(co_await flush_ended());
    JobRecord next = job_;
    next.state = state;
    next.note = std::move(note);
    next.paused = state == JobState::paused ? services_.engine.now() : TimePoint{};
    storage::OpList ops;
    if (!is_open(state)) {
        next.finished = services_.engine.now();
        next.counters.waiting = 0;
        storage::EventRecord event;
        event.at = next.finished;
        event.workspace = next.workspace;
        event.type = event_of(state);
        event.list_id = next.list_id;
        ops.ops.emplace_back(storage::AppendEvent{std::move(event)});
    }
    co_return co_await store(std::move(ops), std::move(next));
}

/// Commits the job with what it has done; only then it is what job() tells.
awaitable<Result<>> JobRun::store(storage::OpList ops, JobRecord next)
{
    ops.ops.emplace_back(storage::PutJob{next});
    auto committed = co_await services_.engine.commit(std::move(ops));
    if (committed) {
        next.version = committed->results.back().version;
        next.next_row = job_.next_row;  // reading goes on beside a commit of results
        job_ = std::move(next);
        co_return Result<>{};
    }
    if (committed.error().code == Errc::conflict) {
        // An earlier commit was applied although it was reported as failed, or somebody else ended the job.
        auto current = co_await services_.engine.get_job(job_.workspace, job_.id);
        if (current && *current && !is_open((*current)->state))
            job_ = std::move(**current);
        else if (current && *current)
            job_.version = (*current)->version;
    }
    co_return committed.error();
}

}  // namespace winnow::verifier
