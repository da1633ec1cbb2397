// The power goes at an arbitrary moment and the disk keeps only what had been synced. What was acknowledged before is
// there. (kill_test.cpp kills the process instead: then the kernel still writes what it has.)
#include <set>

#include "tests/storage/engine_fixture.hpp"
#include "tests/support/spawn.hpp"

namespace winnow::test {
namespace {

using namespace storage;

class PowerLoss : public EngineTest<RocksHome> {
public:
    std::set<std::string> acknowledged;
    std::size_t stop_at = 0;

    /// Writes until the power is off; what is answered later no longer counts.
    static boost::asio::awaitable<void> write(PowerLoss& test, std::string prefix)
    {
        for (int n = 0; !test.home.faults->is_off(); ++n) {
            const std::string id = prefix + '-' + std::to_string(n);
            MessageRecord message = test.message("a@example.test");
            message.id = id;
            OpList ops =
                OpList::of(Enqueue{std::move(message)}, PutBody{id, std::string(300, 'x')}, PutValue{"seen/" + id, id});
            const auto committed = co_await test.engine->commit(std::move(ops));
            if (!committed || test.home.faults->is_off())
                co_return;
            test.acknowledged.insert(id);
            if (test.acknowledged.size() >= test.stop_at)
                test.home.faults->power_off();
        }
    }
    void write_until_the_power_goes(int round, std::size_t more)
    {
        stop_at = acknowledged.size() + more;
        for (int w = 0; w < 8; ++w)
            spawn(io, write(*this, std::to_string(round) + '.' + std::to_string(w)));
        io.restart();
        io.run();
        ASSERT_TRUE(engine->close());
        engine.reset();
        ASSERT_TRUE(home.faults->lose_unsynced());
    }
};

TEST_F(PowerLoss, LosesNothingThatWasAcknowledgedAndNothingByHalves)
{
    for (int round = 0; round < 6; ++round) {
        write_until_the_power_goes(round, 1 + rng.below(120));
        reopen();
        ASSERT_TRUE(engine);
        for (const std::string& id : acknowledged)
            ASSERT_TRUE(get(engine->find_message(ws, id))) << "round " << round << ": lost " << id;
        std::uint64_t messages = 0;
        for (std::uint64_t seq = 1;; ++seq) {
            const auto found = get(engine->get_message(MessageRef{lane_of({}, "example.test", 8), seq}));
            if (!found)
                break;
            ++messages;
            ASSERT_EQ(get(engine->get_value("seen/" + found->id)), found->id);
            ASSERT_EQ(get(engine->get_body(found->id)).size(), 300u);
        }
        ASSERT_GE(messages, acknowledged.size());
        ASSERT_EQ(get(engine->queue_counts(ws)).queued, messages);
        ASSERT_EQ(events().size(), std::min<std::uint64_t>(messages, 1000));
    }
}

}  // namespace
}  // namespace winnow::test
