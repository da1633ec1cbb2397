#include "net/mail_route.hpp"

#include <algorithm>
#include <optional>
#include <tuple>
#include <utility>

#include "core/crypto.hpp"
#include "net/dns_name.hpp"

namespace winnow::net {

namespace {

constexpr std::size_t max_hosts = 40;
constexpr std::size_t max_unreachable_hosts = 3;  ///< after so many whose DNS does not answer, the rest is not asked
constexpr std::size_t max_answer_text = 400;      ///< characters of an answer that evidence keeps

/// "10 mx1.example.com, 20 mx2.example.com", or why there is nothing.
std::string answer_text(const DnsAnswer& answer)
{
    if (answer.status != DnsStatus::ok) {
        std::string out(to_string(answer.status));
        if (!answer.detail.empty())
            out += ": " + answer.detail;
        return out;
    }
    std::string out;
    for (const DnsRecord& record : answer.records) {
        if (!out.empty())
            out += ", ";
        if (const auto* mx = std::get_if<MxData>(&record.data))
            out += std::to_string(mx->preference) + ' ' + mx->host;
        else
            out += std::get<std::string>(record.data);
        if (out.size() > max_answer_text) {
            out.resize(max_answer_text);
            return out + "...";
        }
    }
    return out;
}

/// The MX set's hosts in order of preference; equal ones shuffled, so that load spreads (RFC 5321 section 5.1).
std::vector<MxHost> ordered_hosts(const DnsAnswer& answer, Rng& rng)
{
    std::vector<MxHost> hosts;
    for (const DnsRecord& record : answer.records) {
        const auto& mx = std::get<MxData>(record.data);
        if (mx.host == "." || mx.host.empty())
            continue;
        const auto known = std::find_if(hosts.begin(), hosts.end(), [&](const MxHost& h) { return h.name == mx.host; });
        if (known != hosts.end())
            known->preference = std::min(known->preference, mx.preference);
        else
            hosts.push_back({mx.host, mx.preference, {}, false});
    }
    // By name first: the outcome of the shuffle then depends on the seed alone, not on the resolver's rotation.
    std::sort(hosts.begin(), hosts.end(), [](const MxHost& a, const MxHost& b) {
        return std::tie(a.preference, a.name) < std::tie(b.preference, b.name);
    });
    for (auto first = hosts.begin(); first != hosts.end();) {
        const auto last =
            std::find_if(first, hosts.end(), [&](const MxHost& h) { return h.preference != first->preference; });
        for (auto left = static_cast<std::uint64_t>(last - first); left > 1; --left) {
            const auto chosen = first + static_cast<std::ptrdiff_t>(rng.below(left));
            std::iter_swap(first + static_cast<std::ptrdiff_t>(left - 1), chosen);
        }
        first = last;
    }
    return hosts;
}

/// Name of an MX set: independent of order, preference and of which hosts answer today.
std::string site_of(const std::vector<MxHost>& hosts)
{
    std::vector<std::string> names;
    for (const MxHost& host : hosts)
        names.push_back(host.name);
    std::sort(names.begin(), names.end());
    std::string joined;
    for (const std::string& name : names)
        joined += name + '\n';
    const auto digest = crypto::sha256(joined);
    return crypto::hex(std::span(digest).first(8));
}

/// "[192.0.2.1]" or "[IPv6:2001:db8::1]" -> the address.
std::optional<std::string> literal_address(std::string_view domain)
{
    if (domain.size() < 3 || domain.front() != '[' || domain.back() != ']')
        return std::nullopt;
    std::string_view inner = domain.substr(1, domain.size() - 2);
    if (inner.size() > 5 && dns_equal(inner.substr(0, 5), "IPv6:"))
        inner.remove_prefix(5);
    return std::string(inner);
}

class RouteFinder {
public:
    RouteFinder(Resolver& resolver, std::string domain, const TargetGuard& guard, const Clock& clock, Rng& rng)
        : resolver_(resolver), domain_(std::move(domain)), guard_(guard), clock_(clock), rng_(rng)
    {
        route_.ttl = UINT32_MAX;
    }

