// A process that commits and is killed with SIGKILL at arbitrary moments, over and over on one data directory. What it
// was told is stored must be there, what it was not told is there whole or not at all.
//
// WINNOW_DEPTH scales the number of kills (default 1 = 6 kills).
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

#include "tests/storage/engine_fixture.hpp"
#include "tests/support/spawn.hpp"

namespace winnow::test {
namespace {

using namespace storage;

constexpr const char* workspace = "w1";
constexpr int writers = 16;

std::string self;  ///< path of this program

EngineOptions engine_options()
{
    EngineOptions options;
    options.lanes = 4;
    options.cache_bytes = 4u << 20;
    return options;
}

std::string recipient(const std::string& id)
{
    return "user-" + id + "@d" + std::to_string(id.back() % 5) + ".example.test";
}

/// One letter in three is too large for the database and goes to a segment.
std::string body(const std::string& id)
{
    return id + std::string(id.back() % 3 == 0 ? 20'000 : 100, id.back());
}

MessageRecord letter(const std::string& id)
{
    MessageRecord message;
    message.workspace = workspace;
    message.id = id;
    message.campaign = "C1";
    message.recipient = recipient(id);
    message.domain = message.recipient.substr(message.recipient.rfind('@') + 1);
    message.body_id = id;
    message.state = MessageState::queued;
    return message;
}

RecordAttempt bounce(MessageRef ref)
{
    RecordAttempt op;
    op.ref = ref;
    op.state = MessageState::bounced;
    op.attempt.stage = Stage::rcpt;
    op.attempt.klass = ReplyClass::mailbox_unknown;
    op.attempt.reply = "550 5.1.1 no such user";
    op.clear = true;
    return op;
}

// --- the process that is killed

/// One line in one write(): a pipe does not tear it.
void acknowledge(char what, const std::string& id)
{
    const std::string line = what + (' ' + id) + '\n';
    if (::write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        ::_exit(3);
}

/// Sends letters for ever; every other one bounces. Says so only after the engine did.
boost::asio::awaitable<void> write_letters(Engine& engine, std::string prefix)
{
    for (int n = 0;; ++n) {
        const std::string id = prefix + '-' + std::to_string(n);
        OpList sent = OpList::of(Enqueue{letter(id)}, PutBody{id, body(id)}, PutValue{"seen/" + id, id},
                                 AddCounter{"letters", 1});
        const auto committed = co_await engine.commit(std::move(sent));
        if (!committed)
            ::_exit(4);
        acknowledge('S', id);
        if (n % 2 == 0)
            continue;
        OpList bounced = OpList::of(bounce(committed->results.at(0).message));
        const auto recorded = co_await engine.commit(std::move(bounced));
        if (!recorded)
            ::_exit(5);
        acknowledge('B', id);
    }
}

int be_killed(const std::string& dir, const std::string& round)
{
    const ManualClock clock;
    SystemRng rng;
    acknowledge('O', "opening");
    auto engine = open_rocks_engine(dir, EngineKeys::fixed("kill"), engine_options(), clock, rng, null_log());
    if (!engine) {
        std::fprintf(stderr, "%s\n", engine.error().message().c_str());
        return 2;
    }
    boost::asio::io_context io(1);
    for (int w = 0; w < writers; ++w)
        test::spawn(io, write_letters(**engine, round + '.' + std::to_string(w)));
    io.run();
    return 0;
}

// --- the one that kills and checks

struct Acknowledged {
    std::set<std::string> sent, bounced;
};

/// Runs the writer until it has said `lines` things, kills it and adds what it said.
void run_and_kill(const std::string& dir, int round, std::uint64_t lines, Acknowledged& said)
{
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        ::dup2(pipe[1], STDOUT_FILENO);
        ::close(pipe[0]);
        ::close(pipe[1]);
        const std::string number = std::to_string(round);
        ::execl(self.c_str(), self.c_str(), "--be-killed", dir.c_str(), number.c_str(), nullptr);
        ::_exit(127);
    }
    ::close(pipe[1]);
    std::string text;
    char buffer[4096];
    bool killed = false;
    for (;;) {
        if (!killed && static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')) >= lines) {
            ::kill(child, SIGKILL);
            killed = true;
        }
        const ssize_t got = ::read(pipe[0], buffer, sizeof buffer);
        if (got <= 0)
            break;
        text.append(buffer, static_cast<std::size_t>(got));
    }
    ::close(pipe[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "it ended by itself, status " << status;
    std::istringstream in(text);
    char what = 0;
    for (std::string id; in >> what >> id;) {
        if (what == 'S')
            said.sent.insert(id);
        if (what == 'B')
            said.bounced.insert(id);
    }
}

/// Everything acknowledged is there; what else is there is whole; no number is used twice or left out.
void check_store(const std::string& dir, const Acknowledged& said)
{
    const ManualClock clock;
    SeededRng rng(1);
    boost::asio::io_context io(1);
    auto opened = open_rocks_engine(dir, EngineKeys::fixed("kill"), engine_options(), clock, rng, null_log());
    ASSERT_TRUE(opened) << opened.error().message();
    Engine& engine = **opened;
    const auto get = [&io](auto story) { return run(io, std::move(story)).value(); };

    std::set<std::string> ids, bounced;
    std::uint64_t queued = 0;
    for (std::uint32_t lane = 0; lane < engine.lane_count(); ++lane) {
        std::uint64_t missing = 0;
        for (std::uint64_t seq = 1; missing < 50; ++seq) {
            const auto message = get(engine.get_message(MessageRef{LaneId{lane}, seq}));
            if (!message) {
                ++missing;
                continue;
            }
            ASSERT_EQ(missing, 0u) << "a gap before lane " << lane << " seq " << seq;
            ASSERT_TRUE(ids.insert(message->id).second) << message->id << " is there twice";
            ASSERT_EQ(message->recipient, recipient(message->id));
            ASSERT_EQ(get(engine.get_body(message->id)), body(message->id));
            ASSERT_EQ(get(engine.get_value("seen/" + message->id)), message->id);
            ASSERT_EQ(get(engine.find_message(workspace, message->id))->ref, message->ref);
            const bool has_bounced = message->state == MessageState::bounced;
            const auto hits = engine.check(workspace, "", parse_address(message->recipient).address);
            ASSERT_TRUE(hits);
            ASSERT_EQ(!hits->empty(), has_bounced) << message->id;
            const auto history = get(engine.history(workspace, parse_address(message->recipient).address, 10));
            ASSERT_EQ(history.size(), has_bounced ? 1u : 0u);
            if (has_bounced)
                bounced.insert(message->id);
            else
                ++queued;
        }
    }
    for (const std::string& id : said.sent)
        ASSERT_TRUE(ids.contains(id)) << "acknowledged and lost: " << id;
    for (const std::string& id : said.bounced)
        ASSERT_TRUE(bounced.contains(id)) << "acknowledged and lost: the bounce of " << id;

    ASSERT_EQ(get(engine.get_value("letters")).value_or("0"), std::to_string(ids.size()));
    std::uint64_t in_flows = 0;
    for (const auto& flow : get(engine.flows())) {
        in_flows += flow.queued;
        ASSERT_EQ(get(engine.due(flow.key, TimePoint::max(), 1'000'000)).size(), flow.queued);
    }
    ASSERT_EQ(in_flows, queued);
    ASSERT_EQ(get(engine.queue_counts(workspace)).queued, queued);
    std::uint64_t last = 0, events = 0;
    for (auto page = get(engine.events(workspace, 0, 1000)); !page.empty();
         page = get(engine.events(workspace, last, 1000)))
        for (const auto& event : page) {
            ASSERT_EQ(event.seq, ++last);
            ++events;
        }
    ASSERT_EQ(events, ids.size() + 2 * bounced.size()) << "queued; bounced and suppressed";
    ASSERT_TRUE(engine.close());
}

TEST(Kill, WhatWasAcknowledgedIsThereAndNothingIsHalfDone)
{
    const char* const depth = std::getenv("WINNOW_DEPTH");
    const int rounds = 6 * std::max(1, depth == nullptr ? 1 : std::atoi(depth));
    SeededRng rng(20260101);
    std::optional<TempDir> dir;
    Acknowledged said;
    std::size_t sent = 0, bounced = 0;
    for (int round = 0; round < rounds && !::testing::Test::HasFatalFailure(); ++round) {
        if (round % 10 == 0) {  // checking reads everything: start again before that takes long
            dir.emplace();
            said = {};
        }
        // Now and then while it opens: recovery has to survive a kill too.
        const std::uint64_t lines = round % 5 == 4 ? 1 : 1 + rng.below(800);
        SCOPED_TRACE("round " + std::to_string(round) + ", killed after line " + std::to_string(lines));
        const std::size_t sent_before = said.sent.size(), bounced_before = said.bounced.size();
        run_and_kill(dir->file("data"), round, lines, said);
        check_store(dir->file("data"), said);
        sent += said.sent.size() - sent_before;
        bounced += said.bounced.size() - bounced_before;
    }
    std::printf("kill: %d kills, %zu letters and %zu bounces acknowledged\n", rounds, sent, bounced);
    EXPECT_GT(sent, 0u);
    EXPECT_GT(bounced, 0u);
}

}  // namespace
}  // namespace winnow::test

int main(int argc, char** argv)
{
    winnow::test::self = std::filesystem::read_symlink("/proc/self/exe").string();
    if (argc == 4 && std::string_view(argv[1]) == "--be-killed")
        return winnow::test::be_killed(argv[2], argv[3]);
    ::testing::InitGoogleTest(&argc, argv);
    return RUN_ALL_TESTS();
}
