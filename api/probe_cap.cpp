#include "api/probe_cap.hpp"

#include "core/duration.hpp"

namespace winnow::api {
namespace {

/// The days of the cap are those of UTC.
struct Day {
    explicit Day(TimePoint at)
        : begin(std::chrono::floor<std::chrono::days>(at)),
          end(begin + std::chrono::days{1}),
          seconds_left(std::chrono::ceil<std::chrono::seconds>(end - at).count())
    {
    }
    TimePoint begin, end;
    std::int64_t seconds_left;
};

std::string what_is_missing(const ApiKey& key, std::int64_t probes)
{
    return "up to " + std::to_string(probes) + " probes and the key may cause " + std::to_string(key.probes_per_day) +
           " a day";
}

Problem cap_reached(const Context& context, std::int64_t probes)
{
    Problem problem;
    problem.status = 429;
    problem.code = "probe_cap_reached";
    problem.title = "The daily probe cap of the API key is reached";
    problem.detail = "This needs " + what_is_missing(context.key, probes) +
                     "; the cap starts anew at midnight UTC. A key with a higher cap is made with "
                     "winnow key create --probes-per-day N.";
    problem.retry_after = Day{context.services.engine.now()}.seconds_left;
    return problem;
}

}  // namespace

awaitable<Result<ProbeReservation>> reserve_probes(storage::Engine& engine, ApiKey key, std::int64_t probes)
{
    const Day today{engine.now()};
    const Error refused{Errc::limit_exceeded, "the daily probe cap of API key " + key.id + " is reached: this needs " +
                                                  what_is_missing(key, probes)};
    ProbeReservation reservation;
    reservation.seconds_left = today.seconds_left;
    reservation.probes = probes;
    reservation.counter = "probes/" + key.id + "/" + format_time(today.begin).substr(0, 10);
    // A limit of 0 would mean none to the counter.
    if (key.probes_per_day < probes)
        co_return refused;
    storage::AddCounter add{reservation.counter, probes, key.probes_per_day, today.end + std::chrono::hours{1}};
    auto ops = storage::OpList::of(std::move(add));
    const auto committed = co_await engine.commit(std::move(ops));
    if (!committed && committed.error().code == Errc::limit_exceeded)
        co_return refused;
    if (!committed)
        co_return committed.error();
    reservation.left = key.probes_per_day - committed->results.front().counter;
    co_return reservation;
}

awaitable<Result<>> give_back_probes(storage::Engine& engine, ProbeReservation reservation, std::int64_t unused)
{
    if (reservation.counter.empty() || unused <= 0)
        co_return Result<>{};
    storage::AddCounter add;
    add.key = reservation.counter;
    add.by = -unused;
    add.expires = engine.now() + std::chrono::days{1};  // counts only when the day is over already
    auto ops = storage::OpList::of(std::move(add));
    WINNOW_CO_CHECK(co_await engine.commit(std::move(ops)));
    co_return Result<>{};
}

awaitable<Checked<ProbeReservation>> reserve_probes(Context& context, std::int64_t probes)
{
    if (probes <= 0 || !context.services.verifier.dns_only_reason().empty())
        co_return ProbeReservation{};
    auto reserved = co_await reserve_probes(context.services.engine, context.key, probes);
    if (reserved)
        co_return std::move(*reserved);
    if (reserved.error().code == Errc::limit_exceeded)
        co_return cap_reached(context, probes);
    co_return problem_of(reserved.error());
}

awaitable<void> give_back_probes(Context& context, ProbeReservation reservation, std::int64_t unused)
{
    const auto given = co_await give_back_probes(context.services.engine, std::move(reservation), unused);
    if (!given)
        context.services.log.warn("probe_cap.not_given_back", {{"why", given.error().message()}});
}

void add_rate_limit(net::HttpResponse& response, const ProbeReservation& reservation)
{
    if (reservation.counter.empty())
        return;
    response.fields.add("RateLimit", "\"probes\";r=" + std::to_string(reservation.left) +
                                         ";t=" + std::to_string(reservation.seconds_left));
}

}  // namespace winnow::api
