#include "sandbox/greylist.hpp"

namespace winnow::sandbox {
namespace {

constexpr std::size_t max_triplets = 2'000'000;

/// The /24 that a pool of senders shares; IPv6 does not occur here.
std::string_view network_of(std::string_view ip) noexcept
{
    return ip.substr(0, ip.rfind('.'));
}

}  // namespace

std::optional<std::chrono::seconds> Greylist::left(std::string_view client_ip, std::string_view reverse_path,
                                                   std::string_view recipient, std::chrono::seconds wait,
                                                   SteadyPoint now)
{
    if (first_.size() >= max_triplets)
        first_.clear();
    std::string key(network_of(client_ip));
    key += '\n';
    key += reverse_path;
    key += '\n';
    key += recipient;
    const auto first = first_.emplace(std::move(key), now).first->second;
    const auto passed = now - first;
    if (passed >= wait)
        return std::nullopt;
    return std::chrono::ceil<std::chrono::seconds>(wait - passed);
}

}  // namespace winnow::sandbox
