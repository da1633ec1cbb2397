#include "api/idempotency.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/crypto.hpp"
#include "core/ndjson.hpp"

namespace winnow::api {
namespace {

constexpr std::size_t max_key = 255;
constexpr std::size_t max_kept_answer = 256 * 1024;
constexpr milliseconds memory = std::chrono::hours{24};

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

std::string kept_form(const net::HttpResponse& response, const std::string& fingerprint)
{
    return dump_json({{"fingerprint", fingerprint},
                      {"status", response.status},
                      {"type", response.fields.get("Content-Type")},
                      {"body", response.body}});
}

Answer replay(const std::string& kept, const std::string& fingerprint)
{
    const auto value = parse_json(kept);
    if (!value)
        return value.error();
    if (value->value("fingerprint", "") != fingerprint)
        return Problem{422,
                       "idempotency_key_reused",
                       "The idempotency key was used for another request",
                       "Within 24 hours an Idempotency-Key stands for one request; send a fresh key.",
                       {}};
    net::HttpResponse response;
    response.status = value->value("status", 200);
    const std::string type = value->value("type", "");
    if (!type.empty())
        response.fields.add("Content-Type", type);
    response.fields.add("Idempotency-Replayed", "true");
    response.body = value->value("body", "");
    return response;
}

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
    net::HttpBody* const original = context.request.body;
    if (route.body == Body::streamed)
        context.request.body = &body;
    const auto kept = co_await engine.get_value(name);
    if (!kept)
        co_return kept.error();
    if (*kept) {
        // The fingerprint covers the body; of an upload it is known at its end only.
        while (route.body == Body::streamed) {
            const auto piece = co_await body.read_some();
            if (!piece)
                co_return piece.error();
            if (piece->empty())
                break;
        }
        context.request.body = original;
        co_return replay(**kept, crypto::hex(digest.finish()));
    }

    Answer answer = co_await route.handler(context);
    context.request.body = original;
    net::HttpResponse* const response = answer.response();
    if (!response || response->status / 100 != 2 || response->stream || response->body.size() > max_kept_answer)
        co_return answer;
    const std::string fingerprint = crypto::hex(digest.finish());
    storage::PutValue value{name, kept_form(*response, fingerprint), engine.now() + memory};
    auto ops = storage::OpList::of(std::move(value));
    const auto stored = co_await engine.commit(std::move(ops));
    if (!stored)
        context.services.log.warn("idempotency.not_stored", {{"why", stored.error().message()}});
    co_return answer;
}

}  // namespace winnow::api
