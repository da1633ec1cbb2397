#include "verifier/dns_watch.hpp"

namespace winnow::verifier {

void DnsWatch::note(const net::DnsAnswer& answer)
{
    // Without a server nobody was asked: the name cannot be written, or we are shutting down.
    if (answer.cached || answer.server.empty())
        return;
    suspicious_ = answer.status == net::DnsStatus::timed_out;
    if (suspicious_)
        return;
    ever_answered_ = true;
    outage_.clear();
}

net::awaitable<net::DnsAnswer> DnsWatch::query(std::string name, net::DnsType type, net::QueryOptions options)
{
    net::DnsAnswer answer = co_await upstream_.query(std::move(name), type, options);
    note(answer);
    co_return answer;
}

net::awaitable<bool> DnsWatch::answers()
{
    net::QueryOptions past_the_cache;
    past_the_cache.confirm = true;
    const net::DnsAnswer answer = co_await upstream_.query(".", net::DnsType::ns, past_the_cache);
    note(answer);
    if (answer.status != net::DnsStatus::timed_out)
        co_return true;
    outage_ = "no DNS server answers (" + answer.server + ": " + answer.detail +
              "); name one that does in net.dns_servers, --dns or /etc/resolv.conf";
    co_return false;
}

}  // namespace winnow::verifier
