#pragma once

#include <cstddef>
#include <limits>
#include <memory>

#include "core/timer.hpp"
#include "net/stream.hpp"

namespace winnow::test {

struct MemoryStreamOptions {
    std::size_t capacity = 64 * 1024;  ///< octets under way in one direction; a write waits beyond
    std::size_t max_read = std::numeric_limits<std::size_t>::max();  ///< octets of one read: 1 splits everything
    net::Endpoint client{"192.0.2.1", 40'000};
    net::Endpoint server{"192.0.2.25", 25};
};

struct MemoryPair {
    std::unique_ptr<net::Stream> client;
    std::unique_ptr<net::Stream> server;
};

/// Two connected streams without a socket; deadlines are kept by `timers`, so they work in virtual time. TLS is real.
MemoryPair make_memory_pair(TimerSource& timers, MemoryStreamOptions options = {});

}  // namespace winnow::test
