#include "app/config.hpp"

#include <unistd.h>

#include <stdexcept>

// Damaged files ("[=]", "1:x") break assertions of toml++ 3.3, which would end a debug build and be undefined behaviour
// in a release build. Here they are exceptions, in every build: hence no NDEBUG.
#undef NDEBUG
[[noreturn]] static void broken_toml_assertion(const char* condition)
{
    throw std::logic_error(condition);
}
#define TOML_ASSERT(condition) ((condition) ? void() : broken_toml_assertion(#condition))
#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "core/edit_distance.hpp"
#include "net/endpoint.hpp"

extern char** environ;

namespace winnow::app {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_file_size = 1u << 20;
constexpr std::string_view variable_prefix = "WINNOW_";

/// The first line with which `text` breaks an assertion of the parser, which knows no place itself.
std::size_t broken_line(std::string_view text)
{
    std::size_t line = 1;
    for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n', end + 1), ++line) {
        try {
            (void)toml::parse(text.substr(0, end));
        } catch (const toml::parse_error&) {
        } catch (const std::logic_error&) {
            break;
        }
    }
    return line;
}

/// Takes what it is given into the table and keeps every complaint.
class Loader {
public:
    explicit Loader(ConfigTable& table) : table_(table) {}

    void file(const std::string& path)
    {
        std::error_code failed;
        const auto size = fs::file_size(path, failed);
        std::ifstream in(path, std::ios::binary);
        if (failed || !in)
            return complain(path + " cannot be read: " + (failed ? failed.message() : "permission denied"));
        if (size > max_file_size)
            return complain(path + " is longer than 1 MB: that is no configuration file");
        const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
        const auto before = static_cast<std::ptrdiff_t>(complaints_.size());
        try {
            take(toml::parse(text, path), "", path);
            // Tables are walked by name; whoever mends the file goes through it line by line.
            std::stable_sort(complaints_.begin() + before, complaints_.end(),
                             [](const Complaint& a, const Complaint& b) { return a.line < b.line; });
        } catch (const toml::parse_error& error) {
            complain(position(path, error.source().begin) + ": " + std::string(error.description()));
        } catch (const std::logic_error&) {
            complain(path + ":" + std::to_string(broken_line(text)) + ": this line is not TOML");
        }
    }

    /// WINNOW_SECTION__KEY. Variables without "__" that name no setting are somebody else's (WINNOW_API_KEY).
    void variable(std::string_view name, const std::string& value)
    {
        if (!name.starts_with(variable_prefix))
            return;
        std::string key;
        for (auto left = name.substr(variable_prefix.size()); !left.empty();) {
            if (left.starts_with("__")) {
                key += '.';
                left.remove_prefix(2);
                continue;
            }
            const char c = left.front();
            key += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            left.remove_prefix(1);
        }
        if (!table_.find(key) && key.find('.') == std::string::npos)
            return;
        if (auto taken = table_.set_text(key, value, "environment " + std::string(name)); !taken)
            complain(taken.error().context);
    }

    void complain(std::string what, std::size_t line = 0) { complaints_.push_back({line, std::move(what)}); }

    Result<> outcome() const
    {
        if (complaints_.empty())
            return {};
        std::string all;
        for (const auto& complaint : complaints_)
            all += (all.empty() ? "" : "\n") + complaint.what;
        return Error{Errc::invalid_argument, all};
    }

private:
    struct Complaint {
        std::size_t line = 0;  ///< of the file; 0 = of none
        std::string what;
    };

    static std::string position(const std::string& path, const toml::source_position& at)
    {
        return path + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
    }

    void take(const toml::table& table, const std::string& section, const std::string& path)
    {
        for (const auto& [name, node] : table) {
            const std::string key = section.empty() ? std::string(name.str()) : section + "." + std::string(name.str());
            const std::string where = position(path, name.source().begin);
            const std::size_t line = name.source().begin.line;
            const auto* inner = node.as_table();
            if (inner && !table_.find(key)) {
                if (is_section(key))
                    take(*inner, key, path);
                else
                    complain(where + ": unknown section '" + key + "'" + section_meant(key), line);
                continue;
            }
            if (!inner && is_section(key)) {
                complain(where + ": " + key + " is a table of settings, written [" + key + "]" +
                             (node.is_array_of_tables() ? ", not [[" + key + "]]" : ""),
                         line);
                continue;
            }
            const auto value = value_of(node);
            if (!value && table_.find(key)) {
                complain(where + ": " + key + ": a setting is true or false, a number, a text or a list of texts",
                         line);
                continue;
            }
            if (auto taken = table_.set(key, value.value_or(ConfigValue{}), where); !taken)
                complain(taken.error().context, line);
        }
    }

    bool is_section(const std::string& name) const
    {
        const auto& settings = table_.settings();
        return std::any_of(settings.begin(), settings.end(),
                           [&](const ConfigSetting& setting) { return setting.key().starts_with(name + "."); });
    }

    /// "; did you mean 'verifier'?", or nothing when no section resembles it.
    std::string section_meant(const std::string& given) const
    {
        std::vector<std::string_view> sections;
        for (const ConfigSetting& setting : table_.settings()) {
            const std::string_view name = setting.key();
            for (auto dot = name.find('.'); dot != name.npos; dot = name.find('.', dot + 1))
                sections.push_back(name.substr(0, dot));
        }
        const std::string nearest{nearest_word(given, sections)};
        return nearest.empty() ? nearest : "; did you mean '" + nearest + "'?";
    }

