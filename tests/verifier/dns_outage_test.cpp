#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/verifier/job_lab.hpp"
#include "verifier/dns_watch.hpp"

namespace winnow::verifier {
namespace {

using net::DnsStatus;
using net::DnsType;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

/// A DNS that can be unplugged: then every question times out.
class PluggedDns final : public net::Resolver {
public:
    explicit PluggedDns(net::Resolver& inner) : inner_(inner) {}

    net::awaitable<net::DnsAnswer> query(std::string name, DnsType type, net::QueryOptions options) override
    {
        ++queries;
        if (plugged)
            co_return co_await inner_.query(std::move(name), type, options);
        net::DnsAnswer silence;
        silence.server = "192.0.2.53:53";
        silence.detail = "no answer: timeout";
        co_return silence;
    }

    bool plugged = false;
    std::size_t queries = 0;

private:
    net::Resolver& inner_;
};

class DnsOutage : public testing::Test {
protected:
    DnsOutage()
    {
        lab.options.manners = Manners::lifted();
        lab.host().mx.rcpt_reply = knows({});
        lab.resolver = &dns;
        lab.start_process();
    }
    storage::JobRecord job(const std::string& id) { return lab.run(lab.jobs->get(ProbeLab::ws, id)).value(); }

    JobLab lab;
    PluggedDns dns{lab.dns};
};

TEST_F(DnsOutage, MakesAJobWaitWithTheReasonAndSpendsNothing)
{
    const auto list = lab.upload({"ann@x.test", "ben@y.test", "not an address", "zoe@nowhere.test"});
    const auto started = lab.start(list);
    lab.timers.run_for(lab.io, minutes{30});
    const auto waiting = job(started.id);
    EXPECT_EQ(waiting.state, JobState::waiting);
    EXPECT_THAT(waiting.note, HasSubstr("no DNS server answers (192.0.2.53:53"));
    EXPECT_THAT(waiting.note, HasSubstr("--dns"));
    EXPECT_EQ(lab.stored_job(started.id).note, waiting.note);
    EXPECT_EQ(waiting.counters.done, 1u) << "the one that needs no DNS";
    EXPECT_EQ(waiting.counters.waiting, 0u);
    EXPECT_EQ(lab.results(list.id).size(), 1u);
    EXPECT_LT(dns.queries, 200u) << "one question now and then";
    EXPECT_FALSE(lab.verifier->never_fit().empty());

    dns.plugged = true;
    lab.timers.run_for(lab.io, minutes{1});
    const auto done = job(started.id);
    lab.expect_complete(done);
    EXPECT_TRUE(done.note.empty()) << done.note;
    EXPECT_EQ(done.counters.by_reason.at(Reason::mailbox_not_found), 2u);
    EXPECT_EQ(done.counters.by_reason.at(Reason::domain_not_found), 1u);
    EXPECT_TRUE(lab.verifier->never_fit().empty());
}

TEST_F(DnsOutage, InTheMiddleOfAListHoldsOnlyWhatCameAfterIt)
{
    dns.plugged = true;
    const auto list = lab.upload({"ann@x.test", "ben@nowhere.test"});
    lab.expect_complete(lab.verify(list));
    dns.plugged = false;
    std::vector<std::string> people;
    for (int i = 0; i < 700; ++i)
        people.push_back("user@d" + std::to_string(i) + ".test");
    const auto second = lab.start(lab.upload(people));
    lab.timers.run_for(lab.io, minutes{5});
    EXPECT_EQ(job(second.id).state, JobState::waiting);
    EXPECT_EQ(job(second.id).counters.done, 0u);
    EXPECT_TRUE(lab.verifier->never_fit().empty()) << "it did answer once";
    dns.plugged = true;
    lab.timers.run_for(lab.io, minutes{1});
    lab.expect_complete(job(second.id));
}

TEST_F(DnsOutage, ThatOutlastsTheDeadlineLeavesTheRowsUnprobed)
{
    const auto list = lab.upload({"ann@x.test", "ben@y.test"});
    const auto done = lab.verify(list, minutes{10});
    lab.expect_complete(done);
    EXPECT_EQ(done.counters.by_reason, (std::map<Reason, std::uint64_t>{{Reason::not_probed, 2}}));
}

TEST_F(DnsOutage, DoesNotKeepAJobFromBeingCancelledOrPaused)
{
    const auto list = lab.upload({"ann@x.test"});
    const auto one = lab.start(list);
    lab.timers.run_for(lab.io, minutes{3});
    ASSERT_TRUE(lab.run(lab.jobs->pause(ProbeLab::ws, one.id, "by hand")));
    EXPECT_EQ(lab.wait(one.id).note, "by hand");
    ASSERT_TRUE(lab.run(lab.jobs->unpause(ProbeLab::ws, one.id)));
    lab.timers.run_for(lab.io, minutes{3});
    EXPECT_EQ(job(one.id).state, JobState::waiting);
    ASSERT_TRUE(lab.run(lab.jobs->cancel(ProbeLab::ws, one.id)));
    EXPECT_EQ(lab.wait(one.id).state, JobState::cancelled);
}

TEST_F(DnsOutage, OutlivesTheProcessAsAnOpenJob)
{
    const auto list = lab.upload({"ann@x.test"});
    const auto started = lab.start(list);
    lab.timers.run_for(lab.io, minutes{3});
    lab.run(lab.jobs->drain());
    lab.stop_process();
    dns.plugged = true;
    lab.start_process();
    ASSERT_TRUE(lab.run(lab.jobs->resume()));
    const auto done = lab.wait(started.id);
    lab.expect_complete(done);
    EXPECT_TRUE(done.note.empty());
}

TEST_F(DnsOutage, IsNotWhatOneSilentDomainMakes)
{
    dns.plugged = true;
    lab.dns.zone("slow.test. TIMEOUT\n . NS a.root.test.");
    const auto list = lab.upload({"ann@slow.test", "ben@x.test"});
    const auto started = lab.start(list);
    lab.timers.run_for(lab.io, minutes{1});
    EXPECT_TRUE(job(started.id).note.empty());
    EXPECT_EQ(job(started.id).counters.done, 1u);
    EXPECT_EQ(job(started.id).counters.waiting, 1u) << "asked again by the ladder of DNS failures";
}

TEST(DnsWatch, TakesAnAnswerInWordsForOneAndACachedOrUnsentOneForNone)
{
    boost::asio::io_context io{1};
    test::FakeResolver dns;
    dns.zone("silent.test. TIMEOUT\nbroken.test. SERVFAIL\n. TIMEOUT");
    DnsWatch watch{dns};
    EXPECT_FALSE(test::run(io, watch.answers()));
    EXPECT_THAT(watch.outage(), HasSubstr("192.0.2.53:53"));
    test::run(io, watch.query("silent.test", DnsType::mx, {}));
    EXPECT_TRUE(watch.suspicious());
    EXPECT_FALSE(watch.ever_answered());
    test::run(io, watch.query("broken.test", DnsType::mx, {}));
    EXPECT_FALSE(watch.suspicious());
    EXPECT_TRUE(watch.ever_answered());
    EXPECT_TRUE(watch.outage().empty());
}

}  // namespace
}  // namespace winnow::verifier
