#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "storage/records.hpp"

namespace winnow::storage {

/// The low mark of each flow: no live due key lies below it, so a walk may start there instead of crossing all the
/// removed keys of what was sent. In memory only: a missing mark costs time, never correctness. Thread-safe.
///
/// A walker takes start(), reads, and reports what it found with raise(). A writer calls wrote() after its keys have
/// become visible. Every wrote() gives the flow a new generation, so that a walk which began before it cannot lift the
/// mark above a key that it did not see.
class DueMarks {
public:
    struct Start {
        std::string lower;  ///< empty: no mark, begin at the flow's first key
        std::uint64_t generation = 0;
    };
    Start start(const FlowKey& flow) const;
    /// Nothing lives below `key`, as far as a walk from `start` could see.
    void raise(const FlowKey& flow, const Start& start, std::string key);
    void wrote(const FlowKey& flow, const std::string& key);

private:
    struct Mark {
        std::string lower;
        std::uint64_t generation = 0;
    };
    Mark& mark_of(const FlowKey& flow);

    static constexpr std::size_t max_marks = 200'000;  ///< of flows that ended too; then all are forgotten

    mutable std::mutex mutex_;
    std::map<FlowKey, Mark> marks_;
    std::uint64_t last_generation_ = 0;
    std::uint64_t unmarked_generation_ = 0;  ///< of all flows without a mark
};

}  // namespace winnow::storage
