#include "net/policy/probe_identity.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <utility>

#include "net/dns_name.hpp"
#include "net/mail_route.hpp"
#include "net/policy/spf.hpp"

namespace winnow::net {

namespace {

constexpr std::size_t max_ptr_names = 10;
constexpr milliseconds first_pause = std::chrono::seconds{30};
constexpr milliseconds longest_pause = std::chrono::minutes{5};

/// The one spelling of an address, so that "2001:DB8:0::1" equals "2001:db8::1".
std::string plain_ip(const std::string& text)
{
    boost::system::error_code code;
    const auto ip = boost::asio::ip::make_address(text, code);
    if (code)
        return text;
    if (ip.is_v6() && ip.to_v6().is_v4_mapped())
        return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, ip.to_v6()).to_string();
    return ip.to_string();
}

bool holds(const DnsAnswer& answer, const std::string& ip)
{
    return std::any_of(answer.records.begin(), answer.records.end(), [&](const DnsRecord& record) {
        const auto* text = std::get_if<std::string>(&record.data);
        return text && plain_ip(*text) == ip;
    });
}

/// "nothing", "192.0.2.1", "192.0.2.1 and 4 more".
std::string listed(const DnsAnswer& answer)
{
    std::vector<std::string> values;
    for (const DnsRecord& record : answer.records)
        if (const auto* text = std::get_if<std::string>(&record.data))
            values.push_back(*text);
    if (values.empty())
        return "nothing";
    if (values.size() == 1)
        return values[0];
    return values[0] + " and " + std::to_string(values.size() - 1) + " more";
}

class IdentityChecker {
public:
    IdentityChecker(Resolver& resolver, ProbeIdentity identity, const Clock& clock, Rng& rng)
        : resolver_(resolver), identity_(std::move(identity)), clock_(clock), rng_(rng)
    {
        identity_.source_ip = plain_ip(identity_.source_ip);
        report_.source_ip = identity_.source_ip;
        const bool v6 = identity_.source_ip.find(':') != std::string::npos;
        address_type_ = v6 ? DnsType::aaaa : DnsType::a;
        const auto at = identity_.mail_from.rfind('@');
        if (at != std::string::npos)
            mail_domain_ = identity_.mail_from.substr(at + 1);
    }

    awaitable<IdentityReport> run()
    {
        if (!check_source())
            co_return std::move(report_);
        co_await check_ehlo();
        co_await check_reverse_dns();
        co_await check_mail_from();
        co_await check_sender_policy();
        co_return std::move(report_);
    }

private:
    bool check_source()
    {
        const std::string& ip = identity_.source_ip;
        const std::string asked = "is " + (ip.empty() ? std::string("the source") : ip) + " public";
        if (is_ip_address(ip) && is_public_address(ip)) {
            passed(IdentityItem::public_source, asked, ip + " is an address of the internet.");
            return true;
        }
        const std::string found = ip.empty() ? "The source address is not known." : ip + " is not a public address.";
        failed(IdentityItem::public_source, asked, found,
               "winnow binds to its sources, so the outer address of a NAT does not help: probe from a machine that "
               "has a public address itself, and name that one in verifier.sources.");
        return false;
    }

    awaitable<void> check_ehlo()
    {
        const std::string& name = identity_.ehlo_name;
        const std::string asked = std::string(to_string(address_type_)) + ' ' + name;
        if (name.empty() || name.find('.') == std::string::npos || name.front() == '[') {
            failed(IdentityItem::ehlo_resolves, asked, "The EHLO name is not a full host name.",
                   "Set verifier.helo_name to a host name that resolves to " + identity_.source_ip + '.');
            co_return;
        }
        const DnsAnswer answer = co_await ask(name, address_type_);
        if (!answer.definite())
            undecided(IdentityItem::ehlo_resolves, asked, answer);
        else if (holds(answer, identity_.source_ip))
            passed(IdentityItem::ehlo_resolves, asked, name + " resolves to " + identity_.source_ip + '.');
        else
            failed(IdentityItem::ehlo_resolves, asked, name + " resolves to " + listed(answer) + '.',
                   "Publish: " + name + ". IN " + std::string(to_string(address_type_)) + ' ' + identity_.source_ip);
    }

