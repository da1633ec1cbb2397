#include "tests/verifier/probe_lab.hpp"

#include <utility>

#include "core/rule_text.hpp"
#include "tests/support/spawn.hpp"

namespace winnow::verifier {

ProbeLab::ProbeLab()
    : engine(std::move(storage::open_memory_engine(disk, storage::EngineKeys::fixed("lab"), {}, clock, rng).value())),
      providers(std::move(ProviderTable::parse(".big.example\tbig\tbig-operator\tmailbox\tlarge\ttest\n"
                                               ".gate.example\tgate\tgate-operator\tseg\t-\ttest\n")
                              .value()))
{
    options.helo_name = "probe.winnow.example";
    options.mail_from = "probe@winnow.example";
    options.identity_checked = true;
    options.allow_private_targets = true;
    host_for("x.test", host_ip);
    dns.add_mx("y.test", 10, "mx.x.test");
}

test::FakeHost& ProbeLab::host_for(const std::string& domain, const std::string& ip)
{
    dns.add_mx(domain, 10, "mx." + domain);
    dns.add("mx." + domain, net::DnsType::a, ip);
    return internet.host(ip);
}

const ReplyClassifier& ProbeLab::known_replies()
{
    static const ReplyClassifier replies =
        std::move(ReplyClassifier::load(std::string(WINNOW_DATA_DIR) + "/replies.tsv").value());
    return replies;
}

const AddressLists& ProbeLab::built_in_lists()
{
    static const AddressLists lists = AddressLists::built_in();
    return lists;
}

Services ProbeLab::services()
{
    return {*engine,
            *resolver,
            internet,
            timers,
            clock,
            rng,
            null_log(),
            metrics,
            replies,
            providers,
            lists,
            io.get_executor(),
            breakers ? &*breakers : nullptr};
}

Pipeline& ProbeLab::pipeline()
{
    if (!pipeline_)
        pipeline_ = std::make_unique<Pipeline>(services(), options);
    return *pipeline_;
}

void ProbeLab::forget_pipeline()
{
    pipeline_.reset();
}

std::map<std::string, Conclusion> ProbeLab::ask(const std::vector<std::string>& addresses, milliseconds deadline)
{
    auto answers = std::make_shared<std::map<std::string, Conclusion>>();
    for (const std::string& address : addresses) {
        Question question;
        question.workspace = ws;
        question.text = address;
        question.deadline = clock.steady() + deadline;
        begin(question, *answers);
    }
    timers.run_until_idle(io);
    EXPECT_EQ(answers->size(), addresses.size()) << "every address gets exactly one answer";
    return std::move(*answers);
}

VerdictRecord ProbeLab::ask_one(const std::string& address)
{
    return ask(std::vector{address}).at(address).verdict;
}

void ProbeLab::begin(Question question, std::map<std::string, Conclusion>& answers)
{
    std::function<void(Conclusion)> done = [this, &answers, text = question.text](Conclusion c) {
        expect_replayable(c.verdict);
        EXPECT_TRUE(answers.emplace(text, std::move(c)).second) << text << " was answered twice";
    };
    test::spawn_or_throw(io, pipeline().begin(std::move(question), std::move(done)));
}

void ProbeLab::expect_replayable(const VerdictRecord& verdict) const
{
    std::string steps;
    for (const Evidence& step : verdict.evidence) {
        steps +=
            std::string(to_string(step.kind)) + ": " + step.asked + " -> " + step.answer + " [" + step.rule + "]\n";
        EXPECT_TRUE(step.rule.empty() || replies.row(step.rule) || !rule_text(step.rule).empty())
            << "nobody tells what " << step.rule << " means";
    }
    const VerdictRecord again = recompute(verdict, {replies, providers, lists});
    EXPECT_EQ(to_string(again.reason), to_string(verdict.reason)) << steps;
    EXPECT_EQ(again.verdict, verdict.verdict) << steps;
    EXPECT_EQ(again.p_bounce, verdict.p_bounce) << steps;
    EXPECT_EQ(again.expires_at, verdict.expires_at) << steps;
    for (std::size_t i = 0; i < verdict.evidence.size(); ++i) {
        EXPECT_EQ(again.evidence[i].rule, verdict.evidence[i].rule) << steps;
        EXPECT_EQ(again.evidence[i].klass, verdict.evidence[i].klass) << steps;
    }
}

ProbeLab::~ProbeLab()
{
    pipeline_.reset();
    timers.abandon();
    for (int i = 0; i < 10'000 && io.poll_one() != 0; ++i) {}
}

SmtpReply reply(int code, std::string_view text)
{
    return SmtpReply::make(code, text);
}

std::function<SmtpReply(const std::string&)> knows(std::vector<std::string> recipients)
{
    return [recipients = std::move(recipients)](const std::string& recipient) {
        for (const std::string& known : recipients)
            if (known == recipient)
                return reply(250, "2.1.5 Ok");
        return reply(550,
                     "5.1.1 <" + recipient + ">: Recipient address rejected: User unknown in local recipient table");
    };
}

}  // namespace winnow::verifier
