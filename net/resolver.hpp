#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "core/clock.hpp"
#include "net/stream.hpp"

namespace winnow::net {

enum class DnsType : std::uint16_t {
    a = 1,
    ns = 2,
    cname = 5,
    soa = 6,
    ptr = 12,
    mx = 15,
    txt = 16,
    aaaa = 28,
    tlsa = 52,
    any = 255
};

/// What came of a query. SERVFAIL, refusal and silence are kept apart from "does not exist".
enum class DnsStatus : std::uint8_t {
    ok = 1,
    nodata,  ///< the name exists, no record of this type
    nxdomain,
    servfail,
    refused,
    timed_out,
    malformed,  ///< the reply did not parse, or did not match the question
};
std::string_view to_string(DnsStatus) noexcept;
std::string_view to_string(DnsType) noexcept;

struct MxData {
    std::uint16_t preference = 0;
    std::string host;  ///< lower case, no trailing dot; "." for null MX
};

struct DnsRecord {
    std::string name;  ///< owner, lower case, no trailing dot
    DnsType type = DnsType::a;
    std::uint32_t ttl = 0;  ///< seconds
    /// a/aaaa/ptr/ns/cname: text form of the address or the lower-case name; mx: MxData; txt: the joined strings.
    std::variant<std::string, MxData> data;
};

struct DnsAnswer {
    DnsStatus status = DnsStatus::timed_out;
    std::vector<DnsRecord> records;  ///< of the asked type, CNAMEs followed
    std::uint32_t ttl = 0;           ///< seconds this answer may be used (negative answers: SOA minimum)
    bool authenticated = false;      ///< AD bit from a loopback resolver
    bool cached = false;
    std::string server;       ///< who answered, "192.0.2.53:53"
    std::uint16_t place = 0;  ///< of that server among the configured ones, from 1; 0 = unknown
    std::string detail;       ///< for failures: one sentence
    std::string alias;        ///< between parser and resolver, empty elsewhere: see answer_from()

    bool definite() const noexcept
    {
        return status == DnsStatus::ok || status == DnsStatus::nodata || status == DnsStatus::nxdomain;
    }
};

/// Trivially destructible on purpose: see the short forms of SmtpClient.
struct QueryOptions {
    /// Past our cache.
    bool confirm = false;
    /// With `confirm`: the server whose word is to be confirmed (DnsAnswer::place). Where several are configured it is
    /// not asked, and when all others are silent or fail, so does the query: one server's word is not two.
    std::uint16_t not_by = 0;
};

/// DNS as winnow needs it. Failures are values. Thread rule: one Resolver per executor.
class Resolver {
public:
    virtual ~Resolver() = default;
    virtual awaitable<DnsAnswer> query(std::string name, DnsType type, QueryOptions options = {}) = 0;
};

struct ResolverOptions {
    std::vector<Endpoint> servers;  ///< empty = /etc/resolv.conf
    milliseconds timeout{3'000};    ///< per try
    int tries = 2;                  ///< per server
    bool mix_case = true;           ///< 0x20
};

struct DnsCacheOptions {
    std::size_t max_entries = 200'000;
    std::uint32_t min_ttl = 30;  ///< seconds
    std::uint32_t max_ttl = 86'400;
    std::uint32_t max_negative_ttl = 900;
    std::uint32_t failure_ttl = 15;  ///< SERVFAIL and timeouts are remembered this long
};

/// c-ares, raw queries and our own message parser, 0x20, several servers with failover, TCP on truncation.
Result<std::unique_ptr<Resolver>> make_cares_resolver(boost::asio::any_io_executor executor, ResolverOptions options);
/// TTL and negative cache with coalescing of equal questions under way, over another resolver.
std::unique_ptr<Resolver> make_caching_resolver(std::unique_ptr<Resolver> upstream, const Clock& clock,
                                                DnsCacheOptions options);

}  // namespace winnow::net
