#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "storage/engine.hpp"

namespace winnow::api {

/// What is known of a list beside its record: the latest job, and how the file was read.
struct ListMemory {
    std::string job_id;
    std::string encoding;
    std::vector<std::string> notes;
};

/// An empty one for a list of which nothing is known.
boost::asio::awaitable<Result<ListMemory>> recall(storage::Engine& engine, std::string workspace, std::string list_id);
storage::PutValue memory_op(const std::string& workspace, const std::string& list_id, const ListMemory& memory);

}  // namespace winnow::api
