#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>

#include "app/client.hpp"
#include "app/data_dir.hpp"
#include "storage/engine.hpp"

namespace winnow::app {

/// What a command does with a running server, and what with a store that no server holds. Both give the exit code.
struct EitherEnd {
    std::function<boost::asio::awaitable<Result<int>>(Client&)> remote;
    std::function<boost::asio::awaitable<Result<int>>(Runtime&, const Config&, storage::Engine&)> local;
};

/// --data-dir without --server means the store itself; else the server. Prints the error; gives the exit code.
int at_either_end(const Globals& globals, const EitherEnd& story, NewData new_data = NewData::refused);

}  // namespace winnow::app
