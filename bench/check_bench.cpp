// How long a check of an address takes in process when its verdict is stored: from the question to the verdict with its
// evidence, through own history, the stored verdict and the suppressions of a store on disk. Prints one line per
// figure.
//
//   check_bench [directory]    default: a new one under the current directory, removed at the end
#include <stdlib.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "app/runtime.hpp"
#include "verifier/verdict_rules.hpp"
#include "verifier/verifier.hpp"

namespace winnow::bench {
namespace {

constexpr std::uint64_t stored = 200'000;
constexpr std::uint64_t asked = 50'000;
const std::string workspace = "bench";

std::string address_of(std::uint64_t n)
{
    return "user" + std::to_string(n) + "@d" + std::to_string(n % 4'000) + ".example";
}

/// As after a verification: one answer of a mail host behind each verdict.
VerdictRecord verdict_of(std::uint64_t n, TimePoint now)
{
    VerdictRecord verdict;
    Evidence step;
    step.kind = EvidenceKind::rcpt;
    step.at = now;
    step.asked = "RCPT TO:<" + address_of(n) + ">";
    step.of = "mx.example [192.0.2.1]:25";
    step.answer = "250 2.1.5 Ok";
    step.rule = "reply:accepted";
    verdict.evidence.push_back(std::move(step));
    verifier::conclude(verdict, Reason::accepted, now);
    return verdict;
}

boost::asio::awaitable<void> fill(storage::Engine& engine)
{
    for (std::uint64_t n = 0; n < stored;) {
        storage::OpList ops;
        for (const std::uint64_t end = n + 500; n < end; ++n)
            ops.ops.emplace_back(
                storage::PutVerdict{workspace, parse_address(address_of(n)).address, verdict_of(n, engine.now())});
        (co_await engine.commit(std::move(ops))).value();
    }
}

struct Times {
    std::vector<double> us;
    double at(double share) const { return us[static_cast<std::size_t>(share * static_cast<double>(us.size() - 1))]; }
};

boost::asio::awaitable<void> ask(verifier::Verifier& verifier, const Clock& clock, bool only_risk, Times& times)
{
    std::uint64_t n = 7;
    for (std::uint64_t i = 0; i < asked; ++i) {
        n = (n * 7'919 + 104'729) % stored;
        const SteadyPoint began = clock.steady();
        Reason reason = Reason::internal_error;
        if (only_risk) {
            auto said = co_await verifier.risk(workspace, address_of(n));
            reason = said.value().reason;
        } else {
            auto said = co_await verifier.check(workspace, address_of(n), std::chrono::seconds{10});
            reason = said.reason;
        }
        if (reason != Reason::accepted)
            throw std::runtime_error("not the stored verdict");
        times.us.push_back(std::chrono::duration<double, std::micro>(clock.steady() - began).count());
    }
    std::sort(times.us.begin(), times.us.end());
}

boost::asio::awaitable<int> measure(app::Runtime& runtime, storage::Engine& engine)
{
    const verifier::Services services{
        engine,           *runtime.resolver,  *runtime.connector, runtime.timers,
        runtime.clock,    runtime.rng,        runtime.log,        runtime.metrics,
        *runtime.replies, *runtime.providers, *runtime.lists,     runtime.io.get_executor()};
    verifier::Verifier verifier{services, verifier::VerifierOptions{}};
    co_await fill(engine);
    for (const bool only_risk : {false, true}) {
        Times times;
        co_await ask(verifier, runtime.clock, only_risk, times);
        std::printf("%s of a stored verdict, %llu of %llu at random: median %.1f us, 99 %% below %.1f us\n",
                    only_risk ? "risk" : "check", static_cast<unsigned long long>(asked),
                    static_cast<unsigned long long>(stored), times.at(0.5), times.at(0.99));
    }
    co_return 0;
}

int run(const std::string& directory)
{
    Log& log = null_log();
    auto runtime = app::Runtime::make(app::Config{}, log).value();
    auto engine = storage::open_rocks_engine(directory, storage::EngineKeys::fixed("bench"), {}, runtime->clock,
                                             runtime->rng, log)
                      .value();
    return app::run_to_end(*runtime, measure(*runtime, *engine));
}

}  // namespace
}  // namespace winnow::bench

int main(int argc, char** argv)
{
    if (argc > 1)
        return winnow::bench::run(argv[1]);
    char made[] = "check-bench-XXXXXX";
    if (mkdtemp(made) == nullptr)
        return 1;
    const int code = winnow::bench::run(made);
    std::filesystem::remove_all(made);
    return code;
}
