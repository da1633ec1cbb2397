#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/rng.hpp"
#include "storage/engine.hpp"
#include "storage/memory_disk.hpp"
#include "storage/rocks_engine.hpp"
#include "storage/rocks_faults.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/run_coro.hpp"
#include "tests/support/temp_dir.hpp"

namespace winnow::test {

/// Where an engine of the conformance suite lives. open() again after close = a restart.
class Home {
public:
    virtual ~Home() = default;
    virtual Result<std::unique_ptr<storage::Engine>> open(storage::EngineKeys keys, storage::EngineOptions options,
                                                          const Clock& clock, Rng& rng) = 0;
    /// The next sync fails.
    virtual void fail_next_sync() = 0;
    virtual void heal() = 0;
};

class MemoryHome final : public Home {
public:
    std::shared_ptr<storage::MemoryDisk> disk = storage::make_memory_disk();

    Result<std::unique_ptr<storage::Engine>> open(storage::EngineKeys keys, storage::EngineOptions options,
                                                  const Clock& clock, Rng& rng) override;
    void fail_next_sync() override;
    void heal() override;
};

/// On a RAM disk where there is one: the suite checks what is written, not how fast a disk syncs.
class RocksHome final : public Home {
public:
    TempDir dir;
    std::shared_ptr<storage::RocksFaults> faults = std::make_shared<storage::RocksFaults>();

    Result<std::unique_ptr<storage::Engine>> open(storage::EngineKeys keys, storage::EngineOptions options,
                                                  const Clock& clock, Rng& rng) override;
    void fail_next_sync() override { faults->fail_sync_after = 0; }
    void heal() override { faults->fail_sync_after = -1; }
};

Address address(std::string_view text);

/// An engine with shorthand for what most tests do. Times are relative to ManualClock::default_start.
class EngineWorld : public ::testing::Test {
public:
    static constexpr const char* ws = "w1";

    explicit EngineWorld(std::unique_ptr<Home> where);
    ~EngineWorld() override;
    void SetUp() override;
    void reopen();

    template <class T>
    T run(boost::asio::awaitable<T> story)
    {
        return test::run(io, std::move(story));
    }
    template <class T>
    T get(boost::asio::awaitable<Result<T>> story)
    {
        auto result = test::run(io, std::move(story));
        if (!result) {
            ADD_FAILURE() << result.error().message();
            return T{};
        }
        return std::move(*result);
    }
    /// One op, which must be accepted.
    storage::OpResult apply(storage::Op op);
    /// One op, which must be refused.
    boost::system::error_code refuse(storage::Op op);

    std::vector<storage::SuppressionHit> check(std::string_view who, std::string_view list = {},
                                               std::string_view workspace = ws);
    /// "workspace:bounce list:unsubscribe", in the order of the answer.
    std::string checked(std::string_view who, std::string_view list = {}, std::string_view workspace = ws);

    storage::ListRecord list(std::string id);
    storage::MessageRecord message(std::string recipient, std::string campaign = {});
    MessageRef enqueue(storage::MessageRecord record);
    storage::RecordAttempt attempt(MessageRef ref, MessageState state, ReplyClass klass, std::string reply);
    storage::RecordAttempt hard_bounce(MessageRef ref);
    storage::FlowKey flow(MessageRef ref, std::string_view domain, std::string campaign = {});
    std::vector<storage::EventRecord> events(std::uint64_t after = 0);
    /// Types of the events after `after`, joined by spaces.
    std::string event_types(std::uint64_t after = 0);
    std::string recipients(const std::vector<storage::DueItem>& items);

    boost::asio::io_context io{1};  ///< outlives the engine
    ManualClock clock;
    SeededRng rng{7};
    std::unique_ptr<Home> home_of_any;
    storage::EngineKeys keys;
    storage::EngineOptions options;
    std::unique_ptr<storage::Engine> engine;
};

/// One kind of engine, whose home a test handles as what it is.
template <class HomeType>
class EngineTest : public EngineWorld {
public:
    EngineTest() : EngineWorld(std::make_unique<HomeType>()), home(static_cast<HomeType&>(*home_of_any)) {}
    HomeType& home;
};

/// What every engine must do: TEST_P, once for each kind. Not a typed test, whose text would be compiled for each.
class AnyEngineTest : public EngineWorld, public ::testing::WithParamInterface<const char*> {
public:
    AnyEngineTest();
    Home& home;
};

#define WINNOW_FOR_EACH_ENGINE(suite)                        \
    INSTANTIATE_TEST_SUITE_P(                                \
        Engine, suite, ::testing::Values("Memory", "Rocks"), \
        [](const ::testing::TestParamInfo<const char*>& engine) { return std::string(engine.param); })

boost::system::error_code code(Errc e);

}  // namespace winnow::test
