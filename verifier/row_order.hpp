#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

namespace winnow::verifier {

/// Rows of a list that were read and not handed out yet, put together by domain: what is asked of one mail host then
/// shares its connections, and what DNS says of a domain is used while it is fresh. Domains take turns, a chunk each,
/// so that a large one does not hold up the others. Not thread-safe.
class RowOrder {
public:
    struct Row {
        std::uint64_t number = 0;
        std::string address;  ///< as written
    };

    /// `chunk`: rows of a domain in one turn, > 0; about what one connection may
    /// ask.
    explicit RowOrder(std::size_t chunk) : chunk_(chunk) {}

    void add(Row row);
    /// Whole turns until `most` rows are reached or none is left; a turn more than that at most.
    std::vector<Row> take(std::size_t most);
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }

private:
    struct Domain {
        std::string name;
        std::vector<Row> rows;  ///< those before `next` were taken
        std::size_t next = 0;
    };

    std::size_t chunk_;
    std::size_t size_ = 0;
    std::unordered_map<std::string, Domain> domains_;  ///< those with rows
    std::deque<Domain*> turns_;                        ///< each once
};

}  // namespace winnow::verifier
