#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/verifier/probe_lab.hpp"
#include "verifier/jobs.hpp"
#include "verifier/list_export.hpp"
#include "verifier/list_ingest.hpp"

namespace winnow::verifier {

/// Jobs over a ProbeLab. stop_process() and start_process() are a restart: a new Verifier on the same store.
class JobLab : public ProbeLab {
public:
    JobLab();
    ~JobLab();

    void start_process();
    /// As a kill: coroutines end where they wait, nothing is stored any more.
    void kill_process();
    void stop_process();

    storage::ListRecord upload_csv(const std::string& csv, UploadOptions upload_options = {});
    storage::ListRecord upload(const std::vector<std::string>& addresses);
    static awaitable<Result<UploadSummary>> upload_story(storage::Engine& engine, Rng& rng, UploadOptions options,
                                                         std::string csv);

    storage::JobRecord start(const storage::ListRecord& list, milliseconds deadline = std::chrono::hours{2});
    storage::JobRecord wait(const std::string& job_id);
    storage::JobRecord verify(const storage::ListRecord& list, milliseconds deadline = std::chrono::hours{2});
    storage::JobRecord stored_job(const std::string& id);
    std::vector<storage::RowResult> results(const std::string& list_id);
    std::map<Reason, std::uint64_t> reasons(const std::string& list_id);

    /// Every row that is neither duplicate nor malformed has exactly one final result, and the counters say so.
    void expect_complete(const storage::JobRecord& job);

    std::unique_ptr<Verifier> verifier;
    std::unique_ptr<VerificationJobs> jobs;
};

}  // namespace winnow::verifier
