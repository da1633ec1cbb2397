#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "api/api.hpp"
#include "core/gate.hpp"
#include "net/http_url.hpp"
#include "net/smtp_server.hpp"
#include "storage/memory_disk.hpp"
#include "tests/support/fake_mx.hpp"
#include "tests/support/fake_resolver.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/memory_stream.hpp"
#include "tests/support/run_coro.hpp"
#include "tests/support/scripted_connector.hpp"
#include "tests/support/temp_dir.hpp"

namespace winnow::test {

/// A body in pieces that the test makes on demand.
class SourceBody final : public net::HttpBody {
public:
    using Source = std::function<boost::asio::awaitable<Result<std::string>>()>;
    explicit SourceBody(Source source) : source_(std::move(source)) {}
    net::awaitable<Result<std::string>> read_some() override { return source_(); }

private:
    Source source_;
};

/// A text, at most `piece` octets at a time.
class TextBody final : public net::HttpBody {
public:
    explicit TextBody(std::string text, std::size_t piece = 64 * 1024) : text_(std::move(text)), piece_(piece) {}
    net::awaitable<Result<std::string>> read_some() override
    {
        std::string piece = text_.substr(at_, piece_);
        at_ += piece.size();
        read = read || !piece.empty();
        co_return piece;
    }
    bool read = false;

private:
    std::string text_;
    std::size_t piece_;
    std::size_t at_ = 0;
};

class TextSink final : public net::HttpSink {
public:
    net::awaitable<Result<>> write(std::string piece) override
    {
        largest = std::max(largest, piece.size());
        text += piece;
        co_return Result<>{};
    }
    std::string text;
    std::size_t largest = 0;
};

struct Reply {
    int status = 0;
    net::HttpFields fields;
    std::string body;
    Result<> streamed;
    std::size_t largest_piece = 0;

    nlohmann::json json() const { return nlohmann::json::parse(body); }
    std::string code() const { return json().value("code", ""); }
    /// "pointer: detail" of the first wrong field.
    std::string wrong(std::size_t i = 0) const
    {
        const auto errors = json().value("errors", nlohmann::json::array());
        return i < errors.size() ? errors[i].value("pointer", "") + ": " + errors[i].value("detail", "") : "";
    }
};

/// The default gate over the store, as the program wires it.
class TestGate final : public relay::Admission {
public:
    TestGate(storage::Engine& engine, const Clock& clock) : engine_(engine), clock_(clock) {}
    boost::asio::awaitable<Result<GateAnswer>> ask(relay::AdmissionQuestion question) override
    {
        WINNOW_CO_TRY(const auto hits, engine_.check(question.workspace, question.list_id, question.recipient));
        std::vector<GateSuppression> suppressions;
        for (const storage::SuppressionHit& hit : hits)
            suppressions.push_back({hit.scope, hit.reason});
        WINNOW_CO_TRY(const auto verdict, co_await engine_.get_verdict(question.workspace, question.recipient));
        co_return decide_gate(verdict ? &*verdict : nullptr, suppressions, question.policy, clock_.now());
    }

private:
    storage::Engine& engine_;
    const Clock& clock_;
};

/// The API over a store in memory, a fake DNS and fake mail servers, in virtual time. mx.example.test (192.0.2.25)
/// takes mail for ann, bob and cid at example.test and knows nobody else.
class ApiTest : public ::testing::Test {
public:
    boost::asio::io_context io{1};  ///< outlives everything that waits on it
    ManualClock clock;
    VirtualTimers timers{clock};
    SeededRng rng{11};
    Metrics metrics;
    std::vector<std::string> log_lines;
    std::unique_ptr<Log> log = make_callback_log(
        [](std::string_view line, void* lines) { static_cast<std::vector<std::string>*>(lines)->emplace_back(line); },
        &log_lines, clock);
    TempDir dir;
    std::shared_ptr<storage::MemoryDisk> disk = storage::make_memory_disk();
    storage::EngineKeys engine_keys = storage::EngineKeys::fixed("test");
    std::unique_ptr<storage::Engine> engine = storage::open_memory_engine(disk, engine_keys, {}, clock, rng).value();
    FakeResolver resolver{"example.test. MX 10 mx.example.test.\nmx.example.test. A 192.0.2.25\n"};
    ScriptedConnector connector;
    FakeMx mx;
    net::SmtpServerOptions smtp_options;
    const ReplyClassifier& replies = tables().replies;
    const ProviderTable& providers = tables().providers;
    const verifier::AddressLists& lists = tables().lists;
    std::unique_ptr<verifier::Verifier> verifier;
    std::unique_ptr<verifier::VerificationJobs> jobs;
    std::unique_ptr<TestGate> gate;
    std::unique_ptr<relay::Campaigns> campaigns;
    std::unique_ptr<api::KeyRing> ring;
    std::unique_ptr<api::Api> api;
    std::string key, other_key, small_key;  ///< of workspaces default and other; 10 probes a day in default
    std::string not_ready;

