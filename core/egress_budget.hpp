#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/clock.hpp"
#include "core/token_bucket.hpp"

namespace winnow {

/// From where to whom. Operator and site are both told, because both have limits: one operator serves many sites.
struct EgressTarget {
    std::string source;         ///< local address or pool member
    std::string operator_name;  ///< provider row ("google"); empty when the site belongs to no known operator
    std::string site;           ///< name of the MX set
};

/// How often one source may knock at one site or operator. Zero (or no milliseconds) = no such limit.
struct EgressLimits {
    int connections = 0;                  ///< open at once
    int rcpts_per_connection = 0;         ///< then a new connection is needed
    milliseconds between_rcpts{0};        ///< on one connection, from RCPT to RCPT
    milliseconds between_connections{0};  ///< from the end of one to the start of the next
    int rcpts_per_hour = 0;               ///< in any hour, over all connections
    bool operator==(const EgressLimits&) const = default;
};

struct EgressOptions {
    /// Sites without a large operator: 1 connection, 5 RCPT, 1 s and 30 s apart.
    EgressLimits site{1, 5, milliseconds{1'000}, milliseconds{30'000}, 0};
    /// Large operators, over all their sites: 4 connections, 20 RCPT, 1 s apart on each, 2,000 an hour.
    EgressLimits large_operator{4, 20, milliseconds{1'000}, milliseconds{0}, 2'000};
    /// Who is large. Empty function = nobody.
    std::function<bool(std::string_view operator_name)> is_large;
    /// Above this share of unknown users the hourly rate of a large operator is halved (above: a list of poor quality,
    /// which is what receivers watch for).
    double unknown_user_share = 0.10;
    /// No judgement of that share before this many answers within the hour.
    int unknown_user_sample = 50;
};

/// When the next connection or RCPT may go. Pure: no timers, no clock; the caller passes steady time and waits. Limits
/// are kept per source. Not thread-safe: an operator's state belongs to one core.
///
///     while ((at = budget.next_connection(target, clock.steady())) > clock.steady())
///         co_await timer->wait_until(at);           // SteadyPoint::max(): until another connection ends
///     auto connection = budget.open(target, clock.steady());
class EgressBudget {
    struct Account;

public:
    /// One open connection. Move-only; its destructor ends it at the latest time that the budget has seen. Must not
    /// outlive the budget.
    class Connection {
    public:
        Connection(Connection&& other) noexcept;
        Connection& operator=(Connection&& other) noexcept;
        ~Connection();

        /// No further RCPT here: end it and open another.
        bool spent() const noexcept;
        int rcpts() const noexcept { return rcpts_; }
        /// The earliest instant of the next RCPT, `now` or later; SteadyPoint::max() when spent.
        SteadyPoint next_rcpt(SteadyPoint now) const;
        /// A RCPT is sent at `now`, which is not before next_rcpt().
        void count_rcpt(SteadyPoint now);
        void close(SteadyPoint now);

    private:
        friend class EgressBudget;
        Connection(EgressBudget& budget, std::shared_ptr<Account> account) : budget_(&budget), account_(account) {}

        EgressBudget* budget_ = nullptr;  ///< null once closed
        std::shared_ptr<Account> account_;
        int rcpts_ = 0;
        std::optional<SteadyPoint> last_rcpt_;
    };

    explicit EgressBudget(EgressOptions options);
    ~EgressBudget();
    EgressBudget(const EgressBudget&) = delete;
    EgressBudget& operator=(const EgressBudget&) = delete;

    /// The earliest instant at which a connection may be opened, `now` or later; SteadyPoint::max() while the
    /// limit of open connections is reached: ask again when one has ended.
    SteadyPoint next_connection(const EgressTarget& target, SteadyPoint now) const;
    /// Opens one; nothing when next_connection() is later than `now`.
    std::optional<Connection> open(const EgressTarget& target, SteadyPoint now);

    /// A receiver answered a RCPT: does it know the user?
    void record_rcpt(const EgressTarget& target, bool unknown_user, SteadyPoint now);

    /// The limits in force for a target: those of its large operator, else of the site.
    const EgressLimits& limits(const EgressTarget& target) const;
    /// Whether the hourly rate is halved at `now`.
    bool halved(const EgressTarget& target, SteadyPoint now) const;
    /// Least time that `rcpts` more RCPTs take when nothing else goes there, connections used to the full; for plans
    /// and estimates. Answers of the receiver are taken to come at once.
    milliseconds estimate(const EgressTarget& target, std::uint64_t rcpts) const;

    /// Accounts in memory; those without an open connection and a pause to remember are dropped now and then.
    std::size_t accounts() const noexcept { return accounts_.size(); }

private:
    using Key = std::pair<std::string, std::string>;  // source; "o:" operator or "s:" site

    bool large(const EgressTarget& target) const;
    Key key(const EgressTarget& target) const;
    const Account* find(const EgressTarget& target) const;
    Account& account(const EgressTarget& target, SteadyPoint now);
    void see(SteadyPoint now) noexcept;
    void drop_idle(SteadyPoint now);

    EgressOptions options_;
    std::map<Key, std::shared_ptr<Account>> accounts_;
    std::size_t drop_at_ = 1024;  ///< number of accounts at which the idle ones are looked for
    SteadyPoint latest_{};
};

}  // namespace winnow
