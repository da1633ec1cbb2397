#include "net/policy/spf.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "net/dns_name.hpp"
#include "net/policy/spf_record.hpp"

namespace winnow::net {

namespace {

using boost::asio::ip::address;

constexpr std::size_t max_names_of_a_term = 10;  ///< MX hosts of "mx", names of "ptr" and %{p}: section 4.6.4
constexpr std::size_t max_domain = 253;

/// An IPv4-mapped IPv6 address is an IPv4 client (section 5).
address plain(const address& ip)
{
    if (ip.is_v6() && ip.to_v6().is_v4_mapped())
        return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, ip.to_v6());
    return ip;
}

template <class Bytes>
bool same_prefix(const Bytes& a, const Bytes& b, unsigned length)
{
    for (std::size_t i = 0; i < a.size() && length > 0; ++i) {
        const unsigned bits = std::min(length, 8u);
        const unsigned mask = 0xffu << (8u - bits) & 0xffu;
        if ((a[i] & mask) != (b[i] & mask))
            return false;
        length -= bits;
    }
    return true;
}

bool in_network(const address& ip, const address& network, const SpfMechanism& m)
{
    if (ip.is_v4() != network.is_v4())
        return false;
    if (ip.is_v4())
        return same_prefix(ip.to_v4().to_bytes(), network.to_v4().to_bytes(), m.prefix4);
    return same_prefix(ip.to_v6().to_bytes(), network.to_v6().to_bytes(), m.prefix6);
}

/// Without trailing dot and, when too long, without labels on the left (section 7.3).
std::string fit_domain(std::string domain)
{
    if (domain.ends_with('.'))
        domain.pop_back();
    while (domain.size() > max_domain) {
        const auto dot = domain.find('.');
        if (dot == std::string::npos)
            break;
        domain.erase(0, dot + 1);
    }
    return domain;
}

/// A name from a macro may hold anything; the resolver's text form escapes with backslashes.
std::string as_query_name(std::string_view domain)
{
    std::string out;
    for (const char c : domain) {
        if (c == '\\')
            out += '\\';
        out += c;
    }
    return out;
}

/// Can it be asked: labels of 1 to 63 octets, ASCII (RFC 8616 section 4: others never match).
bool is_askable(const std::string& domain)
{
    const bool ascii =
        std::all_of(domain.begin(), domain.end(), [](char c) { return static_cast<signed char>(c) > 0; });
    return ascii && dns_labels(as_query_name(domain)).has_value();
}

/// The domain of check_host(): also more than one label, and no address literal (section 4.3).
bool is_checkable(const std::string& domain)
{
    return is_askable(domain) && domain.find('.') != std::string::npos && domain.front() != '[';
}

bool is_within(std::string_view name, std::string_view domain)
{
    if (name.size() <= domain.size())
        return dns_equal(name, domain);
    const std::size_t extra = name.size() - domain.size();
    return name[extra - 1] == '.' && dns_equal(name.substr(extra), domain);
}

SpfResult result_of(SpfQualifier qualifier) noexcept
{
    switch (qualifier) {
        case SpfQualifier::pass:
            return SpfResult::pass;
        case SpfQualifier::fail:
            return SpfResult::fail;
        case SpfQualifier::softfail:
            return SpfResult::softfail;
        case SpfQualifier::neutral:
            return SpfResult::neutral;
    }
    return SpfResult::neutral;
}

/// Outcome of one mechanism: it matched, it did not, or check_host() ends with an error.
enum class Match : std::uint8_t { no, yes, temperror, permerror };

class Evaluation {
public:
    Evaluation(Resolver& resolver, const address& ip, SpfQuestion question, const Clock& clock, SpfOptions options)
        : resolver_(resolver),
          clock_(clock),
          options_(std::move(options)),
          deadline_(clock.steady() + options_.max_time)
    {
        values_.ip = ip;
        values_.helo = fit_domain(question.helo);
        values_.receiver = options_.receiver;
        values_.unix_seconds = to_unix_ms(clock.now()) / 1000;
        const auto at = question.mail_from.rfind('@');
        if (question.mail_from.empty()) {
            values_.sender_domain = values_.helo;
        } else if (at == std::string::npos) {
            values_.sender_domain = question.mail_from;
        } else {
            values_.local_part = question.mail_from.substr(0, at);
            values_.sender_domain = question.mail_from.substr(at + 1);
        }
        if (values_.sender_domain.ends_with('.'))
            values_.sender_domain.pop_back();
        if (values_.local_part.empty())
            values_.local_part = "postmaster";
    }

