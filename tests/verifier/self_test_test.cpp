#include "verifier/self_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/verifier/job_lab.hpp"

namespace winnow::verifier {
namespace {

using net::DnsType;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

// --- one round

class SelfTestRound : public testing::Test {
protected:
    SelfTestRound()
    {
        lab.options.allow_private_targets = false;
        lab.options.sources = {"8.8.4.4"};
        lab.options.helo_name = "probe.a.test";
        lab.options.mail_from = "probe@a.test";
        lab.dns.zone(R"(
            probe.a.test.         A 8.8.4.4
            4.4.8.8.in-addr.arpa. PTR probe.a.test.
            a.test.               MX 10 mx.a.test.
            a.test.               TXT "v=spf1 ip4:8.8.4.4 -all"
            mx.a.test.            A 8.8.4.5
            target.test.          A 9.9.9.9
        )");
        lab.options.self_test_targets = {"target.test"};
        lab.internet.host("9.9.9.9");
    }
    std::map<SelfTestItem, SelfTestFinding> round(std::set<std::string> egress_seen = {})
    {
        std::map<SelfTestItem, SelfTestFinding> out;
        for (SelfTestFinding& finding : lab.run(run_self_test(lab.services(), lab.options, std::move(egress_seen))))
            out.insert_or_assign(finding.item, std::move(finding));
        return out;
    }
    SelfTestStatus egress() { return round().at(SelfTestItem::egress).status; }

