#include "app/identity.hpp"

#include "net/policy/probe_identity.hpp"

namespace winnow::app {

boost::asio::awaitable<std::string> settle_identity(Runtime& runtime, Config& config)
{
    verifier::VerifierOptions& v = config.verifier;
    if (config.allow_private_targets) {
        // A lab's receivers know no names: the settings are used as they are, with words that say what they are.
        if (v.helo_name.empty())
            v.helo_name = "winnow.test";
        if (v.mail_from.empty())
            v.mail_from = "probe@winnow.test";
        v.identity_checked = true;
        co_return std::string{};
    }
    v.identity_checked = false;
    if (v.helo_name.empty() || v.mail_from.empty() || v.sources.empty())
        co_return std::string(
            "set the probe identity: verifier.helo_name, verifier.mail_from and verifier.sources (--helo, --mail-from, "
            "--source); "
            "EHLO name, PTR and SPF of the source must agree");
    for (const std::string& source : v.sources) {
        net::ProbeIdentity identity{source, v.helo_name, v.mail_from};
        const auto report = co_await net::check_probe_identity(*runtime.resolver, identity, runtime.clock, runtime.rng);
        if (!report.ok())
            co_return source + ": " + report.reason();
    }
    v.identity_checked = true;
    co_return std::string{};
}

}  // namespace winnow::app
