#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/resolver.hpp"

namespace winnow::test {

/// A name server in memory. A name that was never mentioned is NXDOMAIN, a mentioned name without the asked type is
/// NODATA, CNAMEs are followed. Answers come at once unless hold() was called. Not thread-safe.
class FakeResolver final : public net::Resolver {
public:
    FakeResolver() = default;
    /// Zone text, see zone(). `FakeResolver dns{"example.test. MX 10 mx.example.test."}`.
    explicit FakeResolver(std::string_view zone_text) { zone(zone_text); }

    /// One record per line: `owner [ttl] TYPE data`; `;` starts a comment. TXT data may be several "quoted" parts,
    /// which are joined. The type may also be a status (`NXDOMAIN`, `SERVFAIL`, `TIMEOUT`, `REFUSED`, `MALFORMED`,
    /// `NODATA`), optionally followed by the one type it is for: `broken.test. SERVFAIL MX`.
    /// Throws std::invalid_argument on a line it cannot read: a broken test.
    FakeResolver& zone(std::string_view text);
    FakeResolver& add(std::string name, net::DnsType type, std::string data, std::uint32_t ttl = 300);
    FakeResolver& add_mx(std::string name, std::uint16_t preference, std::string host, std::uint32_t ttl = 300);
    /// `type` any = for every type at this name.
    FakeResolver& fail(std::string name, net::DnsStatus status, net::DnsType type = net::DnsType::any);
    /// Forgets the records and statuses of a name.
    FakeResolver& remove(const std::string& name);

    /// What queries with QueryOptions::confirm see; until this is called they see the same as the others.
    FakeResolver& confirming();

    /// Queries wait until release(): for coalescing and cancellation.
    void hold() noexcept { held_ = true; }
    void release();
    /// For queries whose io_context goes away before release().
    void forget_waiting() noexcept { waiters_.clear(); }
    std::size_t waiting() const noexcept { return waiters_.size(); }

    /// The AD bit of coming answers.
    void set_authenticated(bool value) noexcept { authenticated_ = value; }
    /// TTL of coming negative answers, seconds.
    void set_negative_ttl(std::uint32_t seconds) noexcept { negative_ttl_ = seconds; }

    /// How often this was asked; any = all types of the name.
    std::size_t queries(std::string_view name, net::DnsType type = net::DnsType::any) const;
    std::size_t total_queries() const noexcept { return log_.size(); }
    std::size_t confirmations() const noexcept { return confirmations_; }
    /// "MX example.test", in the order asked.
    const std::vector<std::string>& log() const noexcept { return log_; }

    net::awaitable<net::DnsAnswer> query(std::string name, net::DnsType type, net::QueryOptions options) override;

private:
    struct Waiter;
    struct Name {
        std::vector<net::DnsRecord> records;
        std::map<net::DnsType, net::DnsStatus> failures;
    };

    void zone_line(std::string_view line);
    net::DnsAnswer answer(const std::string& name, net::DnsType type) const;
    bool exists(const std::string& name) const;

    std::map<std::string, Name> names_;
    std::unique_ptr<FakeResolver> confirming_;
    std::vector<std::shared_ptr<Waiter>> waiters_;
    std::vector<std::string> log_;
    std::size_t confirmations_ = 0;
    std::uint32_t negative_ttl_ = 300;
    bool authenticated_ = false;
    bool held_ = false;
};

}  // namespace winnow::test
