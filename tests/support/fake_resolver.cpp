#include "tests/support/fake_resolver.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <optional>
#include <stdexcept>

#include "net/dns_name.hpp"

namespace winnow::test {

namespace asio = boost::asio;
using net::DnsStatus;
using net::DnsType;

namespace {

constexpr std::array known_types{DnsType::a,  DnsType::ns,  DnsType::cname, DnsType::soa,  DnsType::ptr,
                                 DnsType::mx, DnsType::txt, DnsType::aaaa,  DnsType::tlsa, DnsType::any};

std::optional<DnsType> type_of(std::string_view word)
{
    for (const DnsType type : known_types)
        if (net::to_string(type) == word)
            return type;
    return std::nullopt;
}

std::optional<DnsStatus> status_of(std::string_view word)
{
    if (word == "NXDOMAIN")
        return DnsStatus::nxdomain;
    if (word == "SERVFAIL")
        return DnsStatus::servfail;
    if (word == "TIMEOUT")
        return DnsStatus::timed_out;
    if (word == "REFUSED")
        return DnsStatus::refused;
    if (word == "MALFORMED")
        return DnsStatus::malformed;
    if (word == "NODATA")
        return DnsStatus::nodata;
    return std::nullopt;
}

std::string_view trim(std::string_view s)
{
    const auto begin = s.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos)
        return {};
    return s.substr(begin, s.find_last_not_of(" \t\r") - begin + 1);
}

/// Takes the first word off `rest`.
std::string_view next_word(std::string_view& rest)
{
    rest = trim(rest);
    const auto end = rest.find_first_of(" \t");
    const std::string_view word = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : trim(rest.substr(end));
    return word;
}

template <class Number>
std::optional<Number> number(std::string_view word)
{
    Number value{};
    const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (word.empty() || code != std::errc{} || end != word.data() + word.size())
        return std::nullopt;
    return value;
}

/// `"a" "b"` -> ab; text without quotes stays as it is. A backslash takes the next character literally.
std::string txt_data(std::string_view text)
{
    if (!text.starts_with('"'))
        return std::string(text);
    std::string out;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '"')
            quoted = !quoted;
        else if (text[i] == '\\' && i + 1 < text.size())
            out += text[++i];
        else if (quoted)
            out += text[i];
    }
    return out;
}

/// A comment starts at a `;` outside quotes.
std::string_view without_comment(std::string_view line)
{
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '"')
            quoted = !quoted;
        else if (line[i] == ';' && !quoted)
            return line.substr(0, i);
    }
    return line;
}

}  // namespace

struct FakeResolver::Waiter {
    explicit Waiter(asio::any_io_executor executor) : gate(executor, asio::steady_timer::time_point::max()) {}
    asio::steady_timer gate;  ///< never expires; release() cancels it
};

