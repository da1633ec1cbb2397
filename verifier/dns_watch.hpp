#pragma once

#include <string>

#include "net/resolver.hpp"

namespace winnow::verifier {

/// Tells "no DNS server answers us" from "this domain's servers do not answer": passes questions on to another resolver
/// and keeps in mind whether anybody answers. A failure in words (SERVFAIL, refused) is an answer here, a cached one is
/// not. One executor.
class DnsWatch final : public net::Resolver {
public:
    explicit DnsWatch(net::Resolver& upstream) : upstream_(upstream) {}

    net::awaitable<net::DnsAnswer> query(std::string name, net::DnsType type, net::QueryOptions options) override;

    /// The last question met silence: time to ask answers().
    bool suspicious() const noexcept { return suspicious_; }
    /// Somebody answered at least once.
    bool ever_answered() const noexcept { return ever_answered_; }
    /// Asks who serves the root, past the cache: every resolver knows, and refusing to tell is an answer too.
    net::awaitable<bool> answers();
    /// One sentence with the servers and the cure, from the time that answers() said no until somebody answers again;
    /// else empty.
    const std::string& outage() const noexcept { return outage_; }

private:
    void note(const net::DnsAnswer& answer);

    net::Resolver& upstream_;
    bool suspicious_ = false;
    bool ever_answered_ = false;
    std::string outage_;
};

}  // namespace winnow::verifier
