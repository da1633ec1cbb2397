#include "tests/support/json.hpp"

#include <ostream>

template class nlohmann::basic_json<>;

namespace nlohmann {

void PrintTo(const json& value, std::ostream* out)
{
    *out << value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace nlohmann

namespace winnow::test {

nlohmann::json parse_json(std::string_view text)
{
    return nlohmann::json::parse(text);
}

}  // namespace winnow::test
