#include "core/crypto.hpp"
#include "core/unicode.hpp"
#include "net/endpoint.hpp"
#include "relay/relay.hpp"

namespace winnow::relay {
namespace {

constexpr std::string_view bounce_prefix = "b-";
constexpr std::string_view unsubscribe_prefix = "u-";
constexpr std::string_view greylist_prefix = "g-";

/// Length of a token's text: between the one with the smallest numbers and the largest that is minted.
constexpr std::size_t shortest_token = 28, longest_token = 48;

/// Local parts come back in any case: the token is written in lower case only.
std::string keyed_address(std::string_view prefix, const storage::EngineKeys& keys, const RelayOptions& options,
                          MessageRef ref, TimePoint accepted)
{
    // From the time of acceptance, so that every retry shows the receiver the same triplet.
    const VerpToken token{ref, accepted + options.verp_lifetime};
    return std::string(prefix) + mint_verp(keys.verp, token) + "@" + options.bounce_domain;
}

/// What stands behind `prefix` at the bounce domain, in lower case.
std::optional<std::string> token_text(std::string_view prefix, const RelayOptions& options, std::string_view address)
{
    const auto at = address.rfind('@');
    if (at == std::string_view::npos || options.bounce_domain.empty() ||
        to_lower_ascii(address.substr(at + 1)) != to_lower_ascii(options.bounce_domain))
        return std::nullopt;
    const std::string local = to_lower_ascii(address.substr(0, at));
    if (!local.starts_with(prefix))
        return std::nullopt;
    return local.substr(prefix.size());
}

std::optional<MessageRef> read_keyed_address(std::string_view prefix, const storage::EngineKeys& keys,
                                             const RelayOptions& options, std::string_view address, TimePoint now)
{
    const auto text = token_text(prefix, options, address);
    if (!text)
        return std::nullopt;
    const auto token = read_verp(keys.verp, *text, now);
    if (!token)
        return std::nullopt;
    return token->message;
}

bool has_form(std::string_view prefix, const RelayOptions& options, std::string_view address)
{
    const auto text = token_text(prefix, options, address);
    return text && text->size() >= shortest_token && text->size() <= longest_token && crypto::unbase32(*text);
}

}  // namespace

std::string return_path(const storage::EngineKeys& keys, const RelayOptions& options, MessageRef ref,
                        TimePoint accepted)
{
    return keyed_address(bounce_prefix, keys, options, ref, accepted);
}

std::optional<MessageRef> read_return_path(const storage::EngineKeys& keys, const RelayOptions& options,
                                           std::string_view recipient, TimePoint now)
{
    return read_keyed_address(bounce_prefix, keys, options, recipient, now);
}

std::string unsubscribe_address(const storage::EngineKeys& keys, const RelayOptions& options, MessageRef ref,
                                TimePoint accepted)
{
    return keyed_address(unsubscribe_prefix, keys, options, ref, accepted);
}

std::optional<MessageRef> read_unsubscribe_address(const storage::EngineKeys& keys, const RelayOptions& options,
                                                   std::string_view recipient, TimePoint now)
{
    return read_keyed_address(unsubscribe_prefix, keys, options, recipient, now);
}

std::string greylist_path(const storage::EngineKeys& keys, const RelayOptions& options, std::string_view source,
                          Rng& rng, TimePoint now)
{
    if (options.bounce_domain.empty())
        return {};
    // A token of the usual form: it names the network that it is good for, and a number that nobody else draws.
    const MessageRef credit{LaneId{net::neighbourhood_number(source)}, rng.below(UINT64_MAX)};
    return keyed_address(greylist_prefix, keys, options, credit, now);
}

bool gives_credit(const storage::EngineKeys& keys, const RelayOptions& options, std::string_view path,
                  std::string_view source, TimePoint now)
{
    const auto credit = read_keyed_address(greylist_prefix, keys, options, path, now);
    return credit && credit->lane.value != 0 && credit->lane.value == net::neighbourhood_number(source);
}

std::string credit_key(const storage::EngineKeys& keys, const RelayOptions& options, std::string_view path,
                       TimePoint now)
{
    const auto credit = read_keyed_address(greylist_prefix, keys, options, path, now);
    if (!credit)
        return {};
    return "greylist_credit/" + std::to_string(credit->lane.value) + "/" + std::to_string(credit->seq);
}

storage::PutValue credit_value(std::string key, const storage::MessageRecord& message, const RelayOptions& options)
{
    storage::PutValue value;
    value.key = std::move(key);
    value.value = message.workspace + "/" + message.id;
    value.expires = message.accepted + options.verp_lifetime;
    return value;
}

bool looks_like_credit(const RelayOptions& options, std::string_view path)
{
    return has_form(greylist_prefix, options, path);
}

bool looks_keyed(const RelayOptions& options, std::string_view recipient)
{
    return has_form(bounce_prefix, options, recipient) || has_form(unsubscribe_prefix, options, recipient) ||
           has_form(greylist_prefix, options, recipient);
}

}  // namespace winnow::relay