    awaitable<SpfCheck> run()
    {
        if (!is_checkable(values_.sender_domain)) {
            out_.detail = "\"" + values_.sender_domain + "\" is not a domain that SPF can be checked for.";
            co_return std::move(out_);
        }
        out_.result = co_await check_host(values_.sender_domain, false);
        if (out_.result != SpfResult::fail)
            out_.explanation.clear();
        else if (out_.explanation.empty())
            out_.explanation = options_.default_explanation;
        co_return std::move(out_);
    }

private:
    /// Section 4. Within an include, an explanation is not asked for and the reports stay those of the outer record.
    awaitable<SpfResult> check_host(std::string domain, bool included)
    {
        const std::string outer = std::exchange(values_.domain, domain);
        const SpfResult result = co_await evaluate_domain(domain, included);
        values_.domain = outer;
        co_return result;
    }

    awaitable<SpfResult> evaluate_domain(std::string domain, bool included)
    {
        const DnsAnswer answer = co_await ask(domain, DnsType::txt);
        if (!answer.definite())
            co_return failed("The TXT record of " + domain + " could not be read: " + answer.detail + '.');
        std::vector<std::string> records;
        for (const DnsRecord& record : answer.records)
            if (const auto* text = std::get_if<std::string>(&record.data); text && is_spf_record(*text))
                records.push_back(*text);
        if (records.empty()) {
            out_.detail = domain + " publishes no SPF record.";
            co_return SpfResult::none;
        }
        if (records.size() > 1)
            co_return broken(domain + " publishes more than one SPF record.");
        const auto record = parse_spf_record(records[0]);
        if (!record)
            co_return broken("The SPF record of " + domain + " is broken: " + record.error().context + '.');
        if (!included) {
            out_.domain = domain;
            out_.record = records[0];
        }
        co_return co_await evaluate(*record, domain, included);
    }

    awaitable<SpfResult> evaluate(const SpfRecord& record, std::string domain, bool included)
    {
        for (const SpfMechanism& mechanism : record.mechanisms) {
            const Match match = co_await matches(mechanism);
            if (match == Match::temperror)
                co_return SpfResult::temperror;
            if (match == Match::permerror)
                co_return SpfResult::permerror;
            if (match == Match::no)
                continue;
            const SpfResult result = result_of(mechanism.qualifier);
            if (!included) {
                out_.mechanism = mechanism.text;
                out_.detail = "\"" + mechanism.text + "\" of " + domain + " matches.";
                if (result == SpfResult::fail && record.exp)
                    co_await explain(*record.exp);
            }
            co_return result;
        }
        if (record.redirect && !record.has_all()) {
            co_return co_await redirect(*record.redirect, included);
        }
        if (!included)
            out_.detail = "No mechanism of " + domain + " matches.";
        co_return SpfResult::neutral;
    }

    awaitable<SpfResult> redirect(const SpfMacroString& target, bool included)
    {
        if (!count_lookup())
            co_return SpfResult::permerror;
        const std::string domain = co_await expand_domain(target);
        if (!is_checkable(domain))
            co_return broken("redirect to \"" + domain + "\", which is not a domain.");
        const SpfResult result = co_await check_host(domain, included);
        if (result == SpfResult::none)
            co_return broken("redirect to " + domain + ", which publishes no SPF record.");
        co_return result;
    }

    awaitable<Match> matches(const SpfMechanism& mechanism)
    {
        switch (mechanism.kind) {
            case SpfMechanismKind::all:
                co_return Match::yes;
            case SpfMechanismKind::ip4:
            case SpfMechanismKind::ip6:
                co_return in_network(values_.ip, mechanism.network, mechanism) ? Match::yes : Match::no;
            default:
                break;
        }
        if (!count_lookup())
            co_return Match::permerror;
        std::string target = values_.domain;
        if (!mechanism.domain.empty())
            target = co_await expand_domain(mechanism.domain);
        if (!is_askable(target) && mechanism.kind != SpfMechanismKind::include)
            co_return Match::no;  // such a name cannot exist
        switch (mechanism.kind) {
            case SpfMechanismKind::include:
                co_return co_await matches_include(target);
            case SpfMechanismKind::a:
                co_return co_await matches_a(mechanism, target);
            case SpfMechanismKind::mx:
                co_return co_await matches_mx(mechanism, target);
            case SpfMechanismKind::ptr:
                co_return co_await matches_ptr(target);
            default:
                co_return co_await matches_exists(target);
        }
    }

