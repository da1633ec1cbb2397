#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "core/rng.hpp"
#include "net/cares_channel.hpp"
#include "net/dns_message.hpp"
#include "net/dns_name.hpp"
#include "net/resolver.hpp"

// How the parts share the work: c-ares (CaresChannel) moves octets to one server and back and times out. Meaning is
// ours: query and reply (dns_message), the 0x20 check, which server is asked when. Hence one channel per server and one
// try per exchange: we know who answered, and every try has an id and a mix of case of its own.

namespace winnow::net {

namespace asio = boost::asio;

namespace {

/// After a fail-over the first server of the list gets its place back.
constexpr std::chrono::seconds failback_after{30};
/// Links that are followed one question at a time; those within one reply do not count.
constexpr std::size_t max_cname_chain = 16;

struct Server {
    Endpoint endpoint;
    bool loopback = false;  ///< nobody is in between: its AD bit can be trusted
    bool edns = true;       ///< until it says that it does not know it
    std::shared_ptr<CaresChannel> udp;
    std::shared_ptr<CaresChannel> tcp;
};

/// Everything that a query under way needs; outlives the resolver until the last one ended.
struct State : std::enable_shared_from_this<State> {
    State(const asio::any_io_executor& ex, ResolverOptions o) : executor(ex), options(std::move(o)), failback(ex) {}

    asio::any_io_executor executor;
    ResolverOptions options;
    SystemRng rng;
    std::vector<Server> servers;
    std::vector<std::weak_ptr<CaresChannel>> retired;  ///< worn out, with queries still under way
    std::size_t preferred = 0;                         ///< asked first
    asio::steady_timer failback;
    bool closed = false;

    void close()
    {
        closed = true;
        failback.cancel();
        for (Server& server : servers) {
            for (const auto& channel : {server.udp, server.tcp})
                if (channel)
                    channel->close();
        }
        for (const auto& weak : retired)
            if (const auto channel = weak.lock())
                channel->close();
    }

    Result<std::shared_ptr<CaresChannel>> channel(std::size_t index, bool tcp)
    {
        Server& server = servers[index];
        auto& current = tcp ? server.tcp : server.udp;
        if (current && !current->worn_out())
            return current;
        WINNOW_TRY(auto fresh, CaresChannel::open(executor, server.endpoint, options.timeout, tcp));
        if (current) {
            std::erase_if(retired, [](const auto& weak) { return weak.expired(); });
            retired.push_back(current);
        }
        current = std::move(fresh);
        return current;
    }

    void prefer(std::size_t index)
    {
        preferred = index;
        failback.expires_after(failback_after);
        failback.async_wait([weak = weak_from_this()](const boost::system::error_code& code) {
            if (const auto self = weak.lock(); self && !code)
                self->preferred = 0;
        });
    }

