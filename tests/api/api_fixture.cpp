#include "tests/api/api_fixture.hpp"

#include <algorithm>

#include "core/gate.hpp"
#include "net/http_url.hpp"
#include "net/smtp_server.hpp"
#include "tests/support/memory_stream.hpp"
#include "tests/support/spawn.hpp"

namespace winnow::test {
namespace {

/// Read once for all tests.
struct Tables {
    ReplyClassifier replies = ReplyClassifier::load(WINNOW_DATA_DIR "/replies.tsv").value();
    ProviderTable providers = ProviderTable::load(WINNOW_DATA_DIR "/mx-providers.tsv").value();
    verifier::AddressLists lists = verifier::AddressLists::built_in();
};

const Tables& tables()
{
    static const Tables once;
    return once;
}

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

net::awaitable<Reply> ask(api::Api& api, net::HttpRequest& request)
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

net::awaitable<void> session(std::unique_ptr<net::Stream> stream, FakeMx& mx, const net::SmtpServerOptions& options,
                             TimerSource& timers)
{
    co_await net::serve_smtp(*stream, mx, options, timers);
}

}  // namespace

SourceBody::SourceBody(Source source) : source_(std::move(source)) {}
SourceBody::~SourceBody() = default;

net::awaitable<Result<std::string>> SourceBody::read_some()
{
    return source_();
}

TextBody::TextBody(std::string text, std::size_t piece) : text_(std::move(text)), piece_(piece) {}
TextBody::~TextBody() = default;

net::awaitable<Result<std::string>> TextBody::read_some()
{
    std::string piece = text_.substr(at_, piece_);
    at_ += piece.size();
    read = read || !piece.empty();
    co_return piece;
}

Reply::Reply() = default;
Reply::Reply(const Reply& other) = default;
Reply::Reply(Reply&& other) noexcept = default;
Reply& Reply::operator=(const Reply& other) = default;
Reply& Reply::operator=(Reply&& other) noexcept = default;
Reply::~Reply() = default;

nlohmann::json Reply::json() const
{
    return parse_json(body);
}

std::string Reply::code() const
{
    return json().value("code", "");
}

std::string Reply::wrong(std::size_t i) const
{
    const auto errors = json().value("errors", nlohmann::json::array());
    return i < errors.size() ? errors[i].value("pointer", "") + ": " + errors[i].value("detail", "") : "";
}

boost::asio::awaitable<Result<GateAnswer>> TestGate::ask(relay::AdmissionQuestion question)
{
    WINNOW_CO_TRY(const auto hits, engine_.check(question.workspace, question.list_id, question.recipient));
    std::vector<GateSuppression> suppressions;
    for (const storage::SuppressionHit& hit : hits)
        suppressions.push_back({hit.scope, hit.reason});
    WINNOW_CO_TRY(const auto verdict, co_await engine_.get_verdict(question.workspace, question.recipient));
    co_return decide_gate(verdict ? &*verdict : nullptr, suppressions, question.policy, clock_.now());
}

ApiTest::ApiTest()
    : log(make_callback_log(
          [](std::string_view line, void* lines) { static_cast<std::vector<std::string>*>(lines)->emplace_back(line); },
          &log_lines, clock)),
      engine_keys(storage::EngineKeys::fixed("test")),
      engine(storage::open_memory_engine(disk, engine_keys, {}, clock, rng).value()),
      resolver("example.test. MX 10 mx.example.test.\nmx.example.test. A 192.0.2.25\n"),
      replies(tables().replies),
      providers(tables().providers),
      lists(tables().lists)
{
}

ApiTest::~ApiTest() = default;

void ApiTest::SetUp()
{
    const std::string file = dir.file("keys");
    key = make_key(file, "default", 10'000);
    other_key = make_key(file, "other", 10'000);
    small_key = make_key(file, "default", 10);
    ring = std::make_unique<api::KeyRing>(api::KeyRing::load(file, api::KeyRing::Missing::is_empty).value());
    serve_mail();

    prober_options.helo_name = "probe.test";
    prober_options.mail_from = "probe@probe.test";
    prober_options.allow_private_targets = true;
    prober_options.identity_checked = true;
    prober_options.manners = verifier::Manners::lifted();
    verifier::Services services{*engine,    resolver, connector, timers,    clock, rng,
                                null_log(), metrics,  replies,   providers, lists, io.get_executor()};
    verifier = std::make_unique<verifier::Verifier>(services, prober_options);
    jobs = std::make_unique<verifier::VerificationJobs>(*verifier);
    gate = std::make_unique<TestGate>(*engine, clock);
    held_verdicts = std::make_unique<api::HeldVerdicts>(*engine, *verifier, *jobs, *ring, clock, *log);
    relay::RelayOptions relaying;
    relaying.hostname = "mail.test";
    relaying.bounce_domain = "bounce.test";
    relay::Services relay_services{*engine, engine_keys, resolver, connector, timers,    clock,
                                   rng,     null_log(),  metrics,  replies,   providers, *gate};
    relay_services.verdicts = held_verdicts.get();
    campaigns = std::make_unique<relay::Campaigns>(relay_services, relaying);
    api = std::make_unique<api::Api>(api::Services{*engine, *verifier, *jobs, *campaigns, *ring, clock, rng, *log,
                                                   metrics, [this] { return not_ready; },
                                                   verifier::Rules{replies, providers, lists}});
}

void ApiTest::TearDown()
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

Reply ApiTest::send(std::string method, const std::string& target, net::HttpBody& body, net::HttpFields fields)
{
    net::HttpRequest request;
    request.method = std::move(method);
    request.target = target;
    auto parsed = net::parse_http_target(target).value();
    request.path = std::move(parsed.path);
    request.query = std::move(parsed.query);
    request.fields = std::move(fields);
    request.peer = peer;
    request.body = &body;
    return run(ask(*api, request));
}

Reply ApiTest::call(std::string method, const std::string& target, std::string body, net::HttpFields fields)
{
    if (!fields.has("Authorization") && !fields.has("X-API-Key"))
        fields.add("Authorization", "Bearer " + key);
    TextBody text{std::move(body)};
    return send(std::move(method), target, text, std::move(fields));
}

Reply ApiTest::call_as(const std::string& who, std::string method, const std::string& target, std::string body)
{
    net::HttpFields fields;
    fields.add("X-API-Key", who);
    return call(std::move(method), target, std::move(body), std::move(fields));
}

Reply ApiTest::get(const std::string& target)
{
    return call("GET", target);
}

Reply ApiTest::post(const std::string& target, const nlohmann::json& body)
{
    return call("POST", target, body.is_null() ? "" : body.dump());
}

nlohmann::json ApiTest::upload(std::string csv, const std::string& query)
{
    const Reply reply = call("POST", "/api/v1/lists" + query, std::move(csv));
    EXPECT_EQ(reply.status, 201) << reply.body;
    return reply.status == 201 ? reply.json() : nlohmann::json::object();
}

std::string ApiTest::plain_list(std::string csv)
{
    return upload(std::move(csv), "?verify=false")["list"]["id"];
}

void ApiTest::finish_job(const std::string& job_id)
{
    const auto job = run(jobs->wait("default", job_id, {}));
    ASSERT_TRUE(job) << job.error().message();
    EXPECT_EQ(job->state, JobState::done);
}

void ApiTest::commit(storage::Op op)
{
    auto ops = storage::OpList::of(std::move(op));
    const auto committed = run(engine->commit(std::move(ops)));
    ASSERT_TRUE(committed) << committed.error().message();
}

std::string ApiTest::make_key(const std::string& file, const std::string& workspace, std::int64_t probes)
{
    api::ApiKey properties;
    properties.workspace = workspace;
    properties.name = workspace + " key";
    properties.probes_per_day = probes;
    return api::KeyRing::create(file, properties, rng).value().text;
}

void ApiTest::serve_mail()
{
    mx.rcpt_reply = [](const std::string& recipient) {
        const std::string local = recipient.substr(0, recipient.find('@'));
        const bool known = local == "ann" || local == "bob" || local == "cid";
        return known ? SmtpReply::make(250, "2.1.5 Ok") : SmtpReply::make(550, "5.1.1 User unknown");
    };
    connector.serve("192.0.2.25", [this]() -> Result<std::unique_ptr<net::Stream>> {
        MemoryPair pair = make_memory_pair(timers);
        spawn(io, session(std::move(pair.server), mx, smtp_options, timers));
        return std::move(pair.client);
    });
}

}  // namespace winnow::test
