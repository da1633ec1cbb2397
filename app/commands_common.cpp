#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "app/commands.hpp"
#include "app/runtime.hpp"
#include "core/email_column.hpp"
#include "storage/engine.hpp"

namespace winnow::app {

int exit_code(const Error& error) noexcept
{
    if (error.code == Errc::invalid_argument)
        return 2;
    namespace errc = boost::system::errc;
    if (error.code == Errc::permission_denied || error.code == errc::permission_denied)
        return 77;
    if (error.disposition() == Disposition::transient || error.code == errc::address_in_use)
        return 69;
    return 1;
}

void leave_at_once(int code, const char* why)
{
    std::fprintf(stderr, "winnow: %s\n", why);
    std::fflush(nullptr);
    std::_Exit(code);
}

int fail(const Error& error)
{
    // Our own codes have nothing to add to a sentence that says what is wrong.
    const bool told = !error.context.empty() && error.code.category() == winnow_category();
    std::fprintf(stderr, "winnow: %s\n", (told ? error.context : error.message()).c_str());
    return exit_code(error);
}

int fail_start(const Error& error)
{
    const int code = fail(error);
    return code == 2 ? 78 : code;
}

int fail_setup(const Error& error)
{
    const int code = fail(error);
    return code == 1 || code == 2 ? 78 : code;
}

std::vector<std::string> addresses_from_input()
{
    std::vector<std::string> addresses;
    for (std::string line; std::getline(std::cin, line);)
        if (const auto address = address_in_cell(line); !address.empty())
            addresses.emplace_back(address);
    return addresses;
}

std::optional<Config> configured(const Globals& globals)
{
    auto config = load_config(globals.config_path, process_environment());
    if (!config) {
        std::fprintf(stderr, "winnow: %s\n", config.error().context.c_str());
        return std::nullopt;
    }
    if (!globals.data_dir.empty())
        config->data_dir = globals.data_dir;
    return std::move(*config);
}

Result<std::unique_ptr<storage::Engine>> open_data_dir(Runtime& runtime, const Config& config, const Globals& globals)
{
    auto keys = storage::EngineKeys::load_or_create(config.key_file, false);
    if (!keys) {
        Error error = std::move(keys).error();
        if (globals.config_path.empty())
            error.context += " (the data directory's configuration, --config FILE, tells where its key_file is)";
        return error;
    }
    return storage::open_rocks_engine(config.data_dir, std::move(*keys), config.engine, runtime.clock, runtime.rng,
                                      runtime.log);
}

Result<> apply(const ProbeFlags& flags, Config& config)
{
    if (!flags.dns.empty()) {
        auto server = net::parse_endpoint(flags.dns, 53);
        if (!server)
            return Error{Errc::invalid_argument, "--dns " + flags.dns + " is not HOST:PORT, e.g. 127.0.0.1:5353"};
        config.dns.servers = {*server};
    }
    if (flags.smtp_port != 0)
        config.smtp_port = static_cast<std::uint16_t>(flags.smtp_port);
    config.allow_private_targets = config.allow_private_targets || flags.allow_private;
    if (flags.fast && !config.allow_private_targets)
        return Error{Errc::invalid_argument,
                     "--fast lifts the probing manners and works only with --allow-private, in labs"};
    if (flags.fast) {
        config.verifier.manners = verifier::Manners::lifted();
        config.verifier.greylist_min = milliseconds{1'000};
        config.verifier.retry_speedup = 300;
    }
    if (!flags.ca_file.empty())
        config.ca_file = flags.ca_file;
    if (!flags.helo.empty())
        config.verifier.helo_name = flags.helo;
    if (!flags.mail_from.empty())
        config.verifier.mail_from = flags.mail_from;
    if (!flags.source.empty())
        config.verifier.sources = {flags.source};
    config.verifier.smtp_port = config.relay.smtp_port = config.smtp_port;
    config.verifier.allow_private_targets = config.relay.allow_private_targets = config.allow_private_targets;
    config.verifier.ca_file = config.relay.ca_file = config.ca_file;
    return {};
}

}  // namespace winnow::app
