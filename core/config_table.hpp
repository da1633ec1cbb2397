#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <deque>
#include <functional>
#include <ratio>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "core/vocabulary.hpp"

namespace winnow {

/// A value as a configuration file can hold it. Durations, words and sizes with a unit are strings.
using ConfigValue = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>>;

/// As TOML writes it: true, 5, 0.5, "text", ["a", "b"].
std::string to_toml(const ConfigValue& value);

template <class T>
struct ConfigRange {
    T least;
    T most;
};

/// One row of the table. Made by ConfigTable; reloadable(), secret() and check() refine it.
class ConfigSetting {
public:
    enum class Kind { boolean, integer, real, text, list, duration, size, word };
    using Check = std::function<Result<>(const ConfigValue&)>;

    const std::string& key() const noexcept { return key_; }    ///< "submission.listen"
    const std::string& help() const noexcept { return help_; }  ///< one sentence, with full stop
    Kind kind() const noexcept { return kind_; }
    /// What may be given: "1 to 100", "10s to 1h", "\"bulk\" or \"transactional\""; empty when anything may.
    const std::string& allowed() const noexcept { return allowed_; }
    bool is_reloadable() const noexcept { return reloadable_; }
    bool is_secret() const noexcept { return secret_; }
    /// The member's value when the table was built.
    const ConfigValue& default_value() const noexcept { return default_; }
    ConfigValue value() const { return read_(); }
    /// Where the value came from, as given to set(); empty = default.
    const std::string& source() const noexcept { return source_; }

    /// A reload of the configuration may change it while the program runs.
    ConfigSetting& reloadable();
    /// Never shown: not in errors, not among the effective values.
    ConfigSetting& secret();
    /// A further test of a value that already has the right type and range; its error's context says what is wrong.
    ConfigSetting& check(Check check);

private:
    friend class ConfigTable;
    std::string key_, help_, allowed_, source_;
    Kind kind_ = Kind::text;
    bool reloadable_ = false;
    bool secret_ = false;
    ConfigValue default_;
    std::function<ConfigValue()> read_;
    std::function<Result<>(const ConfigValue&)> write_;  ///< Error's context: what is allowed
    Check check_;
};

/// Every setting of the program: dotted key, the member it is bound to, type, range, a sentence. Knows nothing of
/// files: the loader hands over each value. Members outlive the table; registering one key twice, a key that is also
/// the section of another, or a default out of its own range is a broken invariant and throws std::logic_error. Not
/// thread-safe.
///
///     ConfigTable table;
///     table.integer("relay.connections_per_site", options.connections_per_site, {1, 100},
///                   "Connections to one receiving site, per source address.").reloadable();
///     WINNOW_CHECK(table.set("relay.connections_per_site", std::int64_t{20}, "winnow.toml:7"));
class ConfigTable {
public:
    ConfigSetting& boolean(std::string key, bool& member, std::string help);
    ConfigSetting& text(std::string key, std::string& member, std::string help);
    ConfigSetting& list(std::string key, std::vector<std::string>& member, std::string help);
    ConfigSetting& real(std::string key, double& member, ConfigRange<double> range, std::string help);

    template <std::integral Int>
    requires(!std::same_as<Int, bool>) ConfigSetting& integer(std::string key, Int& member,
                                                              ConfigRange<std::type_identity_t<Int>> range,
                                                              std::string help)
    {
        return add_integer(
            std::move(key), {static_cast<std::int64_t>(range.least), static_cast<std::int64_t>(range.most)},
            [&member] { return static_cast<std::int64_t>(member); },
            [&member](std::int64_t value) { member = static_cast<Int>(value); }, std::move(help));
    }

    /// Given with a unit ("15m"); a member of seconds takes whole seconds only, and so on.
    template <class Rep, class Period>
    ConfigSetting& duration(std::string key, std::chrono::duration<Rep, Period>& member,
                            ConfigRange<milliseconds> range, std::string help)
    {
        static_assert(std::ratio_greater_equal_v<Period, std::milli>);
        using Member = std::chrono::duration<Rep, Period>;
        return add_duration(
            std::move(key), range, std::chrono::duration_cast<milliseconds>(Member{1}),
            [&member] { return std::chrono::duration_cast<milliseconds>(member); },
            [&member](milliseconds value) { member = std::chrono::duration_cast<Member>(value); }, std::move(help));
    }

