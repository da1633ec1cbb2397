#include "verifier/jobs.hpp"

#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <map>
#include <set>

#include "core/ids.hpp"
#include "verifier/estimate_run.hpp"
#include "verifier/job_run.hpp"

namespace winnow::verifier {
namespace {

using storage::JobRecord;

constexpr milliseconds look_every{10};
constexpr milliseconds progress_every{50};
constexpr int most_forecasts = 4;  ///< under way at the same time: each reads a whole list

std::string key_of(const std::string& workspace, const std::string& id)
{
    return workspace + "/" + id;
}

Error no_such_job(const std::string& id)
{
    return {Errc::not_found, "job " + id + " does not exist"};
}

/// One of the few that may be made at a time, until destroyed.
class ForecastPlace {
public:
    explicit ForecastPlace(int& under_way) : under_way_(under_way) { ++under_way_; }
    ~ForecastPlace() { --under_way_; }
    ForecastPlace(const ForecastPlace&) = delete;
    ForecastPlace& operator=(const ForecastPlace&) = delete;
    bool free() const noexcept { return under_way_ <= most_forecasts; }

private:
    int& under_way_;
};

Error enough_forecasts()
{
    return {Errc::unavailable, "other plans and estimates are being made; ask again in a minute"};
}

}  // namespace

struct VerificationJobs::Impl : std::enable_shared_from_this<VerificationJobs::Impl> {
    explicit Impl(std::shared_ptr<Verifier::Impl> v) : verifier(std::move(v)), services(verifier->services) {}

    std::shared_ptr<Verifier::Impl> verifier;
    Services& services;
    std::map<std::string, std::shared_ptr<JobRun>> running;  ///< by workspace and id
    std::set<std::string> starting;                          ///< lists whose job is being stored
    int forecasts = 0;                                       ///< plans and estimates being made
    bool draining = false;

