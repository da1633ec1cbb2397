#include "core/egress_budget.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace winnow {
namespace {

/// Answers of the last hour, in twelve slots of five minutes.
class UnknownUsers {
public:
    void record(bool unknown, SteadyPoint now)
    {
        const std::int64_t slot = slot_of(now);
        Slot& s = slots_[static_cast<std::size_t>(slot % count)];
        if (s.slot != slot)
            s = {slot, 0, 0};
        ++s.answers;
        s.unknown += unknown;
    }

    bool above(double share, int sample, SteadyPoint now) const
    {
        const std::int64_t oldest = slot_of(now) - count + 1;
        int answers = 0, unknown = 0;
        for (const Slot& s : slots_) {
            if (s.slot < oldest)
                continue;
            answers += s.answers;
            unknown += s.unknown;
        }
        return answers >= sample && unknown > share * answers;
    }

    bool empty(SteadyPoint now) const
    {
        const std::int64_t oldest = slot_of(now) - count + 1;
        return std::all_of(slots_.begin(), slots_.end(), [oldest](const Slot& s) { return s.slot < oldest; });
    }

private:
    static constexpr std::int64_t count = 12;
    static constexpr std::chrono::minutes length{5};
    struct Slot {
        std::int64_t slot = -1;
        int answers = 0;
        int unknown = 0;
    };
    static std::int64_t slot_of(SteadyPoint t) { return t.time_since_epoch() / length; }

    std::array<Slot, count> slots_;
};

/// Spread over the hour, with a minute's worth at once; no hour holds more than `per_hour`.
struct HourlyRate {
    explicit HourlyRate(double per_hour)
        : burst(std::clamp(per_hour / 60, 1.0, std::max(1.0, per_hour / 2))),
          per_second(std::max(per_hour - burst, per_hour / 2) / 3600)
    {
    }
    double burst;
    double per_second;
};

}  // namespace

/// What one source did at one site or large operator.
struct EgressBudget::Account {
    Account(const EgressLimits& l, SteadyPoint now) : limits(l)
    {
        if (l.rcpts_per_hour > 0) {
            const HourlyRate rate(l.rcpts_per_hour);
            hourly.emplace(rate.per_second, rate.burst, now);
        }
    }

    /// Halves or restores the hourly rate, as the share of unknown users asks for.
    void adjust(const EgressOptions& options, SteadyPoint now)
    {
        if (!hourly)
            return;
        const bool high = unknown_users.above(options.unknown_user_share, options.unknown_user_sample, now);
        if (high == is_halved)
            return;
        is_halved = high;
        const HourlyRate rate(limits.rcpts_per_hour / (high ? 2.0 : 1.0));
        hourly->set_rate(rate.per_second, rate.burst, now);
    }

    bool idle(SteadyPoint now) const
    {
        return open == 0 && now >= next_connection && unknown_users.empty(now) && (!hourly || hourly->next(now) <= now);
    }

    const EgressLimits& limits;
    int open = 0;
    SteadyPoint next_connection{};
    std::optional<TokenBucket> hourly;
    UnknownUsers unknown_users;
    bool is_halved = false;
};

EgressBudget::Connection::Connection(Connection&& other) noexcept
    : budget_(std::exchange(other.budget_, nullptr)),
      account_(std::move(other.account_)),
      rcpts_(other.rcpts_),
      last_rcpt_(other.last_rcpt_)
{
}

EgressBudget::Connection& EgressBudget::Connection::operator=(Connection&& other) noexcept
{
    if (this != &other) {
        if (budget_)
            close(budget_->latest_);
        budget_ = std::exchange(other.budget_, nullptr);
        account_ = std::move(other.account_);
        rcpts_ = other.rcpts_;
        last_rcpt_ = other.last_rcpt_;
    }
    return *this;
}

EgressBudget::Connection::~Connection()
{
    if (budget_)
        close(budget_->latest_);
}

bool EgressBudget::Connection::spent() const noexcept
{
    if (!budget_)
        return true;
    const int most = account_->limits.rcpts_per_connection;
    return most > 0 && rcpts_ >= most;
}

SteadyPoint EgressBudget::Connection::next_rcpt(SteadyPoint now) const
{
    if (spent())
        return SteadyPoint::max();
    account_->adjust(budget_->options_, now);
    SteadyPoint at = now;
    if (last_rcpt_)
        at = std::max(at, *last_rcpt_ + account_->limits.between_rcpts);
    if (account_->hourly)
        at = std::max(at, account_->hourly->next(now));
    return at;
}