    /// Given in bytes, as a number or with a unit ("10MB").
    template <std::integral Int>
    ConfigSetting& size(std::string key, Int& member, ConfigRange<std::uint64_t> range, std::string help)
    {
        return add_size(
            std::move(key), range, [&member] { return static_cast<std::uint64_t>(member); },
            [&member](std::uint64_t value) { member = static_cast<Int>(value); }, std::move(help));
    }

    /// One of the words of a list of the vocabulary.
    template <class Enum>
    ConfigSetting& word(std::string key, Enum& member, std::string help)
    {
        std::vector<std::pair<std::string_view, Enum>> words;
        for (const Enum value : all_values<Enum>())
            words.emplace_back(to_string(value), value);
        return word(std::move(key), member, std::move(words), std::move(help));
    }
    /// One of the given words (which live for ever).
    template <class Enum>
    ConfigSetting& word(std::string key, Enum& member, std::vector<std::pair<std::string_view, Enum>> words,
                        std::string help)
    {
        std::vector<std::string_view> names;
        std::vector<Enum> values;
        for (const auto& [name, value] : words) {
            names.push_back(name);
            values.push_back(value);
        }
        return add_word(
            std::move(key), std::move(names),
            [&member, values] {
                std::size_t i = 0;
                while (i < values.size() && values[i] != member)
                    ++i;
                return i;
            },
            [&member, values](std::size_t i) { member = values[i]; }, std::move(help));
    }

    /// `source` says where the value stands ("winnow.toml:12"). Errc::invalid_argument tells source, key, what was
    /// given and what is allowed; for an unknown key the nearest known one.
    Result<> set(std::string_view key, const ConfigValue& value, std::string_view source);
    /// From text without a type (environment, command line): "true", "15m", "a, b" for a list.
    Result<> set_text(std::string_view key, std::string_view text, std::string_view source);

    const ConfigSetting* find(std::string_view key) const noexcept;
    /// The known key with the fewest edits; empty when none is near enough to be meant.
    std::string nearest(std::string_view key) const;
    /// In the order of registration.
    const std::deque<ConfigSetting>& settings() const noexcept { return settings_; }

    struct Reload {
        std::vector<std::string> applied;        ///< keys whose members now have the new value
        std::vector<std::string> needs_restart;  ///< keys that differ but are not reloadable
    };
    /// Takes the values of the reloadable settings from a table with the same keys, bound to freshly loaded members.
    Reload adopt(const ConfigTable& fresh);

    /// A commented configuration file of all defaults: help, range, `key = value`. Valid TOML.
    std::string defaults_toml() const;
    /// `key = value  # source` for every setting, secrets masked.
    std::string effective_toml() const;
    /// The reference as a Markdown table per section.
    std::string reference_markdown() const;

private:
    ConfigSetting& add(std::string key, ConfigSetting::Kind kind, std::string allowed, std::string help,
                       std::function<ConfigValue()> read, std::function<Result<>(const ConfigValue&)> write);
    ConfigSetting& add_integer(std::string key, ConfigRange<std::int64_t> range, std::function<std::int64_t()> read,
                               std::function<void(std::int64_t)> write, std::string help);
    ConfigSetting& add_duration(std::string key, ConfigRange<milliseconds> range, milliseconds unit,
                                std::function<milliseconds()> read, std::function<void(milliseconds)> write,
                                std::string help);
    ConfigSetting& add_size(std::string key, ConfigRange<std::uint64_t> range, std::function<std::uint64_t()> read,
                            std::function<void(std::uint64_t)> write, std::string help);
    ConfigSetting& add_word(std::string key, std::vector<std::string_view> words, std::function<std::size_t()> read,
                            std::function<void(std::size_t)> write, std::string help);

    std::deque<ConfigSetting> settings_;  // references stay valid while rows are added
};

}  // namespace winnow
