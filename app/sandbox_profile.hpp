#pragma once

#include "app/config.hpp"
#include "net/endpoint.hpp"

namespace winnow::app {

/// Turns a configuration towards a sandbox: its DNS and SMTP port, private targets, names of sandbox.test, manners
/// lifted and waits shortened.
void use_sandbox(Config& config, const net::Endpoint& dns, std::uint16_t smtp_port);
/// What people are told when it is in force: two lines.
extern const char* const sandbox_notice;

}  // namespace winnow::app
