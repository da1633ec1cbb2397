#pragma once

#include <cstdint>
#include <functional>
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
    static Manners lifted();     ///< for labs: 4 connections per site, 1,000 in all, 100 RCPTs, no pauses
};

/// How long somebody who waits for one address is kept waiting (docs/verification.md, "Interactive checks"). A timeout
/// that is longer than the one of lists counts as that.
struct Interactive {
    milliseconds deadline{10'000};  ///< of an answer, when the caller names none
    milliseconds goes_on{120'000};  ///< from its start, when it was not settled by then; >= deadline
    milliseconds connect_timeout{4'000};
    milliseconds command_timeout{10'000};
    milliseconds probe_timeout{30'000};  ///< of one address's dialogue
};

/// Whether SPF, DMARC and MTA-STS of a domain are looked up as evidence: three DNS questions more.
enum class PolicyEvidence : std::uint8_t {
    never,
    check,  ///< for interactive checks
    always,
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
    milliseconds banner_timeout{60'000};
    milliseconds command_timeout{60'000};
    milliseconds probe_timeout{120'000};  ///< of one address's dialogue
    Interactive interactive;
    milliseconds deadline = std::chrono::hours{2};  ///< how long greylisted and deferred rows may take
    milliseconds greylist_min{60'000};              ///< no retry earlier than this; labs lower it
    int retry_speedup = 1;                          ///< labs: waits of the retry ladders are divided by this
    milliseconds catch_all_ttl = std::chrono::days{7};
    std::size_t window = 25'000;  ///< rows of one job under way
    /// Between two rounds of the self-test while all is well (verifier/self_test.hpp).
    milliseconds self_test_every = std::chrono::minutes{10};
    /// Mail hosts; empty = well-known ones, none where targets are private.
    std::vector<std::string> self_test_targets;
    PolicyEvidence policy_evidence = PolicyEvidence::check;
    std::vector<std::string> block_lists;  ///< zones of DNS block lists that our sources must not be on
    /// Set by app where the relay can make use of it: MAIL FROM of further probes of a row that was greylisted, asked
    /// from that source, for the row's message to show later. Empty result, or empty function = mail_from.
    std::function<std::string(const std::string& source)> greylist_path;
    bool identity_checked = false;  ///< set by app: probe identity holds, or targets are private
    std::string identity_reason;    ///< set by app: why it does not, with the cure
};

}  // namespace winnow::verifier
