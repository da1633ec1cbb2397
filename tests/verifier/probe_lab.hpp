#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/rng.hpp"
#include "storage/memory_disk.hpp"
#include "tests/support/fake_internet.hpp"
#include "tests/support/fake_resolver.hpp"
#include "tests/support/run_coro.hpp"
#include "verifier/recompute.hpp"
#include "verifier/verifier_impl.hpp"

namespace winnow::verifier {

/// The verifier over a fake internet, a store in memory and virtual time. `x.test` and `y.test` share a mail host,
/// `big.test` is at a large operator; further hosts by host_for().
class ProbeLab {
public:
    static constexpr const char* ws = "w1";
    static constexpr const char* host_ip = "198.51.100.1";

    ProbeLab();
    ~ProbeLab();

    /// An MX mx.DOMAIN at `ip`.
    test::FakeHost& host_for(const std::string& domain, const std::string& ip);
    test::FakeHost& host() { return internet.host(host_ip); }

    /// Read once: both are immutable, and every test needs them.
    static const ReplyClassifier& known_replies();
    static const AddressLists& built_in_lists();

    Services services();
    Pipeline& pipeline();
    /// A restart of the verifier (not of the store).
    void forget_pipeline();

    /// Asks about all of them at once and returns when each has its verdict.
    std::map<std::string, Conclusion> ask(const std::vector<std::string>& addresses,
                                          milliseconds deadline = std::chrono::hours{2});
    VerdictRecord ask_one(const std::string& address);
    void begin(Question question, std::map<std::string, Conclusion>& answers);
    /// A verdict is a pure function of its evidence and the rules: read again it is the same, and every rule that it
    /// cites is told to people.
    void expect_replayable(const VerdictRecord& verdict) const;

    template <class T>
    T run(boost::asio::awaitable<T> story)
    {
        return test::run(io, timers, std::move(story));
    }

    boost::asio::io_context io{1};
    test::ManualClock clock;
    test::VirtualTimers timers{clock};
    SeededRng rng{11};
    test::FakeResolver dns;
    net::Resolver* resolver = &dns;  ///< what the verifier asks
    test::FakeInternet internet{io, timers};
    std::shared_ptr<storage::MemoryDisk> disk = storage::make_memory_disk();
    std::unique_ptr<storage::Engine> engine;
    Metrics metrics;
    const ReplyClassifier& replies = known_replies();
    ProviderTable providers;
    const AddressLists& lists = built_in_lists();
    VerifierOptions options;
    std::unique_ptr<Breakers> breakers;

private:
    std::unique_ptr<Pipeline> pipeline_;
};

SmtpReply reply(int code, std::string_view text);

/// A host that knows only these recipients.
std::function<SmtpReply(const std::string&)> knows(std::vector<std::string> recipients);

}  // namespace winnow::verifier
