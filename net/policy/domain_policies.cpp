#include "net/policy/domain_policies.hpp"

#include <algorithm>
#include <utility>

#include "core/address.hpp"
#include "core/unicode.hpp"

namespace winnow::net {

namespace {

constexpr std::size_t most_text = 400;  ///< characters of a record that evidence keeps

/// `version` alone, or followed by what ends a word in both kinds of record.
bool has_version(std::string_view record, std::string_view version)
{
    if (to_lower_ascii(record.substr(0, version.size())) != version)
        return false;
    return record.size() == version.size() || record[version.size()] == ' ' || record[version.size()] == ';';
}

/// Records come from outside and end in logs and terminals.
std::string harmless(std::string_view text)
{
    std::string out(text.substr(0, most_text));
    std::replace_if(
        out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    if (text.size() > most_text)
        out += "...";
    return out;
}

struct Found {
    std::string answer;
    std::string server;
    bool none = false;
};

awaitable<Found> find_record(Resolver& resolver, std::string name, std::string version)
{
    const QueryOptions plain;
    const DnsAnswer answer = co_await resolver.query(std::move(name), DnsType::txt, plain);
    Found found;
    found.server = answer.cached ? answer.server + " (cached)" : answer.server;
    if (!answer.definite()) {
        found.answer = "not known: " + std::string(to_string(answer.status));
        co_return found;
    }
    std::size_t records = 0;
    for (const DnsRecord& record : answer.records) {
        const auto* const text = std::get_if<std::string>(&record.data);
        if (!text || !has_version(*text, version))
            continue;
        if (++records == 1)
            found.answer = harmless(*text);
    }
    found.none = records == 0;
    if (records == 0)
        found.answer = "none";
    else if (records > 1)
        found.answer = std::to_string(records) + " records, which counts as a broken one";
    co_return found;
}

Evidence step_of(std::string asked, Found found, std::string rule, TimePoint at)
{
    Evidence step;
    step.kind = EvidenceKind::dns;
    step.at = at;
    step.asked = std::move(asked);
    step.of = std::move(found.server);
    step.answer = std::move(found.answer);
    step.rule = std::move(rule);
    return step;
}

}  // namespace

awaitable<std::vector<Evidence>> look_up_domain_policies(Resolver& resolver, std::string domain, const Clock& clock)
{
    std::vector<Evidence> steps;
    Found spf = co_await find_record(resolver, domain, "v=spf1");
    steps.push_back(step_of("SPF of " + domain, std::move(spf), "policy.spf", clock.now()));

    std::string of = domain;
    Found dmarc = co_await find_record(resolver, "_dmarc." + domain, "v=dmarc1");
    const std::string above = registrable_domain(domain);
    if (dmarc.none && !above.empty() && above != domain) {
        of = above;
        dmarc = co_await find_record(resolver, "_dmarc." + above, "v=dmarc1");
    }
    steps.push_back(step_of("DMARC of " + of, std::move(dmarc), "policy.dmarc", clock.now()));

    Found sts = co_await find_record(resolver, "_mta-sts." + domain, "v=stsv1");
    steps.push_back(step_of("MTA-STS of " + domain, std::move(sts), "policy.mta_sts", clock.now()));
    co_return steps;
}

}  // namespace winnow::net
