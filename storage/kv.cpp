#include "storage/kv.hpp"

#include <array>

namespace winnow::storage {

std::string_view to_string(Family family) noexcept
{
    static constexpr std::array<std::string_view, family_count> names = {
        "meta",       "document", "state",      "row",         "result",      "row_due",
        "verdict",    "evidence", "strike",     "fact",        "suppression", "suppression_domain",
        "clear_text", "message",  "message_id", "due",         "held",        "in_flight",
        "body",       "event",    "value",      "idempotency", "quarantine"};
    const auto index = static_cast<std::size_t>(family);
    return index < names.size() ? names[index] : std::string_view("unknown");
}

void KvBatch::add(KvWrite::Kind kind, Family family, std::string key, std::string value)
{
    bytes += key.size() + value.size() + 16;
    writes.push_back(KvWrite{kind, family, std::move(key), std::move(value)});
}

void KvBatch::put(Family family, std::string key, std::string value)
{
    add(KvWrite::Kind::put, family, std::move(key), std::move(value));
}

void KvBatch::erase(Family family, std::string key)
{
    add(KvWrite::Kind::erase, family, std::move(key));
}

}  // namespace winnow::storage
