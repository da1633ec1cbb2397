#include "api/fields.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "core/duration.hpp"
#include "core/ndjson.hpp"

namespace winnow::api {
namespace {

using nlohmann::json;

std::string listed(const std::vector<std::string_view>& words)
{
    std::string text;
    for (std::string_view word : words)
        text.append(text.empty() ? "" : ", ").append(word);
    return text;
}

std::optional<std::int64_t> integer_in(const json& value)
{
    if (value.is_number_integer() &&
        !(value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{INT64_MAX}))
        return value.get<std::int64_t>();
    if (!value.is_string())
        return std::nullopt;
    const auto& text = value.get_ref<const std::string&>();
    std::int64_t number = 0;
    const auto [stop, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failed != std::errc{} || stop != text.data() + text.size())
        return std::nullopt;
    return number;
}

}  // namespace

struct Fields::Impl {
    json values = json::object();
    bool from_json = false;
    std::set<std::string, std::less<>> asked;
    std::vector<FieldError> errors;

    /// Null for a field that is absent or null; marks it as known.
    const json* find(std::string_view name)
    {
        asked.emplace(name);
        const auto at = values.find(name);
        return at == values.end() || at->is_null() ? nullptr : &*at;
    }

    void refuse(std::string_view name, std::string detail) { errors.push_back({pointer(name), std::move(detail)}); }

