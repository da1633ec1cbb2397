#include "net/policy/block_list.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "net/endpoint.hpp"

namespace winnow::net {

namespace {

constexpr std::size_t most_words = 200;  ///< characters that are kept of a list's explanation

/// "4.4.8.8.zen.example" for 8.8.4.4, IPv6 by nibbles (RFC 5782 sections 2.1 and 2.4); empty when `ip` is no address.
std::string question_for(std::string_view ip, std::string_view zone)
{
    std::string name = reverse_name(ip);
    for (const std::string_view tree : {"in-addr.arpa", "ip6.arpa"})
        if (name.ends_with(tree))
            return name.replace(name.size() - tree.size(), tree.size(), zone);
    return {};
}

/// The first answer that is a listing's code, else the first one.
std::string code_of(const DnsAnswer& answer)
{
    std::string first;
    for (const DnsRecord& record : answer.records) {
        const auto* const ip = std::get_if<std::string>(&record.data);
        if (!ip)
            continue;
        if (ip->starts_with("127.") && !ip->starts_with("127.255.255."))
            return *ip;
        if (first.empty())
            first = *ip;
    }
    return first;
}

awaitable<DnsAnswer> query(Resolver& resolver, std::string name, DnsType type)
{
    const QueryOptions options;
    co_return co_await resolver.query(std::move(name), type, options);
}

/// Printable ASCII of the first text record: it comes from outside and ends in notes and logs.
std::string words_of(const DnsAnswer& answer)
{
    for (const DnsRecord& record : answer.records) {
        const auto* const text = std::get_if<std::string>(&record.data);
        if (!text || text->empty())
            continue;
        std::string out = text->substr(0, most_words);
        std::replace_if(
            out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
        return out;
    }
    return {};
}

}  // namespace

awaitable<BlockListAnswer> ask_block_list(Resolver& resolver, std::string ip, std::string zone)
{
    BlockListAnswer answer;
    const std::string name = question_for(ip, zone);
    if (name.empty()) {
        answer.detail = '"' + ip + "\" is not an IP address.";
        co_return answer;
    }
    const DnsAnswer found = co_await query(resolver, name, DnsType::a);
    if (!found.definite()) {
        answer.detail = zone + " did not answer (" + std::string(to_string(found.status)) + ").";
        co_return answer;
    }
    if (found.status != DnsStatus::ok) {
        answer.status = BlockListStatus::not_listed;
        answer.detail = ip + " is not on " + zone + '.';
        co_return answer;
    }
    answer.code = code_of(found);
    if (!answer.code.starts_with("127.")) {
        answer.detail = zone + " answers " + answer.code + ", which no block list does: it is none any more.";
        co_return answer;
    }
    if (answer.code.starts_with("127.255.255.")) {
        answer.detail = zone + " does not answer us (" + answer.code +
                        "): it refuses public resolvers and too many queries; ask through a resolver of your own.";
        co_return answer;
    }
    // Here and not before every question: it is asked only when something is to be lost by a wrong answer.
    const DnsAnswer nobody = co_await query(resolver, question_for("127.0.0.1", zone), DnsType::a);
    if (nobody.status == DnsStatus::ok) {
        answer.detail = zone + " lists everybody, 127.0.0.1 too: it is out of order.";
        co_return answer;
    }
    answer.status = BlockListStatus::listed;
    answer.detail = ip + " is on " + zone + " (" + answer.code + ')';
    const DnsAnswer why = co_await query(resolver, name, DnsType::txt);
    const std::string words = words_of(why);
    answer.detail += words.empty() ? std::string(".") : ": " + words;
    co_return answer;
}

}  // namespace winnow::net
