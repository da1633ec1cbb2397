#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/data_dir.hpp"
#include "app/report.hpp"
#include "core/duration.hpp"
#include "core/email_column.hpp"
#include "core/ndjson.hpp"

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

void show(const Globals& globals, const nlohmann::json& answer,
          const std::function<std::string(const nlohmann::json&, std::size_t columns)>& as_text)
{
    const std::string text = globals.json ? dump_json(answer) + "\n" : as_text(answer, columns_of(STDOUT_FILENO));
    std::fwrite(text.data(), 1, text.size(), stdout);
}

Result<TimePoint> since_of(const std::string& given, TimePoint now)
{
    if (const auto ago = parse_duration(given))
        return now - *ago;
    const auto time = parse_date_or_time(given);
    if (!time)
        return Error{Errc::invalid_argument, "--since \"" + given +
                                                 "\": say how long ago (7d, 24h), a day (2026-01-31) or a time "
                                                 "(2026-01-31T12:00:00Z)"};
    return *time;
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
    say(told ? error.context : error.message());
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
    auto loaded = load_config_table(globals.config_path, process_environment());
    if (!loaded) {
        std::fprintf(stderr, "winnow: %s\n", loaded.error().context.c_str());
        return std::nullopt;
    }
    Config& config = *loaded->config;
    if (!globals.data_dir.empty()) {
        config.data_dir = globals.data_dir;
        if (loaded->table.find("key_file")->source().empty())
            config.key_file = key_file_of(config.data_dir, config.key_file);
    }
    return std::move(config);
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
