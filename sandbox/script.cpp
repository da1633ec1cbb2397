#include "sandbox/script.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace winnow::sandbox {
namespace {

using namespace std::chrono_literals;
using namespace std::string_view_literals;

constexpr auto all_scripts = std::to_array<Script>({
    // DNS
    Script("implicit-mx.test").by(Route::implicit),
    Script("mx-alias.test").by(Route::alias_host),
    Script("domain-alias.test").by(Route::alias_domain),
    Script("dead-first.test").by(Route::dead_first),
    Script("dead-mx.test").by(Route::dead).is(Reason::no_connect, Outcome::deferred),
    Script("many-mx.test").by(Route::many_hosts),
    Script("null-and-real.test").by(Route::null_and_real),
    Script("dual-stack.test").by(Route::dual_stack),
    Script("mx-no-address.test").by(Route::bare_host).is(Reason::domain_no_mail, Outcome::bounced),
    Script("mx-nxdomain.test").by(Route::absent_host).is(Reason::domain_no_mail, Outcome::bounced),
    Script("mx-number.test").by(Route::numeric_host).is(Reason::domain_no_mail, Outcome::bounced),
    Script("mx-servfail.test").by(Route::servfail_host).is(Reason::dns_failure, Outcome::deferred),
    Script("dns-refused.test").by(Route::refused).is(Reason::dns_failure, Outcome::deferred),
    Script("dns-silent.test").by(Route::silent).is(Reason::dns_failure, Outcome::deferred),

    // Connecting
    Script("busy-banner.test")
        .departs(Stage::banner, When::always, "421 4.3.2 Service not available, closing the transmission channel")
        .is(Reason::temp_failure, Outcome::deferred),
    Script("no-service.test")
        .departs(Stage::banner, When::always, "554 No SMTP service here")
        .is(Reason::policy_refused, Outcome::bounced),
    Script("silent-banner.test").departs(Stage::banner, When::always, Act::raw).is(Reason::timeout, Outcome::deferred),
    Script("hangup-banner.test")
        .departs(Stage::banner, When::always, Act::hang_up)
        .is(Reason::temp_failure, Outcome::deferred),
    Script("not-smtp.test")
        .departs(Stage::banner, When::always, Act::raw, "SSH-2.0-OpenSSH_9.2\r\n")
        .is(Reason::temp_failure, Outcome::deferred),
    Script("endless-banner.test")
        .departs(Stage::banner, When::always, Act::endless)
        .is(Reason::temp_failure, Outcome::deferred),
    Script("early-talk.test")
        .departs(Stage::banner, When::always, Act::raw, "220 mx.sandbox.test ESMTP\r\n250 mx.sandbox.test\r\n")
        .is(Reason::temp_failure, Outcome::deferred),
    Script("ehlo-blocked.test")
        .departs(Stage::ehlo, When::always, "550 5.7.1 Client host blocked using dnsbl.sandbox.test")
        .is(Reason::prober_blocked, Outcome::bounced),
    Script("hangup-ehlo.test")
        .departs(Stage::ehlo, When::always, Act::hang_up)
        .is(Reason::temp_failure, Outcome::deferred),
    Script("helo-only.test").departs(Stage::ehlo, When::extended, "502 5.5.1 Command not implemented"),

    // TLS
    Script("no-tls.test").by(Tls::none),
    Script("tls-refused.test").by(Tls::refused),
    Script("tls-broken.test").by(Tls::broken),
    Script("tls-required.test").departs(Stage::mail, When::in_clear, "530 5.7.0 Must issue a STARTTLS command first"),
    Script("tls-unusable.test")
        .by(Tls::broken)
        .departs(Stage::mail, When::in_clear, "530 5.7.0 Must issue a STARTTLS command first")
        .is(Reason::temp_failure, Outcome::bounced),

    // Us
    Script("mail-blocked.test")
        .departs(Stage::mail, When::always,
                 "554 5.7.1 Service unavailable; Client host blocked using dnsbl.sandbox.test")
        .is(Reason::prober_blocked, Outcome::bounced),
    Script("sender-unknown.test")
        .departs(Stage::mail, When::always, "550 5.1.8 Sender address rejected: Domain not found")
        .is(Reason::policy_refused, Outcome::bounced),
    Script("sender-refused.test")
        .departs(Stage::mail, When::always, "550 5.7.1 Sender address rejected by our policy")
        .is(Reason::policy_refused, Outcome::bounced),
    Script("bounces-refused.test")
        .departs(Stage::mail, When::null_sender, "550 5.7.1 The null sender is not accepted here"),
    Script("mail-busy.test")
        .departs(Stage::mail, When::always, "451 4.3.0 Temporary lookup failure")
        .is(Reason::temp_failure, Outcome::deferred),
    Script("hangup-mail.test")
        .departs(Stage::mail, When::always, Act::hang_up)
        .is(Reason::temp_failure, Outcome::deferred),
    Script("auth-required.test")
        .departs(Stage::mail, When::always, "530 5.7.0 Authentication required")
        .is(Reason::policy_refused, Outcome::bounced),
    Script("no-ptr.test")
        .departs(Stage::rcpt, When::always, "450 4.7.25 Client host rejected: cannot find your hostname")
        .is(Reason::prober_blocked, Outcome::deferred),
    Script("helo-rejected.test")
        .departs(Stage::rcpt, When::always, "504 5.5.2 Helo command rejected: need fully-qualified hostname")
        .is(Reason::policy_refused, Outcome::bounced),
    Script("spf-required.test")
        .departs(Stage::rcpt, When::always, "550 5.7.23 SPF validation failed for the sender's domain")
        .is(Reason::policy_refused, Outcome::bounced),
    Script("content-refused.test")
        .departs(Stage::rcpt, When::always, "554 5.7.1 Message rejected as spam by content filtering")
        .is(Reason::policy_refused, Outcome::bounced),

    // Words that leave open what they are about
    Script("ambiguous.test")
        .departs(Stage::rcpt, When::always, "550 5.7.1 Command rejected")
        .is(Reason::policy_refused, Outcome::bounced),
    Script("bare-550.test")
        .departs(Stage::rcpt, When::always, "550 Requested action not taken")
        .is(Reason::policy_refused, Outcome::bounced),
    Script("code-only.test")
        .departs(Stage::rcpt, When::always, Act::raw, "550\r\n")
        .is(Reason::policy_refused, Outcome::bounced),
    Script("relay-denied.test")
        .departs(Stage::rcpt, When::always, "554 5.7.1 <{to}>: Relay access denied")
        .is(Reason::policy_refused, Outcome::bounced),
    Script("not-hosted.test")
        .departs(Stage::rcpt, When::always, "550 5.1.2 We do not host the domain of <{to}>")
        .is(Reason::policy_refused, Outcome::bounced),
    Script("intermediate.test")
        .departs(Stage::rcpt, When::always, "354 Go ahead")
        .is(Reason::temp_failure, Outcome::deferred),

    // About the mailbox
    Script("moved.test")
        .departs(Stage::rcpt, When::always, "551 5.1.6 <{to}>: The user has moved, please try another address")
        .is(Reason::mailbox_not_found, Outcome::bounced),
    Script("inactive.test")
        .departs(Stage::rcpt, When::members, "550 5.2.1 <{to}>: This account is inactive")
        .is_for_members(Reason::mailbox_disabled),
    Script("restricted.test")
        .departs(Stage::rcpt, When::members,
                 "550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; the group takes mail of its members only")
        .is_for_members(Reason::recipient_restricted),
    Script("busy-mailbox.test")
        .departs(Stage::rcpt, When::members,
                 "450 4.2.1 The user you are trying to contact is receiving mail at a rate that\n"
                 "4.2.1 prevents additional messages from being delivered")
        .is_for_members(Reason::mailbox_busy),
    Script("forwards.test").departs(Stage::rcpt, When::members, "251 2.1.5 User not local; will forward"),
    Script("german.test").departs(Stage::rcpt, When::strangers, "550 Empf\u00e4nger unbekannt: <{to}>"),
    Script("wrong-status.test").departs(Stage::rcpt, When::strangers, "550 4.1.1 <{to}>: User unknown"),
    Script("latin1-text.test")
        .departs(Stage::rcpt, When::strangers, Act::raw, "550 5.1.1 bo\xEEte inexistante, utilisateur inconnu\r\n"),
    Script("nul-text.test").departs(Stage::rcpt, When::strangers, Act::raw, "550 5.1.1 User\0 unknown\r\n"sv),
    Script("no-utf8.test").without_utf8(),
    Script("ms-edge.test")
        .by(Route::microsoft)
        .departs(Stage::rcpt, When::strangers,
                 "550 5.4.1 Recipient address rejected: Access denied. [sandbox.prod.protection.outlook.com]"),
    Script("ms-edge-blocked.test")
        .by(Route::microsoft)
        .departs(Stage::rcpt, When::always,
                 "550 5.4.1 Recipient address rejected: Access denied. [sandbox.prod.protection.outlook.com]")
        .is(Reason::policy_refused, Outcome::bounced),

    // Everybody is welcome, or seems to be
    Script("cannot-verify.test")
        .holding(Holds::everybody)
        .departs(Stage::rcpt, When::always, "252 2.1.5 Cannot verify the user, but will take the message")
        .is(Reason::catch_all, Outcome::delivered),
    Script("partial-catchall.test").holding(Holds::all_but_magic).is_for_members(Reason::catch_all),
    Script("enumeration-proof.test")
        .holding(Holds::everybody_at_first)
        .is_for_members(Reason::catch_all)
        .is_for_strangers(Reason::catch_all, Outcome::async_bounce),
    Script("deferred-unknown.test")
        .departs(Stage::rcpt, When::strangers,
                 "450 4.1.1 <{to}>: Recipient address rejected: User unknown in local recipient table")
        .is_for_members(Reason::catch_all)
        .is_for_strangers(Reason::temp_failure, Outcome::deferred),

    // Not now
    Script("server-error.test")
        .departs(Stage::rcpt, When::always, "451 4.3.0 Queue file write error")
        .is(Reason::temp_failure, Outcome::deferred),
    Script("disk-full.test")
        .departs(Stage::rcpt, When::always, "452 4.3.1 Insufficient system storage")
        .is(Reason::temp_failure, Outcome::deferred),
    Script("recovers.test").departs(Stage::rcpt, When::early, "451 4.3.2 Service currently unavailable").lasting(2s),
    Script("try-later.test").departs(Stage::rcpt, When::early, "451 4.7.1 Please try again later").lasting(2s),
    Script("verify-first.test")
        .departs(Stage::rcpt, When::early,
                 "450 4.1.1 <{to}>: Recipient address rejected: unverified address: Address verification in progress")
        .lasting(2s),
    Script("grey-before-lookup.test")
        .departs(Stage::rcpt, When::early, "450 4.2.0 <{to}>: Recipient address rejected: Greylisted for 2 seconds")
        .lasting(2s),
    Script("throttled.test")
        .departs(Stage::rcpt, When::early_site, "450 4.7.0 Too much mail from you, try again in 2 seconds")
        .lasting(2s),

    // Sessions that end early
    Script("rcpt-limit.test").departs(Stage::rcpt, When::after_three, "421 4.7.0 Too many recipients in this session"),
    Script("one-by-one.test").departs(Stage::rcpt, When::after_one, "452 4.5.3 Too many recipients"),
    Script("cut-at-mail.test").departs(Stage::mail, When::after_one, Act::hang_up),
    Script("cut-at-rcpt.test").departs(Stage::rcpt, When::after_three, Act::hang_up),
    Script("hangup-rcpt.test")
        .departs(Stage::rcpt, When::always, Act::hang_up)
        .is(Reason::temp_failure, Outcome::deferred),
    Script("silent-rcpt.test").departs(Stage::rcpt, When::always, Act::raw).is(Reason::timeout, Outcome::deferred),

    // Replies that are none
    Script("tarpit.test").slowly(400ms, 0ms),
    Script("bytewise.test").slowly(0ms, 1ms),
    Script("verbose.test").departs(Stage::rcpt, When::always, Act::verbose),
    Script("long-line.test")
        .departs(Stage::rcpt, When::always, Act::long_line)
        .is(Reason::temp_failure, Outcome::deferred),
    Script("endless-rcpt.test")
        .departs(Stage::rcpt, When::always, Act::endless)
        .is(Reason::temp_failure, Outcome::deferred),
    Script("mixed-codes.test")
        .departs(Stage::rcpt, When::always, Act::raw, "550-5.1.1 No such user\r\n250 2.1.5 Ok\r\n")
        .is(Reason::temp_failure, Outcome::deferred),
    Script("off-by-one.test")
        .departs(Stage::mail, When::always, Act::raw, "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n")
        .is(Reason::temp_failure, Outcome::deferred),

    // Not now, but only to those who are new here
    Script("verify-strangers.test")
        .departs(Stage::rcpt, When::early_strangers,
                 "450 4.1.1 <{to}>: Recipient address rejected: unverified address: Address verification in progress")
        .lasting(1s),
});

/// Third octet of the first script's receivers; those below are groups of kinds, those from 200 on are reserved.
constexpr int first_group = 20;
static_assert(first_group + all_scripts.size() < 200);

constexpr std::size_t many = 40;
constexpr std::string_view microsoft_domain = ".mail.protection.outlook.com";

/// "ms-edge-test" of "ms-edge.test".
std::string dashed(std::string_view name)
{
    std::string out(name);
    std::replace(out.begin(), out.end(), '.', '-');
    return out;
}

}  // namespace

