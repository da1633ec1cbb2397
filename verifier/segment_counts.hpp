#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "storage/engine.hpp"

namespace winnow::verifier {

template <class T>
using awaitable = boost::asio::awaitable<T>;

/// How many addresses of a list are in which segment. Each address once: duplicates and rows without a result do not
/// count.
struct SegmentCounts {
    std::uint64_t addresses = 0;
    std::map<Verdict, std::uint64_t> by_verdict;
    std::map<Reason, std::uint64_t> by_reason;
    std::map<Flag, std::uint64_t> by_flag;
    std::map<std::string, std::uint64_t> by_provider;  ///< no_provider (verifier/segment.hpp) where it is not known
};

/// Reads all results of the list, once.
awaitable<Result<SegmentCounts>> count_segments(storage::Engine& engine, std::string workspace, std::string list_id);

}  // namespace winnow::verifier
