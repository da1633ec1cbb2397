#include "api/idempotency.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/crypto.hpp"
#include "core/ndjson.hpp"

namespace winnow::api {
namespace {

constexpr std::size_t max_key = 255;
constexpr std::size_t max_kept_answer = 256 * 1024;
/// Longer than the store knows the key of a commit: what it refuses as done is always known here.
constexpr milliseconds memory = std::chrono::hours{24} + std::chrono::minutes{1};

/// Passes a body on and takes its digest.
class DigestedBody final : public net::HttpBody {
public:
    DigestedBody(net::HttpBody& body, crypto::Sha256& digest) : body_(body), digest_(digest) {}
    awaitable<Result<std::string>> read_some() override
    {
        auto piece = co_await body_.read_some();
        if (piece)
            digest_.update(*piece);
        co_return piece;
    }

private:
    net::HttpBody& body_;
    crypto::Sha256& digest_;
};

/// Keys live per API key: what another key of the workspace sends can neither collide nor be read.
std::string store_key(const Context& context, std::string_view key)
{
    return "idempotency/" + context.key.workspace + "/" + context.key.id + "/" + std::string(key);
}

/// Nothing more comes: what the fingerprint of an upload has to cover.
awaitable<Checked<>> read_to_the_end(net::HttpBody& body)
{
    for (;;) {
        const auto piece = co_await body.read_some();
        if (!piece)
            co_return unreadable_body(piece.error());
        if (piece->empty())
            co_return Checked<>{};
    }
}

std::string kept_form(const net::HttpResponse& response, const std::string& fingerprint)
{
    return dump_json({{"fingerprint", fingerprint},
                      {"status", response.status},
                      {"type", response.fields.get("Content-Type")},
                      {"location", response.fields.get("Location")},
                      {"body", response.body}});
}

Problem reused()
{
    return {422,
            "idempotency_key_reused",
            "The idempotency key was used for another request",
            "Within 24 hours an Idempotency-Key stands for one request; send a fresh key.",
            {}};
}

net::HttpResponse replay(const nlohmann::json& kept)
{
    net::HttpResponse response;
    response.status = kept.value("status", 200);
    for (const auto& [field, name] : {std::pair{"Content-Type", "type"}, std::pair{"Location", "location"}}) {
        const std::string value = kept.value(name, "");
        if (!value.empty())
            response.fields.add(field, value);
    }
    response.fields.add("Idempotency-Replayed", "true");
    response.body = kept.value("body", "");
    return response;
}

class RequestClaim final : public Claim {
public:
    RequestClaim(storage::Engine& engine, std::string name, crypto::Sha256& digest)
        : engine_(engine), name_(std::move(name)), digest_(digest)
    {
    }
    const std::string& made() const noexcept override { return made_; }
    const std::string& name() const noexcept override { return name_; }
    void bind(storage::OpList& ops, const std::string& resource) override
    {
        keep(ops, dump_json({{"fingerprint", fingerprint()}, {"made", resource}}));
    }
    void bind(storage::OpList& ops, const net::HttpResponse& answer) override
    {
        if (answer.body.size() > max_kept_answer)
            return;
        keep(ops, kept_form(answer, fingerprint()));
        answered_ = true;
    }

    void set_made(std::string resource) { made_ = std::move(resource); }
    bool answered() const noexcept { return answered_; }
    /// Of the request as far as it was read; fixed by the first call.
    const std::string& fingerprint()
    {
        if (fingerprint_.empty())
            fingerprint_ = crypto::hex(digest_.finish());
        return fingerprint_;
    }

private:
    void keep(storage::OpList& ops, std::string value)
    {
        ops.ops.emplace_back(storage::PutValue{name_, std::move(value), engine_.now() + memory});
        ops.idempotency_key = name_;
        ops.fingerprint = fingerprint();
    }

    storage::Engine& engine_;
    std::string name_, made_, fingerprint_;
    crypto::Sha256& digest_;
    bool answered_ = false;
};

}  // namespace

awaitable<Answer> Idempotency::run(const Route& route, Context& context)
{
    const std::string key{context.request.fields.get("Idempotency-Key")};
    const bool printable = std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < '\x7f'; });
    if (key.empty() || key.size() > max_key || !printable)
        co_return invalid_request("Idempotency-Key", "has to be 1 to 255 printable ASCII characters without spaces");
    const std::string name = store_key(context, key);
    if (!under_way_.insert(name).second)
        co_return Problem{409,
                          "idempotency_in_progress",
                          "The first request with this idempotency key is still running",
                          "Wait for its answer, or send the same request again later.",
                          {},
                          {},
                          1};
    struct Leave {
        std::set<std::string>& set;
        const std::string& name;
        ~Leave() { set.erase(name); }
    } leave{under_way_, name};

    storage::Engine& engine = context.services.engine;
    crypto::Sha256 digest;
    digest.update(context.request.method + "\n" + context.request.target + "\n" + context.body);
    DigestedBody body{*context.request.body, digest};
    struct Restore {
        net::HttpRequest& request;
        net::HttpBody* body;
        ~Restore() { request.body = body; }
    } restore{context.request, context.request.body};
    if (route.body == Body::streamed)
        context.request.body = &body;
    RequestClaim claim{engine, name, digest};
    const auto kept = co_await engine.get_value(name);
    if (!kept)
        co_return kept.error();
    if (*kept) {
        // The fingerprint covers the body; of an upload it is known at its end only.
        if (route.body == Body::streamed) {
            WINNOW_CO_CHECK(co_await read_to_the_end(body));
        }
        WINNOW_CO_TRY(const auto value, parse_json(**kept));
        if (value.value("fingerprint", "") != claim.fingerprint())
            co_return reused();
        if (value.contains("status"))
            co_return replay(value);
        claim.set_made(value.value("made", ""));
    }

    context.claim = &claim;
    Answer answer = co_await route.handler(context);
    context.claim = nullptr;
    net::HttpResponse* const response = answer.response();
    if (!response || response->status / 100 != 2 || response->stream)
        co_return answer;
    if (!claim.made().empty())
        response->fields.set("Idempotency-Replayed", "true");
    if (claim.answered() || response->body.size() > max_kept_answer)
        co_return answer;
    if (route.body == Body::streamed) {
        WINNOW_CO_CHECK(co_await read_to_the_end(body));
    }
    storage::PutValue value{name, kept_form(*response, claim.fingerprint()), engine.now() + memory};
    auto ops = storage::OpList::of(std::move(value));
    const auto stored = co_await engine.commit(std::move(ops));
    if (!stored)
        context.services.log.warn("idempotency.not_stored", {{"why", stored.error().message()}});
    co_return answer;
}

}  // namespace winnow::api
