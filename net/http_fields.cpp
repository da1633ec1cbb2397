#include <algorithm>

#include "net/http.hpp"
#include "net/http_wire.hpp"

namespace winnow::net {
namespace {

char lower(char c) noexcept
{
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool same_field_name(std::string_view a, std::string_view b) noexcept
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

void HttpFields::set(std::string name, std::string value)
{
    std::erase_if(fields_, [&](const auto& field) { return same_field_name(field.first, name); });
    add(std::move(name), std::move(value));
}

std::string_view HttpFields::get(std::string_view name) const noexcept
{
    for (const auto& [field, value] : fields_)
        if (same_field_name(field, name))
            return value;
    return {};
}

bool HttpFields::has(std::string_view name) const noexcept
{
    return std::any_of(fields_.begin(), fields_.end(),
                       [&](const auto& field) { return same_field_name(field.first, name); });
}

std::optional<std::string> HttpRequest::query_value(std::string_view name) const
{
    for (const auto& [key, value] : query)
        if (key == name)
            return value;
    return std::nullopt;
}

awaitable<Result<std::string>> read_all(HttpBody& body, std::size_t limit)
{
    std::string out;
    for (;;) {
        WINNOW_CO_TRY(std::string piece, co_await body.read_some());
        if (piece.empty())
            co_return out;
        if (piece.size() > limit - out.size())
            co_return Error{Errc::limit_exceeded, "the body is longer than " + std::to_string(limit) + " octets"};
        if (out.empty())
            out = std::move(piece);
        else
            out += piece;
    }
}

}  // namespace winnow::net
