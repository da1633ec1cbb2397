#pragma once

#include "net/dns_message.hpp"

/// The sandbox's DNS content: pure, so that it is tested without a socket.
namespace winnow::sandbox {

struct ZoneOptions {
    int sites = 4;           ///< receiver addresses per kind
    std::uint32_t ttl = 60;  ///< seconds, of every record and negative answer
};

/// Names whose name server never answers.
bool stays_silent(const net::DnsMessage& query);

/// The authoritative reply to one query. Knows A, AAAA (empty but for dual-stack.test: the sandbox is IPv4), CNAME, MX,
/// TXT (SPF, DMARC), PTR, SOA and NS; every name outside the sandbox is NXDOMAIN. Case of the question is kept for
/// 0x20.
net::DnsMessage answer_query(const net::DnsMessage& query, const ZoneOptions& options);

}  // namespace winnow::sandbox