std::span<const Script> scripts() noexcept
{
    return all_scripts;
}

const Script* script_of(std::string_view domain) noexcept
{
    const auto last = domain.rfind('.');
    if (last == std::string_view::npos || last == 0)
        return nullptr;
    const auto before = domain.rfind('.', last - 1);
    const auto apex = before == std::string_view::npos ? domain : domain.substr(before + 1);
    const auto found =
        std::find_if(all_scripts.begin(), all_scripts.end(), [&](const Script& s) { return s.apex == apex; });
    return found == all_scripts.end() ? nullptr : &*found;
}

const Script* script_of_address(std::string_view ip) noexcept
{
    constexpr std::string_view net = "127.77.";
    if (!ip.starts_with(net))
        return nullptr;
    ip.remove_prefix(net.size());
    int group = 0;
    std::from_chars(ip.data(), ip.data() + ip.size(), group);
    const auto row = static_cast<std::size_t>(group - first_group);
    return group >= first_group && row < all_scripts.size() ? &all_scripts[row] : nullptr;
}

std::string address_of_script(const Script& script)
{
    return "127.77." + std::to_string(first_group + (&script - all_scripts.data())) + ".1";
}

HostName read_host(std::string_view name) noexcept
{
    const auto dot = name.find('.');
    if (dot == std::string_view::npos)
        return {HostRole::domain, name};
    const auto label = name.substr(0, dot);
    const auto rest = name.substr(dot + 1);
    constexpr std::pair<std::string_view, HostRole> roles[] = {{"alias", HostRole::alias},
                                                               {"dead", HostRole::dead},
                                                               {"bare", HostRole::bare},
                                                               {"absent", HostRole::absent},
                                                               {"broken", HostRole::broken}};
    for (const auto& [word, role] : roles)
        if (label == word)
            return {role, rest};
    const bool numbered = label.size() > 2 && label.starts_with("mx") &&
                          std::all_of(label.begin() + 2, label.end(), [](char c) { return c >= '0' && c <= '9'; });
    return numbered ? HostName{HostRole::receiver, rest} : HostName{HostRole::domain, name};
}

