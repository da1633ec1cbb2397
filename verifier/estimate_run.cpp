#include "verifier/estimate_run.hpp"

#include <utility>

namespace winnow::verifier {
namespace {

/// Our own limits stood in the way, not the address or its host: in a verification with more time they would not.
bool had_no_turn(const Conclusion& conclusion)
{
    const auto& steps = conclusion.verdict.evidence;
    const bool late = !steps.empty() && steps.back().rule == "budget:not_reached";
    return conclusion.unfit || (conclusion.verdict.reason == Reason::not_probed && late);
}

}  // namespace

std::uint64_t ListEstimate::sampled(Verdict verdict) const
{
    std::uint64_t sum = 0;
    for (const auto& [reason, count] : by_reason)
        if (verdict_of(reason) == verdict)
            sum += count;
    return sum;
}

EstimateRun::EstimateRun(std::shared_ptr<Verifier::Impl> verifier, std::string workspace, std::string list_id)
    : verifier_(std::move(verifier)),
      services_(verifier_->services),
      workspace_(std::move(workspace)),
      alarm_(services_.timers.make())
{
    told_.list_id = std::move(list_id);
}

awaitable<Result<ListEstimate>> EstimateRun::run(EstimateOptions options)
{
    until_ = services_.clock.steady() + options.time;
    WINNOW_CO_TRY(const auto list, co_await services_.engine.get_list(workspace_, told_.list_id));
    if (!list)
        co_return Error{Errc::not_found, "list " + told_.list_id + " does not exist"};
    if (!list->complete)
        co_return Error{Errc::invalid_argument, "the upload of list " + told_.list_id + " is not finished"};
    WINNOW_CO_TRY(auto addresses, co_await draw(*list, options.rows));

    told_.addresses = list->rows - list->duplicates - list->malformed;
    told_.drawn = told_.unfinished = pending_ = addresses.size();
    for (std::string& address : addresses)
        verifier_->spawn(ask(std::move(address)));
    while (pending_ > 0 && services_.clock.steady() < until_) {
        const Wake wake = co_await alarm_->wait_until(until_);
        if (wake == Wake::cancelled)
            break;
    }
    over_ = true;
    verifier_->pipeline.withdraw(*asker_);
    co_return told_;
}

/// Addresses of rows that are neither malformed nor the repetition of another; fewer when the time is over.
awaitable<Result<std::vector<std::string>>> EstimateRun::draw(storage::ListRecord list, std::uint64_t how_many)
{
    std::vector<std::string> addresses;
    RandomOrder order{list.rows, services_.rng};
    while (addresses.size() < how_many && services_.clock.steady() < until_) {
        const auto number = order.next();
        if (!number)
            break;
        WINNOW_CO_TRY(auto rows, co_await services_.engine.rows(list.workspace, list.id, *number, 1));
        if (rows.empty() || rows.front().number != *number)
            continue;
        if (rows.front().duplicate_of == 0 && rows.front().malformed.empty())
            addresses.push_back(std::move(rows.front().address));
    }
    co_return addresses;
}

awaitable<void> EstimateRun::ask(std::string address)
{
    const auto self = shared_from_this();
    Question question;
    question.workspace = workspace_;
    question.text = address;
    question.deadline = until_;
    question.asker = asker_;
    std::function<void(Conclusion)> done = [self, address](Conclusion conclusion) {
        self->verifier_->spawn(self->keep(address, std::move(conclusion)));
    };
    co_await verifier_->pipeline.begin(std::move(question), std::move(done));
}

awaitable<void> EstimateRun::keep(std::string address, Conclusion conclusion)
{
    const auto self = shared_from_this();
    co_await verifier_->store(workspace_, std::move(address), conclusion);
    if (!over_)
        count(conclusion);
    if (--pending_ == 0)
        alarm_->wake();
}

void EstimateRun::count(const Conclusion& conclusion)
{
    told_.probes += static_cast<std::uint64_t>(conclusion.verdict.probes);
    if (had_no_turn(conclusion))
        return;
    --told_.unfinished;
    ++told_.by_reason[conclusion.verdict.reason];
    told_.cached += conclusion.cached ? 1 : 0;
    told_.probed += conclusion.verdict.probes > 0 ? 1 : 0;
}

}  // namespace winnow::verifier
