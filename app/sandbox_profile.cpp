#include "app/sandbox_profile.hpp"

namespace winnow::app {

const char* const sandbox_notice =
    "sandbox profile: mail goes to the sandbox only, probing manners are\n"
    "lifted, and retry waits are 300 times shorter";

void use_sandbox(Config& config, const net::Endpoint& dns, std::uint16_t smtp_port)
{
    constexpr int speedup = 300;
    constexpr milliseconds soon{1'000};
    config.dns.servers = {dns};
    config.smtp_port = smtp_port;
    config.allow_private_targets = true;
    config.verifier.smtp_port = config.relay.smtp_port = smtp_port;
    config.verifier.allow_private_targets = config.relay.allow_private_targets = true;
    config.verifier.helo_name = "probe.sandbox.test";
    config.verifier.mail_from = "probe@bounce.sandbox.test";
    config.verifier.manners = verifier::Manners::lifted();
    config.verifier.greylist_min = soon;
    config.verifier.retry_speedup = speedup;
    config.relay.hostname = "gateway.sandbox.test";
    config.relay.bounce_domain = "bounce.sandbox.test";
    config.relay.retry_speedup = speedup;
    config.relay.retry_min = soon;
}

}  // namespace winnow::app
