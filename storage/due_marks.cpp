#include "storage/due_marks.hpp"

namespace winnow::storage {

DueMarks::Mark& DueMarks::mark_of(const FlowKey& flow)
{
    if (marks_.size() >= max_marks) {
        marks_.clear();
        unmarked_generation_ = ++last_generation_;
    }
    return marks_.try_emplace(flow, Mark{{}, unmarked_generation_}).first->second;
}

DueMarks::Start DueMarks::start(const FlowKey& flow) const
{
    const std::lock_guard lock(mutex_);
    const auto found = marks_.find(flow);
    return found == marks_.end() ? Start{{}, unmarked_generation_}
                                 : Start{found->second.lower, found->second.generation};
}

void DueMarks::raise(const FlowKey& flow, const Start& start, std::string key)
{
    const std::lock_guard lock(mutex_);
    Mark& mark = mark_of(flow);
    if (mark.generation == start.generation && mark.lower < key)
        mark.lower = std::move(key);
}

void DueMarks::wrote(const FlowKey& flow, const std::string& key)
{
    const std::lock_guard lock(mutex_);
    Mark& mark = mark_of(flow);
    mark.generation = ++last_generation_;
    if (key < mark.lower)
        mark.lower = key;
}

}  // namespace winnow::storage
