#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace winnow::verifier {

/// Many short texts that never change, in one block of memory: 120,000 domains cost 2.5 MB. Immutable after parse,
/// hence safe to share between threads.
class StringSet {
public:
    StringSet() = default;

    /// One text per line; empty lines and lines that start with '#' are skipped, a final CR is not part of a text. Need
    /// not be sorted, repeats are dropped. Errc::limit_exceeded past 1 GB.
    static Result<StringSet> parse(std::string_view lines);

    bool contains(std::string_view text) const noexcept;
    std::size_t size() const noexcept { return ends_.size(); }
    bool empty() const noexcept { return ends_.empty(); }
    /// In sorted order; valid as long as the set is.
    std::string_view operator[](std::size_t i) const noexcept;
    std::size_t memory() const noexcept { return pool_.capacity() + ends_.capacity() * sizeof(std::uint32_t); }

private:
    std::string pool_;                 ///< the texts in sorted order, without separators
    std::vector<std::uint32_t> ends_;  ///< where each one ends
};

}  // namespace winnow::verifier