    ProbeLab lab;
};

TEST_F(SelfTestRound, PassesWhereAMailHostAnswersAndNamesAgree)
{
    const auto found = round();
    EXPECT_EQ(found.at(SelfTestItem::egress).status, SelfTestStatus::passed);
    EXPECT_EQ(found.at(SelfTestItem::identity).status, SelfTestStatus::passed);
    EXPECT_EQ(found.count(SelfTestItem::block_list), 0u) << "none is configured";
    const auto& host = lab.internet.host("9.9.9.9");
    ASSERT_EQ(host.sessions.size(), 1u);
    EXPECT_EQ(host.sessions[0]->source, "8.8.4.4");
    EXPECT_TRUE(host.sessions[0]->quit());
    EXPECT_EQ(host.sessions[0]->lines.size(), 1u) << "nothing but QUIT";
}

TEST_F(SelfTestRound, ARefusalInWordsGotOutAndBack)
{
    lab.internet.host("9.9.9.9").mx.greeting = reply(554, "5.7.1 go away");
    EXPECT_EQ(egress(), SelfTestStatus::passed);
}

TEST_F(SelfTestRound, OneOfSeveralTargetsIsEnough)
{
    lab.options.self_test_targets = {"gone.test", "9.9.9.10", "9.9.9.9"};
    EXPECT_EQ(egress(), SelfTestStatus::passed);
}

TEST_F(SelfTestRound, FailsWithTheCureWhenNoTargetAnswersFromASource)
{
    lab.internet.host("9.9.9.9").silent = true;
    const auto found = round().at(SelfTestItem::egress);
    EXPECT_EQ(found.status, SelfTestStatus::failed);
    EXPECT_THAT(found.what, HasSubstr("no mail host answers on port 25 from 8.8.4.4 (target.test: "));
    EXPECT_THAT(found.what, HasSubstr("open that port outwards"));
    lab.internet.host("9.9.9.9").silent = false;
    lab.internet.host("9.9.9.9").options.reply_delay = minutes{5};
    EXPECT_EQ(egress(), SelfTestStatus::failed) << "a connection that is taken and says nothing";
}

TEST_F(SelfTestRound, IsUndecidedWhenDnsKnowsNoTarget)
{
    lab.options.self_test_targets = {"gone.test"};
    EXPECT_EQ(egress(), SelfTestStatus::undecided);
}

TEST_F(SelfTestRound, EverySourceHasToGetOut)
{
    lab.options.sources = {"8.8.4.4", "2606:4700::25"};
    lab.dns.zone("target.test. AAAA 2606:4700::99");
    EXPECT_EQ(egress(), SelfTestStatus::failed) << "nobody is at the IPv6 address";
    lab.internet.host("2606:4700::99");
    EXPECT_EQ(egress(), SelfTestStatus::passed);
}

TEST_F(SelfTestRound, EachSourceHasItsOwnFindings)
{
    lab.options.sources = {"8.8.4.4", "8.8.4.6"};
    lab.options.block_lists = {"list.example"};
    lab.dns.zone("4.4.8.8.list.example. A 127.0.0.2");
    std::map<std::pair<SelfTestItem, std::string>, SelfTestStatus> found;
    std::set<std::string> seen{"8.8.4.6"};
    for (const SelfTestFinding& finding : lab.run(run_self_test(lab.services(), lab.options, std::move(seen))))
        found.emplace(std::pair{finding.item, finding.source}, finding.status);
    EXPECT_EQ(found.size(), 6u);
    EXPECT_EQ(found.at({SelfTestItem::block_list, "8.8.4.4"}), SelfTestStatus::failed);
    EXPECT_EQ(found.at({SelfTestItem::block_list, "8.8.4.6"}), SelfTestStatus::passed);
    EXPECT_EQ(found.at({SelfTestItem::identity, "8.8.4.4"}), SelfTestStatus::passed);
    EXPECT_EQ(found.at({SelfTestItem::identity, "8.8.4.6"}), SelfTestStatus::failed) << "it has no reverse name";
    ASSERT_EQ(lab.internet.host("9.9.9.9").sessions.size(), 1u);
    EXPECT_EQ(lab.internet.host("9.9.9.9").sessions[0]->source, "8.8.4.4") << "of the other it was seen";
}

TEST_F(SelfTestRound, ConnectsToNobodyWhenProbingHasShownIt)
{
    EXPECT_EQ(round({"8.8.4.4"}).at(SelfTestItem::egress).status, SelfTestStatus::passed);
    EXPECT_EQ(lab.internet.host("9.9.9.9").attempts, 0u);
}

TEST_F(SelfTestRound, WithoutTargetsOfItsOwnUsesLargeOperators)
{
    lab.options.self_test_targets.clear();
    lab.dns.add(well_known_mail_hosts.at(1), DnsType::a, "9.9.9.9");
    EXPECT_EQ(egress(), SelfTestStatus::passed);
    EXPECT_EQ(lab.internet.host("9.9.9.9").attempts, 1u);
}

TEST_F(SelfTestRound, ALabIsLeftAlone)
{
    lab.options.self_test_targets.clear();
    lab.options.allow_private_targets = true;
    EXPECT_TRUE(round().empty());
    EXPECT_EQ(lab.dns.total_queries(), 0u);
}

TEST_F(SelfTestRound, AReverseNameThatWentAwayIsFoundAndASilentDnsIsNot)
{
    lab.dns.remove("4.4.8.8.in-addr.arpa");
    const auto found = round().at(SelfTestItem::identity);
    EXPECT_EQ(found.status, SelfTestStatus::failed);
    EXPECT_THAT(found.what, HasSubstr("no reverse name"));
    lab.dns.zone("4.4.8.8.in-addr.arpa. TIMEOUT");
    EXPECT_EQ(round().at(SelfTestItem::identity).status, SelfTestStatus::undecided);
}

TEST_F(SelfTestRound, ASourceOnABlockListIsNamed)
{
    lab.options.block_lists = {"quiet.example", "list.example"};
    EXPECT_EQ(round().at(SelfTestItem::block_list).status, SelfTestStatus::passed);
    lab.dns.zone("4.4.8.8.list.example. A 127.0.0.2\n4.4.8.8.quiet.example. SERVFAIL");
    const auto found = round().at(SelfTestItem::block_list);
    EXPECT_EQ(found.status, SelfTestStatus::failed);
    EXPECT_THAT(found.what, HasSubstr("8.8.4.4 is on list.example (127.0.0.2)"));
    lab.dns.remove("4.4.8.8.list.example");
    EXPECT_EQ(round().at(SelfTestItem::block_list).status, SelfTestStatus::undecided) << "one list is silent";
}

// --- what follows from it

class UnfitProber : public testing::Test {
protected:
    UnfitProber()
    {
        lab.options.manners = Manners::lifted();
        lab.options.sources = {"192.0.2.1"};
        lab.options.self_test_targets = {"target.test"};
        lab.options.block_lists = {"list.example"};
        lab.dns.add("target.test", DnsType::a, "198.51.100.99");
        target().silent = false;
        lab.host().mx.rcpt_reply = knows({});
    }
    test::FakeHost& target() { return lab.internet.host("198.51.100.99"); }
    storage::JobRecord job(const std::string& id) { return lab.run(lab.jobs->get(ProbeLab::ws, id)).value(); }
    void list_us() { lab.dns.add("1.2.0.192.list.example", DnsType::a, "127.0.0.2"); }
    void unlist_us() { lab.dns.remove("1.2.0.192.list.example"); }
    /// People at as many domains, each with a host of its own.
    std::vector<std::string> spread(int count)
    {
        std::vector<std::string> out;
        for (int i = 0; i < count; ++i) {
            const std::string domain = "d" + std::to_string(i) + ".test";
            hosts.push_back(&lab.host_for(domain, "198.51.101." + std::to_string(i)));
            hosts.back()->mx.rcpt_reply = knows({});
            out.push_back("ann@" + domain);
        }
        return out;
    }

