#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/api.hpp"
#include "api/held_verdicts.hpp"
#include "storage/memory_disk.hpp"
#include "tests/support/fake_mx.hpp"
#include "tests/support/fake_resolver.hpp"
#include "tests/support/json.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/run_coro.hpp"
#include "tests/support/scripted_connector.hpp"
#include "tests/support/temp_dir.hpp"

namespace winnow::test {

/// A body in pieces that the test makes on demand.
class SourceBody final : public net::HttpBody {
public:
    using Source = std::function<boost::asio::awaitable<Result<std::string>>()>;
    explicit SourceBody(Source source);
    ~SourceBody() override;
    net::awaitable<Result<std::string>> read_some() override;

private:
    Source source_;
};

/// A text, at most `piece` octets at a time.
class TextBody final : public net::HttpBody {
public:
    explicit TextBody(std::string text, std::size_t piece = 64 * 1024);
    ~TextBody() override;
    net::awaitable<Result<std::string>> read_some() override;
    bool read = false;

private:
    std::string text_;
    std::size_t piece_;
    std::size_t at_ = 0;
};

struct Reply {
    int status = 0;
    net::HttpFields fields;
    std::string body;
    Result<> streamed;
    std::size_t largest_piece = 0;

    Reply();
    Reply(const Reply& other);
    Reply(Reply&& other) noexcept;
    Reply& operator=(const Reply& other);
    Reply& operator=(Reply&& other) noexcept;
    ~Reply();

    nlohmann::json json() const;
    std::string code() const;
    /// "pointer: detail" of the first wrong field.
    std::string wrong(std::size_t i = 0) const;
};

/// The default gate over the store, as the program wires it.
class TestGate final : public relay::Admission {
public:
    TestGate(storage::Engine& engine, const Clock& clock) : engine_(engine), clock_(clock) {}
    boost::asio::awaitable<Result<GateAnswer>> ask(relay::AdmissionQuestion question) override;

private:
    storage::Engine& engine_;
    const Clock& clock_;
};

/// The API over a store in memory, a fake DNS and fake mail servers, in virtual time. mx.example.test (192.0.2.25)
/// takes mail for ann, bob and cid at example.test and knows nobody else.
class ApiTest : public ::testing::Test {
public:
    ApiTest();
    ~ApiTest() override;
    void SetUp() override;
    void TearDown() override;

    template <class T>
    T run(boost::asio::awaitable<T> story)
    {
        return test::run(io, timers, std::move(story));
    }

    Reply send(std::string method, const std::string& target, net::HttpBody& body, net::HttpFields fields);
    /// With the default key and a body that comes in one piece.
    Reply call(std::string method, const std::string& target, std::string body = {}, net::HttpFields fields = {});
    Reply call_as(const std::string& who, std::string method, const std::string& target, std::string body = {});
    Reply get(const std::string& target);
    Reply post(const std::string& target, const nlohmann::json& body = nullptr);

    /// Uploads a CSV text as it is and gives the answer's JSON.
    nlohmann::json upload(std::string csv, const std::string& query = {});
    /// The id of a list that was uploaded and is not verified.
    std::string plain_list(std::string csv);
    void finish_job(const std::string& job_id);
    /// One change, which must be accepted.
    void commit(storage::Op op);

    boost::asio::io_context io{1};  ///< outlives everything that waits on it
    ManualClock clock;
    VirtualTimers timers{clock};
    SeededRng rng{11};
    Metrics metrics;
    std::vector<std::string> log_lines;
    std::unique_ptr<Log> log;
    TempDir dir;
    std::shared_ptr<storage::MemoryDisk> disk = storage::make_memory_disk();
    storage::EngineKeys engine_keys;
    std::unique_ptr<storage::Engine> engine;
    FakeResolver resolver;
    ScriptedConnector connector;
    FakeMx mx;
    net::SmtpServerOptions smtp_options;
    const ReplyClassifier& replies;
    const ProviderTable& providers;
    const verifier::AddressLists& lists;
    verifier::VerifierOptions prober_options;  ///< before SetUp
    std::unique_ptr<verifier::Verifier> verifier;
    std::unique_ptr<verifier::VerificationJobs> jobs;
    std::unique_ptr<api::KeyRing> ring;
    std::unique_ptr<TestGate> gate;
    std::unique_ptr<api::HeldVerdicts> held_verdicts;
    std::unique_ptr<relay::Campaigns> campaigns;
    std::unique_ptr<api::Api> api;
    std::string key, other_key, small_key;  ///< of workspaces default and other; 10 probes a day in default
    std::string not_ready;
    net::Endpoint peer{"192.0.2.7", 50'000};

private:
    std::string make_key(const std::string& file, const std::string& workspace, std::int64_t probes);
    void serve_mail();
};

}  // namespace winnow::test
