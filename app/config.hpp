#pragma once

#include <map>
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
    } http;
    struct Submission {
        std::string listen = "127.0.0.1:2525";    ///< empty = off
        std::vector<std::string> relay_networks;  ///< clients that need no AUTH, "10.0.0.0/8"
        std::string cert_file, tls_key_file;      ///< STARTTLS; without them AUTH works on loopback only
        std::uint64_t max_message_size = 26'214'400;
        std::string mail_class = "transactional";  ///< gate for submitted mail: transactional | bulk
    } submission;
    struct Bounce {
        std::string listen;  ///< empty = off; where the bounce domain's MX points
    } bounce;
    net::ResolverOptions dns;
    net::DnsCacheOptions dns_cache;
    bool allow_private_targets = false;  ///< net.allow_private_targets
    std::uint16_t smtp_port = 25;        ///< net.smtp_port
    std::string ca_file;                 ///< net.ca_file
    verifier::VerifierOptions verifier;
    relay::RelayOptions relay;
    storage::EngineOptions engine;
    LogLevel log_level = LogLevel::info;
    milliseconds drain_timeout{30'000};  ///< SIGTERM: longest wait for transactions under way
};

/// The table bound to `config`: dotted key, member, unit, range, reloadable or not, a sentence. `config` outlives it.
ConfigTable config_table(Config& config);

/// Reads `path` (TOML; empty = defaults only), `path`'s conf.d/*.toml, then WINNOW_SECTION__KEY from `environment`.
/// Errors name file, line, column and the nearest known key. Then copies the shared lab settings (port, guard, CA) into
/// the verifier's and relay's options.
Result<Config> load_config(const std::string& path, const std::map<std::string, std::string>& environment);

}  // namespace winnow::app
