#include "tests/verifier/job_lab.hpp"

#include <utility>

namespace winnow::verifier {

JobLab::JobLab() = default;
JobLab::~JobLab()
{
    stop_process();
}

void JobLab::start_process()
{
    verifier = std::make_unique<Verifier>(services(), options);
    jobs = std::make_unique<VerificationJobs>(*verifier);
}

void JobLab::kill_process()
{
    timers.abandon();
    for (int i = 0; i < 100'000 && io.poll_one() != 0; ++i) {}
    jobs.reset();
    verifier.reset();
}

void JobLab::stop_process()
{
    if (jobs)
        kill_process();
}

storage::ListRecord JobLab::upload_csv(const std::string& csv, UploadOptions upload_options)
{
    upload_options.workspace = ws;
    auto summary = run(upload_story(*engine, rng, upload_options, csv));
    EXPECT_TRUE(summary) << summary.error().message();
    return summary ? summary->list : storage::ListRecord{};
}

storage::ListRecord JobLab::upload(const std::vector<std::string>& addresses)
{
    std::string csv = "email\n";
    for (const std::string& address : addresses)
        csv += address + "\n";
    return upload_csv(csv);
}

awaitable<Result<UploadSummary>> JobLab::upload_story(storage::Engine& engine, Rng& rng, UploadOptions options,
                                                      std::string csv)
{
    ListIngest ingest{engine, rng, std::move(options)};
    for (std::size_t at = 0; at < csv.size(); at += 7'000) {
        std::string piece = csv.substr(at, 7'000);
        WINNOW_CO_CHECK(co_await ingest.feed(std::move(piece)));
    }
    co_return co_await ingest.finish();
}

storage::JobRecord JobLab::start(const storage::ListRecord& list, milliseconds deadline)
{
    auto job = run(jobs->start(ws, list.id, deadline));
    EXPECT_TRUE(job) << job.error().message();
    return job ? *job : storage::JobRecord{};
}

storage::JobRecord JobLab::wait(const std::string& job_id)
{
    std::function<void(const storage::JobRecord&)> no_progress;
    auto job = run(jobs->wait(ws, job_id, no_progress));
    EXPECT_TRUE(job) << job.error().message();
    return job ? *job : storage::JobRecord{};
}

storage::JobRecord JobLab::verify(const storage::ListRecord& list, milliseconds deadline)
{
    const auto job = start(list, deadline);
    return wait(job.id);
}

storage::JobRecord JobLab::stored_job(const std::string& id)
{
    return *run(engine->get_job(ws, id)).value();
}

std::vector<storage::RowResult> JobLab::results(const std::string& list_id)
{
    return run(engine->row_results(ws, list_id, 1, 1'000'000)).value();
}

std::map<Reason, std::uint64_t> JobLab::reasons(const std::string& list_id)
{
    std::map<Reason, std::uint64_t> out;
    for (const auto& result : results(list_id))
        ++out[result.verdict.reason];
    return out;
}

void JobLab::expect_complete(const storage::JobRecord& job)
{
    EXPECT_EQ(job.state, JobState::done) << job.note;
    EXPECT_EQ(job.counters.done, job.counters.total);
    EXPECT_EQ(job.counters.waiting, 0u);
    std::uint64_t sum = 0;
    for (const auto& [reason, count] : job.counters.by_reason)
        sum += count;
    EXPECT_EQ(sum, job.counters.total);
    EXPECT_EQ(reasons(job.list_id), job.counters.by_reason);
    const auto rows = run(engine->rows(ws, job.list_id, 1, 1'000'000)).value();
    const auto found = results(job.list_id);
    std::size_t expected = 0, probes = 0;
    for (const auto& row : rows)
        expected += row.duplicate_of == 0 && row.malformed.empty();
    EXPECT_EQ(found.size(), expected);
    for (const auto& result : found) {
        EXPECT_EQ(result.state, storage::RowState::done);
        EXPECT_EQ(result.job, job.id);
        probes += static_cast<std::size_t>(result.verdict.probes);
    }
    EXPECT_EQ(job.counters.probes, probes);
}

}  // namespace winnow::verifier