    /// "192.0.2.53:53, 192.0.2.54:53"
    std::string names() const
    {
        std::string out;
        for (const Server& server : servers)
            out += (out.empty() ? "" : ", ") + server.endpoint.to_string();
        return out;
    }
};

/// Flips the case of letters by coin (draft-vixie-dnsext-dns0x20): more for a forger to guess.
std::string mixed_case(std::string name, Rng& rng)
{
    std::uint64_t bits = 0;
    int left = 0;
    for (char& c : name) {
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
            continue;
        if (left == 0) {
            bits = rng.next();
            left = 64;
        }
        if ((bits & 1) != 0)
            c = static_cast<char>(c ^ 0x20);
        bits >>= 1;
        --left;
    }
    return name;
}

DnsAnswer failure(DnsStatus status, std::string detail)
{
    DnsAnswer answer;
    answer.status = status;
    answer.detail = std::move(detail);
    return answer;
}

struct Judgement {
    DnsAnswer answer;
    bool wrong_case = false;
    bool rejects_edns = false;
};

/// What a reply means for the query that it came for; the letter case of the name counts when `exact_case`.
Judgement judge(const CaresReply& reply, const DnsMessage& query, bool exact_case)
{
    if (reply.status != CaresReply::Status::answered)
        return {failure(DnsStatus::timed_out, "no answer: " + reply.detail)};
    const auto message = decode_dns(reply.wire);
    if (!message)
        return {failure(DnsStatus::malformed, message.error().context)};
    const auto mismatch = [](const char* what) {
        return failure(DnsStatus::malformed, std::string("the reply does not match the question: ") + what);
    };
    if (!message->response || message->opcode != 0 || message->id != query.id)
        return {mismatch("its header is another one's")};
    const DnsQuestion& asked = query.questions.front();
    if (message->questions.size() != 1)
        return {mismatch("it does not repeat the question")};
    const DnsQuestion& echoed = message->questions.front();
    if (echoed.type != asked.type || echoed.klass != asked.klass || !dns_equal(echoed.name, asked.name))
        return {mismatch("it is for another question")};
    if (exact_case && echoed.name != asked.name)
        return {mismatch("the letter case differs (0x20)"), true};
    // RFC 6891 section 7.
    const bool rejects_edns = query.udp_size && !message->udp_size && message->rcode == DnsRcode::form_error;
    return {answer_from(*message, asked.name, asked.type), false, rejects_edns};
}

/// One exchange, over UDP (TCP after truncation) or over TCP from the start.
awaitable<Judgement> ask_over(std::shared_ptr<State> state, std::size_t index, std::string name, DnsType type, bool tcp)
{
    const bool mix = state->options.mix_case && !tcp;
    if (mix)
        name = mixed_case(std::move(name), state->rng);
    DnsMessage query = make_dns_query(static_cast<std::uint16_t>(state->rng.next()), std::move(name), type);
    if (!state->servers[index].edns)
        query.udp_size.reset();
    auto wire = encode_dns(query);
    auto channel = state->channel(index, tcp);
    if (!wire || !channel) {
        const Error& why = wire ? channel.error() : wire.error();
        Judgement broken;
        broken.answer = failure(DnsStatus::timed_out, why.context);
        co_return broken;
    }
    const CaresReply reply = co_await (*channel)->exchange(std::move(*wire));
    co_return judge(reply, query, mix);
}

/// One try at one server.
awaitable<DnsAnswer> ask(std::shared_ptr<State> state, std::size_t index, std::string name, DnsType type)
{
    Judgement judgement = co_await ask_over(state, index, name, type, false);
    // c-ares asks again without EDNS only the first time that a channel meets such a server.
    if (judgement.rejects_edns && !state->closed) {
        state->servers[index].edns = false;
        judgement = co_await ask_over(state, index, name, type, false);
    }
    // A reply in the wrong case is a forgery, or came through a box that rewrites names. Over TCP a forger has to be
    // on the path anyway, so there the case says nothing more. Without TCP the mismatch remains what there is to tell.
    if (judgement.wrong_case && !state->closed) {
        Judgement second = co_await ask_over(state, index, name, type, true);
        if (second.answer.status != DnsStatus::timed_out)
            judgement = std::move(second);
    }
    const Server& server = state->servers[index];
    judgement.answer.server = server.endpoint.to_string();
    judgement.answer.place = static_cast<std::uint16_t>(index + 1);
    judgement.answer.authenticated = judgement.answer.authenticated && server.loopback;
    co_return std::move(judgement.answer);
}

/// Every server in turn, `tries` rounds; a server that answered with a failure is not asked again, and one whose word
/// is to be confirmed is asked only when it is the only one.
awaitable<DnsAnswer> resolve(std::shared_ptr<State> state, std::string name, DnsType type, QueryOptions options)
{
    name = dns_canonical(name);
    if (const auto labels = dns_labels(name); !labels)
        co_return failure(DnsStatus::malformed, labels.error().context);

    const std::size_t count = state->servers.size();
    std::size_t first = state->preferred;
    std::vector<bool> spoke(count);
    const std::size_t denier = options.not_by;
    if (options.confirm && denier > 0 && denier <= count) {
        first = denier % count;
        spoke[denier - 1] = count > 1;
    }
    bool silence = true;
    DnsAnswer worst = failure(DnsStatus::timed_out, "no DNS server was asked");
    for (int round = 0; round < state->options.tries; ++round) {
        for (std::size_t step = 0; step < count; ++step) {
            const std::size_t index = (first + step) % count;
            if (spoke[index])
                continue;
            if (state->closed)
                co_return failure(DnsStatus::timed_out, "the resolver was shut down");
            DnsAnswer answer = co_await ask(state, index, name, type);
            if (answer.definite()) {
                const bool preferred_is_silent = worst.status == DnsStatus::timed_out;
                if (!options.confirm && index != state->preferred && preferred_is_silent)
                    state->prefer(index);
                co_return answer;
            }
            spoke[index] = answer.status != DnsStatus::timed_out;
            silence = silence && !spoke[index];
            // What a server said tells more than another one's silence.
            if (worst.status == DnsStatus::timed_out)
                worst = std::move(answer);
        }
    }
    if (silence && count > 1)
        worst.detail = "none of " + state->names() + " answers";
    co_return worst;
}

/// resolve(), and after it what a CNAME leads to where the server left that to us. A chain that comes back to a name or
/// goes on and on is a failure: nobody denied anything.
awaitable<DnsAnswer> resolve_aliases(std::shared_ptr<State> state, std::string name, DnsType type, QueryOptions options)
{
    std::vector<std::string> names{dns_canonical(name)};
    for (;;) {
        DnsAnswer answer = co_await resolve(state, names.back(), type, options);
        if (!answer.definite() || answer.alias.empty())
            co_return answer;
        const bool again = std::find(names.begin(), names.end(), answer.alias) != names.end();
        if (again || names.size() > max_cname_chain) {
            DnsAnswer endless = failure(DnsStatus::servfail, "the CNAME chain does not end");
            endless.server = std::move(answer.server);
            endless.place = answer.place;
            co_return endless;
        }
        names.push_back(std::move(answer.alias));
    }
}

class CaresResolver final : public Resolver {
public:
    explicit CaresResolver(std::shared_ptr<State> state) : state_(std::move(state)) {}
    ~CaresResolver() override { state_->close(); }

