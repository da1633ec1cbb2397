#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/runtime.hpp"
#include "core/ndjson.hpp"

namespace winnow::app {
namespace {

using nlohmann::json;

constexpr int configuration_error = 78;  // EX_CONFIG of sysexits.h

/// What a check finds.
struct Findings {
    std::vector<std::string> faults;
    std::vector<std::string> notes;  ///< what is no fault, but stands in the way of a command
};

void add_lines(std::vector<std::string>& lines, std::string_view text)
{
    while (!text.empty()) {
        const auto end = text.find('\n');
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
}

/// The settings, and the files that they name.
Findings check(const Globals& globals)
{
    Findings found;
    const auto config = load_config(globals.config_path, process_environment());
    if (!config) {
        add_lines(found.faults, config.error().context);
        return found;
    }
    const SystemClock clock;
    const auto log = make_stderr_log(LogLevel::error, clock);
    if (const auto runtime = Runtime::make(*config, *log, false); !runtime)
        add_lines(found.faults, runtime.error().context);
    for (const auto& [cert, key] : {std::pair{config->http.cert_file, config->http.tls_key_file},
                                    {config->submission.cert_file, config->submission.tls_key_file}})
        if (!cert.empty())
            if (const auto tls = net::TlsServerContext::load(cert, key); !tls)
                add_lines(found.faults, tls.error().context);
    if (config->relay.hostname.empty())
        found.notes.emplace_back("`winnow serve` still needs relay.hostname");
    return found;
}

/// The settings that `show` is asked for.
std::vector<const ConfigSetting*> shown(const ConfigTable& table, bool effective)
{
    std::vector<const ConfigSetting*> settings;
    for (const ConfigSetting& setting : table.settings())
        if (effective || !setting.source().empty())
            settings.push_back(&setting);
    return settings;
}

json to_json(const std::vector<const ConfigSetting*>& settings)
{
    json all = json::object();
    for (const ConfigSetting* setting : settings) {
        const json value =
            setting->is_secret() ? json(nullptr) : std::visit([](const auto& v) { return json(v); }, setting->value());
        all[setting->key()] = {{"value", value}, {"source", setting->source().empty() ? "default" : setting->source()}};
    }
    return all;
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
    const Findings found = check(globals);
    const bool valid = found.faults.empty();
    if (globals.json) {
        print(dump_json(json{{"valid", valid}, {"faults", found.faults}, {"notes", found.notes}}) + "\n");
        return valid ? 0 : configuration_error;
    }
    for (const std::string& fault : found.faults)
        std::fprintf(stderr, "%s\n", fault.c_str());
    if (!valid)
        return configuration_error;
    std::string text = "the configuration is valid";
    for (const std::string& note : found.notes)
        text += "; " + note;
    if (!globals.quiet)
        std::fprintf(stderr, "%s\n", text.c_str());
    return 0;
}

int run_config_show(const Globals& globals, bool effective)
{
    const auto config = load_config_table(globals.config_path, process_environment());
    if (!config) {
        std::fprintf(stderr, "%s\n", config.error().context.c_str());
        return configuration_error;
    }
    if (globals.json)
        print(dump_json(to_json(shown(config->table, effective))) + "\n");
    else
        print(effective ? config->table.effective_toml() : without_defaults(config->table.effective_toml()));
    return 0;
}

int run_config_defaults(const Globals&, bool markdown)
{
    print(markdown ? configuration_reference() : default_configuration());
    return 0;
}

}  // namespace winnow::app