    /// Those of spread() and the target of the self-test.
    void silence_everybody(bool silent)
    {
        for (test::FakeHost* host : hosts)
            host->silent = silent;
        target().silent = silent;
    }

    JobLab lab;
    std::vector<test::FakeHost*> hosts;
};

TEST_F(UnfitProber, FromTheStartLetsJobsWaitWithTheReasonAndAsksNobody)
{
    target().silent = true;
    lab.start_process();
    const auto started = lab.start(lab.upload({"ann@x.test", "ben@y.test", "no address", "zoe@nowhere.test"}));
    lab.timers.run_for(lab.io, minutes{30});
    const auto waiting = job(started.id);
    EXPECT_EQ(waiting.state, JobState::waiting);
    EXPECT_THAT(waiting.note, HasSubstr("prober_unhealthy: no mail host answers on port 25 from 192.0.2.1"));
    EXPECT_EQ(lab.stored_job(started.id).note, waiting.note);
    EXPECT_EQ(waiting.counters.done, 2u) << "those that need no mail host";
    EXPECT_EQ(lab.results(started.list_id).size(), 2u);
    EXPECT_EQ(lab.host().attempts, 0u);
    EXPECT_LT(target().attempts, 20u);
    EXPECT_EQ(lab.verifier->never_fit(), waiting.note);
    EXPECT_THAT(lab.metrics.expose(), HasSubstr("winnow_prober_healthy 0"));

    target().silent = false;
    lab.timers.run_for(lab.io, minutes{6});
    const auto done = job(started.id);
    lab.expect_complete(done);
    EXPECT_TRUE(done.note.empty()) << done.note;
    EXPECT_EQ(done.counters.by_reason.at(Reason::mailbox_not_found), 2u);
    EXPECT_TRUE(lab.verifier->never_fit().empty());
    EXPECT_THAT(lab.metrics.expose(), HasSubstr("winnow_prober_healthy 1"));
}

TEST_F(UnfitProber, OnABlockListStopsInTheMiddleAndGoesOnByItself)
{
    lab.options.manners = Manners{};  // a site of five addresses in 35 seconds
    lab.start_process();
    std::vector<std::string> people;
    for (int i = 0; i < 200; ++i)
        people.push_back("user" + std::to_string(i) + "@x.test");
    const auto started = lab.start(lab.upload(people));
    lab.timers.run_for(lab.io, minutes{8});
    list_us();
    lab.timers.run_for(lab.io, minutes{4});
    const auto waiting = job(started.id);
    EXPECT_EQ(waiting.state, JobState::waiting);
    EXPECT_THAT(waiting.note, HasSubstr("192.0.2.1 is on list.example"));
    EXPECT_GT(waiting.counters.done, 0u);
    const std::size_t asked = lab.host().rcpts().size();
    lab.timers.run_for(lab.io, minutes{10});
    EXPECT_EQ(lab.host().rcpts().size(), asked);
    EXPECT_EQ(job(started.id).counters.done, waiting.counters.done) << "no verdict is written";
    EXPECT_TRUE(lab.verifier->never_fit().empty()) << "it was fit once";

    unlist_us();
    lab.timers.run_for(lab.io, std::chrono::hours{1});
    const auto done = job(started.id);
    lab.expect_complete(done);
    EXPECT_EQ(done.counters.by_reason, (std::map<Reason, std::uint64_t>{{Reason::mailbox_not_found, 200}}));
}

TEST_F(UnfitProber, WithoutEgressTakesNoSilenceForAVerdict)
{
    lab.start_process();
    lab.expect_complete(lab.verify(lab.upload({"ann@x.test"})));
    const auto people = spread(60);
    silence_everybody(true);
    lab.clock.advance(minutes{2});
    const auto started = lab.start(lab.upload(people));
    lab.timers.run_for(lab.io, minutes{20});
    const auto waiting = job(started.id);
    EXPECT_EQ(waiting.state, JobState::waiting);
    EXPECT_THAT(waiting.note, HasSubstr("no mail host answers"));
    EXPECT_EQ(waiting.counters.done, 0u);

    silence_everybody(false);
    lab.timers.run_for(lab.io, minutes{30});
    const auto done = job(started.id);
    lab.expect_complete(done);
    EXPECT_EQ(done.counters.by_reason, (std::map<Reason, std::uint64_t>{{Reason::mailbox_not_found, 60}}));
}

TEST_F(UnfitProber, WithinAMinuteOfARoundHoldsWhatMetNobodyUntilTheNextOne)
{
    lab.start_process();
    lab.expect_complete(lab.verify(lab.upload({"ann@x.test"})));
    const auto people = spread(60);
    silence_everybody(true);
    const auto started = lab.start(lab.upload(people), minutes{40});
    lab.timers.run_for(lab.io, seconds{50});
    EXPECT_TRUE(lab.results(started.list_id).empty()) << "not even a try is counted";
    lab.timers.run_for(lab.io, minutes{15});
    EXPECT_EQ(job(started.id).state, JobState::waiting);
    EXPECT_THAT(job(started.id).note, HasSubstr("no mail host answers"));
    EXPECT_EQ(job(started.id).counters.done, 0u);
    silence_everybody(false);
    lab.timers.run_for(lab.io, minutes{20});
    lab.expect_complete(job(started.id));
    EXPECT_EQ(job(started.id).counters.by_reason, (std::map<Reason, std::uint64_t>{{Reason::mailbox_not_found, 60}}));
}

TEST_F(UnfitProber, IsFoundOutWithAFewHostsThatHadAnswered)
{
    lab.options.manners = Manners{};
    lab.start_process();
    std::vector<std::string> many;
    (void)spread(3);
    for (int i = 0; i < 60; ++i)
        many.push_back("user" + std::to_string(i) + "@d" + std::to_string(i % 3) + ".test");
    const auto started = lab.start(lab.upload(many));
    lab.timers.run_for(lab.io, seconds{20});
    const auto before = job(started.id).counters.done;
    EXPECT_GT(before, 0u);
    silence_everybody(true);
    lab.timers.run_for(lab.io, minutes{20});
    EXPECT_EQ(job(started.id).state, JobState::waiting);
    EXPECT_EQ(job(started.id).counters.by_reason.count(Reason::no_connect), 0u);
    silence_everybody(false);
    lab.timers.run_for(lab.io, minutes{60});
    lab.expect_complete(job(started.id));
    EXPECT_EQ(job(started.id).counters.by_reason, (std::map<Reason, std::uint64_t>{{Reason::mailbox_not_found, 60}}));
}

TEST_F(UnfitProber, LetsGoOfWhatMetNobodyWhenTheJobIsCancelledOrTheProcessEnds)
{
    lab.start_process();
    lab.expect_complete(lab.verify(lab.upload({"ann@x.test"})));
    const auto people = spread(20);
    silence_everybody(true);
    const auto started = lab.start(lab.upload(people));
    const auto drained = lab.start(lab.upload({"ben@d0.test", "cem@d1.test"}));
    lab.timers.run_for(lab.io, seconds{35});
    SteadyPoint told = lab.clock.steady();
    ASSERT_TRUE(lab.run(lab.jobs->cancel(ProbeLab::ws, started.id)));
    EXPECT_EQ(lab.wait(started.id).state, JobState::cancelled);
    EXPECT_LT(lab.clock.steady() - told, seconds{1});
    EXPECT_TRUE(lab.results(started.list_id).empty());
    told = lab.clock.steady();
    lab.run(lab.jobs->drain());
    EXPECT_LT(lab.clock.steady() - told, seconds{2});
    EXPECT_EQ(lab.stored_job(drained.id).counters.done, 0u);
}

TEST_F(UnfitProber, DoesNotMakeOneDeadHostWaitLong)
{
    lab.start_process();
    spread(1);
    hosts.front()->silent = true;
    lab.clock.advance(minutes{5});
    const SteadyPoint asked = lab.clock.steady();
    const auto verdict = lab.run(lab.verifier->check(ProbeLab::ws, "ann@d0.test", seconds{30}));
    EXPECT_EQ(verdict.reason, Reason::no_connect);
    EXPECT_LT(lab.clock.steady() - asked, seconds{6}) << "the patience of a check, and a knock";
}

TEST_F(UnfitProber, IsNotWhatAListOfDeadHostsMakes)
{
    lab.start_process();
    const auto people = spread(60);
    for (test::FakeHost* host : hosts)
        host->silent = true;
    const auto done = lab.verify(lab.upload(people));
    lab.expect_complete(done);
    EXPECT_EQ(done.counters.by_reason, (std::map<Reason, std::uint64_t>{{Reason::no_connect, 60}}));
}

TEST_F(UnfitProber, DoesNotKeepAJobFromBeingCancelled)
{
    target().silent = true;
    lab.start_process();
    const auto started = lab.start(lab.upload({"ann@x.test"}));
    lab.timers.run_for(lab.io, seconds{2});  // within the very first round
    ASSERT_TRUE(lab.run(lab.jobs->cancel(ProbeLab::ws, started.id)));
    const SteadyPoint told = lab.clock.steady();
    EXPECT_EQ(lab.wait(started.id).state, JobState::cancelled);
    EXPECT_LT(lab.clock.steady() - told, seconds{1});
}

TEST_F(UnfitProber, AnswersACheckWithTheReasonAndStoresNothing)
{
    list_us();
    lab.start_process();
    const auto verdict = lab.run(lab.verifier->check(ProbeLab::ws, "ann@x.test", seconds{30}));
    EXPECT_EQ(verdict.reason, Reason::not_probed);
    ASSERT_FALSE(verdict.evidence.empty());
    EXPECT_EQ(verdict.evidence.back().rule, "prober:unhealthy");
    EXPECT_THAT(verdict.evidence.back().answer, HasSubstr("list.example"));
    const auto stored = lab.run(lab.engine->get_verdict(ProbeLab::ws, parse_address("ann@x.test").address));
    EXPECT_FALSE(stored.value());
    EXPECT_EQ(lab.host().attempts, 0u);
}

TEST_F(UnfitProber, IsLookedForWithoutKnockingWhileProbingShowsThatEgressWorks)
{
    lab.options.manners = Manners{};
    lab.start_process();
    std::vector<std::string> people;
    for (int i = 0; i < 200; ++i)
        people.push_back("user" + std::to_string(i) + "@x.test");
    lab.expect_complete(lab.verify(lab.upload(people)));
    EXPECT_GE(lab.dns.queries("1.2.0.192.list.example"), 3u) << "a round every ten minutes";
    EXPECT_EQ(target().attempts, 1u);
}

TEST_F(UnfitProber, OfSeveralSourcesTheListedOneRestsAlone)
{
    lab.options.sources = {"192.0.2.1", "192.0.2.2"};
    lab.options.manners = Manners{};
    lab.start_process();
    const auto people = spread(40);
    std::vector<std::string> many = people;
    for (int i = 0; i < 40; ++i)
        for (int more = 0; more < 4; ++more)
            many.push_back("user" + std::to_string(more) + "@d" + std::to_string(i) + ".test");
    const auto first = lab.start(lab.upload(people));
    lab.timers.run_for(lab.io, seconds{30});
    const auto sources_since = [this](std::size_t from) {
        std::map<std::string, int> sources;
        for (const test::FakeHost* host : hosts)
            for (std::size_t i = from; i < host->sessions.size(); ++i)
                ++sources[host->sessions[i]->source];
        return sources;
    };
    EXPECT_GT(sources_since(0)["192.0.2.1"], 5);
    EXPECT_GT(sources_since(0)["192.0.2.2"], 5);
    lab.expect_complete(lab.wait(first.id));

    list_us();
    lab.clock.advance(minutes{11});
    std::vector<std::size_t> before;
    const auto second = lab.start(lab.upload(many));
    lab.timers.run_for(lab.io, seconds{5});
    for (const test::FakeHost* host : hosts)
        before.push_back(host->sessions.size());
    EXPECT_THAT(lab.metrics.expose(), HasSubstr("winnow_prober_resting_sources 1"));
    EXPECT_THAT(lab.metrics.expose(), HasSubstr("winnow_prober_healthy 1"));
    EXPECT_TRUE(lab.verifier->unfit().empty());
    const auto report = lab.verifier->prober();
    EXPECT_EQ(report.state, ProberState::degraded);
    EXPECT_THAT(report.reason, HasSubstr("192.0.2.1 is on list.example"));
    const auto done = lab.wait(second.id);
    lab.expect_complete(done);
    EXPECT_EQ(done.counters.by_reason, (std::map<Reason, std::uint64_t>{{Reason::mailbox_not_found, 200}}));
    for (std::size_t i = 0; i < hosts.size(); ++i)
        for (std::size_t j = before[i]; j < hosts[i]->sessions.size(); ++j)
            EXPECT_EQ(hosts[i]->sessions[j]->source, "192.0.2.2") << "host " << i;

    unlist_us();
    lab.clock.advance(minutes{6});
    lab.verifier->look_at_ourselves();
    lab.timers.run_for(lab.io, seconds{5});
    EXPECT_EQ(lab.verifier->prober().state, ProberState::healthy);
    EXPECT_THAT(lab.metrics.expose(), HasSubstr("winnow_prober_resting_sources 0"));
}

TEST_F(UnfitProber, WhenEverySourceIsListedNobodyIsAsked)
{
    lab.options.sources = {"192.0.2.1", "192.0.2.2"};
    list_us();
    lab.dns.add("2.2.0.192.list.example", DnsType::a, "127.0.0.2");
    lab.start_process();
    const auto started = lab.start(lab.upload({"ann@x.test"}));
    lab.timers.run_for(lab.io, minutes{5});
    EXPECT_EQ(job(started.id).state, JobState::waiting);
    EXPECT_EQ(lab.host().attempts, 0u);
    EXPECT_EQ(lab.verifier->prober().state, ProberState::unhealthy);
    unlist_us();
    lab.timers.run_for(lab.io, minutes{10});
    lab.expect_complete(job(started.id));
    ASSERT_FALSE(lab.host().sessions.empty());
    for (const auto& session : lab.host().sessions)
        EXPECT_EQ(session->source, "192.0.2.1") << "the other is still listed";
}

TEST_F(UnfitProber, IsFoundWhileNobodyAsksForAnything)
{
    list_us();
    lab.start_process();
    lab.verifier->look_at_ourselves();
    lab.timers.run_for(lab.io, seconds{5});
    EXPECT_THAT(lab.verifier->unfit(), HasSubstr("list.example"));
    lab.stop_process();
    lab.options.identity_checked = false;
    lab.start_process();
    lab.verifier->look_at_ourselves();
    lab.timers.run_for(lab.io, seconds{5});
    EXPECT_TRUE(lab.verifier->unfit().empty()) << "who may not probe needs no self-test";
}

}  // namespace
}  // namespace winnow::verifier
