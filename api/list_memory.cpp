#include "api/list_memory.hpp"

#include <nlohmann/json.hpp>

#include "core/ndjson.hpp"

namespace winnow::api {
namespace {

using nlohmann::json;

std::string memory_key(const std::string& workspace, const std::string& list_id)
{
    return "list/" + workspace + "/" + list_id;
}

}  // namespace

boost::asio::awaitable<Result<ListMemory>> recall(storage::Engine& engine, std::string workspace, std::string list_id)
{
    WINNOW_CO_TRY(const auto stored, co_await engine.get_value(memory_key(workspace, list_id)));
    ListMemory memory;
    if (!stored)
        co_return memory;
    WINNOW_CO_TRY(const auto value, parse_json(*stored));
    memory.job_id = value.value("job", "");
    memory.encoding = value.value("encoding", "");
    memory.notes = value.value("notes", std::vector<std::string>{});
    co_return memory;
}

storage::PutValue memory_op(const std::string& workspace, const std::string& list_id, const ListMemory& memory)
{
    const json value{{"job", memory.job_id}, {"encoding", memory.encoding}, {"notes", memory.notes}};
    return {memory_key(workspace, list_id), dump_json(value), {}};
}

}  // namespace winnow::api