    awaitable<Match> matches_include(std::string domain)
    {
        SpfResult result = SpfResult::none;
        if (is_checkable(domain))
            result = co_await check_host(domain, true);
        switch (result) {
            case SpfResult::pass:
                co_return Match::yes;
            case SpfResult::fail:
            case SpfResult::softfail:
            case SpfResult::neutral:
                co_return Match::no;
            case SpfResult::temperror:
                co_return Match::temperror;
            case SpfResult::permerror:
                co_return Match::permerror;
            case SpfResult::none:
                break;
        }
        out_.detail = "include of " + domain + ", which publishes no SPF record.";
        co_return Match::permerror;
    }

    awaitable<Match> matches_a(const SpfMechanism& mechanism, std::string domain)
    {
        const DnsAnswer answer = co_await ask(domain, address_type());
        if (!answer.definite())
            co_return unreadable(domain, answer);
        if (!count_void(answer))
            co_return Match::permerror;
        co_return any_in_network(answer, mechanism) ? Match::yes : Match::no;
    }

    awaitable<Match> matches_mx(const SpfMechanism& mechanism, std::string domain)
    {
        const DnsAnswer answer = co_await ask(domain, DnsType::mx);
        if (!answer.definite())
            co_return unreadable(domain, answer);
        if (!count_void(answer))
            co_return Match::permerror;
        if (answer.records.size() > max_names_of_a_term) {
            out_.detail = domain + " has more than 10 MX hosts.";
            co_return Match::permerror;
        }
        for (const DnsRecord& record : answer.records) {
            const auto* mx = std::get_if<MxData>(&record.data);
            if (!mx || mx->host == "." || mx->host.empty())
                continue;
            const DnsAnswer host = co_await ask(mx->host, address_type());
            if (!host.definite())
                co_return unreadable(mx->host, host);
            if (any_in_network(host, mechanism))
                co_return Match::yes;
        }
        co_return Match::no;
    }

    awaitable<Match> matches_ptr(std::string domain)
    {
        co_await find_validated_names();
        const bool found = std::any_of(validated_->begin(), validated_->end(),
                                       [&](const std::string& name) { return is_within(name, domain); });
        co_return found ? Match::yes : Match::no;
    }

    awaitable<Match> matches_exists(std::string domain)
    {
        const DnsAnswer answer = co_await ask(domain, DnsType::a);
        if (!answer.definite())
            co_return unreadable(domain, answer);
        if (!count_void(answer))
            co_return Match::permerror;
        co_return answer.status == DnsStatus::ok ? Match::yes : Match::no;
    }

    /// Names of the client that resolve back to it (section 5.5); failures leave names out. Asked once.
    awaitable<void> find_validated_names()
    {
        if (validated_)
            co_return;
        std::vector<std::string> names;
        const DnsAnswer answer = co_await ask(reverse_name(values_.ip.to_string()), DnsType::ptr);
        std::size_t tried = 0;
        for (const DnsRecord& record : answer.records) {
            if (++tried > max_names_of_a_term)
                break;
            const auto* name = std::get_if<std::string>(&record.data);
            if (!name)
                continue;
            const DnsAnswer back = co_await ask(*name, address_type());
            if (any_is_client(back))
                names.push_back(*name);
        }
        validated_ = std::move(names);
    }

    /// %{p}: the domain itself when validated, else a name below it, else any (section 7.3).
    awaitable<void> set_validated_value()
    {
        co_await find_validated_names();
        values_.validated = "unknown";
        int best = 0;
        for (const std::string& name : *validated_) {
            const int rank = dns_equal(name, values_.domain) ? 3 : is_within(name, values_.domain) ? 2 : 1;
            if (rank <= best)
                continue;
            best = rank;
            values_.validated = name;
        }
    }

    awaitable<std::string> expand(const SpfMacroString& macros)
    {
        if (uses_validated_name(macros))
            co_await set_validated_value();
        co_return expand_spf_macros(macros, values_);
    }

