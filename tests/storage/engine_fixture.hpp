#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
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
struct MemoryHome {
    std::shared_ptr<storage::MemoryDisk> disk = storage::make_memory_disk();

    Result<std::unique_ptr<storage::Engine>> open(storage::EngineKeys keys, storage::EngineOptions options,
                                                  const Clock& clock, Rng& rng)
    {
        return storage::open_memory_engine(disk, std::move(keys), options, clock, rng);
    }
    /// The next sync fails.
    void fail_next_sync()
    {
        storage::DiskFaults faults;
        faults.fail_sync_after = 0;
        storage::set_faults(*disk, faults);
    }
    void heal() { storage::set_faults(*disk, {}); }
};

struct RocksHome {
    TempDir dir;
    std::shared_ptr<storage::RocksFaults> faults = std::make_shared<storage::RocksFaults>();

    Result<std::unique_ptr<storage::Engine>> open(storage::EngineKeys keys, storage::EngineOptions options,
                                                  const Clock& clock, Rng& rng)
    {
        return storage::open_rocks_engine(dir.path(), std::move(keys), options, clock, rng, null_log(), faults);
    }
    void fail_next_sync() { faults->fail_sync_after = 0; }
    void heal() { faults->fail_sync_after = -1; }
};

/// On a RAM disk where there is one: the suite checks what is written, not how fast a disk syncs.
inline const bool quick_temporary_files = [] {
    if (std::filesystem::is_directory("/dev/shm"))
        ::setenv("TMPDIR", "/dev/shm", 0);
    return true;
}();

inline Address address(std::string_view text)
{
    const ParsedAddress parsed = parse_address(text);
    EXPECT_TRUE(parsed.valid) << text << ": " << parsed.detail;
    return parsed.address;
}

/// An engine with shorthand for what most tests do. Times are relative to ManualClock::default_start.
template <class Home>
class EngineTest : public ::testing::Test {
public:
    static constexpr const char* ws = "w1";

    boost::asio::io_context io{1};  ///< outlives the engine
    ManualClock clock;
    SeededRng rng{7};
    Home home;
    storage::EngineKeys keys = storage::EngineKeys::fixed("test");
    storage::EngineOptions options;
    std::unique_ptr<storage::Engine> engine;

    void SetUp() override
    {
        options.lanes = 8;
        options.cache_bytes = 4u << 20;
        reopen();
    }
    void reopen()
    {
        engine.reset();
        auto opened = home.open(keys, options, clock, rng);
        ASSERT_TRUE(opened) << opened.error().message();
        engine = std::move(*opened);
    }

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
    template <class Op>
    storage::OpResult apply(Op op)
    {
        auto committed = run(engine->commit(storage::OpList::of(std::move(op))));
        if (!committed) {
            ADD_FAILURE() << committed.error().message();
            return {};
        }
        return std::move(committed->results.at(0));
    }
    /// One op, which must be refused.
    template <class Op>
    boost::system::error_code refuse(Op op)
    {
        auto committed = run(engine->commit(storage::OpList::of(std::move(op))));
        EXPECT_FALSE(committed);
        return committed ? boost::system::error_code{} : committed.error().code;
    }

    std::vector<storage::SuppressionHit> check(std::string_view who, std::string_view list = {},
                                               std::string_view workspace = ws)
    {
        auto hits = engine->check(workspace, list, address(who));
        EXPECT_TRUE(hits);
        return hits ? std::move(*hits) : std::vector<storage::SuppressionHit>{};
    }
    /// "workspace:bounce list:unsubscribe", in the order of the answer.
    std::string checked(std::string_view who, std::string_view list = {}, std::string_view workspace = ws)
    {
        std::string text;
        for (const auto& hit : check(who, list, workspace))
            text += (text.empty() ? "" : " ") + hit.to_string() + (hit.whole_domain ? "/domain" : "");
        return text;
    }

    storage::ListRecord list(std::string id)
    {
        storage::ListRecord record;
        record.workspace = ws;
        record.id = std::move(id);
        record.name = "a list";
        return record;
    }
    storage::MessageRecord message(std::string recipient, std::string campaign = {})
    {
        storage::MessageRecord record;
        record.workspace = ws;
        record.campaign = std::move(campaign);
        record.recipient = std::move(recipient);
        record.domain = record.recipient.substr(record.recipient.rfind('@') + 1);
        record.state = MessageState::queued;
        record.due = clock.now();
        return record;
    }
    MessageRef enqueue(storage::MessageRecord record) { return apply(storage::Enqueue{std::move(record)}).message; }
    storage::RecordAttempt attempt(MessageRef ref, MessageState state, ReplyClass klass, std::string reply)
    {
        storage::RecordAttempt op;
        op.ref = ref;
        op.state = state;
        op.attempt.at = clock.now();
        op.attempt.mx = "mx1.example.test [192.0.2.1]";
        op.attempt.stage = Stage::rcpt;
        op.attempt.klass = klass;
        op.attempt.reply = std::move(reply);
        op.attempt.rule = "g1";
        return op;
    }
    storage::RecordAttempt hard_bounce(MessageRef ref)
    {
        auto op = attempt(ref, MessageState::bounced, ReplyClass::mailbox_unknown, "550 5.1.1 no such user");
        op.clear = true;
        return op;
    }
    storage::FlowKey flow(MessageRef ref, std::string_view domain, std::string campaign = {})
    {
        storage::FlowKey key;
        key.lane = ref.lane;
        key.mail_class = MailClass::bulk;
        key.domain = engine->digester().domain(domain);
        key.workspace = ws;
        key.campaign = std::move(campaign);
        return key;
    }
    std::vector<storage::EventRecord> events(std::uint64_t after = 0) { return get(engine->events(ws, after, 1000)); }
    /// Types of the events after `after`, joined by spaces.
    std::string event_types(std::uint64_t after = 0)
    {
        std::string text;
        for (const auto& event : events(after))
            text += (text.empty() ? "" : " ") + event.type;
        return text;
    }
    std::string recipients(const std::vector<storage::DueItem>& items)
    {
        std::string text;
        for (const auto& item : items)
            text += (text.empty() ? "" : " ") + get(engine->get_message(item.ref))->recipient;
        return text;
    }
};

struct HomeNames {
    template <class Home>
    static std::string GetName(int)
    {
        return std::is_same_v<Home, MemoryHome> ? "Memory" : "Rocks";
    }
};
/// Both engines.
using Homes = ::testing::Types<MemoryHome, RocksHome>;

inline auto code(Errc e)
{
    return make_error_code(e);
}

}  // namespace winnow::test
