#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>

#include "app/runtime.hpp"
#include "core/unmatched_replies.hpp"
#include "storage/engine.hpp"

namespace winnow::app {

/// The replies of a store that no row reads, as `winnow replies unmatched` and the API show them; without those that a
/// row has been added for since.
boost::asio::awaitable<Result<>> load_unmatched(storage::Engine& engine, const ReplyClassifier& replies,
                                                UnmatchedReplies& into);

/// Collects what the runtime's reply table cannot read, as long as it lives, and keeps it in the store: one small
/// value, written at most once a minute. A crash loses what came since then: these are hints, not records.
class UnmatchedKeeper {
public:
    UnmatchedKeeper(Runtime& runtime, storage::Engine& engine);
    ~UnmatchedKeeper();
    UnmatchedKeeper(const UnmatchedKeeper&) = delete;
    UnmatchedKeeper& operator=(const UnmatchedKeeper&) = delete;

    boost::asio::awaitable<void> load();
    boost::asio::awaitable<void> save();
    /// Saves now and then until stop().
    boost::asio::awaitable<void> run();
    void stop();
    /// After a change of the table: what it reads now is no longer unmatched.
    void forget_matched();
    const UnmatchedReplies& replies() const noexcept { return unmatched_; }

private:
    Runtime& runtime_;
    storage::Engine& engine_;
    UnmatchedReplies unmatched_;
    std::unique_ptr<Timer> timer_;
    std::uint64_t saved_ = 0;  ///< revision that the store has
    bool stopping_ = false;
};

}  // namespace winnow::app