FakeResolver& FakeResolver::zone(std::string_view text)
{
    while (!text.empty()) {
        const auto end = text.find('\n');
        const std::string_view line = trim(without_comment(text.substr(0, end)));
        if (!line.empty())
            zone_line(line);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return *this;
}

void FakeResolver::zone_line(std::string_view line)
{
    const auto broken = [line](const char* what) {
        return std::invalid_argument("zone line \"" + std::string(line) + "\": " + what);
    };
    std::string_view rest = line;
    const std::string owner = net::dns_canonical(next_word(rest));
    std::string_view word = next_word(rest);
    std::uint32_t ttl = 300;
    if (const auto value = number<std::uint32_t>(word)) {
        ttl = *value;
        word = next_word(rest);
    }
    if (word == "IN")
        word = next_word(rest);
    if (const auto status = status_of(word)) {
        const auto type = rest.empty() ? DnsType::any : type_of(rest);
        if (!type)
            throw broken("unknown type after the status");
        fail(owner, *status, *type);
        return;
    }
    const auto type = type_of(word);
    if (!type || *type == DnsType::any)
        throw broken("unknown type");
    if (*type == DnsType::mx) {
        const auto preference = number<std::uint16_t>(next_word(rest));
        if (!preference || rest.empty())
            throw broken("MX needs a preference and a host");
        add_mx(owner, *preference, std::string(rest), ttl);
        return;
    }
    add(owner, *type, *type == DnsType::txt ? txt_data(rest) : std::string(rest), ttl);
}

FakeResolver& FakeResolver::add(std::string name, DnsType type, std::string data, std::uint32_t ttl)
{
    const bool is_name = type == DnsType::cname || type == DnsType::ptr || type == DnsType::ns;
    name = net::dns_canonical(name);
    auto& records = names_[name].records;
    records.push_back({name, type, ttl, is_name ? net::dns_canonical(data) : std::move(data)});
    return *this;
}

FakeResolver& FakeResolver::add_mx(std::string name, std::uint16_t preference, std::string host, std::uint32_t ttl)
{
    name = net::dns_canonical(name);
    names_[name].records.push_back({name, DnsType::mx, ttl, net::MxData{preference, net::dns_canonical(host)}});
    return *this;
}

FakeResolver& FakeResolver::fail(std::string name, DnsStatus status, DnsType type)
{
    names_[net::dns_canonical(name)].failures[type] = status;
    return *this;
}

FakeResolver& FakeResolver::remove(const std::string& name)
{
    names_.erase(net::dns_canonical(name));
    return *this;
}

FakeResolver& FakeResolver::confirming()
{
    if (!confirming_)
        confirming_ = std::make_unique<FakeResolver>();
    return *confirming_;
}

void FakeResolver::release()
{
    held_ = false;
    for (const auto& waiter : waiters_)
        waiter->gate.cancel();
    waiters_.clear();
}

std::size_t FakeResolver::queries(std::string_view name, DnsType type) const
{
    const std::string wanted = net::dns_canonical(name);
    return static_cast<std::size_t>(std::count_if(log_.begin(), log_.end(), [&](const std::string& entry) {
        const auto space = entry.find(' ');
        return entry.substr(space + 1) == wanted &&
               (type == DnsType::any || entry.substr(0, space) == net::to_string(type));
    }));
}

bool FakeResolver::exists(const std::string& name) const
{
    const std::string below = '.' + name;
    return std::any_of(names_.begin(), names_.end(), [&](const auto& entry) {
        return !entry.second.records.empty() && (entry.first == name || entry.first.ends_with(below));
    });
}

net::DnsAnswer FakeResolver::answer(const std::string& question, DnsType type) const
{
    net::DnsAnswer out;
    out.server = "192.0.2.53:53";
    out.place = 1;
    out.authenticated = authenticated_;
    out.ttl = negative_ttl_;
    std::string name = question;
    for (int hops = 0; hops < 16; ++hops) {
        const auto found = names_.find(name);
        if (found == names_.end()) {
            out.status = exists(name) ? DnsStatus::nodata : DnsStatus::nxdomain;
            return out;
        }
        const auto& [records, failures] = found->second;
        for (const DnsType key : {type, DnsType::any}) {
            const auto failure = failures.find(key);
            if (failure == failures.end())
                continue;
            out.status = failure->second;
            if (!out.definite())
                out.detail = "scripted failure: " + std::string(net::to_string(out.status));
            return out;
        }
        std::string alias;
        for (const auto& record : records) {
            if (record.type == type)
                out.records.push_back(record);
            else if (record.type == DnsType::cname)
                alias = std::get<std::string>(record.data);
        }
        if (!out.records.empty()) {
            out.status = DnsStatus::ok;
            for (const auto& record : out.records)
                out.ttl = &record == &out.records.front() ? record.ttl : std::min(out.ttl, record.ttl);
            return out;
        }
        if (alias.empty()) {
            out.status = DnsStatus::nodata;
            return out;
        }
        name = std::move(alias);
    }
    out.status = DnsStatus::servfail;
    out.detail = "CNAME chain too long";
    return out;
}

net::awaitable<net::DnsAnswer> FakeResolver::query(std::string name, DnsType type, net::QueryOptions options)
{
    name = net::dns_canonical(name);
    log_.push_back(std::string(net::to_string(type)) + ' ' + name);
    if (options.confirm)
        ++confirmations_;
    if (held_) {
        auto executor = co_await asio::this_coro::executor;
        auto waiter = std::make_shared<Waiter>(executor);
        waiters_.push_back(waiter);
        boost::system::error_code ignored;
        co_await waiter->gate.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    if (options.confirm && confirming_) {
        net::DnsAnswer second = confirming_->answer(name, type);
        second.server = "192.0.2.54:53";
        second.place = 2;
        co_return second;
    }
    co_return answer(name, type);
}

}  // namespace winnow::test
