#include "core/config_table.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

#include "core/duration.hpp"
#include "core/edit_distance.hpp"
#include "core/trim.hpp"

namespace winnow {
namespace {

using Kind = ConfigSetting::Kind;

constexpr std::string_view mask = "********";

std::string in_quotes(std::string_view text)
{
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            out += "\\u00";
            out += digits[byte >> 4];
            out += digits[byte & 15];
        } else {
            out += c;
        }
    }
    return out + '"';
}

std::string real_text(double value)
{
    char buffer[32];
    const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
    std::string out(buffer, result.ptr);
    // TOML tells a float from an integer by its point or exponent ("inf" and "nan" have an n).
    if (out.find_first_of(".en") == std::string::npos)
        out += ".0";
    return out;
}

struct ToToml {
    std::string operator()(bool value) const { return value ? "true" : "false"; }
    std::string operator()(std::int64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const { return real_text(value); }
    std::string operator()(const std::string& value) const { return in_quotes(value); }
    std::string operator()(const std::vector<std::string>& value) const
    {
        std::string out = "[";
        for (const std::string& item : value)
            out += (out.size() > 1 ? ", " : "") + in_quotes(item);
        return out + ']';
    }
};

Error refused(std::string allowed)
{
    return {Errc::invalid_argument, "allowed is " + std::move(allowed)};
}

std::string span(const std::string& least, const std::string& most)
{
    return least + " to " + most;
}

bool is_key(std::string_view key) noexcept
{
    if (key.empty() || key.front() == '.' || key.back() == '.' || key.find("..") != std::string_view::npos)
        return false;
    return key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.") == std::string_view::npos;
}

bool is_section_of(std::string_view section, std::string_view key) noexcept
{
    return key.size() > section.size() && key.starts_with(section) && key[section.size()] == '.';
}

std::string_view section_of(std::string_view key) noexcept
{
    const auto dot = key.rfind('.');
    return dot == std::string_view::npos ? std::string_view{} : key.substr(0, dot);
}

template <class Number>
std::optional<Number> number(std::string_view text) noexcept
{
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

/// The value that `text` stands for, or the text itself, so that the setting's own test says what is allowed.
ConfigValue typed(Kind kind, std::string_view text)
{
    switch (kind) {
        case Kind::boolean:
            if (text == "true" || text == "false")
                return text == "true";
            break;
        case Kind::integer:
            if (const auto value = number<std::int64_t>(text))
                return *value;
            break;
        case Kind::real:
            if (const auto value = number<double>(text))
                return *value;
            break;
        case Kind::list: {
            std::vector<std::string> items;
            while (!text.empty()) {
                const auto comma = text.find(',');
                if (const auto item = trim(text.substr(0, comma)); !item.empty())
                    items.emplace_back(item);
                text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
            }
            return items;
        }
        case Kind::text:
        case Kind::duration:
        case Kind::size:
        case Kind::word:
            break;
    }
    return std::string(text);
}

std::string shown(const ConfigSetting& setting, const ConfigValue& value)
{
    if (setting.is_secret() && value != setting.default_value())
        return in_quotes(mask);
    return to_toml(value);
}

}  // namespace

std::string to_toml(const ConfigValue& value)
{
    return std::visit(ToToml{}, value);
}

ConfigSetting& ConfigSetting::reloadable()
{
    reloadable_ = true;
    return *this;
}

ConfigSetting& ConfigSetting::secret()
{
    secret_ = true;
    return *this;
}

ConfigSetting& ConfigSetting::check(Check check)
{
    check_ = std::move(check);
    return *this;
}

ConfigSetting& ConfigTable::add(std::string key, Kind kind, std::string allowed, std::string help,
                                std::function<ConfigValue()> read, std::function<Result<>(const ConfigValue&)> write)
{
    if (!is_key(key))
        throw std::logic_error("not a key: '" + key + "'");
    for (const ConfigSetting& other : settings_)
        if (other.key_ == key || is_section_of(other.key_, key) || is_section_of(key, other.key_))
            throw std::logic_error("setting '" + key + "' collides with '" + other.key_ + "'");
    if (const auto result = write(read()); !result)
        throw std::logic_error("setting '" + key + "' has a default that it would refuse: " + result.error().context);

    ConfigSetting& setting = settings_.emplace_back();
    setting.key_ = std::move(key);
    setting.kind_ = kind;
    setting.allowed_ = std::move(allowed);
    setting.help_ = std::move(help);
    setting.default_ = read();
    setting.read_ = std::move(read);
    setting.write_ = std::move(write);
    return setting;
}

ConfigSetting& ConfigTable::boolean(std::string key, bool& member, std::string help)
{
    return add(
        std::move(key), Kind::boolean, "true or false", std::move(help), [&member]() -> ConfigValue { return member; },
        [&member](const ConfigValue& value) -> Result<> {
            const auto* given = std::get_if<bool>(&value);
            if (!given)
                return refused("true or false");
            member = *given;
            return {};
        });
}

ConfigSetting& ConfigTable::text(std::string key, std::string& member, std::string help)
{
    return add(
        std::move(key), Kind::text, "", std::move(help), [&member]() -> ConfigValue { return member; },
        [&member](const ConfigValue& value) -> Result<> {
            const auto* given = std::get_if<std::string>(&value);
            if (!given)
                return refused("a text in quotes");
            member = *given;
            return {};
        });
}

ConfigSetting& ConfigTable::list(std::string key, std::vector<std::string>& member, std::string help)
{
    return add(
        std::move(key), Kind::list, "", std::move(help), [&member]() -> ConfigValue { return member; },
        [&member](const ConfigValue& value) -> Result<> {
            const auto* given = std::get_if<std::vector<std::string>>(&value);
            if (!given)
                return refused("a list of texts, for example [\"one\", \"two\"]");
            member = *given;
            return {};
        });
}

ConfigSetting& ConfigTable::real(std::string key, double& member, ConfigRange<double> range, std::string help)
{
    std::string allowed = span(real_text(range.least), real_text(range.most));
    return add(
        std::move(key), Kind::real, allowed, std::move(help), [&member]() -> ConfigValue { return member; },
        [&member, range, allowed](const ConfigValue& value) -> Result<> {
            double given = 0;
            if (const auto* real = std::get_if<double>(&value))
                given = *real;
            else if (const auto* whole = std::get_if<std::int64_t>(&value))
                given = static_cast<double>(*whole);
            else
                return refused(allowed);
            if (!(given >= range.least && given <= range.most))  // so that NaN is refused too
                return refused(allowed);
            member = given;
            return {};
        });
}

ConfigSetting& ConfigTable::add_integer(std::string key, ConfigRange<std::int64_t> range,
                                        std::function<std::int64_t()> read, std::function<void(std::int64_t)> write,
                                        std::string help)
{
    std::string allowed = span(std::to_string(range.least), std::to_string(range.most));
    return add(
        std::move(key), Kind::integer, allowed, std::move(help),
        [read = std::move(read)]() -> ConfigValue { return read(); },
        [write = std::move(write), range, allowed](const ConfigValue& value) -> Result<> {
            const auto* given = std::get_if<std::int64_t>(&value);
            if (!given || *given < range.least || *given > range.most)
                return refused(allowed);
            write(*given);
            return {};
        });
}

ConfigSetting& ConfigTable::add_duration(std::string key, ConfigRange<milliseconds> range, milliseconds unit,
                                         std::function<milliseconds()> read, std::function<void(milliseconds)> write,
                                         std::string help)
{
    std::string allowed = span(format_duration(range.least), format_duration(range.most));
    if (unit > milliseconds{1})
        allowed += ", in steps of " + format_duration(unit);
    return add(
        std::move(key), Kind::duration, allowed, std::move(help),
        [read = std::move(read)]() -> ConfigValue { return format_duration(read()); },
        [write = std::move(write), range, unit, allowed](const ConfigValue& value) -> Result<> {
            const auto* text = std::get_if<std::string>(&value);
            if (!text)
                return refused(allowed + ", with a unit and in quotes");
            WINNOW_TRY(const milliseconds given, parse_duration(*text));
            if (given < range.least || given > range.most || given % unit != milliseconds{0})
                return refused(allowed);
            write(given);
            return {};
        });
}

ConfigSetting& ConfigTable::add_size(std::string key, ConfigRange<std::uint64_t> range,
                                     std::function<std::uint64_t()> read, std::function<void(std::uint64_t)> write,
                                     std::string help)
{
    std::string allowed = span(format_size(range.least), format_size(range.most));
    return add(
        std::move(key), Kind::size, allowed, std::move(help),
        [read = std::move(read)]() -> ConfigValue { return format_size(read()); },
        [write = std::move(write), range, allowed](const ConfigValue& value) -> Result<> {
            std::uint64_t given = 0;
            if (const auto* bytes = std::get_if<std::int64_t>(&value); bytes && *bytes >= 0) {
                given = static_cast<std::uint64_t>(*bytes);
            } else if (const auto* text = std::get_if<std::string>(&value)) {
                WINNOW_TRY(given, parse_size(*text));
            } else {
                return refused(allowed);
            }
            if (given < range.least || given > range.most)
                return refused(allowed);
            write(given);
            return {};
        });
}

ConfigSetting& ConfigTable::add_word(std::string key, std::vector<std::string_view> words,
                                     std::function<std::size_t()> read, std::function<void(std::size_t)> write,
                                     std::string help)
{
    std::string allowed;
    for (std::size_t i = 0; i < words.size(); ++i)
        allowed += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + in_quotes(words[i]);
    return add(
        std::move(key), Kind::word, allowed, std::move(help),
        [read = std::move(read), words]() -> ConfigValue {
            const std::size_t i = read();
            return std::string(i < words.size() ? words[i] : std::string_view{});
        },
        [write = std::move(write), words, allowed](const ConfigValue& value) -> Result<> {
            const auto* given = std::get_if<std::string>(&value);
            const auto found = given ? std::find(words.begin(), words.end(), *given) : words.end();
            if (found == words.end())
                return refused(allowed);
            write(static_cast<std::size_t>(found - words.begin()));
            return {};
        });
}

const ConfigSetting* ConfigTable::find(std::string_view key) const noexcept
{
    for (const ConfigSetting& setting : settings_)
        if (setting.key_ == key)
            return &setting;
    return nullptr;
}

std::string ConfigTable::nearest(std::string_view key) const
{
    std::string best;
    // A third of the characters may differ; more than that is not a slip of the fingers.
    std::size_t limit = std::max<std::size_t>(2, key.size() / 3);
    for (const ConfigSetting& setting : settings_) {
        const std::size_t edits = edit_distance(key, setting.key_, limit);
        if (edits > limit || (edits == limit && !best.empty()))
            continue;
        best = setting.key_;
        limit = edits;
    }
    return best;
}

Result<> ConfigTable::set(std::string_view key, const ConfigValue& value, std::string_view source)
{
    const auto where = [&] { return source.empty() ? std::string() : std::string(source) + ": "; };
    const auto found =
        std::find_if(settings_.begin(), settings_.end(), [&](const ConfigSetting& s) { return s.key_ == key; });
    if (found == settings_.end()) {
        std::string text = where() + "unknown setting '" + std::string(key) + "'";
        if (const std::string near = nearest(key); !near.empty())
            text += "; did you mean '" + near + "'?";
        return Error{Errc::invalid_argument, std::move(text)};
    }

    ConfigSetting& setting = *found;
    const ConfigValue before = setting.read_();
    auto result = setting.write_(value);
    if (result && setting.check_) {
        result = setting.check_(setting.read_());
        if (!result)
            (void)setting.write_(before);
    }
    if (!result) {
        const std::string given = setting.is_secret() ? " is refused" : " = " + to_toml(value);
        return Error{Errc::invalid_argument, where() + setting.key_ + given + ": " + result.error().context};
    }
    setting.source_ = source;
    return {};
}

Result<> ConfigTable::set_text(std::string_view key, std::string_view text, std::string_view source)
{
    const ConfigSetting* setting = find(key);
    return set(key, setting ? typed(setting->kind(), text) : ConfigValue(std::string(text)), source);
}

ConfigTable::Reload ConfigTable::adopt(const ConfigTable& fresh)
{
    Reload reload;
    for (ConfigSetting& setting : settings_) {
        const ConfigSetting* other = fresh.find(setting.key_);
        if (!other || other->value() == setting.value())
            continue;
        if (!setting.reloadable_) {
            reload.needs_restart.push_back(setting.key_);
            continue;
        }
        if (setting.write_(other->value())) {
            setting.source_ = other->source_;
            reload.applied.push_back(setting.key_);
        }
    }
    return reload;
}

std::string ConfigTable::defaults_toml() const
{
    std::string out;
    for (const ConfigSetting& setting : settings_) {
        out += "# " + setting.help_;
        if (!setting.allowed_.empty())
            out += " Allowed: " + setting.allowed_ + '.';
        out += setting.reloadable_ ? " Reloadable.\n" : "\n";
        out += setting.key_ + " = " + to_toml(setting.default_) + "\n\n";
    }
    return out;
}

std::string ConfigTable::effective_toml() const
{
    std::string out;
    for (const ConfigSetting& setting : settings_)
        out += setting.key_ + " = " + shown(setting, setting.value()) + "  # " +
               (setting.source_.empty() ? "default" : setting.source_) + '\n';
    return out;
}

std::string ConfigTable::reference_markdown() const
{
    const auto cell = [](std::string_view text) {
        std::string out;
        for (const char c : text)
            out += c == '|' ? "\\|" : std::string(1, c);
        return out;
    };
    std::string out;
    std::optional<std::string_view> section;
    for (const ConfigSetting& setting : settings_) {
        if (section != section_of(setting.key_)) {
            section = section_of(setting.key_);
            if (!section->empty())
                out += (out.empty() ? "## `" : "\n## `") + std::string(*section) + "`\n\n";
            out += "| setting | default | allowed | reload | |\n|---|---|---|---|---|\n";
        }
        out += "| `" + setting.key_ + "` | `" + cell(to_toml(setting.default_)) + "` | " + cell(setting.allowed_) +
               " | " + (setting.reloadable_ ? "yes" : "no") + " | " + cell(setting.help_) + " |\n";
    }
    return out;
}

}  // namespace winnow
