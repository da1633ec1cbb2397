#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"
#include "net/resolver.hpp"

/// DNS messages (RFC 1035 section 4, EDNS of RFC 6891) read and written without trust in a single octet of them.
namespace winnow::net {

enum class DnsRcode : std::uint8_t {
    no_error = 0,
    form_error = 1,
    server_failure = 2,
    name_error = 3,
    not_implemented = 4,
    refused = 5
};
std::string_view to_string(DnsRcode) noexcept;

struct DnsQuestion {
    std::string name;  ///< case kept as on the wire, for the 0x20 check
    DnsType type = DnsType::a;
    std::uint16_t klass = 1;  ///< IN
    bool operator==(const DnsQuestion&) const = default;
};

struct DnsMessage {
    std::uint16_t id = 0;
    bool response = false;             ///< QR
    std::uint8_t opcode = 0;           ///< 0 = QUERY
    bool authoritative = false;        ///< AA
    bool truncated = false;            ///< TC
    bool recursion_desired = false;    ///< RD
    bool recursion_available = false;  ///< RA
    bool authenticated = false;        ///< AD
    bool checking_disabled = false;    ///< CD
    DnsRcode rcode = DnsRcode::no_error;
    std::vector<DnsQuestion> questions;
    std::vector<DnsRecord> answers;
    std::vector<DnsRecord> authority;
    std::vector<DnsRecord> additional;      ///< without the OPT record
    std::optional<std::uint16_t> udp_size;  ///< EDNS: UDP payload the sender can take, octets
};

/// Record data in text, as in DnsRecord::data: addresses; names in lower case; MxData for mx; the joined strings for
/// txt; "mname rname serial refresh retry expire minimum" for soa; "usage selector matching hex" for tlsa. A decoder
/// leaves out records of other types and classes.
///
/// Errc::protocol when a count, length, name or record does not fit; trailing octets are ignored, as resolvers do.
Result<DnsMessage> decode_dns(std::span<const std::uint8_t> wire);

/// Errc::invalid_argument when a name or a record's data cannot be written. A message that would be longer than
/// `max_size` octets loses its records and has TC set.
Result<std::vector<std::uint8_t>> encode_dns(const DnsMessage& message, std::size_t max_size = 65'535);

/// A recursive query for one question: RD and AD set (RFC 6840 section 5.7), EDNS with 1232 octets.
DnsMessage make_dns_query(std::uint16_t id, std::string name, DnsType type);

/// The answer to `question` inside a reply that belongs to it: CNAMEs followed, TTL the least of the chain, for
/// negative answers by the SOA (RFC 2308 section 5), 0 without one. `authenticated` is the reply's AD bit. Only a
/// resolver (RA) or the server of the zone (AA) can deny: a referral is servfail. Where a CNAME led elsewhere and no
/// SOA says that somebody looked there, `alias` of a denial names that place, and whether it has the records is to be
/// asked.
DnsAnswer answer_from(const DnsMessage& reply, std::string_view name, DnsType type);

}  // namespace winnow::net