    awaitable<void> check_reverse_dns()
    {
        const std::string reverse = reverse_name(identity_.source_ip);
        const std::string asked = "PTR " + reverse;
        const DnsAnswer answer = co_await ask(reverse, DnsType::ptr);
        if (!answer.definite()) {
            undecided(IdentityItem::reverse_dns, asked, answer);
            co_return;
        }
        std::size_t tried = 0;
        DnsAnswer silent;
        bool any_silent = false;
        for (const DnsRecord& record : answer.records) {
            const auto* name = std::get_if<std::string>(&record.data);
            if (!name || ++tried > max_ptr_names)
                continue;
            const DnsAnswer back = co_await ask(*name, address_type_);
            if (holds(back, identity_.source_ip)) {
                std::string found = identity_.source_ip + " is " + *name + ", which resolves back to it.";
                passed(IdentityItem::reverse_dns, asked, std::move(found));
                co_return;
            }
            if (!back.definite()) {
                any_silent = true;
                silent = back;
            }
        }
        if (any_silent) {
            undecided(IdentityItem::reverse_dns, asked, silent);
            co_return;
        }
        const std::string found = answer.records.empty()
                                      ? identity_.source_ip + " has no reverse name."
                                      : "The reverse name " + listed(answer) + " does not resolve back.";
        failed(IdentityItem::reverse_dns, asked, found,
               "Have the owner of the address (your provider) publish: " + reverse + ". IN PTR " +
                   (identity_.ehlo_name.empty() ? std::string("<host name>") : identity_.ehlo_name) + '.');
    }

    awaitable<void> check_mail_from()
    {
        const std::string asked = "mail route of " + (mail_domain_.empty() ? std::string("MAIL FROM") : mail_domain_);
        if (mail_domain_.empty()) {
            failed(IdentityItem::mail_from_accepts, asked, "There is no MAIL FROM address.",
                   "Set verifier.mail_from to an address that takes replies.");
            co_return;
        }
        // Our own machine may well be where its mail goes: then private and own addresses are no objection.
        TargetGuard guard;
        guard.allow_private = true;
        const MailRoute route = co_await resolve_mail_route(resolver_, mail_domain_, guard, clock_, rng_);
        if (route.status == RouteStatus::ok)
            passed(IdentityItem::mail_from_accepts, asked, route.detail);
        else if (route.status == RouteStatus::dns_failure)
            add({IdentityItem::mail_from_accepts, IdentityStatus::undecided, asked, route.detail, try_again_later()});
        else
            failed(IdentityItem::mail_from_accepts, asked, route.detail,
                   "Publish an MX record for " + mail_domain_ + ", or use a MAIL FROM whose domain takes mail.");
    }

    awaitable<void> check_sender_policy()
    {
        if (mail_domain_.empty())
            co_return;  // said already
        const std::string asked = "SPF of " + mail_domain_ + " for " + identity_.source_ip;
        const SpfQuestion question{identity_.source_ip, identity_.ehlo_name, identity_.mail_from};
        const SpfOptions options;
        const SpfCheck check = co_await check_spf(resolver_, question, clock_, options);
        const std::string found = "SPF " + std::string(to_string(check.result)) + ": " + check.detail;
        if (check.result == SpfResult::pass)
            passed(IdentityItem::spf_pass, asked, found);
        else if (check.result == SpfResult::temperror)
            add({IdentityItem::spf_pass, IdentityStatus::undecided, asked, found, try_again_later()});
        else
            failed(IdentityItem::spf_pass, asked, found, spf_cure(check));
    }

    std::string spf_cure(const SpfCheck& check) const
    {
        const bool v6 = address_type_ == DnsType::aaaa;
        const std::string term = (v6 ? "ip6:" : "ip4:") + identity_.source_ip;
        if (check.result == SpfResult::none)
            return "Publish: " + mail_domain_ + ". IN TXT \"v=spf1 " + term +
                   " -all\" (with the other hosts that send for it)";
        if (check.result == SpfResult::permerror)
            return "Mend the SPF record of " + mail_domain_ + " and let it contain " + term + '.';
        return "Add " + term + " to the SPF record of " + (check.domain.empty() ? mail_domain_ : check.domain) + '.';
    }