    awaitable<std::string> expand_domain(const SpfMacroString& macros)
    {
        std::string domain = co_await expand(macros);
        co_return fit_domain(std::move(domain));
    }

    /// Section 6.2: whatever goes wrong with it, there is just no explanation.
    awaitable<void> explain(const SpfMacroString& target)
    {
        const std::string domain = co_await expand_domain(target);
        if (!is_askable(domain))
            co_return;
        const DnsAnswer answer = co_await ask(domain, DnsType::txt);
        if (answer.records.size() != 1)
            co_return;
        const auto* text = std::get_if<std::string>(&answer.records[0].data);
        if (!text)
            co_return;
        const auto macros = parse_spf_macros(*text, true);
        if (!macros)
            co_return;
        out_.explanation = co_await expand(*macros);
    }

    awaitable<DnsAnswer> ask(std::string name, DnsType type)
    {
        if (clock_.steady() >= deadline_) {
            DnsAnswer late;
            late.detail = "the check takes too long";
            co_return late;
        }
        const QueryOptions options;
        co_return co_await resolver_.query(as_query_name(name), type, options);
    }

    DnsType address_type() const { return values_.ip.is_v4() ? DnsType::a : DnsType::aaaa; }

    std::vector<address> addresses(const DnsAnswer& answer) const
    {
        std::vector<address> out;
        for (const DnsRecord& record : answer.records) {
            boost::system::error_code code;
            const auto* text = std::get_if<std::string>(&record.data);
            const address ip = text ? boost::asio::ip::make_address(*text, code) : address{};
            if (text && !code)
                out.push_back(ip);
        }
        return out;
    }
    bool any_in_network(const DnsAnswer& answer, const SpfMechanism& mechanism) const
    {
        const auto found = addresses(answer);
        return std::any_of(found.begin(), found.end(),
                           [&](const address& ip) { return in_network(values_.ip, ip, mechanism); });
    }
    bool any_is_client(const DnsAnswer& answer) const
    {
        const auto found = addresses(answer);
        return std::find(found.begin(), found.end(), values_.ip) != found.end();
    }

    bool count_lookup()
    {
        if (++out_.lookups <= options_.max_lookups)
            return true;
        out_.detail = "More than " + std::to_string(options_.max_lookups) + " terms ask the DNS.";
        return false;
    }
    bool count_void(const DnsAnswer& answer)
    {
        if (answer.status == DnsStatus::ok || ++void_lookups_ <= options_.max_void_lookups)
            return true;
        out_.detail = "More than " + std::to_string(options_.max_void_lookups) + " terms ask for what does not exist.";
        return false;
    }

    SpfResult broken(std::string detail)
    {
        out_.detail = std::move(detail);
        return SpfResult::permerror;
    }
    SpfResult failed(std::string detail)
    {
        out_.detail = std::move(detail);
        return SpfResult::temperror;
    }
    Match unreadable(const std::string& name, const DnsAnswer& answer)
    {
        out_.detail = "The addresses of " + name + " could not be read: " + answer.detail + '.';
        return Match::temperror;
    }

    Resolver& resolver_;
    const Clock& clock_;
    SpfOptions options_;
    SteadyPoint deadline_;
    SpfMacroValues values_;
    std::optional<std::vector<std::string>> validated_;
    int void_lookups_ = 0;
    SpfCheck out_;
};

}  // namespace

std::string_view to_string(SpfResult result) noexcept
{
    switch (result) {
        case SpfResult::none:
            return "none";
        case SpfResult::neutral:
            return "neutral";
        case SpfResult::pass:
            return "pass";
        case SpfResult::fail:
            return "fail";
        case SpfResult::softfail:
            return "softfail";
        case SpfResult::temperror:
            return "temperror";
        case SpfResult::permerror:
            return "permerror";
    }
    return "unknown";
}

awaitable<SpfCheck> check_spf(Resolver& resolver, SpfQuestion question, const Clock& clock, SpfOptions options)
{
    boost::system::error_code code;
    const address ip = boost::asio::ip::make_address(question.ip, code);
    if (code) {
        SpfCheck check;
        check.detail = "\"" + question.ip + "\" is not an IP address.";
        co_return check;
    }
    Evaluation evaluation(resolver, plain(ip), std::move(question), clock, std::move(options));
    co_return co_await evaluation.run();
}

}  // namespace winnow::net
