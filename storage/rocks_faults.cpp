#include "storage/rocks_faults.hpp"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <filesystem>
#include <utility>

namespace winnow::storage {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

class ScriptedFile final : public rocksdb::FSWritableFileOwnerWrapper {
public:
    ScriptedFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::string name, std::shared_ptr<RocksFaults> faults)
        : FSWritableFileOwnerWrapper(std::move(file)), name_(std::move(name)), faults_(std::move(faults))
    {
    }
    IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* debug) override
    {
        size_ += data.size();
        return faults_->is_off() ? IOStatus::OK() : target()->Append(data, options, debug);
    }
    IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                    const rocksdb::DataVerificationInfo& verification, IODebugContext* debug) override
    {
        size_ += data.size();
        return faults_->is_off() ? IOStatus::OK() : target()->Append(data, options, verification, debug);
    }
    IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override
    {
        return faults_->is_off() ? IOStatus::OK() : target()->Truncate(size, options, debug);
    }
    IOStatus Sync(const IOOptions& options, IODebugContext* debug) override
    {
        return sync([&] { return target()->Sync(options, debug); });
    }
    IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override
    {
        return sync([&] { return target()->Fsync(options, debug); });
    }

private:
    template <class Do>
    IOStatus sync(Do really)
    {
        if (name_.ends_with(".log")) {
            const int left = faults_->fail_sync_after.load();
            if (left == 0)
                return IOStatus::IOError("sync failed, as scripted");
            if (left > 0)
                --faults_->fail_sync_after;
        }
        if (faults_->is_off())
            return IOStatus::OK();
        const std::uint64_t size = size_;
        IOStatus status = really();
        // The power may have gone during the sync: then it does not count.
        if (status.ok() && !faults_->is_off())
            faults_->synced(name_, size);
        return status;
    }

    std::string name_;
    std::shared_ptr<RocksFaults> faults_;
    std::uint64_t size_ = 0;
};

class ScriptedFileSystem final : public rocksdb::FileSystemWrapper {
public:
    ScriptedFileSystem(const std::shared_ptr<rocksdb::FileSystem>& base, std::shared_ptr<RocksFaults> faults)
        : FileSystemWrapper(base), faults_(std::move(faults))
    {
    }
    const char* Name() const override { return "winnow.scripted"; }
    IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* file, IODebugContext* debug) override
    {
        rocksdb::FileOptions plain = options;
        plain.use_mmap_writes = false;
        IOStatus status = target()->NewWritableFile(name, plain, file, debug);
        if (status.ok()) {
            faults_->created(name);
            *file = std::make_unique<ScriptedFile>(std::move(*file), name, faults_);
        }
        return status;
    }
    IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                        IODebugContext* debug) override
    {
        if (faults_->is_off())
            return IOStatus::OK();
        IOStatus status = target()->RenameFile(from, to, options, debug);
        if (status.ok())
            faults_->renamed(from, to);
        return status;
    }
    IOStatus DeleteFile(const std::string& name, const IOOptions& options, IODebugContext* debug) override
    {
        if (faults_->is_off())
            return IOStatus::OK();
        IOStatus status = target()->DeleteFile(name, options, debug);
        if (status.ok())
            faults_->removed(name);
        return status;
    }

private:
    std::shared_ptr<RocksFaults> faults_;
};

}  // namespace

void RocksFaults::created(const std::string& file)
{
    const std::lock_guard lock(mutex_);
    if (off_)
        made_after_[file] = true;
    else
        synced_size_[file] = 0;
}

void RocksFaults::synced(const std::string& file, std::uint64_t size)
{
    const std::lock_guard lock(mutex_);
    synced_size_[file] = size;
}

void RocksFaults::renamed(const std::string& from, const std::string& to)
{
    const std::lock_guard lock(mutex_);
    if (const auto found = synced_size_.find(from); found != synced_size_.end()) {
        synced_size_[to] = found->second;
        synced_size_.erase(found);
    }
}

void RocksFaults::removed(const std::string& file)
{
    const std::lock_guard lock(mutex_);
    synced_size_.erase(file);
}

Result<> RocksFaults::lose_unsynced()
{
    const std::lock_guard lock(mutex_);
    std::error_code failed;
    for (const auto& [file, size] : synced_size_)
        if (std::filesystem::exists(file)) {
            std::filesystem::resize_file(file, size, failed);
            if (failed)
                return Error(Errc::io_error, "cannot cut " + file + ": " + failed.message());
        }
    for (const auto& [file, made] : made_after_)
        std::filesystem::remove(file, failed);
    synced_size_.clear();
    made_after_.clear();
    off_ = false;
    return {};
}

std::unique_ptr<rocksdb::Env> make_scripted_env(std::shared_ptr<RocksFaults> faults)
{
    return rocksdb::NewCompositeEnv(
        std::make_shared<ScriptedFileSystem>(rocksdb::FileSystem::Default(), std::move(faults)));
}

}  // namespace winnow::storage
