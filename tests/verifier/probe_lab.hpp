#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/rng.hpp"
#include "storage/memory_disk.hpp"
#include "tests/support/fake_internet.hpp"
#include "tests/support/fake_resolver.hpp"
#include "tests/support/run_coro.hpp"
#include "verifier/verifier_impl.hpp"

namespace winnow::verifier {

/// The verifier over a fake internet, a store in memory and virtual time. `x.test` and `y.test` share a mail host,
/// `big.test` is at a large operator; further hosts by host_for().
class ProbeLab {
public:
    static constexpr const char* ws = "w1";
    static constexpr const char* host_ip = "198.51.100.1";

    ProbeLab()
    {
        options.helo_name = "probe.winnow.example";
        options.mail_from = "probe@winnow.example";
        options.identity_checked = true;
        options.allow_private_targets = true;
        host_for("x.test", host_ip);
        dns.add_mx("y.test", 10, "mx.x.test");
    }

    /// An MX mx.DOMAIN at `ip`.
    test::FakeHost& host_for(const std::string& domain, const std::string& ip)
    {
        dns.add_mx(domain, 10, "mx." + domain);
        dns.add("mx." + domain, net::DnsType::a, ip);
        return internet.host(ip);
    }
    test::FakeHost& host() { return internet.host(host_ip); }

    /// Read once: both are immutable, and every test needs them.
    static const ReplyClassifier& known_replies()
    {
        static const ReplyClassifier replies =
            std::move(ReplyClassifier::load(std::string(WINNOW_DATA_DIR) + "/replies.tsv").value());
        return replies;
    }
    static const AddressLists& built_in_lists()
    {
        static const AddressLists lists = AddressLists::built_in();
        return lists;
    }

    Services services()
    {
        return {*engine,
                dns,
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
    Pipeline& pipeline()
    {
        if (!pipeline_)
            pipeline_ = std::make_unique<Pipeline>(services(), options);
        return *pipeline_;
    }
    /// A restart of the verifier (not of the store).
    void forget_pipeline() { pipeline_.reset(); }

    /// Asks about all of them at once and returns when each has its verdict.
    std::map<std::string, Conclusion> ask(const std::vector<std::string>& addresses,
                                          milliseconds deadline = std::chrono::hours{2})
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
    VerdictRecord ask_one(const std::string& address) { return ask(std::vector{address}).at(address).verdict; }

    void begin(Question question, std::map<std::string, Conclusion>& answers)
    {
        std::function<void(Conclusion)> done = [&answers, text = question.text](Conclusion c) {
            EXPECT_TRUE(answers.emplace(text, std::move(c)).second) << text << " was answered twice";
        };
        boost::asio::co_spawn(io, pipeline().begin(std::move(question), std::move(done)),
                              [](std::exception_ptr failed) {
                                  if (failed)
                                      std::rethrow_exception(failed);
                              });
    }

    template <class T>
    T run(boost::asio::awaitable<T> story)
    {
        return test::run(io, timers, std::move(story));
    }

    ~ProbeLab()
    {
        pipeline_.reset();
        timers.abandon();
        for (int i = 0; i < 10'000 && io.poll_one() != 0; ++i) {}
    }

    boost::asio::io_context io{1};
    test::ManualClock clock;
    test::VirtualTimers timers{clock};
    SeededRng rng{11};
    test::FakeResolver dns;
    test::FakeInternet internet{io, timers};
    std::shared_ptr<storage::MemoryDisk> disk = storage::make_memory_disk();
    std::unique_ptr<storage::Engine> engine =
        std::move(storage::open_memory_engine(disk, storage::EngineKeys::fixed("lab"), {}, clock, rng).value());
    Metrics metrics;
    const ReplyClassifier& replies = known_replies();
    ProviderTable providers = std::move(ProviderTable::parse(".big.example\tbig\tbig-operator\tmailbox\tlarge\ttest\n"
                                                             ".gate.example\tgate\tgate-operator\tseg\t-\ttest\n")
                                            .value());
    const AddressLists& lists = built_in_lists();
    VerifierOptions options;
    std::unique_ptr<Breakers> breakers;

private:
    std::unique_ptr<Pipeline> pipeline_;
};

inline SmtpReply reply(int code, std::string_view text)
{
    return SmtpReply::make(code, text);
}

/// A host that knows only these recipients.
inline std::function<SmtpReply(const std::string&)> knows(std::vector<std::string> recipients)
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
