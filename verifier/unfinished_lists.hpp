#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <string>

#include "core/result.hpp"

namespace winnow::storage {
class Engine;
}

namespace winnow::verifier {

/// Removes the lists of a workspace whose upload did not end, because winnow did, or because the store could not even
/// take out again what it had taken (a full disk): nobody can finish them. For the start, while nothing is uploaded.
/// How many there were.
boost::asio::awaitable<Result<std::size_t>> discard_unfinished_lists(storage::Engine& engine, std::string workspace);

}  // namespace winnow::verifier
