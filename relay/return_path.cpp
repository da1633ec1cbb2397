#include <algorithm>
#include <cctype>

#include "relay/relay.hpp"

namespace winnow::relay {
namespace {

constexpr std::string_view prefix = "b-";

bool same_domain(std::string_view a, std::string_view b)
{
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](unsigned char x, unsigned char y) {
               return std::tolower(x) == std::tolower(y);
           });
}

}  // namespace

std::string return_path(const storage::EngineKeys& keys, const RelayOptions& options, MessageRef ref,
                        TimePoint accepted)
{
    // From the time of acceptance, so that every retry shows the receiver the same triplet.
    const VerpToken token{ref, accepted + options.verp_lifetime};
    return std::string(prefix) + mint_verp(keys.verp, token) + "@" + options.bounce_domain;
}

std::optional<MessageRef> read_return_path(const storage::EngineKeys& keys, const RelayOptions& options,
                                           std::string_view recipient, TimePoint now)
{
    const auto at = recipient.rfind('@');
    if (at == std::string_view::npos || !same_domain(recipient.substr(at + 1), options.bounce_domain))
        return std::nullopt;
    std::string local{recipient.substr(0, at)};
    for (char& c : local)
        c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (local.rfind(prefix, 0) != 0)
        return std::nullopt;
    const auto token = read_verp(keys.verp, std::string_view(local).substr(prefix.size()), now);
    if (!token)
        return std::nullopt;
    return token->message;
}

}  // namespace winnow::relay
