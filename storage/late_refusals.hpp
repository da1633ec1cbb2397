#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/ops.hpp"

/// What outcomes teach about a domain: its mail host takes RCPT, and the mailbox turns out not to exist after DATA or
/// by a bounce. A catch-all does no such thing. Counted by the relay, read by the verifier, per domain and over all
/// workspaces, as the answers of catch-all tests are.
namespace winnow::storage {

/// So many are a habit; one may be the bounce of a forwarded mailbox.
constexpr std::int64_t late_refusals_to_learn = 2;
constexpr milliseconds late_refusals_memory = std::chrono::days{90};

/// For Engine::get_value(): the store keeps a digest of it.
inline std::string late_refusals_key(std::string_view domain)
{
    return "late_refusals/" + std::string(domain);
}

/// One more. The count starts anew when the first of it is older than the memory.
inline AddCounter late_refusal(std::string_view domain, TimePoint now)
{
    AddCounter one;
    one.key = late_refusals_key(domain);
    one.expires = now + late_refusals_memory;
    return one;
}

/// The count behind a stored value.
inline std::int64_t late_refusals(std::string_view stored)
{
    std::int64_t count = 0;
    std::from_chars(stored.data(), stored.data() + stored.size(), count);
    return count;
}

}  // namespace winnow::storage
