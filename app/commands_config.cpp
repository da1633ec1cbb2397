#include <cstdio>

#include "app/commands.hpp"

namespace winnow::app {
namespace {

constexpr int configuration_error = 78;  // EX_CONFIG of sysexits.h

std::optional<LoadedConfig> loaded(const Globals& globals)
{
    auto config = load_config_table(globals.config_path, process_environment());
    if (config)
        return std::move(*config);
    std::fprintf(stderr, "%s\n", config.error().context.c_str());
    return std::nullopt;
}

/// Only the lines that name a source.
std::string without_defaults(std::string_view effective)
{
    std::string out;
    while (!effective.empty()) {
        const auto end = effective.find('\n') + 1;
        const auto line = effective.substr(0, end);
        effective.remove_prefix(end);
        if (!line.ends_with("  # default\n"))
            out += line;
    }
    return out;
}

void print(const std::string& text)
{
    std::fwrite(text.data(), 1, text.size(), stdout);
}

}  // namespace

int run_config_check(const Globals& globals)
{
    if (!loaded(globals))
        return configuration_error;
    if (!globals.quiet)
        std::fprintf(stderr, "the configuration is valid\n");
    return 0;
}

int run_config_show(const Globals& globals, bool effective)
{
    const auto config = loaded(globals);
    if (!config)
        return configuration_error;
    print(effective ? config->table.effective_toml() : without_defaults(config->table.effective_toml()));
    return 0;
}

int run_config_defaults(const Globals&, bool markdown)
{
    print(markdown ? configuration_reference() : default_configuration());
    return 0;
}

}  // namespace winnow::app
