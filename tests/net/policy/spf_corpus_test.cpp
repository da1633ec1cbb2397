#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "net/dns_name.hpp"
#include "net/policy/spf.hpp"
#include "tests/support/corpus.hpp"
#include "tests/support/fake_resolver.hpp"
#include "tests/support/json.hpp"
#include "tests/support/manual_clock.hpp"
#include "tests/support/run_coro.hpp"

namespace winnow::net {
namespace {

using nlohmann::json;
using test::FakeResolver;

constexpr std::array asked_types{DnsType::a, DnsType::aaaa, DnsType::mx, DnsType::txt, DnsType::ptr};

/// The value of an SPF or TXT record: a string, or strings to join.
std::string joined(const json& value)
{
    if (value.is_string())
        return value;
    std::string out;
    for (const json& part : value)
        out += part.get<std::string>();
    return out;
}

/// The suite's own conventions: see the README beside the zones.
class ZoneResolver final : public Resolver {
public:
    explicit ZoneResolver(const json& zone)
    {
        for (const auto& [name, records] : zone.items())
            add_name(name, records);
    }

    awaitable<DnsAnswer> query(std::string name, DnsType type, QueryOptions options) override
    {
        if (name.starts_with("error.") && !listed_.contains(dns_canonical(name)))
            fake_.fail(name, DnsStatus::timed_out);
        co_return co_await fake_.query(std::move(name), type, options);
    }

private:
    void add_name(const std::string& name, const json& records)
    {
        listed_.insert(dns_canonical(name));
        const bool has_txt = std::any_of(records.begin(), records.end(),
                                         [](const json& r) { return r.is_object() && r.contains("TXT"); });
        std::set<DnsType> answered;
        for (const json& record : records) {
            if (record == "TIMEOUT") {
                for (const DnsType type : asked_types)
                    if (!answered.contains(type))
                        fake_.fail(name, DnsStatus::timed_out, type);
                return;
            }
            const auto entry = record.begin();  // the one key of the object
            add_record(name, entry.key(), entry.value(), has_txt, answered);
        }
    }

    void add_record(const std::string& name, const std::string& type, const json& value, bool has_txt,
                    std::set<DnsType>& answered)
    {
        if (type == "MX") {
            fake_.add_mx(name, value[0], value[1]);
            answered.insert(DnsType::mx);
        } else if (type == "TXT" || type == "SPF") {
            if (value == "NONE" || (type == "SPF" && has_txt))
                return;
            fake_.add(name, DnsType::txt, joined(value));
            answered.insert(DnsType::txt);
        } else {
            const std::map<std::string, DnsType> plain = {
                {"A", DnsType::a}, {"AAAA", DnsType::aaaa}, {"PTR", DnsType::ptr}, {"CNAME", DnsType::cname}};
            fake_.add(name, plain.at(type), value);
            answered.insert(plain.at(type));
        }
    }

    FakeResolver fake_;
    std::set<std::string> listed_;
};

bool is_one_of(std::string_view result, const std::string& alternatives)
{
    std::istringstream in(alternatives);
    for (std::string word; std::getline(in, word, '|');)
        if (word == result)
            return true;
    return false;
}

TEST(SpfCorpus, TheRfc7208SuiteScoresAboveItsFloor)
{
    WINNOW_CORPUS_OR_SKIP(dir, "spf-rfc7208");
    const auto labels = test::read_labels(dir / "labels.tsv");
    std::ifstream file(dir / "zones.json");
    const json zones = json::parse(file);
    const test::ManualClock clock;
    SpfOptions options;
    options.default_explanation = "DEFAULT";
    test::Score results("spf-rfc7208/results");
    test::Score explanations("spf-rfc7208/explanations");
    for (const auto& row : test::read_jsonl(dir / "cases.jsonl")) {
        const std::string id = row.at("id");
        ZoneResolver resolver(zones.at(row.at("zone")));
        const SpfQuestion question{row.at("ip"), row.at("helo"), row.at("mailfrom")};
        const SpfCheck check = test::run(check_spf(resolver, question, clock, options));
        const auto& label = labels.at(id);
        results.add(is_one_of(to_string(check.result), label.at("expected")),
                    id + " " + std::string(to_string(check.result)) + ": " + check.detail);
        if (const std::string& wanted = label.at("explanation"); !wanted.empty())
            explanations.add(check.explanation == wanted, id + ": " + check.explanation);
    }
    EXPECT_GE(results.report(), 1.0);
    EXPECT_GE(explanations.report(), 1.0);
}

}  // namespace
}  // namespace winnow::net
