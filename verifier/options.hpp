#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/clock.hpp"

namespace winnow::verifier {

/// How often winnow may knock (docs/verification.md, "Manners"). The sandbox profile lifts these and says so.
struct Manners {
    int connections_per_site = 1;
    int rcpts_per_connection = 5;
    milliseconds between_rcpts{1'000};
    milliseconds between_connections{30'000};
    int large_connections = 4;  ///< per large operator
    int large_rcpts_per_connection = 20;
    int large_per_hour = 2'000;  ///< RCPTs; halved above 10 % unknown users
    int max_connections = 200;   ///< of this process
    static Manners lifted();     ///< for labs: 4 connections per site, 100 RCPTs, no pauses
};

struct VerifierOptions {
    std::string helo_name;  ///< empty = no probe identity
    std::string mail_from;
    std::vector<std::string> sources;  ///< local addresses to probe from; empty = the system's choice
    std::uint16_t smtp_port = 25;
    bool allow_private_targets = false;
    std::string ca_file;
    Manners manners;
    milliseconds connect_timeout{30'000};
    milliseconds command_timeout{60'000};
    milliseconds probe_timeout{120'000};            ///< of one address's dialogue
    milliseconds deadline = std::chrono::hours{2};  ///< how long greylisted and deferred rows may take
    milliseconds greylist_min{60'000};              ///< no retry earlier than this; labs lower it
    int retry_speedup = 1;                          ///< labs: waits of the retry ladders are divided by this
    milliseconds catch_all_ttl = std::chrono::days{7};
    std::size_t window = 50'000;    ///< rows of one job in memory
    bool identity_checked = false;  ///< set by app: probe identity holds, or targets are private
    std::string identity_reason;    ///< set by app: why it does not, with the cure
};

}  // namespace winnow::verifier
