#include "app/lab_settings.hpp"

#include <vector>

#include "core/join.hpp"

namespace winnow::app {
namespace {

/// Whether somebody is knocked at more often than by default; no bound an hour is 0.
bool looser(const verifier::Manners& given)
{
    const verifier::Manners own;
    const bool more = given.connections_per_site > own.connections_per_site ||
                      given.rcpts_per_connection > own.rcpts_per_connection ||
                      given.large_connections > own.large_connections ||
                      given.large_rcpts_per_connection > own.large_rcpts_per_connection ||
                      given.large_per_hour > own.large_per_hour || given.large_per_hour == 0;
    return more || given.between_rcpts < own.between_rcpts || given.between_connections < own.between_connections;
}

}  // namespace

std::string lab_settings(const Config& config)
{
    std::vector<std::string> lifted;
    if (config.allow_private_targets)
        lifted.emplace_back("loopback and private targets are allowed (net.allow_private_targets, --allow-private)");
    if (looser(config.verifier.manners))
        lifted.emplace_back("probing manners are looser than winnow's own (verifier.manners, --fast)");
    if (const int speedup = config.verifier.retry_speedup; speedup != 1)
        lifted.push_back("retries wait " + std::to_string(speedup) + " times shorter (retry.speedup, --fast)");
    return lifted.empty() ? std::string{} : "lab settings, not for the internet: " + joined(lifted, "; ");
}

}  // namespace winnow::app
