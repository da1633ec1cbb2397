// What the store does per second: suppression checks, durable suppressions from many callers at once, and the due
// index after a long history. Prints one line per figure.
//
//   storage_bench [directory]    default: a new one under the current directory, removed at the end
#include <rocksdb/db.h>
#include <stdlib.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "core/rng.hpp"
#include "storage/engine.hpp"

namespace winnow::bench {
namespace {

using namespace storage;

const SystemClock machine_clock;

double seconds_since(SteadyPoint began)
{
    return std::chrono::duration<double>(machine_clock.steady() - began).count();
}

template <class Story>
void run(boost::asio::io_context& io, Story story)
{
    boost::asio::co_spawn(io, std::move(story), [](std::exception_ptr failure) {
        if (failure)
            std::rethrow_exception(failure);
    });
}

void finish(boost::asio::io_context& io)
{
    io.restart();
    io.run();
}

SuppressionEntry entry(std::uint64_t n)
{
    SuppressionEntry made;
    made.workspace = "bench";
    made.address = "user" + std::to_string(n) + "@d" + std::to_string(n % 1000) + ".example";
    made.reason = SuppressionReason::bounce;
    made.origin = SuppressionOrigin::import_;
    return made;
}

boost::asio::awaitable<void> import(Engine& engine, std::uint64_t from, std::uint64_t to)
{
    while (from < to) {
        OpList ops;
        for (std::uint64_t end = std::min(to, from + 500); from < end; ++from)
            ops.ops.emplace_back(AddSuppression{entry(from)});
        (co_await engine.commit(std::move(ops))).value();
    }
}

boost::asio::awaitable<void> add_one_by_one(Engine& engine, std::uint64_t from, std::uint64_t count)
{
    for (std::uint64_t n = from; n < from + count; ++n) {
        OpList ops = OpList::of(AddSuppression{entry(n)});
        (co_await engine.commit(std::move(ops))).value();
    }
}

/// Checks per second of one thread over addresses [from, from + count).
double checks(const Engine& engine, std::uint64_t from, std::uint64_t count)
{
    std::vector<Address> addresses;
    for (std::uint64_t n = from; n < from + count; ++n)
        addresses.push_back(parse_address(entry(n).address).address);
    const SteadyPoint began = machine_clock.steady();
    std::size_t hits = 0;
    for (const Address& address : addresses)
        hits += engine.check("bench", "", address).value().size();
    const double took = seconds_since(began);
    std::printf("  (%zu hits)\n", hits);
    return static_cast<double>(count) / took;
}

boost::asio::awaitable<void> send(Engine& engine, std::uint64_t count)
{
    for (std::uint64_t n = 0; n < count;) {
        OpList in;
        for (int i = 0; i < 200; ++i, ++n) {
            MessageRecord message;
            message.workspace = "bench";
            message.campaign = "C";
            message.recipient = "user" + std::to_string(n) + "@example.test";
            message.domain = "example.test";
            in.ops.emplace_back(Enqueue{std::move(message), LaneId{0}});
        }
        const Committed committed = (co_await engine.commit(std::move(in))).value();
        OpList out;
        for (const OpResult& result : committed.results) {
            RecordAttempt done;
            done.ref = result.message;
            done.state = MessageState::delivered;
            done.attempt.klass = ReplyClass::delivered;
            out.ops.emplace_back(std::move(done));
        }
        (co_await engine.commit(std::move(out))).value();
    }
}

boost::asio::awaitable<void> time_due(Engine& engine)
{
    FlowKey flow;
    flow.domain = engine.digester().domain("example.test");
    flow.workspace = "bench";
    flow.campaign = "C";
    for (const char* what : {"first walk, no mark yet", "next walk, from the mark"}) {
        const SteadyPoint began = machine_clock.steady();
        const auto items = (co_await engine.due(flow, TimePoint::max(), 100)).value();
        std::printf("due() after a long history, %s: %.0f us (%zu items)\n", what, seconds_since(began) * 1e6,
                    items.size());
    }
}

/// The same keys and values straight into RocksDB: `threads` writers, one synced put each, RocksDB's own grouping.
double bare_adds(const std::string& directory, int threads, int each)
{
    rocksdb::Options options;
    options.create_if_missing = true;
    rocksdb::DB* opened = nullptr;
    if (!rocksdb::DB::Open(options, directory, &opened).ok())
        std::abort();
    const std::unique_ptr<rocksdb::DB> db(opened);
    const SteadyPoint began = machine_clock.steady();
    std::vector<std::thread> writers;
    for (int t = 0; t < threads; ++t)
        writers.emplace_back([&db, t, each] {
            rocksdb::WriteOptions sync;
            sync.sync = true;
            for (int n = 0; n < each; ++n)
                if (!db->Put(sync, "key" + std::to_string(t) + '/' + std::to_string(n), std::string(100, 'v')).ok())
                    std::abort();
        });
    for (std::thread& writer : writers)
        writer.join();
    return threads * each / seconds_since(began);
}

int main(const std::string& directory)
{
    constexpr std::uint64_t stored = 200'000;
    constexpr int callers = 64, each = 100;
    SystemRng rng;
    boost::asio::io_context io(1);
    auto engine =
        open_rocks_engine(directory + "/data", EngineKeys::fixed("bench"), {}, machine_clock, rng, null_log()).value();

    SteadyPoint began = machine_clock.steady();
    for (std::uint64_t part = 0; part < 8; ++part)
        run(io, import(*engine, part * stored / 8, (part + 1) * stored / 8));
    finish(io);
    std::printf("import: %.0f suppressions/s\n", stored / seconds_since(began));

    std::printf("check(), one thread, misses: %.0f/s\n", checks(*engine, stored * 2, 100'000));
    std::printf("check(), one thread, hits: %.0f/s\n", checks(*engine, 0, 100'000));

    began = machine_clock.steady();
    for (int c = 0; c < callers; ++c)
        run(io, add_one_by_one(*engine, stored * 3 + static_cast<std::uint64_t>(c * each), each));
    finish(io);
    std::printf("durable adds, %d callers: %.0f/s\n", callers, callers * each / seconds_since(began));
    std::printf("bare RocksDB, %d threads with a synced put each: %.0f/s\n", callers,
                bare_adds(directory + "/bare", callers, each));

    began = machine_clock.steady();
    constexpr std::uint64_t letters = 40'000;
    run(io, send(*engine, letters));
    finish(io);
    std::printf("enqueue and deliver, lists of 200, one caller: %.0f messages/s\n", letters / seconds_since(began));
    run(io, time_due(*engine));
    finish(io);
    return engine->close() ? 0 : 1;
}

}  // namespace
}  // namespace winnow::bench

int main(int argc, char** argv)
{
    if (argc > 1)
        return winnow::bench::main(argv[1]);
    std::string directory = "storage-bench-XXXXXX";
    if (::mkdtemp(directory.data()) == nullptr)
        return 1;
    const int result = winnow::bench::main(directory);
    std::error_code ignored;
    std::filesystem::remove_all(directory, ignored);
    return result;
}
