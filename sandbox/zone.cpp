#include "sandbox/zone.hpp"

#include <algorithm>

#include "net/dns_name.hpp"
#include "net/endpoint.hpp"
#include "sandbox/behaviour.hpp"
#include "sandbox/script.hpp"

namespace winnow::sandbox {
namespace {

using net::DnsRcode;
using net::DnsRecord;
using net::DnsType;

/// What stands at one name; `exists` keeps NODATA and NXDOMAIN apart.
struct Node {
    DnsRcode rcode = DnsRcode::no_error;
    bool exists = true;
    std::string alias;  ///< CNAME to this name; then there are no records
    std::vector<DnsRecord> records;
};

constexpr std::string_view real_label = "real.";  ///< in front of a domain: what its alias points to

bool within_real(std::string_view name) noexcept
{
    return name.starts_with(real_label) || name.find(".real.") != std::string_view::npos;
}

constexpr std::string_view soa = "ns.sandbox.test hostmaster.sandbox.test 1 3600 600 86400 ";
constexpr std::string_view reverse_zone = "127.in-addr.arpa";

DnsRecord record(const std::string& name, DnsType type, std::variant<std::string, net::MxData> data, std::uint32_t ttl)
{
    DnsRecord out;
    out.name = name;
    out.type = type;
    out.ttl = ttl;
    out.data = std::move(data);
    return out;
}

/// "127.77.1.2" from "2.1.77.127.in-addr.arpa", when it is one of ours.
std::string forward_address(std::string_view reverse)
{
    reverse.remove_suffix(std::string_view(".in-addr.arpa").size());
    std::string out;
    while (!reverse.empty()) {
        const auto dot = reverse.rfind('.');
        const auto label = dot == std::string_view::npos ? reverse : reverse.substr(dot + 1);
        out += out.empty() ? "" : ".";
        out += label;
        reverse = dot == std::string_view::npos ? std::string_view() : reverse.substr(0, dot);
    }
    return out;
}

std::string host_of_address(std::string_view ip)
{
    if (ip == "127.0.0.1")
        return "localhost.sandbox.test";
    std::string out = "r";
    for (const char c : ip)
        out += c == '.' ? '-' : c;
    return out + ".sandbox.test";
}

/// Names below sandbox.test: hosts of the reverse zone by their number, everything else is this machine.
void infrastructure_records(const std::string& name, const ZoneOptions& options, Node& node)
{
    std::string ip = "127.0.0.1";
    if (name.starts_with("r127-")) {
        std::string number = name.substr(1, name.find('.') - 1);
        std::replace(number.begin(), number.end(), '-', '.');
        if (net::is_ip_address(number))
            ip = number;
    }
    node.records.push_back(record(name, DnsType::a, ip, options.ttl));
    node.records.push_back(record(name, DnsType::mx, net::MxData{10, name}, options.ttl));
    node.records.push_back(record(name, DnsType::txt, "v=spf1 ip4:127.0.0.0/8 -all", options.ttl));
}

/// Names below a zone with a script that are not simply a domain or a receiver's host. True when the node is complete.
bool scripted_node(const std::string& name, const ZoneOptions& options, Node& node)
{
    const auto host = read_host(name);
    const auto* const script = script_of(host.domain);
    if (!script)
        return false;
    switch (host.role) {
        case HostRole::alias:
            node.alias = "mx1." + std::string(host.domain);
            return true;
        case HostRole::bare:
            return true;
        case HostRole::absent:
            node.exists = false;
            node.rcode = DnsRcode::name_error;
            return true;
        case HostRole::broken:
            node.rcode = DnsRcode::server_failure;
            return true;
        case HostRole::receiver:
            if (script->route == Route::dual_stack)
                node.records.push_back(record(name, DnsType::aaaa, "::1", options.ttl));
            return false;
        case HostRole::dead:
            return false;
        case HostRole::domain:
            break;
    }
    if (script->route == Route::refused)
        node.rcode = DnsRcode::refused;
    if (script->route == Route::null_and_real)
        node.records.push_back(record(name, DnsType::mx, net::MxData{0, "."}, options.ttl));
    if (script->route == Route::alias_domain && !within_real(name))
        node.alias = std::string(real_label) + name;
    return script->route == Route::refused || !node.alias.empty();
}

Node node_at(const std::string& name, const ZoneOptions& options)
{
    Node node;
    if (scripted_node(name, options, node))
        return node;
    const auto add = [&](DnsType type, std::variant<std::string, net::MxData> data) {
        node.records.push_back(record(name, type, std::move(data), options.ttl));
    };
    if (name.ends_with(std::string(".") + std::string(reverse_zone))) {
        const auto ip = forward_address(name);
        node.exists = net::is_ip_address(ip);
        if (node.exists)
            add(DnsType::ptr, host_of_address(ip));
        return node;
    }
    if (name.starts_with("_dmarc.") && behaviour_of(name.substr(7)).kind == Kind::infrastructure) {
        add(DnsType::txt, "v=DMARC1; p=reject");
        return node;
    }
    const auto behaviour = behaviour_of(name);
    // An MX host of a well-known provider has an address and is no mail domain.
    if (const auto address = address_of_host(name, options.sites))
        add(DnsType::a, *address);
    switch (behaviour.kind) {
        case Kind::nxdomain:
            node.exists = !node.records.empty();
            if (!node.exists)
                node.rcode = DnsRcode::name_error;
            return node;
        case Kind::servfail:
            node.rcode = DnsRcode::server_failure;
            return node;
        case Kind::nullmx:
            add(DnsType::mx, net::MxData{0, "."});
            return node;
        case Kind::nomx:
            return node;
        case Kind::infrastructure:
            infrastructure_records(name, options, node);
            return node;
        default:
            break;
    }
    std::uint16_t preference = 10;
    const bool implicit = behaviour.script && behaviour.script->route == Route::implicit;
    for (const auto& host : implicit ? std::vector<std::string>() : behaviour.mx) {
        add(DnsType::mx, net::MxData{preference, host});
        preference = static_cast<std::uint16_t>(preference + 10);
    }
    add(DnsType::txt, "v=spf1 ip4:127.0.0.0/8 -all");
    return node;
}

}  // namespace

bool stays_silent(const net::DnsMessage& query)
{
    if (query.questions.size() != 1)
        return false;
    const auto name = net::dns_canonical(query.questions.front().name);
    const auto* const script = script_of(name);
    return script && script->route == Route::silent;
}

net::DnsMessage answer_query(const net::DnsMessage& query, const ZoneOptions& options)
{
    net::DnsMessage out;
    out.id = query.id;
    out.response = true;
    out.opcode = query.opcode;
    out.authoritative = true;
    out.recursion_desired = query.recursion_desired;
    // Resolvers refuse to use a server that offers no recursion; every name that exists here is answered in full.
    out.recursion_available = true;
    out.questions = query.questions;
    if (query.udp_size)
        out.udp_size = 1232;
    if (query.opcode != 0) {
        out.rcode = DnsRcode::not_implemented;
        return out;
    }
    if (query.questions.size() != 1) {
        out.rcode = DnsRcode::form_error;
        return out;
    }
    const auto& question = query.questions.front();
    const auto name = net::dns_canonical(question.name);
    auto node = node_at(name, options);
    if (!node.alias.empty()) {
        const auto target = node.alias;
        out.answers.push_back(record(name, DnsType::cname, target, options.ttl));
        if (question.type == DnsType::cname || question.type == DnsType::any)
            return out;
        node = node_at(target, options);
    }
    out.rcode = node.rcode;
    if (node.rcode == DnsRcode::server_failure || node.rcode == DnsRcode::refused)
        return out;
    for (auto& r : node.records)
        if (r.type == question.type || question.type == DnsType::any)
            out.answers.push_back(std::move(r));
    if (out.answers.empty()) {
        // The name is unknown as NXDOMAIN only when nothing at all stands there.
        out.rcode = node.exists ? DnsRcode::no_error : DnsRcode::name_error;
        auto authority = record("test", DnsType::soa, std::string(soa) + std::to_string(options.ttl), options.ttl);
        (question.type == DnsType::soa ? out.answers : out.authority).push_back(std::move(authority));
        if (out.rcode == DnsRcode::name_error && !out.answers.empty())
            out.answers.swap(out.authority);
    }
    return out;
}

}  // namespace winnow::sandbox
