#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "net/smtp_client.hpp"

namespace winnow::relay {

struct RelayOptions {
    std::string hostname;              ///< EHLO name, Reporting-MTA, Received and Message-ID domain
    std::string bounce_domain;         ///< right side of VERP return paths
    std::vector<std::string> sources;  ///< local addresses to send from; empty = the system's choice
    std::uint16_t smtp_port = 25;
    bool allow_private_targets = false;
    std::string ca_file;
    milliseconds connect_timeout{30'000};
    net::SmtpTimeouts timeouts;
    int connections_per_site = 10;  ///< from each source
    int messages_per_connection = 100;
    int max_connections = 500;                  ///< of this process
    int window_per_site = 200;                  ///< messages of one site that were read, without their octets
    std::uint64_t message_memory = 256u << 20;  ///< octets of all messages that are being sent
    milliseconds dead_host_memory = std::chrono::minutes{5};
    milliseconds expiry_bulk = std::chrono::hours{48};
    milliseconds expiry_transactional = std::chrono::hours{24};
    milliseconds verp_lifetime = std::chrono::days{30};
    int retry_speedup = 1;           ///< labs: waits of the retry ladders are divided by this
    milliseconds retry_min{60'000};  ///< no retry earlier than this; labs lower it
};

}  // namespace winnow::relay
