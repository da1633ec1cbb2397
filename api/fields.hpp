#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/answer.hpp"
#include "core/clock.hpp"
#include "core/vocabulary.hpp"

namespace winnow::api {

/// The named values of a request: a JSON object, a query, or the text fields of a form. A handler asks for each field
/// that it knows; problem() then names everything that was wrong, fields that nobody asked for among it, so that no
/// request sets what it may not and no typing error passes in silence. A field that is wrong reads as its fallback.
class Fields {
public:
    using Pairs = std::vector<std::pair<std::string, std::string>>;

    /// A JSON object, or nothing at all, which reads as {}. Depth and size are bounded.
    static Checked<Fields> of_json(std::string_view body);
    /// Query or form: all values are texts. A name that occurs twice is wrong, unless it is among `repeatable`: then
    /// its values are one text, joined by commas.
    static Fields of_texts(const Pairs& pairs, const std::vector<std::string_view>& repeatable = {});
    Fields(Fields&&) noexcept;
    Fields& operator=(Fields&&) noexcept;
    ~Fields();

    /// Present and not null.
    bool has(std::string_view name) const;
    /// At most `max` octets.
    std::string text(std::string_view name, std::string fallback = {}, std::size_t max = 1'000);
    std::string required_text(std::string_view name, std::size_t max = 1'000);
    bool flag(std::string_view name, bool fallback);
    std::int64_t integer(std::string_view name, std::int64_t fallback, std::int64_t least, std::int64_t most);
    /// "15m", "2h" (core/duration.hpp).
    milliseconds duration(std::string_view name, milliseconds fallback, milliseconds least, milliseconds most);
    /// RFC 3339.
    std::optional<TimePoint> time(std::string_view name);
    /// One word of a closed list.
    std::string one_of(std::string_view name, std::string fallback, const std::vector<std::string_view>& words);
    template <class Enum>
    std::optional<Enum> word(std::string_view name, const std::vector<Enum>& allowed = all_values<Enum>())
    {
        std::vector<std::string_view> words;
        for (Enum value : allowed)
            words.push_back(to_string(value));
        return from_string<Enum>(one_of(name, {}, words));
    }
    std::vector<std::string> texts(std::string_view name, std::size_t max_count);
    std::map<std::string, std::string> text_map(std::string_view name, std::size_t max_count);

    void refuse(std::string_view name, std::string detail);
    std::optional<Problem> problem() const;

private:
    struct Impl;
    explicit Fields(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace winnow::api