void EgressBudget::Connection::count_rcpt(SteadyPoint now)
{
    if (!budget_)
        return;
    budget_->see(now);
    ++rcpts_;
    last_rcpt_ = now;
    if (account_->hourly)
        (void)account_->hourly->take(now);
}

void EgressBudget::Connection::close(SteadyPoint now)
{
    if (!budget_)
        return;
    budget_->see(now);
    --account_->open;
    account_->next_connection = std::max(account_->next_connection, now + account_->limits.between_connections);
    budget_ = nullptr;
}

EgressBudget::EgressBudget(EgressOptions options) : options_(std::move(options)) {}
EgressBudget::~EgressBudget() = default;

SteadyPoint EgressBudget::next_connection(const EgressTarget& target, SteadyPoint now) const
{
    const Account* account = find(target);
    if (!account)
        return now;
    if (account->limits.connections > 0 && account->open >= account->limits.connections)
        return SteadyPoint::max();
    SteadyPoint at = std::max(now, account->next_connection);
    // A connection that could not send its first RCPT would only hold a slot of the receiver.
    if (account->hourly)
        at = std::max(at, account->hourly->next(now));
    return at;
}

std::optional<EgressBudget::Connection> EgressBudget::open(const EgressTarget& target, SteadyPoint now)
{
    see(now);
    if (next_connection(target, now) > now)
        return std::nullopt;
    drop_idle(now);
    Account& to = account(target, now);
    ++to.open;
    return Connection(*this, accounts_.find(key(target))->second);
}

void EgressBudget::record_rcpt(const EgressTarget& target, bool unknown_user, SteadyPoint now)
{
    see(now);
    Account& to = account(target, now);
    to.unknown_users.record(unknown_user, now);
    to.adjust(options_, now);
}

const EgressLimits& EgressBudget::limits(const EgressTarget& target) const
{
    return large(target) ? options_.large_operator : options_.site;
}

bool EgressBudget::halved(const EgressTarget& target, SteadyPoint now) const
{
    const Account* account = find(target);
    return account && account->hourly &&
           account->unknown_users.above(options_.unknown_user_share, options_.unknown_user_sample, now);
}

milliseconds EgressBudget::estimate(const EgressTarget& target, std::uint64_t rcpts) const
{
    if (rcpts == 0)
        return milliseconds{0};
    const EgressLimits& l = limits(target);
    const auto ceil_div = [](std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; };
    const std::uint64_t share = l.connections > 0 ? ceil_div(rcpts, static_cast<std::uint64_t>(l.connections)) : 1;
    const std::uint64_t connections =
        l.rcpts_per_connection > 0 ? ceil_div(share, static_cast<std::uint64_t>(l.rcpts_per_connection)) : 1;
    // The first RCPT of a connection waits for the pause before the connection instead.
    milliseconds total = static_cast<std::int64_t>(share - connections) * l.between_rcpts +
                         static_cast<std::int64_t>(connections - 1) * l.between_connections;
    if (l.rcpts_per_hour > 0) {
        const HourlyRate rate(l.rcpts_per_hour);
        const double seconds = std::max(0.0, static_cast<double>(rcpts) - rate.burst) / rate.per_second;
        total = std::max(total, milliseconds{static_cast<std::int64_t>(seconds * 1000)});
    }
    return total;
}

bool EgressBudget::large(const EgressTarget& target) const
{
    return !target.operator_name.empty() && options_.is_large && options_.is_large(target.operator_name);
}

EgressBudget::Key EgressBudget::key(const EgressTarget& target) const
{
    return {target.source, large(target) ? "o:" + target.operator_name : "s:" + target.site};
}

const EgressBudget::Account* EgressBudget::find(const EgressTarget& target) const
{
    const auto found = accounts_.find(key(target));
    return found == accounts_.end() ? nullptr : found->second.get();
}

EgressBudget::Account& EgressBudget::account(const EgressTarget& target, SteadyPoint now)
{
    auto& account = accounts_[key(target)];
    if (!account)
        account = std::make_shared<Account>(limits(target), now);
    return *account;
}

void EgressBudget::see(SteadyPoint now) noexcept
{
    latest_ = std::max(latest_, now);
}

void EgressBudget::drop_idle(SteadyPoint now)
{
    if (accounts_.size() < drop_at_)
        return;
    std::erase_if(accounts_, [now](const auto& entry) { return entry.second->idle(now); });
    drop_at_ = std::max<std::size_t>(1024, 2 * accounts_.size());
}

}  // namespace winnow
