#include "api/probe_cap.hpp"

#include "core/duration.hpp"

namespace winnow::api {
namespace {

Problem cap_reached(const Context& context, std::int64_t probes, std::int64_t seconds_left)
{
    Problem problem;
    problem.status = 429;
    problem.code = "probe_cap_reached";
    problem.title = "The daily probe cap of the API key is reached";
    problem.detail = "This needs up to " + std::to_string(probes) + " probes and the key may cause " +
                     std::to_string(context.key.probes_per_day) +
                     " a day; the cap starts anew at midnight UTC. A key with a higher cap is made with "
                     "winnow key create --probes-per-day N.";
    problem.retry_after = seconds_left;
    return problem;
}

}  // namespace

awaitable<Checked<ProbeReservation>> reserve_probes(Context& context, std::int64_t probes)
{
    ProbeReservation reservation;
    if (probes <= 0 || !context.services.verifier.dns_only_reason().empty())
        co_return reservation;
    storage::Engine& engine = context.services.engine;
    const TimePoint now = engine.now();
    const auto today = std::chrono::floor<std::chrono::days>(now);
    const TimePoint midnight = today + std::chrono::days{1};
    reservation.seconds_left = std::chrono::ceil<std::chrono::seconds>(midnight - now).count();
    reservation.probes = probes;
    reservation.counter = "probes/" + context.key.id + "/" + format_time(today).substr(0, 10);
    // A limit of 0 would mean none to the counter.
    if (context.key.probes_per_day < probes)
        co_return cap_reached(context, probes, reservation.seconds_left);
    storage::AddCounter add{reservation.counter, probes, context.key.probes_per_day, midnight + std::chrono::hours{1}};
    auto ops = storage::OpList::of(std::move(add));
    const auto committed = co_await engine.commit(std::move(ops));
    if (!committed) {
        if (committed.error().code == Errc::limit_exceeded)
            co_return cap_reached(context, probes, reservation.seconds_left);
        co_return problem_of(committed.error());
    }
    reservation.left = context.key.probes_per_day - committed->results.front().counter;
    co_return reservation;
}

awaitable<void> give_back_probes(Context& context, ProbeReservation reservation, std::int64_t unused)
{
    if (reservation.counter.empty() || unused <= 0)
        co_return;
    storage::AddCounter add;
    add.key = reservation.counter;
    add.by = -unused;
    add.expires = context.services.engine.now() + std::chrono::days{1};  // counts only when the day is over already
    auto ops = storage::OpList::of(std::move(add));
    const auto committed = co_await context.services.engine.commit(std::move(ops));
    if (!committed)
        context.services.log.warn("probe_cap.not_given_back", {{"why", committed.error().message()}});
}

void add_rate_limit(net::HttpResponse& response, const ProbeReservation& reservation)
{
    if (reservation.counter.empty())
        return;
    response.fields.add("RateLimit", "\"probes\";r=" + std::to_string(reservation.left) +
                                         ";t=" + std::to_string(reservation.seconds_left));
}

}  // namespace winnow::api
