#include "app/config.hpp"
#include "app/credentials.hpp"
#include "core/address.hpp"
#include "net/endpoint.hpp"

/// The one table of settings: what it says here is what the loader takes, what `winnow config` prints, and what
/// docs/configuration.md tells.
namespace winnow::app {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

Error allowed(std::string what)
{
    return {Errc::invalid_argument, "allowed is " + std::move(what)};
}

/// HOST:PORT to listen on; `optional`: empty turns the listener off.
ConfigSetting::Check endpoint(std::uint16_t default_port, bool optional)
{
    return [default_port, optional](const ConfigValue& value) -> Result<> {
        const auto& text = std::get<std::string>(value);
        if (text.empty() && optional)
            return {};
        if (!net::parse_endpoint(text, default_port))
            return allowed("ADDRESS:PORT, for example \"127.0.0.1:8080\" or \"[::1]:8080\"" +
                           std::string(optional ? ", or \"\" for none" : ""));
        return {};
    };
}

Result<> hostname(const ConfigValue& value)
{
    const auto& text = std::get<std::string>(value);
    if (!text.empty() && !is_hostname(text))
        return allowed("a host name, for example \"mail.example.com\"");
    return {};
}

Result<> mailbox(const ConfigValue& value)
{
    const auto& text = std::get<std::string>(value);
    if (!text.empty() && !parse_address(text).valid)
        return allowed("an address, for example \"probe@example.com\"");
    return {};
}

Result<> ip_addresses(const ConfigValue& value)
{
    for (const auto& text : std::get<std::vector<std::string>>(value))
        if (!net::is_ip_address(text))
            return allowed("a list of IP addresses; \"" + text + "\" is none");
    return {};
}

Result<> hosts(const ConfigValue& value)
{
    for (const auto& text : std::get<std::vector<std::string>>(value))
        if (!net::is_ip_address(text) && !is_hostname(text))
            return allowed("a list of host names; \"" + text + "\" is none");
    return {};
}

Result<> dns_servers(const ConfigValue& value)
{
    for (const auto& text : std::get<std::vector<std::string>>(value))
        if (!net::parse_endpoint(text, 53))
            return allowed("a list of ADDRESS or ADDRESS:PORT; \"" + text + "\" is neither");
    return {};
}

Result<> networks(const ConfigValue& value)
{
    WINNOW_CHECK(parse_networks(std::get<std::vector<std::string>>(value)));
    return {};
}

void add_program(ConfigTable& t, Config& c)
{
    t.text("data_dir", c.data_dir, "Folder of the store; only one winnow uses it at a time.");
    t.text("key_file", c.key_file,
           "File of the installation's secrets (index, seal and return-path keys), made at the first start. Keep it "
           "outside data_dir and back it up: without it the suppressions cannot be matched.");
    t.text("share_dir", c.share_dir,
           "Folder with replies.tsv, mx-providers.tsv and lists/; empty = found beside the program.");
    t.text("replies_extra", c.replies_extra, "More rows for reading SMTP replies, in the format of replies.tsv.");
    t.duration("drain_timeout", c.drain_timeout, {seconds{0}, minutes{10}},
               "At a stop, the longest wait for transactions under way.");
    t.word(
        "log.level", c.log_level,
        std::vector<std::pair<std::string_view, LogLevel>>{
            {"debug", LogLevel::debug}, {"info", LogLevel::info}, {"warn", LogLevel::warn}, {"error", LogLevel::error}},
        "The least that is logged.");
}

/// Of a listener. `exempt` may have them all from one address.
template <class Listener>
void add_connections(ConfigTable& t, const std::string& section, Listener& listener, const std::string& exempt)
{
    t.integer(section + ".max_connections", listener.max_connections, {10, 100'000}, "Open at a time.");
    t.integer(section + ".max_connections_per_source", listener.max_connections_per_source, {1, 100'000},
              "Of one IPv4 address or IPv6 /64. " + exempt + " may have them all.");
}

void add_listeners(ConfigTable& t, Config& c)
{
    constexpr ConfigRange<milliseconds> hello{seconds{1}, minutes{5}};
    t.text("http.listen", c.http.listen, "Where the HTTP API listens.").check(endpoint(8080, false));
    t.text("http.keys_file", c.http.keys_file, "File of the API keys, made by winnow key create.");
    t.text("http.cert_file", c.http.cert_file, "PEM certificate for HTTPS; empty = plain HTTP.");
    t.text("http.tls_key_file", c.http.tls_key_file, "PEM key of http.cert_file.");
    add_connections(t, "http", c.http, "Loopback");

    t.text("submission.listen", c.submission.listen, "Where mail is taken in by SMTP; empty = nowhere.")
        .check(endpoint(2525, true));
    t.list("submission.relay_networks", c.submission.relay_networks,
           "Clients that may submit without AUTH, not wider than /8 (IPv6: /16) unless private.")
        .check(networks);
    t.text("submission.cert_file", c.submission.cert_file,
           "PEM certificate for STARTTLS; without it AUTH is offered on loopback only.");
    t.text("submission.tls_key_file", c.submission.tls_key_file, "PEM key of submission.cert_file.");
    t.size("submission.max_message_size", c.submission.max_message_size, {64u << 10, 256u << 20},
           "Largest message that is taken, in octets.");
    t.size("submission.message_memory", c.submission.message_memory, {64u << 20, 64ull << 30},
           "Memory for all messages that are being taken by submission; beyond it clients hear 452.");
    add_connections(t, "submission", c.submission, "Loopback and submission.relay_networks");
    t.duration("submission.hello_timeout", c.submission.hello_timeout, hello, "Of a client that has not said EHLO.");
    t.text(
         "bounce.listen", c.bounce.listen,
         "Where bounces and complaints come in by SMTP: what the MX of relay.bounce_domain points at; empty = nowhere.")
        .check(endpoint(25, true));
    t.size("bounce.message_memory", c.bounce.message_memory, {16u << 20, 64ull << 30},
           "Memory for all reports that are being taken; beyond it their senders hear 452 and come again.");
    add_connections(t, "bounce", c.bounce, "Loopback and submission.relay_networks");
    t.duration("bounce.hello_timeout", c.bounce.hello_timeout, hello, "Of a client that has not said EHLO.");
}

void add_net(ConfigTable& t, Config& c)
{
    t.list("net.dns_servers", c.dns_servers, "Resolvers, as ADDRESS or ADDRESS:PORT; empty = /etc/resolv.conf.")
        .check(dns_servers);
    t.duration("net.dns_timeout", c.dns.timeout, {milliseconds{100}, seconds{30}}, "Of one DNS try.");
    t.integer("net.dns_tries", c.dns.tries, {1, 10}, "DNS tries per resolver.");
    t.boolean("net.dns_mix_case", c.dns.mix_case,
              "Mixes the case of asked names (0x20), which makes forged answers harder.");
    t.integer("net.dns_cache_entries", c.dns_cache.max_entries, {0, 10'000'000}, "DNS answers that are remembered.");
    t.integer("net.smtp_port", c.smtp_port, {1, 65'535}, "Port of receiving mail servers; other than 25 in labs only.");
    t.boolean("net.allow_private_targets", c.allow_private_targets,
              "Lets probes and mail go to loopback and private addresses: labs and the sandbox only.");
    t.text("net.ca_file", c.ca_file, "PEM certificates to trust; empty = the system's.");
}

void add_verifier(ConfigTable& t, Config& c)
{
    auto& v = c.verifier;
    t.text("verifier.helo_name", v.helo_name, "EHLO name of probes; its address must resolve back. Empty = DNS only.")
        .check(hostname);
    t.text("verifier.mail_from", v.mail_from,
           "Reverse-path of probes: an address that takes mail, with SPF for the source. Empty = DNS only.")
        .check(mailbox);
    t.list("verifier.sources", v.sources, "Local addresses to probe from; empty = the system's choice.")
        .check(ip_addresses);
    t.duration("verifier.deadline", v.deadline, {seconds{1}, days{7}},
               "How long greylisted and deferred rows of a list may take; what is open then is unknown.");
    t.duration("verifier.connect_timeout", v.connect_timeout, {milliseconds{100}, minutes{5}}, "Of one connection.");
    t.duration("verifier.banner_timeout", v.banner_timeout, {milliseconds{100}, minutes{10}}, "Of the greeting.");
    t.duration("verifier.command_timeout", v.command_timeout, {milliseconds{100}, minutes{10}}, "Of one SMTP reply.");
    t.duration("verifier.probe_timeout", v.probe_timeout, {seconds{1}, minutes{30}},
               "Of one address's whole dialogue.");
    t.duration("verifier.catch_all_ttl", v.catch_all_ttl, {hours{1}, days{90}},
               "How long it is remembered whether a domain accepts any local part.");
    t.word("verifier.policy_evidence", v.policy_evidence,
           std::vector<std::pair<std::string_view, verifier::PolicyEvidence>>{
               {"never", verifier::PolicyEvidence::never},
               {"check", verifier::PolicyEvidence::check},
               {"always", verifier::PolicyEvidence::always}},
           "When SPF, DMARC and MTA-STS of a domain are looked up as evidence: never, for interactive checks, or for "
           "the rows of lists too (three DNS questions a domain).");
    t.duration("verifier.self_test_every", v.self_test_every, {seconds{10}, hours{24}},
               "Between two looks at whether we are fit to probe: port 25 outwards, EHLO name, PTR, SPF, block lists.");
    t.list("verifier.self_test_targets", v.self_test_targets,
           "Mail hosts whose banner shows that port 25 is open outwards; empty = those of three large operators, and "
           "none where targets are private.")
        .check(hosts);
    t.list("verifier.block_lists", v.block_lists,
           "DNS block lists that no source may be on, for example [\"zen.spamhaus.org\"]; empty = none is asked.")
        .check(hosts);
    t.integer("verifier.window", v.window, {100, 1'000'000},
              "Rows of one job that are under way; forty times as many wait in memory, each as its address alone.");

    auto& i = v.interactive;
    t.duration("verifier.interactive.deadline", i.deadline, {milliseconds{1}, seconds{60}},
               "When a single check is answered, with what is known then, if the request names no time.");
    t.duration("verifier.interactive.goes_on", i.goes_on, {seconds{1}, hours{1}},
               "How long a single check that was not settled in time goes on.");
    t.duration("verifier.interactive.connect_timeout", i.connect_timeout, {milliseconds{100}, minutes{5}},
               "Of one connection for a single check; never longer than verifier.connect_timeout.");
    t.duration("verifier.interactive.command_timeout", i.command_timeout, {milliseconds{100}, minutes{10}},
               "Of one SMTP reply to a single check; never longer than verifier.command_timeout.");
    t.duration("verifier.interactive.probe_timeout", i.probe_timeout, {seconds{1}, minutes{30}},
               "Of a single check's whole dialogue; never longer than verifier.probe_timeout.");

    auto& m = v.manners;
    t.integer("verifier.manners.connections_per_site", m.connections_per_site, {1, 20}, "At one receiving site.");
    t.integer("verifier.manners.rcpts_per_connection", m.rcpts_per_connection, {1, 100}, "Probes on one connection.");
    t.duration("verifier.manners.between_rcpts", m.between_rcpts, {milliseconds{0}, minutes{1}},
               "Pause between two probes on a connection.");
    t.duration("verifier.manners.between_connections", m.between_connections, {milliseconds{0}, hours{1}},
               "Pause between two connections to a site.");
    t.integer("verifier.manners.large_connections", m.large_connections, {1, 50}, "To one large operator.");
    t.integer("verifier.manners.large_rcpts_per_connection", m.large_rcpts_per_connection, {1, 100},
              "Probes on one connection to a large operator.");
    t.integer("verifier.manners.large_per_hour", m.large_per_hour, {1, 1'000'000},
              "Probes an hour to one large operator; halved when more than a tenth are unknown there.");
    t.integer("verifier.manners.max_connections", m.max_connections, {1, 10'000}, "Of all probing together.");
}

void add_relay(ConfigTable& t, Config& c)
{
    auto& r = c.relay;
    t.text("relay.hostname", r.hostname, "EHLO name, and the domain of Message-ID and Received.").check(hostname);
    t.text("relay.bounce_domain", r.bounce_domain, "Domain of the return paths; its MX points at bounce.listen.")
        .check(hostname);
    t.list("relay.sources", r.sources, "Local addresses to send from; empty = the system's choice.")
        .check(ip_addresses);
    t.integer("relay.connections_per_site", r.connections_per_site, {1, 100}, "Per source address.");
    t.integer("relay.messages_per_connection", r.messages_per_connection, {1, 10'000}, "Then a new one is made.");
    t.integer("relay.max_connections", r.max_connections, {1, 20'000}, "Of all sending together.");
    t.integer("relay.window_per_site", r.window_per_site, {1, 10'000}, "Messages of one site that are in work.");
    t.size("relay.message_memory", r.message_memory, {64u << 20, 64ull << 30},
           "Memory for all messages that are being sent; beyond it they wait.");
    t.duration("relay.connect_timeout", r.connect_timeout, {milliseconds{100}, minutes{5}}, "Of one connection.");
    t.duration("relay.dead_host_memory", r.dead_host_memory, {seconds{0}, hours{24}},
               "How long a host that did not answer is left alone.");
    t.duration("relay.expiry_bulk", r.expiry_bulk, {minutes{1}, days{7}}, "When bulk mail is given up.");
    t.duration("relay.expiry_transactional", r.expiry_transactional, {minutes{1}, days{7}},
               "When transactional mail is given up.");
    t.duration("relay.verp_lifetime", r.verp_lifetime, {days{1}, days{365}},
               "How long a bounce or complaint may act on its message.");

    auto& limits = r.timeouts;
    constexpr ConfigRange<milliseconds> wait{milliseconds{100}, hours{1}};
    t.duration("relay.timeouts.banner", limits.banner, wait, "For the greeting.");
    t.duration("relay.timeouts.ehlo", limits.ehlo, wait, "For the reply to EHLO.");
    t.duration("relay.timeouts.starttls", limits.starttls, wait, "For STARTTLS and the handshake.");
    t.duration("relay.timeouts.auth", limits.auth, wait, "For the replies of AUTH.");
    t.duration("relay.timeouts.mail", limits.mail, wait, "For the reply to MAIL.");
    t.duration("relay.timeouts.rcpt", limits.rcpt, wait, "For the reply to RCPT.");
    t.duration("relay.timeouts.data", limits.data, wait, "For the reply to DATA.");
    t.duration("relay.timeouts.data_block", limits.data_block, wait, "For one write of the message.");
    t.duration("relay.timeouts.end_of_data", limits.end_of_data, wait, "For the reply to the final dot.");
    t.duration("relay.timeouts.quit", limits.quit, wait, "For the reply to QUIT.");

    t.duration("retry.min", c.retry_min, {milliseconds{100}, hours{1}},
               "No retry of a message or a probe earlier than this, whatever its ladder says; labs lower it.");
    t.integer("retry.speedup", c.retry_speedup, {1, 100'000},
              "The waits of the ladders are divided by this: labs only.");
}

void add_store(ConfigTable& t, Config& c)
{
    auto& e = c.engine;
    t.integer("store.lanes", e.lanes, {1, 4'096}, "Units of queue order and rate; fixed when the store is made.");
    t.size("store.cache", e.cache_bytes, {8u << 20, 64ull << 30}, "Block cache.");
    t.integer("store.read_threads", e.read_threads, {1, 32}, "Threads for reads that need the disk.");
    t.size("store.group", e.group_bytes, {64u << 10, 64u << 20}, "The most that one commit group holds.");

    auto& s = e.suppression;
    constexpr ConfigRange<milliseconds> span{seconds{0}, days{3650}};
    const auto rule = [&](std::string key, milliseconds& member, std::string help) {
        t.duration("suppression." + std::move(key), member, span, std::move(help));
    };
    const auto strikes = [&](std::string key, int& member, std::string help) {
        t.integer("suppression." + std::move(key), member, {1, 100}, std::move(help));
    };
    strikes("unknown_clear_strikes", s.unknown_clear_strikes, "Clear \"no such mailbox\" replies that suppress.");
    strikes("unknown_ambiguous_strikes", s.unknown_ambiguous_strikes, "Ambiguous ones that suppress.");
    rule("unknown_spacing", s.unknown_spacing, "Strikes closer than this count once.");
    strikes("disabled_strikes", s.disabled_strikes, "\"Mailbox disabled\" replies that suspend.");
    rule("disabled_spacing", s.disabled_spacing, "Strikes closer than this count once.");
    rule("disabled_duration", s.disabled_duration, "How long the suspension holds.");
    strikes("full_strikes", s.full_strikes, "\"Mailbox full\" replies within the window that suspend.");
    rule("full_window", s.full_window, "The window.");
    rule("full_spacing", s.full_spacing, "Strikes closer than this count once.");
    rule("full_duration", s.full_duration, "How long the suspension holds.");
    strikes("filtered_strikes", s.filtered_strikes, "Replies of a recipient's own filter that suspend.");
    rule("filtered_spacing", s.filtered_spacing, "Strikes closer than this count once.");
    rule("filtered_duration", s.filtered_duration, "How long the suspension holds.");
    rule("strike_memory", s.strike_memory, "Older strikes are forgotten.");
    strikes("domain_strikes", s.domain_strikes, "Failed lookups that suspend a domain; refusals, an address.");
    rule("domain_spacing", s.domain_spacing, "Lookups closer than this count once.");
    rule("domain_duration", s.domain_duration, "How long a domain that does not exist is suspended.");
    rule("null_mx_duration", s.null_mx_duration, "How long a domain with a null MX is suspended.");
}

}  // namespace

ConfigTable config_table(Config& config)
{
    ConfigTable table;
    add_program(table, config);
    add_listeners(table, config);
    add_net(table, config);
    add_verifier(table, config);
    add_relay(table, config);
    add_store(table, config);
    return table;
}

}  // namespace winnow::app