    void launch(JobRecord job);
    std::shared_ptr<JobRun> find(const std::string& workspace, const std::string& id) const;
    awaitable<void> until_ended(std::string workspace, std::string id, SteadyPoint most);
    awaitable<Result<JobRecord>> start(std::string workspace, std::string list_id, milliseconds deadline,
                                       JobCreation creation);
    awaitable<Result<JobRecord>> stored(std::string workspace, std::string id);
};

void VerificationJobs::Impl::launch(JobRecord job)
{
    const std::string key = key_of(job.workspace, job.id);
    if (draining || running.count(key) > 0)
        return;
    // Rows handed out before a stop may have no result yet: look at all of them again, those with one are passed over.
    job.next_row = 1;
    auto run = std::make_shared<JobRun>(verifier, std::move(job));
    running[key] = run;
    boost::asio::co_spawn(services.executor, run->run(),
                          [self = shared_from_this(), key, run](std::exception_ptr failed) {
                              self->running.erase(key);
                              if (failed)
                                  self->services.log.error("job.lost", {{"job", run->job().id}});
                          });
}

std::shared_ptr<JobRun> VerificationJobs::Impl::find(const std::string& workspace, const std::string& id) const
{
    const auto found = running.find(key_of(workspace, id));
    return found == running.end() ? nullptr : found->second;
}

awaitable<Result<JobRecord>> VerificationJobs::Impl::stored(std::string workspace, std::string id)
{
    WINNOW_CO_TRY(auto job, co_await services.engine.get_job(workspace, id));
    if (!job)
        co_return no_such_job(id);
    co_return std::move(*job);
}

/// Until a job that was told to stop has stopped, or until `most`.
awaitable<void> VerificationJobs::Impl::until_ended(std::string workspace, std::string id, SteadyPoint most)
{
    while (find(workspace, id) && services.clock.steady() < most) {
        const Wake wake = co_await sleep_for(services.timers, look_every);
        if (wake == Wake::cancelled)
            co_return;
    }
}

awaitable<Result<JobRecord>> VerificationJobs::Impl::start(std::string workspace, std::string list_id,
                                                           milliseconds deadline, JobCreation creation)
{
    storage::Engine& engine = services.engine;
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
    job.id = creation.id.empty() ? make_ulid(now, services.rng) : std::move(creation.id);
    job.list_id = list_id;
    job.state = JobState::running;
    job.created = now;
    job.started = now;
    job.deadline = now + (deadline > milliseconds{0} ? deadline : verifier->options.deadline);
    job.counters.total = list->rows - list->duplicates - list->malformed;
    job.counters.duplicates = list->duplicates;
    job.counters.malformed = list->malformed;
    storage::OpList ops = std::move(creation.with);
    ops.ops.insert(ops.ops.begin(), storage::PutJob{job});
    WINNOW_CO_TRY(const auto committed, co_await engine.commit(std::move(ops)));
    if (committed.replayed)
        co_return Error{Errc::conflict, "the job of this idempotency key was made before"};
    job.version = committed.results.front().version;
    launch(job);
    co_return job;
}

VerificationJobs::VerificationJobs(Verifier& verifier) : impl_(std::make_shared<Impl>(verifier.impl_)) {}
VerificationJobs::~VerificationJobs() = default;

awaitable<Result<JobRecord>> VerificationJobs::start(std::string workspace, std::string list_id, milliseconds deadline)
{
    JobCreation plain;
    return start(std::move(workspace), std::move(list_id), deadline, std::move(plain));
}

awaitable<Result<JobRecord>> VerificationJobs::start(std::string workspace, std::string list_id, milliseconds deadline,
                                                     JobCreation creation)
{
    const std::shared_ptr<Impl> self = impl_;
    if (self->draining)
        co_return Error{Errc::unavailable, "winnow is shutting down"};
    const std::string key = key_of(workspace, list_id);
    if (!self->starting.insert(key).second)
        co_return Error{Errc::already_exists, "a job for list " + list_id + " is being started"};
    auto job = co_await self->start(workspace, list_id, deadline, std::move(creation));
    self->starting.erase(key);
    co_return job;
}

awaitable<Result<ListPlan>> VerificationJobs::plan(std::string workspace, std::string list_id, milliseconds deadline)
{
    const std::shared_ptr<Impl> self = impl_;
    const ForecastPlace place{self->forecasts};
    if (!place.free())
        co_return enough_forecasts();
    const PlanLimits limits;
    auto plan = co_await plan_list(self->services, self->verifier->options, self->verifier, std::move(workspace),
                                   std::move(list_id), deadline, limits);
    if (plan)
        plan->dns_only = self->verifier->pipeline.dns_only_reason();
    co_return plan;
}

awaitable<Result<ListEstimate>> VerificationJobs::estimate(std::string workspace, std::string list_id,
                                                           EstimateOptions options)
{
    const std::shared_ptr<Impl> self = impl_;
    if (self->draining)
        co_return Error{Errc::unavailable, "winnow is shutting down"};
    const ForecastPlace place{self->forecasts};
    if (!place.free())
        co_return enough_forecasts();
    const auto run = std::make_shared<EstimateRun>(self->verifier, std::move(workspace), std::move(list_id));
    co_return co_await run->run(options);
}

awaitable<Result<>> VerificationJobs::resume()
{
    const std::shared_ptr<Impl> self = impl_;
    WINNOW_CO_TRY(auto open, co_await self->services.engine.open_jobs());
    for (JobRecord& job : open)
        if (job.state != JobState::paused)
            self->launch(std::move(job));
    co_return Result<>{};
}

awaitable<Result<JobRecord>> VerificationJobs::get(std::string workspace, std::string job_id)
{
    const std::shared_ptr<Impl> self = impl_;
    if (const auto run = self->find(workspace, job_id))
        co_return run->job();
    co_return co_await self->stored(workspace, job_id);
}

JobProgress VerificationJobs::progress(const JobRecord& job) const
{
    const auto run = impl_->find(job.workspace, job.id);
    return run ? run->progress() : JobProgress{};
}

awaitable<Result<>> VerificationJobs::pause(std::string workspace, std::string job_id, std::string why)
{
    const std::shared_ptr<Impl> self = impl_;
    const auto run = self->find(workspace, job_id);
    if (!run) {
        WINNOW_CO_TRY(const auto job, co_await self->stored(workspace, job_id));
        co_return Error{Errc::conflict, "job " + job_id + " is " + std::string(to_string(job.state))};
    }
    if (run->stops_as() == JobState::cancelled)
        co_return Error{Errc::conflict, "job " + job_id + " is being cancelled"};
    run->stop(JobState::paused, std::move(why));
    co_return Result<>{};
}

awaitable<Result<>> VerificationJobs::unpause(std::string workspace, std::string job_id)
{
    const std::shared_ptr<Impl> self = impl_;
    const auto run = self->find(workspace, job_id);
    if (run && run->stops_as() == JobState::paused)
        co_await self->until_ended(workspace, job_id, SteadyPoint::max());
    WINNOW_CO_TRY(auto job, co_await self->stored(workspace, job_id));
    if (job.state != JobState::paused)
        co_return Error{Errc::conflict, "job " + job_id + " is " + std::string(to_string(job.state)) + ", not paused"};
    if (job.paused != TimePoint{})
        job.deadline += self->services.engine.now() - job.paused;
    job.paused = TimePoint{};
    job.state = JobState::running;
    job.note.clear();
    auto ops = storage::OpList::of(storage::PutJob{job});
    WINNOW_CO_TRY(const auto committed, co_await self->services.engine.commit(std::move(ops)));
    job.version = committed.results.front().version;
    self->launch(std::move(job));
    co_return Result<>{};
}

awaitable<Result<>> VerificationJobs::cancel(std::string workspace, std::string job_id)
{
    const std::shared_ptr<Impl> self = impl_;
    auto run = self->find(workspace, job_id);
    if (run) {
        run->stop(JobState::cancelled, "cancelled");
        co_return Result<>{};
    }
    WINNOW_CO_TRY(auto job, co_await self->stored(workspace, job_id));
    if (!is_open(job.state))
        co_return Error{Errc::conflict, "job " + job_id + " is " + std::string(to_string(job.state))};
    // Paused, or left over by a process that stopped: it is taken up only to be ended like any other.
    self->launch(job);
    run = self->find(workspace, job_id);
    if (!run)
        co_return Error{Errc::unavailable, "winnow is shutting down"};
    run->stop(JobState::cancelled, "cancelled");
    co_return Result<>{};
}

awaitable<Result<JobRecord>> VerificationJobs::settled(std::string workspace, std::string job_id, milliseconds patience)
{
    const std::shared_ptr<Impl> self = impl_;
    const SteadyPoint most = self->services.clock.steady() + patience;
    co_await self->until_ended(workspace, job_id, most);
    co_return co_await get(std::move(workspace), std::move(job_id));
}

awaitable<Result<JobRecord>> VerificationJobs::wait(std::string workspace, std::string job_id,
                                                    std::function<void(const JobRecord&)> progress)
{
    const std::shared_ptr<Impl> self = impl_;
    for (;;) {
        const bool runs = self->find(workspace, job_id) != nullptr;
        WINNOW_CO_TRY(auto job, co_await get(workspace, job_id));
        if (progress)
            progress(job);
        if (!is_open(job.state) || job.state == JobState::paused)
            co_return job;
        if (self->draining && !runs)
            co_return Error{Errc::cancelled, "shutting down; job " + job_id + " goes on at the next start"};
        const Wake wake = co_await sleep_for(self->services.timers, progress_every);
        if (wake == Wake::cancelled)
            co_return Error{Errc::cancelled, "shutting down"};
    }
}

awaitable<void> VerificationJobs::drain()
{
    const std::shared_ptr<Impl> self = impl_;
    self->draining = true;
    for (auto& [key, run] : self->running)
        run->drain();
    co_await self->verifier->pipeline.drain();
    while (!self->running.empty()) {
        const Wake wake = co_await sleep_for(self->services.timers, look_every);
        if (wake == Wake::cancelled)
            break;
    }
}

}  // namespace winnow::verifier
