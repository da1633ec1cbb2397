#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "net/dns_name.hpp"
#include "net/resolver.hpp"

namespace winnow::net {

namespace asio = boost::asio;

namespace {

/// "15 example.com": a question as a key.
std::string key_of(const std::string& name, DnsType type)
{
    return std::to_string(static_cast<unsigned>(type)) + ' ' + name;
}

/// Answers with their expiry, the least recently used dropped first.
class AnswerCache {
public:
    explicit AnswerCache(std::size_t max_entries) : max_entries_(max_entries) {}

    /// The answer with what is left of its TTL; nothing when it expired.
    std::optional<DnsAnswer> find(const std::string& key, SteadyPoint now)
    {
        const auto found = index_.find(key);
        if (found == index_.end())
            return std::nullopt;
        const auto entry = found->second;
        if (entry->expires <= now) {
            entries_.erase(entry);
            index_.erase(found);
            return std::nullopt;
        }
        entries_.splice(entries_.begin(), entries_, entry);
        DnsAnswer answer = entry->answer;
        answer.ttl = static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(entry->expires - now).count());
        answer.cached = true;
        return answer;
    }

    void put(const std::string& key, const DnsAnswer& answer, SteadyPoint expires)
    {
        if (max_entries_ == 0)
            return;
        if (const auto found = index_.find(key); found != index_.end()) {
            entries_.erase(found->second);
            index_.erase(found);
        }
        while (entries_.size() >= max_entries_) {
            index_.erase(entries_.back().key);
            entries_.pop_back();
        }
        entries_.push_front({key, answer, expires});
        index_.emplace(key, entries_.begin());
    }

private:
    struct Entry {
        std::string key;
        DnsAnswer answer;
        SteadyPoint expires;
    };
    std::size_t max_entries_;
    std::list<Entry> entries_;  ///< most recently used first
    std::unordered_map<std::string, std::list<Entry>::iterator> index_;
};

/// A question that is being asked; those who come later wait for its answer.
struct Flight {
    std::optional<DnsAnswer> answer;
    std::vector<std::shared_ptr<asio::steady_timer>> waiting;

    void land(DnsAnswer a)
    {
        answer = std::move(a);
        for (const auto& waiter : waiting)
            waiter->cancel();
        waiting.clear();
    }
};

/// Outlives the resolver until the last query under way ended.
struct State {
    State(std::unique_ptr<Resolver> u, const Clock& c, DnsCacheOptions o)
        : upstream(std::move(u)), clock(c), options(o), cache(o.max_entries)
    {
    }
    std::unique_ptr<Resolver> upstream;
    const Clock& clock;
    DnsCacheOptions options;
    AnswerCache cache;
    std::unordered_map<std::string, std::shared_ptr<Flight>> flights;
};

std::uint32_t bounded_ttl(const DnsAnswer& answer, const DnsCacheOptions& options) noexcept
{
    if (!answer.definite())
        return options.failure_ttl;
    const std::uint32_t ceiling =
        answer.status == DnsStatus::ok ? options.max_ttl : std::min(options.max_negative_ttl, options.max_ttl);
    return std::min(std::max(answer.ttl, options.min_ttl), ceiling);
}

DnsAnswer abandoned()
{
    DnsAnswer answer;
    answer.status = DnsStatus::timed_out;
    answer.detail = "the query was abandoned";
    return answer;
}

/// Ends a flight on every way out of the coroutine that asks, also when its frame is destroyed.
class Landing {
public:
    Landing(std::shared_ptr<State> state, std::string key, std::shared_ptr<Flight> flight)
        : state_(std::move(state)), key_(std::move(key)), flight_(std::move(flight))
    {
        state_->flights.emplace(key_, flight_);
    }
    ~Landing()
    {
        state_->flights.erase(key_);
        if (!flight_->answer)
            flight_->land(abandoned());
    }
    Landing(const Landing&) = delete;
    Landing& operator=(const Landing&) = delete;

private:
    std::shared_ptr<State> state_;
    std::string key_;
    std::shared_ptr<Flight> flight_;
};

awaitable<DnsAnswer> wait_for(std::shared_ptr<Flight> flight)
{
    auto executor = co_await asio::this_coro::executor;
    auto gate = std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max());
    flight->waiting.push_back(gate);
    boost::system::error_code ignored;
    co_await gate->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    if (flight->answer)
        co_return *flight->answer;
    co_return abandoned();  // the waiter itself was cancelled
}

awaitable<DnsAnswer> lookup(std::shared_ptr<State> state, std::string name, DnsType type, QueryOptions options)
{
    name = dns_canonical(name);
    const std::string key = key_of(name, type);
    if (!options.confirm) {
        if (auto known = state->cache.find(key, state->clock.steady()))
            co_return std::move(*known);
    }

    // A confirmation must not be answered by the very query that it is to confirm, nor by one that asks its denier.
    const std::string flight_key = options.confirm ? "confirm " + std::to_string(options.not_by) + ' ' + key : key;
    if (const auto under_way = state->flights.find(flight_key); under_way != state->flights.end()) {
        auto flight = under_way->second;
        co_return co_await wait_for(flight);
    }

    auto flight = std::make_shared<Flight>();
    const Landing landing(state, flight_key, flight);
    DnsAnswer answer = co_await state->upstream->query(name, type, options);
    answer.ttl = bounded_ttl(answer, state->options);
    // A confirmation that failed says nothing against what is known.
    if (answer.definite() || !options.confirm)
        state->cache.put(key, answer, state->clock.steady() + std::chrono::seconds(answer.ttl));
    flight->land(answer);
    co_return answer;
}

class CachingResolver final : public Resolver {
public:
    CachingResolver(std::unique_ptr<Resolver> upstream, const Clock& clock, DnsCacheOptions options)
        : state_(std::make_shared<State>(std::move(upstream), clock, options))
    {
    }
    ~CachingResolver() override { state_->upstream.reset(); }  // which ends the queries under way

    awaitable<DnsAnswer> query(std::string name, DnsType type, QueryOptions options) override
    {
        return lookup(state_, std::move(name), type, options);
    }

private:
    std::shared_ptr<State> state_;
};

}  // namespace

std::unique_ptr<Resolver> make_caching_resolver(std::unique_ptr<Resolver> upstream, const Clock& clock,
                                                DnsCacheOptions options)
{
    return std::make_unique<CachingResolver>(std::move(upstream), clock, options);
}

}  // namespace winnow::net
