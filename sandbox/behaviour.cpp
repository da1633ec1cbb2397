#include "sandbox/behaviour.hpp"

#include <algorithm>
#include <array>

#include "core/address.hpp"
#include "core/unicode.hpp"
#include "sandbox/script.hpp"

namespace winnow::sandbox {
namespace {

struct Zone {
    std::string_view apex;
    Kind kind;
};
constexpr std::array<Zone, 13> zones{{
    {"deliverable.test", Kind::deliverable},
    {"catchall.test", Kind::catchall},
    {"nullmx.test", Kind::nullmx},
    {"nomx.test", Kind::nomx},
    {"nxdomain.test", Kind::nxdomain},
    {"servfail.test", Kind::servfail},
    {"ipblock.test", Kind::ipblock},
    {"full.test", Kind::full},
    {"disabled.test", Kind::disabled},
    {"slow.test", Kind::slow},
    {"accept-then-bounce.test", Kind::accept_then_bounce},
    {"complaint.test", Kind::complaint},
    {"sandbox.test", Kind::infrastructure},
}};

/// Mailbox providers with the MX names by which they are recognised (the form, not the full set).
struct Emulated {
    std::string_view domain;
    Kind kind;
    Dialect dialect;
    std::string_view mx;  ///< space-separated
};
constexpr std::array<Emulated, 24> emulated{{
    {"gmail.com", Kind::provider, Dialect::google,
     "gmail-smtp-in.l.google.com alt1.gmail-smtp-in.l.google.com alt2.gmail-smtp-in.l.google.com"},
    {"googlemail.com", Kind::provider, Dialect::google, "gmail-smtp-in.l.google.com alt1.gmail-smtp-in.l.google.com"},
    {"outlook.com", Kind::provider, Dialect::outlook, "outlook-com.olc.protection.outlook.com"},
    {"hotmail.com", Kind::provider, Dialect::outlook, "hotmail-com.olc.protection.outlook.com"},
    {"live.com", Kind::provider, Dialect::outlook, "live-com.olc.protection.outlook.com"},
    {"msn.com", Kind::provider, Dialect::outlook, "msn-com.olc.protection.outlook.com"},
    {"yahoo.com", Kind::provider, Dialect::yahoo, "mta5.am0.yahoodns.net mta6.am0.yahoodns.net mta7.am0.yahoodns.net"},
    {"ymail.com", Kind::provider, Dialect::yahoo, "mta5.am0.yahoodns.net mta6.am0.yahoodns.net"},
    {"aol.com", Kind::provider, Dialect::yahoo, "mx-aol.mail.gm0.yahoodns.net"},
    {"icloud.com", Kind::provider, Dialect::postfix, "mx01.mail.icloud.com mx02.mail.icloud.com"},
    {"me.com", Kind::provider, Dialect::postfix, "mx01.mail.icloud.com mx02.mail.icloud.com"},
    {"gmx.de", Kind::provider, Dialect::exim, "mx00.emig.gmx.net mx01.emig.gmx.net"},
    {"gmx.net", Kind::provider, Dialect::exim, "mx00.emig.gmx.net mx01.emig.gmx.net"},
    {"web.de", Kind::provider, Dialect::exim, "mx-ha02.web.de mx-ha03.web.de"},
    {"proton.me", Kind::provider, Dialect::postfix, "mail.protonmail.ch mailsec.protonmail.ch"},
    {"yandex.ru", Kind::provider, Dialect::postfix, "mx.yandex.ru"},
    {"mail.ru", Kind::provider, Dialect::exim, "mxs.mail.ru"},
    {"orange.fr", Kind::provider, Dialect::postfix, "smtp-in.orange.fr"},
    {"comcast.net", Kind::provider, Dialect::postfix, "mx1a1.comcast.net mx2h1.comcast.net"},
    {"mailinator.com", Kind::disposable, Dialect::postfix, "mail.mailinator.com mail2.mailinator.com"},
    {"guerrillamail.com", Kind::disposable, Dialect::postfix, "mail.guerrillamail.com"},
    {"yopmail.com", Kind::disposable, Dialect::postfix, "smtp.yopmail.com"},
    {"trashmail.com", Kind::disposable, Dialect::postfix, "mx.trashmail.com"},
    {"10minutemail.com", Kind::disposable, Dialect::postfix, "mx.10minutemail.com"},
}};

/// Third octet of the receivers that turn a client away at connect; other groups have their kind's number.
constexpr int blocking_group = 200;

/// The name itself or a name below it.
bool within(std::string_view name, std::string_view apex) noexcept
{
    return name == apex ||
           (name.size() > apex.size() && name.ends_with(apex) && name[name.size() - apex.size() - 1] == '.');
}

struct Wait {
    std::chrono::seconds length, unit;
};

/// Of "greylist-<N>s.test", "-<N>m" and "-<N>h", or a name below; nothing for other names. At most a day.
std::optional<Wait> greylist_of(std::string_view name) noexcept
{
    using namespace std::chrono_literals;
    constexpr std::string_view tail = ".test";
    constexpr std::string_view head = "greylist-";
    if (!name.ends_with(tail))
        return std::nullopt;
    name.remove_suffix(tail.size());
    if (const auto dot = name.rfind('.'); dot != std::string_view::npos)
        name.remove_prefix(dot + 1);
    if (!name.starts_with(head))
        return std::nullopt;
    name.remove_prefix(head.size());
    if (name.size() < 2 || name.size() > 6)
        return std::nullopt;
    std::chrono::seconds unit = 0s;
    switch (name.back()) {
        case 's':
            unit = 1s;
            break;
        case 'm':
            unit = 1min;
            break;
        case 'h':
            unit = 1h;
            break;
        default:
            return std::nullopt;
    }
    int count = 0;
    for (const char c : name.substr(0, name.size() - 1)) {
        if (c < '0' || c > '9')
            return std::nullopt;
        count = count * 10 + (c - '0');
    }
    return Wait{std::min<std::chrono::seconds>(count * unit, 24h), unit};
}

std::string normal_domain(std::string_view domain)
{
    if (domain.ends_with('.'))
        domain.remove_suffix(1);
    if (auto ascii = to_ascii_domain(domain))
        return *std::move(ascii);
    return to_lower_ascii(domain);
}

/// MX hosts of a *.test domain: one or two below it, so that each domain is a site of its own.
std::vector<std::string> hosts_for(const std::string& domain)
{
    constexpr std::size_t longest_name = 253;
    if (domain.size() + 4 > longest_name)
        return {domain};
    std::vector<std::string> out{"mx1." + domain};
    if (name_hash(domain) % 3 == 0)
        out.push_back("mx2." + domain);
    return out;
}

/// Kinds with a group of addresses of their own.
bool has_receiver(Kind kind) noexcept
{
    return kind != Kind::nullmx && kind != Kind::nomx && kind != Kind::nxdomain && kind != Kind::servfail &&
           kind != Kind::infrastructure && kind != Kind::scripted;
}

std::vector<std::string> words(std::string_view text)
{
    std::vector<std::string> out;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        out.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

}  // namespace

std::string_view to_string(Kind kind) noexcept
{
    switch (kind) {
        case Kind::deliverable:
            return "deliverable";
        case Kind::catchall:
            return "catchall";
        case Kind::greylist:
            return "greylist";
        case Kind::nullmx:
            return "nullmx";
        case Kind::nomx:
            return "nomx";
        case Kind::nxdomain:
            return "nxdomain";
        case Kind::servfail:
            return "servfail";
        case Kind::ipblock:
            return "ipblock";
        case Kind::full:
            return "full";
        case Kind::disabled:
            return "disabled";
        case Kind::slow:
            return "slow";
        case Kind::accept_then_bounce:
            return "accept-then-bounce";
        case Kind::complaint:
            return "complaint";
        case Kind::provider:
            return "provider";
        case Kind::disposable:
            return "disposable";
        case Kind::infrastructure:
            return "infrastructure";
        case Kind::scripted:
            return "scripted";
    }
    return "nxdomain";
}

std::string_view to_string(Outcome outcome) noexcept
{
    switch (outcome) {
        case Outcome::delivered:
            return "delivered";
        case Outcome::bounced:
            return "bounced";
        case Outcome::deferred:
            return "deferred";
        case Outcome::async_bounce:
            return "async_bounce";
        case Outcome::complaint:
            return "complaint";
    }
    return "delivered";
}

std::uint64_t name_hash(std::string_view text) noexcept
{
    std::uint64_t h = 14695981039346656037ull;
    for (const char c : text)
        h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ull;
    // The final mix of SplitMix64: FNV's low bits alone are poor for short names.
    h = (h ^ (h >> 30)) * 0xBF58476D1CE4E5B9ull;
    h = (h ^ (h >> 27)) * 0x94D049BB133111EBull;
    return h ^ (h >> 31);
}

DomainBehaviour behaviour_of(std::string_view domain)
{
    const auto name = normal_domain(domain);
    DomainBehaviour out;
    const auto known = std::find_if(emulated.begin(), emulated.end(), [&](const auto& e) { return e.domain == name; });
    if (known != emulated.end()) {
        out.kind = known->kind;
        out.dialect = known->dialect;
        out.mx = words(known->mx);
        return out;
    }
    if (const auto wait = greylist_of(name)) {
        out.kind = Kind::greylist;
        out.greylist = wait->length;
        out.greylist_unit = wait->unit;
    } else {
        const auto zone = std::find_if(zones.begin(), zones.end(), [&](const auto& z) { return within(name, z.apex); });
        if (zone == zones.end())
            out.script = script_of(name);
        if (zone == zones.end() && !out.script)
            return out;
        out.kind = out.script ? Kind::scripted : zone->kind;
    }
    const auto hash = name_hash(name);
    constexpr std::array dialects{Dialect::postfix, Dialect::exim, Dialect::exchange, Dialect::google};
    out.dialect = dialects[hash >> 8 & 3u];
    out.blocks_at_connect = out.kind == Kind::ipblock && (hash >> 16 & 1u) != 0;
    if (has_receiver(out.kind))
        out.mx = hosts_for(name);
    else if (out.script)
        out.mx = hosts_of(*out.script, name);
    return out;
}

std::optional<std::string> address_of_host(std::string_view host, int sites)
{
    const auto name = normal_domain(host);
    const auto site = [&](int group, std::string_view text) {
        return "127.77." + std::to_string(group) + '.' +
               std::to_string(1 + name_hash(text) % static_cast<std::uint64_t>(sites));
    };
    for (const auto& e : emulated)
        for (const auto& mx : words(e.mx))
            if (mx == name)
                return site(static_cast<int>(e.kind), name);
    if (const Script* const script = script_of_microsoft_host(name))
        return address_of_script(*script);
    auto parts = read_host(name);
    if (parts.role != HostRole::domain && parts.role != HostRole::receiver) {
        if (script_of(parts.domain))
            return parts.role == HostRole::dead ? std::optional<std::string>(dead_address) : std::nullopt;
        parts = {HostRole::domain, name};
    }
    const auto behaviour = behaviour_of(parts.domain);
    if (behaviour.script)
        return behaviour.script->receives() ? std::optional(address_of_script(*behaviour.script)) : std::nullopt;
    if (behaviour.kind == Kind::provider || behaviour.kind == Kind::disposable || !behaviour.receives())
        return std::nullopt;
    return site(behaviour.blocks_at_connect ? blocking_group : static_cast<int>(behaviour.kind), name);
}

std::vector<std::string> receiver_addresses(int sites)
{
    std::vector<int> groups{blocking_group};
    for (int k = 1; k <= static_cast<int>(Kind::infrastructure); ++k)
        if (has_receiver(static_cast<Kind>(k)))
            groups.push_back(k);
    std::vector<std::string> out;
    for (const int group : groups)
        for (int s = 1; s <= sites; ++s)
            out.push_back("127.77." + std::to_string(group) + '.' + std::to_string(s));
    for (const Script& script : scripts())
        if (script.receives())
            out.push_back(address_of_script(script));
    return out;
}

ReceiverRole role_of_address(std::string_view ip) noexcept
{
    constexpr std::string_view net = "127.77.";
    ReceiverRole out;
    if (!ip.starts_with(net))
        return out;
    int group = 0;
    for (const char c : ip.substr(net.size())) {
        if (c < '0' || c > '9' || group > 255)
            break;
        group = group * 10 + (c - '0');
    }
    out.blocks = group == blocking_group;
    out.slow = group == static_cast<int>(Kind::slow);
    return out;
}

bool looks_random(std::string_view local_part) noexcept
{
    constexpr std::size_t longest_name = 24;
    constexpr int most_changes = 3;
    if (local_part.size() > longest_name)
        return true;
    int changes = 0;
    char before = 0;
    for (const char c : local_part) {
        const char klass = c >= '0' && c <= '9' ? 'd' : 'a';
        changes += before != 0 && klass != before ? 1 : 0;
        before = klass;
    }
    return changes > most_changes;
}

namespace {

std::string bare_local(std::string_view local_part)
{
    return to_lower_ascii(local_part.substr(0, local_part.find('+')));
}

bool is_magic_stranger(std::string_view local) noexcept
{
    return local.starts_with("unknown-");
}

}  // namespace

Mailbox mailbox_of(const DomainBehaviour& domain, std::string_view local_part)
{
    const Holds holds = domain.script ? domain.script->holds : Holds::members;
    if (domain.kind == Kind::catchall || domain.kind == Kind::disposable || holds == Holds::everybody ||
        holds == Holds::everybody_at_first)
        return Mailbox::exists;
    const auto local = bare_local(local_part);
    if (is_magic_stranger(local) || (holds != Holds::all_but_magic && looks_random(local)))
        return Mailbox::unknown;
    if (local.starts_with("full-") || domain.kind == Kind::full)
        return Mailbox::full;
    if (local.starts_with("disabled-") || domain.kind == Kind::disabled)
        return Mailbox::disabled;
    return Mailbox::exists;
}

bool bounces_later(const DomainBehaviour& domain, std::string_view local_part)
{
    if (domain.kind == Kind::accept_then_bounce)
        return true;
    return domain.script && domain.script->holds == Holds::everybody_at_first &&
           is_magic_stranger(bare_local(local_part));
}

namespace {

/// What comes of mail to a member whose receiver gives this reason.
Outcome outcome_for_member(Reason reason) noexcept
{
    switch (reason) {
        case Reason::mailbox_disabled:
        case Reason::recipient_restricted:
            return Outcome::bounced;
        case Reason::mailbox_busy:
            return Outcome::deferred;
        default:
            return Outcome::delivered;
    }
}

}  // namespace

bool full_for_good(std::string_view local_part, std::string_view domain) noexcept
{
    return (name_hash(to_lower_ascii(local_part) + '@' + to_lower_ascii(domain)) & 1u) != 0;
}

Expectation expectation_of(std::string_view address, std::chrono::seconds patience)
{
    const auto parsed = parse_address(address);
    if (!parsed.usable)
        return {Reason::syntax_invalid, Outcome::bounced};
    const auto& local = parsed.address.local;
    const auto domain = behaviour_of(parsed.address.domain);
    if (domain.script && domain.script->everybody)
        return {*domain.script->everybody, domain.script->outcome};
    if (domain.script && parsed.address.eai && !domain.script->smtputf8)
        return {Reason::policy_refused, Outcome::bounced};
    if (domain.script && bounces_later(domain, local))
        return {*domain.script->strangers, domain.script->strangers_outcome};
    const auto members = domain.script ? domain.script->members : std::nullopt;
    const auto strangers = domain.script ? domain.script->strangers : std::nullopt;
    switch (domain.kind) {
        case Kind::nullmx:
        case Kind::nomx:
        case Kind::infrastructure:
            return {Reason::domain_no_mail, Outcome::bounced};
        case Kind::nxdomain:
            return {Reason::domain_not_found, Outcome::bounced};
        case Kind::servfail:
            return {Reason::dns_failure, Outcome::deferred};
        case Kind::ipblock:
            return {Reason::prober_blocked, Outcome::bounced};
        case Kind::catchall:
            return {Reason::catch_all, Outcome::delivered};
        case Kind::disposable:
            return {Reason::disposable, Outcome::delivered};
        default:
            break;
    }
    const auto mailbox = mailbox_of(domain, local);
    if (mailbox != Mailbox::unknown && domain.greylist > patience)
        return {Reason::greylisted, Outcome::delivered};
    switch (mailbox) {
        case Mailbox::unknown:
            return {strangers.value_or(Reason::mailbox_not_found),
                    domain.script ? domain.script->strangers_outcome : Outcome::bounced};
        case Mailbox::disabled:
            return {Reason::mailbox_disabled, Outcome::bounced};
        case Mailbox::full:
            return {Reason::mailbox_full,
                    full_for_good(local, parsed.address.domain) ? Outcome::bounced : Outcome::deferred};
        case Mailbox::exists:
            break;
    }
    if (domain.kind == Kind::accept_then_bounce)
        return {Reason::accepted, Outcome::async_bounce};
    if (domain.kind == Kind::complaint)
        return {Reason::accepted, Outcome::complaint};
    const auto reason = members.value_or(Reason::accepted);
    return {reason, outcome_for_member(reason)};
}

std::vector<std::string> apex_domains()
{
    std::vector<std::string> out;
    for (const auto& zone : zones)
        if (zone.kind != Kind::infrastructure)
            out.emplace_back(zone.apex);
    out.emplace_back("greylist-300s.test");
    for (const auto& script : scripts())
        out.emplace_back(script.apex);
    return out;
}

std::vector<std::string> emulated_domains()
{
    std::vector<std::string> out;
    for (const auto& e : emulated)
        out.emplace_back(e.domain);
    return out;
}

}  // namespace winnow::sandbox