    awaitable<MailRoute> find()
    {
        if (const auto address = literal_address(domain_)) {
            route_to_literal(*address);
            co_return std::move(route_);
        }
        domain_ = dns_canonical(domain_);

        DnsAnswer answer = co_await ask(domain_, DnsType::mx);
        const DnsAnswer denial = answer;
        if (denial.status == DnsStatus::nxdomain)
            answer = co_await confirm(denial, domain_, DnsType::mx);
        if (answer.status == DnsStatus::nxdomain) {
            end(RouteStatus::nxdomain, "route.nxdomain", "The domain does not exist; " + witnesses(denial, answer));
        } else if (!answer.definite() && denial.status == DnsStatus::nxdomain) {
            end(RouteStatus::dns_failure, "route.nxdomain_unconfirmed",
                "One DNS server says that the domain does not exist, and no other could confirm it (" +
                    answer_text(answer) + ").");
        } else if (!answer.definite()) {
            end(RouteStatus::dns_failure, "route.dns_failure",
                "The MX record could not be read (" + answer_text(answer) + ").");
        } else if (answer.status == DnsStatus::ok) {
            co_await by_mx(answer);
        } else {
            no_mx_ = answer;
            co_await by_address();
        }
        if (route_.ttl == UINT32_MAX)
            route_.ttl = 0;
        co_return std::move(route_);
    }

private:
    awaitable<void> by_mx(DnsAnswer answer)
    {
        std::vector<MxHost> hosts = ordered_hosts(answer, rng_);
        if (hosts.empty()) {
            end(RouteStatus::null_mx, "route.null_mx", "The domain publishes a null MX: it accepts no mail.");
            co_return;
        }
        const std::string site = site_of(hosts);
        if (hosts.size() > max_hosts)
            hosts.resize(max_hosts);
        co_await add_addresses(std::move(hosts), site);
    }

    awaitable<void> by_address()
    {
        std::vector<MxHost> hosts;
        hosts.push_back({domain_, 0, {}, true});
        const std::string site = site_of(hosts);
        co_await add_addresses(std::move(hosts), site);
    }

    awaitable<void> add_addresses(std::vector<MxHost> hosts, std::string site)
    {
        const bool implicit = hosts.front().implicit;
        std::size_t unreachable = 0;
        std::string refusal;
        for (MxHost& host : hosts) {
            if (unreachable >= max_unreachable_hosts)
                break;
            if (is_ip_address(host.name)) {
                note({EvidenceKind::dns,
                      clock_.now(),
                      "MX host " + host.name,
                      {},
                      "an MX must name a host",
                      Stage::connect,
                      ReplyClass::unknown,
                      "route.mx_is_address"});
                continue;
            }
            bool failed = false;
            for (int pass = 0; pass < 2; ++pass) {
                const DnsAnswer found = co_await ask(host.name, pass == 0 ? DnsType::a : DnsType::aaaa);
                failed = failed || !found.definite();
                take_allowed(found, host, refusal);
                if (pass == 0 && found.definite() && found.status != DnsStatus::ok)
                    denied_.push_back({host, found});
            }
            if (!host.addresses.empty())
                route_.hosts.push_back(std::move(host));
            else if (failed)
                ++unreachable;
        }
        if (route_.hosts.empty() && unreachable == 0 && refusal.empty()) {
            if (implicit) {
                const DnsAnswer second = co_await confirm(no_mx_, domain_, DnsType::mx);
                if (second.status == DnsStatus::ok) {
                    denied_.clear();
                    co_await by_mx(second);
                    co_return;
                }
                note_witness(no_mx_, second);
            }
            if (doubt_.empty()) {
                co_await confirm_denied_hosts(refusal);
            }
        }
        conclude(implicit, unreachable > 0, refusal, std::move(site));
    }

    /// Before a route is called dead because its hosts do not exist or have no address, another server has to say so
    /// too.
    awaitable<void> confirm_denied_hosts(std::string& refusal)
    {
        for (auto& [host, denial] : denied_) {
            const DnsAnswer second = co_await confirm(denial, host.name, DnsType::a);
            note_witness(denial, second);
            if (!second.definite())
                co_return;
            if (second.status == DnsStatus::nxdomain)
                continue;
            take_allowed(second, host, refusal);
            const DnsAnswer other = co_await confirm(denial, host.name, DnsType::aaaa);
            take_allowed(other, host, refusal);
            if (!host.addresses.empty())
                route_.hosts.push_back(std::move(host));
            else if (!other.definite())
                note_witness(denial, other);
        }
    }

    /// Keeps who confirmed a denial, or why nobody could.
    void note_witness(const DnsAnswer& denial, const DnsAnswer& second)
    {
        if (second.definite())
            witnesses_ = witnesses(denial, second);
        else
            doubt_ = answer_text(second);
    }

    void take_allowed(const DnsAnswer& found, MxHost& host, std::string& refusal)
    {
        for (const DnsRecord& record : found.records) {
            const auto& address = std::get<std::string>(record.data);
            const Result<> allowed = guard_.check(address);
            if (allowed) {
                host.addresses.push_back(address);
                continue;
            }
            refusal = allowed.error().context;
            note({EvidenceKind::dns, clock_.now(), "may we connect to " + address, host.name, refusal, Stage::connect,
                  ReplyClass::unknown, "route.refused_target"});
        }
    }