    std::string pointer(std::string_view name) const { return (from_json ? "/" : "") + std::string(name); }
};

Fields::Fields(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Fields::Fields(Fields&&) noexcept = default;
Fields& Fields::operator=(Fields&&) noexcept = default;
Fields::~Fields() = default;

Checked<Fields> Fields::of_json(std::string_view body)
{
    auto impl = std::make_unique<Impl>();
    impl->from_json = true;
    if (body.find_first_not_of(" \t\r\n") == std::string_view::npos)
        return Fields{std::move(impl)};
    auto value = parse_json(body);
    if (!value)
        return Problem{400, "malformed_json", "The body is not JSON", value.error().context, {}};
    if (!value->is_object())
        return Problem{400, "malformed_json", "The body is not JSON", "The body has to be one JSON object.", {}};
    impl->values = std::move(*value);
    return Fields{std::move(impl)};
}

Fields Fields::of_texts(const Pairs& pairs, const std::vector<std::string_view>& repeatable)
{
    auto impl = std::make_unique<Impl>();
    for (const auto& [name, value] : pairs) {
        const auto before = impl->values.find(name);
        const bool again = before != impl->values.end();
        if (again && std::find(repeatable.begin(), repeatable.end(), name) != repeatable.end()) {
            before->get_ref<std::string&>() += "," + value;
            continue;
        }
        if (again)
            impl->refuse(name, "is given twice");
        impl->values[name] = value;
    }
    return Fields{std::move(impl)};
}

bool Fields::has(std::string_view name) const
{
    return impl_->find(name) != nullptr;
}

std::string Fields::text(std::string_view name, std::string fallback, std::size_t max)
{
    const json* const value = impl_->find(name);
    if (value == nullptr)
        return fallback;
    if (!value->is_string()) {
        impl_->refuse(name, "has to be a text");
        return fallback;
    }
    const auto& text = value->get_ref<const std::string&>();
    if (text.size() > max) {
        impl_->refuse(name, "is longer than " + std::to_string(max) + " octets");
        return fallback;
    }
    if (text.find('\0') != std::string::npos) {
        impl_->refuse(name, "holds a NUL");
        return fallback;
    }
    return text;
}

std::string Fields::required_text(std::string_view name, std::size_t max)
{
    std::string value = text(name, {}, max);
    const json* const given = impl_->find(name);
    if (given == nullptr || (given->is_string() && given->get_ref<const std::string&>().empty()))
        impl_->refuse(name, "is required");
    return value;
}

bool Fields::flag(std::string_view name, bool fallback)
{
    const json* const value = impl_->find(name);
    if (value == nullptr)
        return fallback;
    if (value->is_boolean())
        return value->get<bool>();
    if (!impl_->from_json && value->is_string()) {
        const auto& text = value->get_ref<const std::string&>();
        if (text == "true" || text == "1" || text == "yes" || text == "on")
            return true;
        if (text == "false" || text == "0" || text == "no" || text == "off")
            return false;
    }
    impl_->refuse(name, "has to be true or false");
    return fallback;
}

std::int64_t Fields::integer(std::string_view name, std::int64_t fallback, std::int64_t least, std::int64_t most)
{
    const json* const value = impl_->find(name);
    if (value == nullptr)
        return fallback;
    const auto number = impl_->from_json && value->is_string() ? std::nullopt : integer_in(*value);
    if (number && *number >= least && *number <= most)
        return *number;
    impl_->refuse(name, "has to be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return fallback;
}

milliseconds Fields::duration(std::string_view name, milliseconds fallback, milliseconds least, milliseconds most)
{
    const std::string given = text(name, {}, 40);
    if (given.empty())
        return fallback;
    const auto value = parse_duration(given);
    if (value && *value >= least && *value <= most)
        return *value;
    impl_->refuse(name, value ? "has to be from " + format_duration(least) + " to " + format_duration(most)
                              : value.error().context);
    return fallback;
}

std::optional<TimePoint> Fields::time(std::string_view name)
{
    const std::string given = text(name, {}, 40);
    if (given.empty())
        return std::nullopt;
    const auto value = parse_time(given);
    if (value)
        return *value;
    impl_->refuse(name, "has to be an RFC 3339 time such as 2026-01-31T12:00:00Z");
    return std::nullopt;
}

std::string Fields::one_of(std::string_view name, std::string fallback, const std::vector<std::string_view>& words)
{
    const json* const value = impl_->find(name);
    if (value == nullptr)
        return fallback;
    if (value->is_string() &&
        std::find(words.begin(), words.end(), value->get_ref<const std::string&>()) != words.end())
        return value->get<std::string>();
    impl_->refuse(name, "has to be one of: " + listed(words));
    return fallback;
}

std::vector<std::string> Fields::texts(std::string_view name, std::size_t max_count)
{
    std::vector<std::string> all;
    const json* const value = impl_->find(name);
    if (value == nullptr)
        return all;
    if (!value->is_array() || !std::all_of(value->begin(), value->end(), [](const json& v) { return v.is_string(); })) {
        impl_->refuse(name, "has to be an array of texts");
    } else if (value->size() > max_count) {
        impl_->refuse(name, "has more than " + std::to_string(max_count) + " entries");
    } else {
        for (const json& v : *value)
            all.push_back(v.get<std::string>());
    }
    return all;
}

std::map<std::string, std::string> Fields::text_map(std::string_view name, std::size_t max_count)
{
    std::map<std::string, std::string> all;
    const json* const value = impl_->find(name);
    if (value == nullptr)
        return all;
    if (!value->is_object() ||
        !std::all_of(value->begin(), value->end(), [](const json& v) { return v.is_string(); })) {
        impl_->refuse(name, "has to be an object of texts");
    } else if (value->size() > max_count) {
        impl_->refuse(name, "has more than " + std::to_string(max_count) + " entries");
    } else {
        for (const auto& [key, v] : value->items())
            all[key] = v.get<std::string>();
    }
    return all;
}

void Fields::refuse(std::string_view name, std::string detail)
{
    impl_->refuse(name, std::move(detail));
}

std::optional<Problem> Fields::problem() const
{
    std::vector<FieldError> errors = impl_->errors;
    for (const auto& [name, value] : impl_->values.items()) {
        if (impl_->asked.contains(name))
            continue;
        std::vector<std::string_view> known{impl_->asked.begin(), impl_->asked.end()};
        errors.push_back({impl_->pointer(name),
                          known.empty() ? "is not known here" : "is not known here; known are: " + listed(known)});
    }
    if (errors.empty())
        return std::nullopt;
    return invalid_request(std::move(errors));
}

}  // namespace winnow::api
