#pragma once

#include <string>
#include <string_view>

#include "core/clock.hpp"

/// That a domain took mail of ours: written with the outcome of the delivery, read by those who would take the domain
/// for another one mistyped.
namespace winnow::storage {

constexpr milliseconds delivery_memory = std::chrono::days{90};
/// It is written anew when the stored one is older: a campaign to a large domain costs one write, not one per message.
constexpr milliseconds delivery_renewal = std::chrono::days{1};

/// For Engine::get_value(), which has something while the memory lasts: the store keeps a digest of it.
inline std::string domain_delivery_key(std::string_view workspace, std::string_view domain)
{
    return "delivered/" + std::string(workspace) + "/" + std::string(domain);
}

}  // namespace winnow::storage