    void conclude(bool implicit, bool failures, const std::string& refusal, std::string site)
    {
        if (!route_.hosts.empty()) {
            route_.site = std::move(site);
            if (implicit)
                end(RouteStatus::ok, "route.implicit_mx", "No MX record: mail goes to the domain's own address.");
            else
                end(RouteStatus::ok, "route.mx", "Mail goes to " + host_names() + '.');
        } else if (failures) {
            end(RouteStatus::dns_failure, "route.dns_failure", "The addresses of the mail hosts could not be read.");
        } else if (!doubt_.empty()) {
            end(RouteStatus::dns_failure, "route.no_mail_unconfirmed",
                "One DNS server says that no mail host has an address, and no other could confirm it (" + doubt_ +
                    ").");
        } else if (!refusal.empty()) {
            end(RouteStatus::refused_target, "route.refused_target",
                "Every address is one that mail must not go to: " + refusal);
        } else if (implicit) {
            end(RouteStatus::no_mail, "route.no_mail", "The domain has neither MX nor address records; " + witnesses_);
        } else {
            end(RouteStatus::no_mail, "route.mx_without_address",
                "No host of the MX set has an address" + (witnesses_.empty() ? std::string(".") : "; " + witnesses_));
        }
    }

    std::string host_names() const
    {
        constexpr std::size_t shown = 3;
        std::string out;
        for (std::size_t i = 0; i < std::min(shown, route_.hosts.size()); ++i)
            out += (i == 0 ? "" : ", then ") + route_.hosts[i].name;
        if (route_.hosts.size() > shown)
            out += " and " + std::to_string(route_.hosts.size() - shown) + " more";
        return out;
    }

    void route_to_literal(const std::string& address)
    {
        route_.ttl = 0;
        if (!is_ip_address(address)) {
            end(RouteStatus::no_mail, "route.literal", "The address literal is not an IP address.");
        } else if (const Result<> allowed = guard_.check(address); !allowed) {
            end(RouteStatus::refused_target, "route.refused_target", allowed.error().context);
        } else {
            route_.hosts.push_back({dns_lower(domain_), 0, {address}, true});
            route_.site = site_of(route_.hosts);
            end(RouteStatus::ok, "route.literal", "Mail goes to the address itself.");
        }
    }

    /// Who says that something does not exist.
    static std::string witnesses(const DnsAnswer& denial, const DnsAnswer& second)
    {
        if (second.server != denial.server)
            return "a second DNS server says so too.";
        return "asked twice, but only one DNS server is configured.";
    }

    awaitable<DnsAnswer> ask(std::string name, DnsType type)
    {
        const QueryOptions options;
        return ask(std::move(name), type, options);
    }
    awaitable<DnsAnswer> confirm(const DnsAnswer& denial, std::string name, DnsType type)
    {
        QueryOptions options;
        options.confirm = true;
        options.not_by = denial.place;
        return ask(std::move(name), type, options);
    }
    awaitable<DnsAnswer> ask(std::string name, DnsType type, QueryOptions options)
    {
        DnsAnswer answer = co_await resolver_.query(name, type, options);
        if (answer.definite())
            route_.ttl = std::min(route_.ttl, answer.ttl);
        std::string asked = std::string(to_string(type)) + ' ' + name;
        if (options.confirm)
            asked += " (confirm)";
        note({EvidenceKind::dns,
              clock_.now(),
              std::move(asked),
              answer.cached ? answer.server + " (cached)" : answer.server,
              answer_text(answer),
              Stage::connect,
              ReplyClass::unknown,
              {}});
        co_return answer;
    }

    void note(Evidence step) { route_.steps.push_back(std::move(step)); }

    void end(RouteStatus status, std::string rule, std::string detail)
    {
        route_.status = status;
        route_.detail = detail;
        note({EvidenceKind::dns,
              clock_.now(),
              "route " + domain_,
              {},
              std::move(detail),
              Stage::connect,
              ReplyClass::unknown,
              std::move(rule)});
    }

    Resolver& resolver_;
    std::string domain_;
    const TargetGuard& guard_;
    const Clock& clock_;
    Rng& rng_;
    MailRoute route_;
    DnsAnswer no_mx_;                                   ///< who said that there is no MX
    std::vector<std::pair<MxHost, DnsAnswer>> denied_;  ///< hosts that do not exist or have no IPv4; who said so
    std::string witnesses_;                             ///< who denied it besides; empty = nobody was asked
    std::string doubt_;                                 ///< why nobody could confirm a denial
};

}  // namespace

std::string_view to_string(RouteStatus status) noexcept
{
    switch (status) {
        case RouteStatus::ok:
            return "ok";
        case RouteStatus::null_mx:
            return "null_mx";
        case RouteStatus::no_mail:
            return "no_mail";
        case RouteStatus::nxdomain:
            return "nxdomain";
        case RouteStatus::dns_failure:
            return "dns_failure";
        case RouteStatus::refused_target:
            return "refused_target";
    }
    return "unknown";
}

awaitable<MailRoute> resolve_mail_route(Resolver& resolver, std::string domain, const TargetGuard& guard,
                                        const Clock& clock, Rng& rng)
{
    RouteFinder finder(resolver, std::move(domain), guard, clock, rng);
    co_return co_await finder.find();
}

}  // namespace winnow::net
