#include "storage/committer.hpp"

#include <optional>

#include "storage/awaitable_bridge.hpp"
#include "storage/body_segments.hpp"

namespace winnow::storage {

std::vector<Result<Committed>> GroupWriter::write(const std::function<std::optional<OpList>()>& next,
                                                  std::size_t group_bytes)
{
    std::vector<Result<Committed>> results;
    CommitGroup group(parts_.store, parts_.context, parts_.now());
    const auto may_write = writable();
    while (group.bytes() < group_bytes) {
        auto ops = next();
        if (!ops)
            break;
        if (may_write)
            results.push_back(group.add(std::move(*ops)));
        else
            results.emplace_back(may_write.error());
    }
    if (group.empty())
        return results;
    if (const auto synced = sync(group); !synced) {
        stop_writing(synced.error());
        // Refused lists keep their own answer: they were wrong whatever the disk does.
        for (auto& result : results)
            if (result)
                result = synced.error();
        return results;
    }
    {
        const std::lock_guard lock(mutex_);
        ++groups_;
        for (const auto& result : results)
            commits_ += result ? 1 : 0;
    }
    for (const DueNotice& notice : group.due_notices())
        parts_.marks.wrote(notice.flow, notice.key);
    tell(group.due_notices());
    return results;
}

/// Bodies before the log that refers to them.
Result<> GroupWriter::sync(const CommitGroup& group)
{
    if (parts_.bodies != nullptr) {
        WINNOW_CHECK(parts_.bodies->sync());
    }
    return parts_.store.write(group.batch(), true);
}

void GroupWriter::stop_writing(const Error& why)
{
    parts_.log.error("storage.read_only", {{"cause", why.message()}});
    const std::lock_guard lock(mutex_);
    read_only_ = true;
    read_only_reason_ = why.message();
}

Result<> GroupWriter::writable() const
{
    const std::lock_guard lock(mutex_);
    if (!read_only_)
        return {};
    // Callers tell this to clients; the cause names files, and is in the log.
    return Error(Errc::unavailable,
                 "the store is read-only since a write failed: see the log, mend the cause, restart");
}

void GroupWriter::add_watcher(Watcher watcher)
{
    const std::lock_guard lock(mutex_);
    watchers_.push_back(std::make_shared<const Watcher>(std::move(watcher)));
}

void GroupWriter::tell(const std::vector<DueNotice>& notices)
{
    if (notices.empty())
        return;
    std::vector<std::shared_ptr<const Watcher>> watchers;
    {
        const std::lock_guard lock(mutex_);
        watchers = watchers_;
    }
    for (const DueNotice& notice : notices)
        for (const auto& watcher : watchers)
            (*watcher)(notice.flow, notice.due);
}

void GroupWriter::report(EngineStats& stats) const
{
    const std::lock_guard lock(mutex_);
    stats.commits = commits_;
    stats.groups = groups_;
    stats.read_only = read_only_;
    stats.read_only_reason = read_only_reason_;
}

Committer::Committer(GroupWriter& writer, std::size_t group_bytes)
    : writer_(writer), group_bytes_(group_bytes), thread_([this] { run(); })
{
}

Committer::~Committer()
{
    close();
}

struct Committer::Submit {
    Committer* committer;
    OpList ops;
    void operator()(Completion<Committed> complete)
    {
        committer->enqueue(Waiting{std::move(ops), std::move(complete)});
    }
};

boost::asio::awaitable<Result<Committed>> Committer::submit(OpList ops)
{
    return await_completion<Committed>(Submit{this, std::move(ops)});
}

void Committer::enqueue(Waiting waiting)
{
    {
        const std::lock_guard lock(mutex_);
        if (!closed_) {
            waiting_.push_back(std::move(waiting));
            changed_.notify_one();
            return;
        }
    }
    waiting.complete(Error(Errc::unavailable, "the store is closed"));
}

void Committer::close()
{
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable())
        thread_.join();
}

void Committer::run()
{
    std::vector<std::function<void(Result<Committed>)>> completions;
    const auto next = [this, &completions]() -> std::optional<OpList> {
        const std::lock_guard lock(mutex_);
        if (waiting_.empty())
            return std::nullopt;
        OpList ops = std::move(waiting_.front().ops);
        completions.push_back(std::move(waiting_.front().complete));
        waiting_.pop_front();
        return ops;
    };
    for (;;) {
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [this] { return closed_ || !waiting_.empty(); });
            if (waiting_.empty())
                return;
        }
        auto results = writer_.write(next, group_bytes_);
        for (std::size_t i = 0; i < results.size(); ++i)
            completions[i](std::move(results[i]));
        completions.clear();
    }
}

}  // namespace winnow::storage