    /// Nothing for what no setting can be: dates, tables, lists of other things than texts.
    static std::optional<ConfigValue> value_of(const toml::node& node)
    {
        if (const auto* value = node.as_boolean())
            return value->get();
        if (const auto* value = node.as_integer())
            return value->get();
        if (const auto* value = node.as_floating_point())
            return value->get();
        if (const auto* value = node.as_string())
            return value->get();
        const auto* array = node.as_array();
        if (!array)
            return std::nullopt;
        std::vector<std::string> items;
        for (const auto& item : *array) {
            const auto* text = item.as_string();
            if (!text)
                return std::nullopt;
            items.push_back(text->get());
        }
        return items;
    }

    ConfigTable& table_;
    std::vector<Complaint> complaints_;
};

/// The files beside `path` that add to it, in the order of their names.
std::vector<std::string> drop_ins(const std::string& path)
{
    std::vector<std::string> found;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(fs::path(path).parent_path() / "conf.d", ignored))
        if (entry.path().extension() == ".toml")
            found.push_back(entry.path().string());
    std::sort(found.begin(), found.end());
    return found;
}

/// What one setting alone cannot tell.
void check_together(const Config& config, Loader& loader)
{
    const auto pair = [&](const char* section, const std::string& cert, const std::string& key) {
        if (cert.empty() != key.empty())
            loader.complain(std::string(section) + ".cert_file and " + section +
                            ".tls_key_file belong together: give both");
    };
    pair("http", config.http.cert_file, config.http.tls_key_file);
    pair("submission", config.submission.cert_file, config.submission.tls_key_file);
    if (config.verifier.helo_name.empty() != config.verifier.mail_from.empty())
        loader.complain(
            "verifier.helo_name and verifier.mail_from belong together: give both to probe, neither for DNS only");
    if (config.retry_speedup != 1 && !config.allow_private_targets)
        loader.complain("retry.speedup is for labs: it needs net.allow_private_targets = true");
}

void share(Config& config)
{
    config.dns.servers.clear();
    for (const auto& server : config.dns_servers)
        if (auto endpoint = net::parse_endpoint(server, 53))
            config.dns.servers.push_back(std::move(*endpoint));
    config.verifier.smtp_port = config.relay.smtp_port = config.smtp_port;
    config.verifier.allow_private_targets = config.relay.allow_private_targets = config.allow_private_targets;
    config.verifier.ca_file = config.relay.ca_file = config.ca_file;
    config.verifier.greylist_min = config.relay.retry_min = config.retry_min;
    config.verifier.retry_speedup = config.relay.retry_speedup = config.retry_speedup;
}

}  // namespace

Result<LoadedConfig> load_config_table(const std::string& path, const std::map<std::string, std::string>& environment)
{
    LoadedConfig loaded;
    loaded.config = std::make_unique<Config>();
    loaded.table = config_table(*loaded.config);
    Loader loader(loaded.table);
    if (!path.empty()) {
        loader.file(path);
        for (const auto& file : drop_ins(path))
            loader.file(file);
    }
    for (const auto& [name, value] : environment)
        loader.variable(name, value);
    WINNOW_CHECK(loader.outcome());
    check_together(*loaded.config, loader);
    WINNOW_CHECK(loader.outcome());
    share(*loaded.config);
    return loaded;
}

Result<Config> load_config(const std::string& path, const std::map<std::string, std::string>& environment)
{
    WINNOW_TRY(const LoadedConfig loaded, load_config_table(path, environment));
    return *loaded.config;
}

std::map<std::string, std::string> process_environment()
{
    std::map<std::string, std::string> variables;
    for (char** entry = environ; entry && *entry; ++entry) {
        const std::string_view text = *entry;
        const auto equals = text.find('=');
        if (equals != std::string_view::npos)
            variables.emplace(text.substr(0, equals), text.substr(equals + 1));
    }
    return variables;
}

std::string default_configuration()
{
    Config config;
    return "# Every setting of winnow with its default. Keep the lines that you change.\n\n" +
           config_table(config).defaults_toml();
}

std::string configuration_reference()
{
    Config config;
    return R"(# Configuration

<!-- Written by `winnow config --defaults --markdown`: do not edit. -->

winnow reads one TOML file (`winnow --config FILE ...`), then every `conf.d/*.toml` beside it in the order of their
names, then the environment; the last one wins. Without a file the defaults hold.

- In the environment the setting `http.listen` is `WINNOW_HTTP__LISTEN`; items of a list are separated by commas.
- Durations have a unit: `250ms`, `90s`, `15m`, `1h30m`, `2d`. Sizes are octets or have one: `64KB`, `10MB`, `2GB`.
- An unknown setting is an error that names file, line, column and the nearest known setting.
- `winnow config check` tells everything that is wrong and ends with exit code 78 if there is anything.
- `winnow config show` prints what differs from the defaults, with `--effective` every setting, and where each value
  comes from.
- A change takes effect at the next start.

)" + config_table(config).reference_markdown();
}

}  // namespace winnow::app
