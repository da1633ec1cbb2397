#pragma once

#include <memory>
#include <string>
#include <vector>

#include "verifier/list_estimate.hpp"
#include "verifier/verifier_impl.hpp"

namespace winnow::verifier {

/// Verifies rows of a list that are drawn at random, each asked once; their verdicts are stored like any other. Shared
/// with the rows that come after the estimate was told.
class EstimateRun : public std::enable_shared_from_this<EstimateRun> {
public:
    EstimateRun(std::shared_ptr<Verifier::Impl> verifier, std::string workspace, std::string list_id);

    /// Once. Errc::not_found without such a list, invalid_argument while its upload is not finished.
    awaitable<Result<ListEstimate>> run(EstimateOptions options);

private:
    awaitable<Result<std::vector<std::string>>> draw(storage::ListRecord list, std::uint64_t how_many);
    awaitable<void> ask(std::string address);
    awaitable<void> keep(std::string address, Conclusion conclusion);
    void count(const Conclusion& conclusion);

    std::shared_ptr<Verifier::Impl> verifier_;
    Services& services_;
    std::string workspace_;
    const std::shared_ptr<Asker> asker_ = std::make_shared<Asker>();
    std::unique_ptr<Timer> alarm_;
    SteadyPoint until_{};
    ListEstimate told_;
    std::uint64_t pending_ = 0;
    bool over_ = false;  ///< what comes now is stored and not counted
};

}  // namespace winnow::verifier