std::vector<std::string> hosts_of(const Script& script, const std::string& domain)
{
    const auto host = [&](std::string_view label) { return std::string(label) + '.' + domain; };
    switch (script.route) {
        case Route::implicit:
            return {domain};
        case Route::alias_host:
            return {host("alias")};
        case Route::dead_first:
            return {host("dead"), host("mx1")};
        case Route::dead:
            return {host("dead")};
        case Route::bare_host:
            return {host("bare")};
        case Route::absent_host:
            return {host("absent")};
        case Route::servfail_host:
            return {host("broken")};
        case Route::numeric_host:
            return {"127.77.1.1"};
        case Route::microsoft:
            return {dashed(domain) + std::string(microsoft_domain)};
        case Route::refused:
        case Route::silent:
            return {};
        case Route::many_hosts: {
            std::vector<std::string> out;
            for (std::size_t i = 1; i <= many; ++i)
                out.push_back(host("mx" + std::to_string(i)));
            return out;
        }
        default:
            break;
    }
    std::vector<std::string> out{host("mx1")};
    if (name_hash(domain) % 3 == 0)
        out.push_back(host("mx2"));
    return out;
}

const Script* script_of_microsoft_host(std::string_view host) noexcept
{
    if (!host.ends_with(microsoft_domain))
        return nullptr;
    host.remove_suffix(microsoft_domain.size());
    for (const Script& script : all_scripts) {
        const bool is_tail = script.route == Route::microsoft && host.size() >= script.apex.size() &&
                             std::equal(script.apex.rbegin(), script.apex.rend(), host.rbegin(),
                                        [](char a, char b) { return a == b || (a == '.' && b == '-'); });
        const auto before = host.size() - script.apex.size();
        if (is_tail && (before == 0 || host[before - 1] == '-'))
            return &script;
    }
    return nullptr;
}

}  // namespace winnow::sandbox
