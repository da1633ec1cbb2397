#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/config_table.hpp"
#include "core/log.hpp"
#include "core/result.hpp"
#include "net/resolver.hpp"
#include "relay/options.hpp"
#include "storage/engine.hpp"
#include "verifier/options.hpp"

namespace winnow::app {

/// Every setting of the program, with its default. Filled by load_config; the table of names, ranges and texts is in
/// config_fields.cpp.
struct Config {
    std::string data_dir = "/var/lib/winnow";
    std::string key_file = "/etc/winnow/winnow.key";  ///< index, seal and VERP secrets; outside data_dir
    std::string share_dir;      ///< replies.tsv, mx-providers.tsv, lists/; empty = found beside the program
    std::string replies_extra;  ///< more rows in the format of replies.tsv
    struct Http {
        std::string listen = "127.0.0.1:8080";
        std::string keys_file = "/etc/winnow/api-keys";
        std::string cert_file, tls_key_file;
        std::size_t max_connections = 500;
        std::size_t max_connections_per_source = 100;  ///< of one IPv4 address or IPv6 /64; loopback may have all
    } http;
    struct Submission {
        std::string listen = "127.0.0.1:2525";    ///< empty = off
        std::vector<std::string> relay_networks;  ///< clients that need no AUTH, "10.0.0.0/8"
        std::string cert_file, tls_key_file;      ///< STARTTLS; without them AUTH works on loopback only
        std::uint64_t max_message_size = 26'214'400;
        std::uint64_t message_memory = 256u << 20;
        std::size_t max_connections = 1'000;
        std::size_t max_connections_per_source = 50;  ///< loopback and relay_networks may have all
        milliseconds hello_timeout{30'000};
    } submission;
    struct Bounce {
        std::string listen;  ///< empty = off; where the bounce domain's MX points
        std::uint64_t message_memory = 64u << 20;
        std::size_t max_connections = 1'000;
        std::size_t max_connections_per_source = 50;  ///< loopback and submission.relay_networks may have all
        milliseconds hello_timeout{30'000};
    } bounce;
    std::vector<std::string> dns_servers;  ///< net.dns_servers; becomes dns.servers
    net::ResolverOptions dns;
    net::DnsCacheOptions dns_cache;
    bool allow_private_targets = false;  ///< net.allow_private_targets
    std::uint16_t smtp_port = 25;        ///< net.smtp_port
    std::string ca_file;                 ///< net.ca_file
    verifier::VerifierOptions verifier;
    relay::RelayOptions relay;
    storage::EngineOptions engine;
    milliseconds retry_min{60'000};  ///< retry.min: of deferred messages and postponed probes alike
    int retry_speedup = 1;           ///< retry.speedup
    LogLevel log_level = LogLevel::info;
    milliseconds drain_timeout{30'000};  ///< SIGTERM: longest wait for transactions under way
};

/// The table bound to `config`: dotted key, member, unit, range, reloadable or not, a sentence. `config` outlives it.
ConfigTable config_table(Config& config);

/// A configuration and the table bound to it, which knows where each value came from.
struct LoadedConfig {
    std::unique_ptr<Config> config;
    ConfigTable table;
};

/// Reads `path` (TOML; empty = defaults only), conf.d/*.toml beside it in the order of their names, then
/// WINNOW_SECTION__KEY from `environment` (WINNOW_HTTP__LISTEN is http.listen); the last one wins.
/// Errc::invalid_argument tells all that is wrong, a line each, with file, line, column and the nearest known key. Then
/// copies the settings that the verifier and the relay share (port, guard, CA, retries) into the options of both.
Result<LoadedConfig> load_config_table(const std::string& path, const std::map<std::string, std::string>& environment);
/// The same, without the table.
Result<Config> load_config(const std::string& path, const std::map<std::string, std::string>& environment);

/// The process's variables, for load_config.
std::map<std::string, std::string> process_environment();

/// What `winnow config --defaults` prints: a commented file of all settings, valid as it is.
std::string default_configuration();
/// docs/configuration.md.
std::string configuration_reference();

}  // namespace winnow::app
