#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/timer.hpp"
#include "core/verdict.hpp"

namespace winnow::verifier {

struct Asker;

/// An interactive check on its way: shared by who waits for it and by what goes on after that.
struct OpenCheck {
    std::string workspace;
    std::string text;              ///< the address as written
    std::string id;                ///< a ULID, once it can be looked for; else empty
    bool settled = false;          ///< `verdict` stands
    VerdictRecord verdict;         ///< until then: what was known without the mail host, not concluded
    std::vector<Evidence> heard;   ///< until then: what mail hosts said
    std::unique_ptr<Timer> timer;  ///< woken when it is settled
    std::shared_ptr<Asker> asker;  ///< of its question
};

/// Checks that their callers look for later, by id: bounded in number and time. Those that are not settled stay; of the
/// settled ones each stays for `keep`, and the oldest goes when there are too many. Not thread-safe.
class CheckTable {
public:
    CheckTable(std::size_t most_settled, milliseconds keep) : most_settled_(most_settled), keep_(keep) {}

    /// Its id and workspace are set, and do not change any more.
    void add(std::shared_ptr<OpenCheck> check);
    /// Its time begins, when it was added.
    void settled(const OpenCheck& check, SteadyPoint now);
    /// Null when the workspace has none of this id, or not any more.
    std::shared_ptr<const OpenCheck> find(const std::string& workspace, const std::string& id, SteadyPoint now);
    std::size_t size() const noexcept { return checks_.size(); }

private:
    using Key = std::pair<std::string, std::string>;  // workspace, id

    void forget(SteadyPoint now);

    std::size_t most_settled_;
    milliseconds keep_;
    std::map<Key, std::shared_ptr<OpenCheck>> checks_;
    std::deque<std::pair<SteadyPoint, Key>> ends_;  ///< of settled ones, oldest first
};

}  // namespace winnow::verifier