    awaitable<DnsAnswer> ask(std::string name, DnsType type)
    {
        const QueryOptions options;
        co_return co_await resolver_.query(std::move(name), type, options);
    }

    static std::string try_again_later() { return "Check the DNS servers that winnow asks, then try again."; }

    void add(IdentityCheck check) { report_.checks.push_back(std::move(check)); }
    void passed(IdentityItem item, std::string asked, std::string found)
    {
        add({item, IdentityStatus::passed, std::move(asked), std::move(found), {}});
    }
    void failed(IdentityItem item, std::string asked, std::string found, std::string cure)
    {
        add({item, IdentityStatus::failed, std::move(asked), std::move(found), std::move(cure)});
    }
    void undecided(IdentityItem item, std::string asked, const DnsAnswer& answer)
    {
        add({item, IdentityStatus::undecided, std::move(asked),
             "The DNS did not answer (" + std::string(to_string(answer.status)) + "). " + answer.detail,
             try_again_later()});
    }

    Resolver& resolver_;
    ProbeIdentity identity_;
    const Clock& clock_;
    Rng& rng_;
    DnsType address_type_ = DnsType::a;
    std::string mail_domain_;
    IdentityReport report_;
};

}  // namespace

std::string_view to_string(IdentityItem item) noexcept
{
    switch (item) {
        case IdentityItem::public_source:
            return "public_source";
        case IdentityItem::ehlo_resolves:
            return "ehlo_resolves";
        case IdentityItem::reverse_dns:
            return "reverse_dns";
        case IdentityItem::mail_from_accepts:
            return "mail_from_accepts";
        case IdentityItem::spf_pass:
            return "spf_pass";
    }
    return "unknown";
}

std::string_view to_string(IdentityStatus status) noexcept
{
    switch (status) {
        case IdentityStatus::passed:
            return "passed";
        case IdentityStatus::failed:
            return "failed";
        case IdentityStatus::undecided:
            return "undecided";
    }
    return "unknown";
}

bool IdentityReport::ok() const noexcept
{
    return !checks.empty() && std::all_of(checks.begin(), checks.end(), [](const IdentityCheck& check) {
        return check.status == IdentityStatus::passed;
    });
}

bool IdentityReport::try_again() const noexcept
{
    return !ok() && std::none_of(checks.begin(), checks.end(),
                                 [](const IdentityCheck& check) { return check.status == IdentityStatus::failed; });
}

std::string IdentityReport::reason() const
{
    std::string out;
    for (const IdentityCheck& check : checks) {
        if (check.status == IdentityStatus::passed)
            continue;
        if (!out.empty())
            out += ' ';
        out += check.found + ' ' + check.cure;
    }
    return out;
}

awaitable<IdentityReport> check_probe_identity(Resolver& resolver, ProbeIdentity identity, const Clock& clock, Rng& rng)
{
    IdentityChecker checker(resolver, std::move(identity), clock, rng);
    co_return co_await checker.run();
}

awaitable<IdentityReport> check_probe_identities(Resolver& resolver, std::vector<ProbeIdentity> identities,
                                                 const Clock& clock, Rng& rng)
{
    IdentityReport report;
    for (ProbeIdentity& identity : identities) {
        report = co_await check_probe_identity(resolver, std::move(identity), clock, rng);
        if (!report.ok())
            break;
    }
    co_return report;
}

awaitable<IdentityReport> await_probe_identities(Resolver& resolver, std::vector<ProbeIdentity> identities,
                                                 const Clock& clock, Rng& rng, Timer& timer)
{
    IdentityReport report;
    for (milliseconds pause = first_pause;; pause = std::min(2 * pause, longest_pause)) {
        const Wake wake = co_await timer.wait_until(clock.steady() + pause);
        if (wake != Wake::expired)
            co_return report;
        report = co_await check_probe_identities(resolver, identities, clock, rng);
        if (!report.try_again())
            co_return report;
    }
}

}  // namespace winnow::net
