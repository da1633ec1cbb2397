#pragma once

#include <functional>
#include <memory>
#include <string>

#include "verifier/job_progress.hpp"
#include "verifier/list_estimate.hpp"
#include "verifier/list_plan.hpp"
#include "verifier/verifier.hpp"

namespace winnow::verifier {

/// What a caller adds to the making of a job.
struct JobCreation {
    std::string id;        ///< a ULID; empty = a new one
    storage::OpList with;  ///< committed together with the job, its idempotency key too
};

/// Verifications of lists as durable state machines: started, resumed after a restart, paused with a reason, finished.
/// All jobs of a Verifier share its budgets. Runs on the verifier's executor.
class VerificationJobs {
public:
    explicit VerificationJobs(Verifier& verifier);
    ~VerificationJobs();

    /// Stores and starts a job for a complete list; one open job per list (Errc::already_exists names it).
    /// `deadline` 0 = the default of the options.
    awaitable<Result<storage::JobRecord>> start(std::string workspace, std::string list_id, milliseconds deadline);
    awaitable<Result<storage::JobRecord>> start(std::string workspace, std::string list_id, milliseconds deadline,
                                                JobCreation creation);
    /// What a job would do if it started now: DNS is asked, no mail host is, and nothing is stored. `deadline` as in
    /// start(). Errc::unavailable when enough plans are being made already.
    awaitable<Result<ListPlan>> plan(std::string workspace, std::string list_id, milliseconds deadline);
    /// Verifies rows that are drawn at random, each asked once, and tells what they say about the list. Their verdicts
    /// are stored like any other. Errors as those of plan().
    awaitable<Result<ListEstimate>> estimate(std::string workspace, std::string list_id, EstimateOptions options);
    /// Continues every open job of the store; called once after start-up.
    awaitable<Result<>> resume();
    awaitable<Result<storage::JobRecord>> get(std::string workspace, std::string job_id);
    /// Rate and end of a job; nothing but zeros when it does not run here.
    JobProgress progress(const storage::JobRecord& job) const;
    awaitable<Result<>> pause(std::string workspace, std::string job_id, std::string why);
    /// The time in pause does not count: it is added to the deadline.
    awaitable<Result<>> unpause(std::string workspace, std::string job_id);
    awaitable<Result<>> cancel(std::string workspace, std::string job_id);
    /// The job once what pause() or cancel() asked for has come about: a conversation that is under way is finished
    /// first. As it stands, and still open, when that takes longer than `patience`.
    awaitable<Result<storage::JobRecord>> settled(std::string workspace, std::string job_id, milliseconds patience);
    /// Returns when the job is done, cancelled or failed; `progress` is called after each stored batch.
    awaitable<Result<storage::JobRecord>> wait(std::string workspace, std::string job_id,
                                               std::function<void(const storage::JobRecord&)> progress);
    /// Stops taking rows; what is under way is finished or left pending in the store. Returns when nothing runs.
    awaitable<void> drain();

private:
    struct Impl;
    std::shared_ptr<Impl> impl_;  ///< shared with the jobs under way
};

}  // namespace winnow::verifier
