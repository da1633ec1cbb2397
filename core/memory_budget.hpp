#pragma once

#include <cstdint>

namespace winnow {

/// Octets that many holders may keep in memory at once. Belongs to one thread.
class MemoryBudget {
public:
    explicit MemoryBudget(std::uint64_t limit) : limit_(limit) {}
    MemoryBudget(const MemoryBudget&) = delete;
    MemoryBudget& operator=(const MemoryBudget&) = delete;

    bool has_room(std::uint64_t octets) const noexcept { return octets <= limit_ - used_; }
    std::uint64_t used() const noexcept { return used_; }

    /// What one holder keeps; given back at the end of its life. The budget outlives it; null = unlimited.
    class Share {
    public:
        explicit Share(MemoryBudget* budget) noexcept : budget_(budget) {}
        Share(const Share&) = delete;
        Share& operator=(const Share&) = delete;
        ~Share() { (void)resize(0); }

        /// Counts `octets` from now on. False, and nothing changes, when the budget has no room for them.
        [[nodiscard]] bool resize(std::uint64_t octets) noexcept
        {
            if (budget_ == nullptr)
                return true;
            if (octets > octets_ && !budget_->has_room(octets - octets_))
                return false;
            budget_->used_ = budget_->used_ - octets_ + octets;
            octets_ = octets;
            return true;
        }

    private:
        MemoryBudget* budget_;
        std::uint64_t octets_ = 0;
    };

private:
    std::uint64_t limit_;
    std::uint64_t used_ = 0;  ///< <= limit_
};

}  // namespace winnow