    awaitable<DnsAnswer> query(std::string name, DnsType type, QueryOptions options) override
    {
        return resolve_aliases(state_, std::move(name), type, options);
    }

private:
    std::shared_ptr<State> state_;
};

}  // namespace

Result<std::unique_ptr<Resolver>> make_cares_resolver(asio::any_io_executor executor, ResolverOptions options)
{
    if (options.timeout.count() <= 0 || options.tries <= 0)
        return Error(Errc::invalid_argument, "DNS timeout and tries must be positive");
    if (options.servers.empty()) {
        WINNOW_TRY(options.servers, CaresChannel::system_servers());
    }
    auto state = std::make_shared<State>(executor, std::move(options));
    std::set<std::string> seen;  // a server named twice does not confirm itself
    for (const Endpoint& endpoint : state->options.servers) {
        boost::system::error_code code;
        const auto address = asio::ip::make_address(endpoint.ip, code);
        if (code || endpoint.port == 0)
            return Error(Errc::invalid_argument,
                         "DNS server \"" + endpoint.ip + "\" is not a numeric address with a port, like 192.0.2.53:53");
        if (!seen.insert(address.to_string() + ' ' + std::to_string(endpoint.port)).second)
            continue;
        state->servers.push_back({endpoint, address.is_loopback(), true, nullptr, nullptr});
    }
    return std::unique_ptr<Resolver>(std::make_unique<CaresResolver>(std::move(state)));
}

}  // namespace winnow::net
