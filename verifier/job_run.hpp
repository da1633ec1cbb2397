#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/retry_schedule.hpp"
#include "verifier/job_progress.hpp"
#include "verifier/row_order.hpp"
#include "verifier/verifier_impl.hpp"

namespace winnow::verifier {

/// Neither done, cancelled nor failed.
bool is_open(JobState state) noexcept;

/// One job under way in this process: hands its rows out, stores their results, ends. The counters of job() cover what
/// is stored, so that they are right after a crash; rows without a stored result are asked again then.
class JobRun : public std::enable_shared_from_this<JobRun> {
public:
    JobRun(std::shared_ptr<Verifier::Impl> verifier, storage::JobRecord job);

    /// To the end of the job, or until stopped. Once.
    awaitable<void> run();
    /// Hands out nothing more, takes back what was not asked yet and ends as paused or cancelled. From now on no SMTP
    /// command is begun for its rows.
    void stop(JobState as, std::string why);
    /// The same for a shut-down: the job stays as it is in the store.
    void drain();
    JobState stops_as() const noexcept { return stop_as_; }
    const storage::JobRecord& job() const noexcept { return job_; }
    JobProgress progress() const;

private:
    static constexpr std::size_t results_per_commit = 500;
    static constexpr std::size_t most_unstored = 8 * results_per_commit;  ///< results that wait for their commit
    /// Not before the cache has forgotten what failed (DnsCacheOptions::failure_ttl).
    static constexpr milliseconds look_at_ourselves_every{20'000};

    /// A row that was concluded and is not stored yet.
    struct Finished {
        storage::RowResult result;
        std::string address;
        std::optional<storage::H16> remembered_for;  ///< PutRowResults::remembered_for
        bool suppressions_known = false;             ///< result.suppressed_by is of now
        bool was_waiting = false;
        int new_probes = 0;
    };
    /// A row in the pipeline, and what an earlier try left behind.
    struct Row {
        std::string address;
        storage::RowResult before;
    };

    bool stopping() const noexcept { return draining_ || stop_as_ != JobState::running; }
    bool has_room() const noexcept;
    bool handed_out_all() const noexcept { return read_all_ && to_hand_out_.empty(); }
    awaitable<void> loop();
    awaitable<Result<>> turn();
    awaitable<Result<>> hand_out_new();
    awaitable<Result<>> read_ahead();
    awaitable<Result<>> read_page();
    awaitable<Result<>> hand_out_due();
    awaitable<void> start(std::vector<Row> rows);
    Request request_for(std::shared_ptr<Row> row);
    void conclude_row(Row& row, Conclusion conclusion);
    void postpone(Finished& row, const Conclusion& conclusion, int tries);
    awaitable<Result<>> flush();
    void flush_beside();
    awaitable<Result<>> flush_full_batches();
    awaitable<Result<>> flush_ended();
    awaitable<Result<>> flushed();
    awaitable<Result<>> flush_batch();
    bool must_wait() const noexcept;
    awaitable<Result<>> look_again();
    static void count(storage::JobCounters& counters, const Finished& row);
    awaitable<Result<>> note_suppressions(std::size_t of_first);
    std::optional<storage::H16> digest_of(const std::string& text) const;
    awaitable<Result<>> give_up_waiting();
    awaitable<Result<>> enter(JobState state);
    awaitable<Result<>> enter(JobState state, std::string note);
    awaitable<Result<>> store(storage::OpList ops, storage::JobRecord next);
    awaitable<SteadyPoint> next_look();
    awaitable<Result<>> sit_out(bool over);
    void look_at_ourselves();

    std::shared_ptr<Verifier::Impl> verifier_;
    Services& services_;
    storage::JobRecord job_;
    const std::shared_ptr<Asker> asker_ = std::make_shared<Asker>();
    RetrySchedule schedule_;
    std::unique_ptr<Timer> alarm_;
    SteadyPoint deadline_;
    RateWindow rate_;                       ///< of rows with their result in the store
    std::uint64_t connections_stored_ = 0;  ///< of asker_->connections, those that the counters have
    std::deque<Finished> finished_;
    bool flushing_ = false;  ///< a commit of results is under way beside the handing out
    Result<> flushed_;       ///< how the last of those ended
    std::unordered_set<std::uint64_t>
        retrying_;  ///< rows that waited and are asked again, until the new result is stored
    SteadyPoint next_due_look_{};
    std::size_t under_way_ = 0;  ///< handed out, not in `finished_` yet
    RowOrder to_hand_out_;       ///< read, not handed out
    bool read_all_ = false;      ///< every row of the list was read
    bool unfit_ = false;         ///< we cannot find out anything at the moment: nothing is handed out
    std::vector<Row> held_;      ///< came back because of that; handed out again afterwards
    SteadyPoint next_look_at_us_{};
    bool draining_ = false;
    JobState stop_as_ = JobState::running;
    std::string why_stopped_;
};

}  // namespace winnow::verifier