    void SetUp() override
    {
        const std::string file = dir.file("keys");
        key = make_key(file, "default", 10'000);
        other_key = make_key(file, "other", 10'000);
        small_key = make_key(file, "default", 10);
        ring = std::make_unique<api::KeyRing>(api::KeyRing::load(file).value());
        serve_mail();

        verifier::VerifierOptions probing;
        probing.helo_name = "probe.test";
        probing.mail_from = "probe@probe.test";
        probing.allow_private_targets = true;
        probing.identity_checked = true;
        probing.manners = verifier::Manners::lifted();
        verifier::Services services{*engine,    resolver, connector, timers,    clock, rng,
                                    null_log(), metrics,  replies,   providers, lists, io.get_executor()};
        verifier = std::make_unique<verifier::Verifier>(services, probing);
        jobs = std::make_unique<verifier::VerificationJobs>(*verifier);
        gate = std::make_unique<TestGate>(*engine, clock);
        relay::RelayOptions relaying;
        relaying.hostname = "mail.test";
        relaying.bounce_domain = "bounce.test";
        relay::Services relay_services{*engine, engine_keys, resolver, connector, timers,    clock,
                                       rng,     null_log(),  metrics,  replies,   providers, *gate};
        campaigns = std::make_unique<relay::Campaigns>(relay_services, relaying);
        api = std::make_unique<api::Api>(api::Services{*engine, *verifier, *jobs, *campaigns, *ring, clock, rng, *log,
                                                       metrics, [this] { return not_ready; }});
    }

    void TearDown() override
    {
        // What a job or campaign still does must end before what it stands on.
        timers.stop();
        try {
            VirtualTimers::poll(io);
        } catch (const std::exception& e) {
            ADD_FAILURE() << e.what();
        }
        timers.abandon();
    }

    template <class T>
    T run(boost::asio::awaitable<T> story)
    {
        return test::run(io, timers, std::move(story));
    }

    Reply send(std::string method, const std::string& target, net::HttpBody& body, net::HttpFields fields)
    {
        net::HttpRequest request;
        request.method = std::move(method);
        request.target = target;
        auto parsed = net::parse_http_target(target).value();
        request.path = std::move(parsed.path);
        request.query = std::move(parsed.query);
        request.fields = std::move(fields);
        request.peer = {"192.0.2.7", 50'000};
        request.body = &body;
        return run(ask(*api, request));
    }

    /// With the default key and a body that comes in one piece.
    Reply call(std::string method, const std::string& target, std::string body = {}, net::HttpFields fields = {})
    {
        if (!fields.has("Authorization") && !fields.has("X-API-Key"))
            fields.add("Authorization", "Bearer " + key);
        TextBody text{std::move(body)};
        return send(std::move(method), target, text, std::move(fields));
    }
    Reply call_as(const std::string& who, std::string method, const std::string& target, std::string body = {})
    {
        net::HttpFields fields;
        fields.add("X-API-Key", who);
        return call(std::move(method), target, std::move(body), std::move(fields));
    }
    Reply get(const std::string& target) { return call("GET", target); }
    Reply post(const std::string& target, const nlohmann::json& body = nullptr)
    {
        return call("POST", target, body.is_null() ? "" : body.dump());
    }

    /// Uploads a CSV text as it is and gives the answer's JSON.
    nlohmann::json upload(std::string csv, const std::string& query = {})
    {
        const Reply reply = call("POST", "/api/v1/lists" + query, std::move(csv));
        EXPECT_EQ(reply.status, 201) << reply.body;
        return reply.status == 201 ? reply.json() : nlohmann::json::object();
    }
    /// The id of a list that was uploaded and is not verified.
    std::string plain_list(std::string csv) { return upload(std::move(csv), "?verify=false")["list"]["id"]; }
    void finish_job(const std::string& job_id)
    {
        const auto job = run(jobs->wait("default", job_id, {}));
        ASSERT_TRUE(job) << job.error().message();
        EXPECT_EQ(job->state, JobState::done);
    }

    template <class Op>
    void commit(Op op)
    {
        auto ops = storage::OpList::of(std::move(op));
        const auto committed = run(engine->commit(std::move(ops)));
        ASSERT_TRUE(committed) << committed.error().message();
    }

private:
    /// Read once for all tests.
    struct Tables {
        ReplyClassifier replies = ReplyClassifier::load(WINNOW_DATA_DIR "/replies.tsv").value();
        ProviderTable providers = ProviderTable::load(WINNOW_DATA_DIR "/mx-providers.tsv").value();
        verifier::AddressLists lists = verifier::AddressLists::built_in();
    };
    static const Tables& tables()
    {
        static const Tables once;
        return once;
    }

    static net::awaitable<Reply> ask(api::Api& api, net::HttpRequest& request)
    {
        net::HttpResponse response = co_await api.handle(request);
        Reply reply;
        reply.status = response.status;
        reply.fields = response.fields;
        reply.body = response.body;
        if (response.stream) {
            TextSink sink;
            reply.streamed = co_await response.stream(sink);
            reply.body = sink.text;
            reply.largest_piece = sink.largest;
        }
        co_return reply;
    }

    std::string make_key(const std::string& file, const std::string& workspace, std::int64_t probes)
    {
        api::ApiKey properties;
        properties.workspace = workspace;
        properties.name = workspace + " key";
        properties.probes_per_day = probes;
        return api::KeyRing::create(file, properties, rng).value().text;
    }

    static net::awaitable<void> session(std::unique_ptr<net::Stream> stream, FakeMx& mx,
                                        const net::SmtpServerOptions& options, TimerSource& timers)
    {
        co_await net::serve_smtp(*stream, mx, options, timers);
    }

    void serve_mail()
    {
        mx.rcpt_reply = [](const std::string& recipient) {
            const std::string local = recipient.substr(0, recipient.find('@'));
            const bool known = local == "ann" || local == "bob" || local == "cid";
            return known ? SmtpReply::make(250, "2.1.5 Ok") : SmtpReply::make(550, "5.1.1 User unknown");
        };
        connector.serve("192.0.2.25", [this]() -> Result<std::unique_ptr<net::Stream>> {
            MemoryPair pair = make_memory_pair(timers);
            boost::asio::co_spawn(io, session(std::move(pair.server), mx, smtp_options, timers),
                                  [](std::exception_ptr) {});
            return std::move(pair.client);
        });
    }
};

}  // namespace winnow::test
