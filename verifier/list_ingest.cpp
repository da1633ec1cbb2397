#include "verifier/list_ingest.hpp"

#include <utility>

#include "core/crypto.hpp"
#include "core/ids.hpp"
#include "verifier/duplicates.hpp"

namespace winnow::verifier {
namespace {

constexpr std::size_t rows_per_commit = 1'000;
constexpr std::size_t bytes_per_commit = 1 << 20;
constexpr milliseconds replay_memory = std::chrono::hours{24};

}  // namespace

struct ListIngest::Impl {
    Impl(storage::Engine& e, Rng& r, UploadOptions o)
        : engine(e), rng(r), options(std::move(o)), reader(options.reading), duplicates(e.digester())
    {
    }

    storage::Engine& engine;
    Rng& rng;
    UploadOptions options;
    crypto::Sha256 digest;  ///< of the file, for idempotent uploads
    ListReader reader;
    Duplicates duplicates;
    UploadSummary summary;
    std::vector<storage::ListRow> batch;
    std::size_t batch_bytes = 0;
    std::vector<std::uint64_t> not_alone;  ///< rows before the batch or in it that have a ListRow::person by now
    bool ended = false;

    void describe_list();
    void take_row(storage::ListRow row);
    awaitable<Result<>> store_list();
    awaitable<Result<>> put_rows(std::vector<storage::ListRow> rows);
    awaitable<Result<>> mark_people();
    awaitable<Result<>> flush();
    awaitable<Result<>> drain();
    awaitable<Result<>> end();
    awaitable<Result<>> complete();
    awaitable<Result<>> discard();
};

void ListIngest::Impl::describe_list()
{
    storage::ListRecord& list = summary.list;
    list.workspace = options.workspace;
    list.name = options.name.empty() ? options.reading.file() : options.name;
    list.source = options.source;
    list.collected_at = options.collected_at;
    list.consent_basis = options.consent_basis;
    reader.describe(list);
}

void ListIngest::Impl::take_row(storage::ListRow row)
{
    storage::ListRecord& list = summary.list;
    list.rows = row.number;
    if (!row.malformed.empty()) {
        ++list.malformed;
    } else {
        const Duplicates::Found found = duplicates.show(row.address, row.number);
        row.duplicate_of = found.duplicate_of;
        row.person = found.person;
        if (found.was_alone)
            not_alone.push_back(found.person);
        list.duplicates += row.duplicate_of != 0;
    }
    batch_bytes += row.raw.size();
    batch.push_back(std::move(row));
}

awaitable<Result<>> ListIngest::Impl::store_list()
{
    auto ops = storage::OpList::of(storage::PutList{summary.list});
    WINNOW_CO_TRY(const auto stored, co_await engine.commit(std::move(ops)));
    summary.list.version = stored.results.front().version;
    co_return Result<>{};
}

awaitable<Result<>> ListIngest::Impl::put_rows(std::vector<storage::ListRow> rows)
{
    auto ops = storage::OpList::of(storage::PutRows{summary.list.workspace, summary.list.id, std::move(rows)});
    WINNOW_CO_CHECK(co_await engine.commit(std::move(ops)));
    co_return Result<>{};
}

/// The first row of a person learns that there are more only when they come: it is in the batch, or stored already.
awaitable<Result<>> ListIngest::Impl::mark_people()
{
    const storage::ListRecord& list = summary.list;
    const std::uint64_t first_of_batch = batch.front().number;
    const std::vector<std::uint64_t> numbers = std::exchange(not_alone, {});
    std::vector<storage::ListRow> marked;
    std::size_t marked_bytes = 0;
    for (const std::uint64_t number : numbers) {
        if (number >= first_of_batch) {
            batch[number - first_of_batch].person = number;
            continue;
        }
        WINNOW_CO_TRY(auto stored, co_await engine.rows(list.workspace, list.id, number, 1));
        if (stored.empty() || stored.front().number != number)
            co_return Error{Errc::corrupt, "row " + std::to_string(number) + " of the list is not there any more"};
        stored.front().person = number;
        marked_bytes += stored.front().raw.size();
        marked.push_back(std::move(stored.front()));
        if (marked_bytes >= bytes_per_commit) {
            std::vector<storage::ListRow> full = std::exchange(marked, {});
            marked_bytes = 0;
            WINNOW_CO_CHECK(co_await put_rows(std::move(full)));
        }
    }
    if (!marked.empty()) {
        WINNOW_CO_CHECK(co_await put_rows(std::move(marked)));
    }
    co_return Result<>{};
}

awaitable<Result<>> ListIngest::Impl::flush()
{
    if (summary.list.version == 0) {
        summary.list.created = engine.now();
        summary.list.id = make_ulid(summary.list.created, rng);
        describe_list();
        WINNOW_CO_CHECK(co_await store_list());
    }
    if (batch.empty())
        co_return Result<>{};
    WINNOW_CO_CHECK(co_await mark_people());
    std::vector<storage::ListRow> rows;
    rows.swap(batch);
    batch_bytes = 0;
    co_return co_await put_rows(std::move(rows));
}

/// Stores what the reader has, in batches: what is read and not stored yet stays small.
awaitable<Result<>> ListIngest::Impl::drain()
{
    for (;;) {
        WINNOW_CO_TRY(storage::ListRow* const row, reader.next());
        if (!row)
            co_return Result<>{};
        take_row(std::move(*row));
        if (batch.size() >= rows_per_commit || batch_bytes >= bytes_per_commit) {
            WINNOW_CO_CHECK(co_await flush());
        }
    }
}

awaitable<Result<>> ListIngest::Impl::end()
{
    reader.finish();
    WINNOW_CO_CHECK(co_await drain());
    WINNOW_CO_CHECK(co_await flush());
    describe_list();  // what only the end of the file tells
    ended = true;
    co_return Result<>{};
}

/// The last commit: from now on it is a list. With an idempotency key it may turn out to be the second of its kind.
awaitable<Result<>> ListIngest::Impl::complete()
{
    storage::ListRecord& list = summary.list;
    list.complete = true;
    if (options.idempotency_key.empty())
        co_return co_await store_list();
    const std::string name = options.workspace + "/" + options.idempotency_key;
    const std::string key = "upload/" + engine.digester().text("upload", name).hex();
    auto ops =
        storage::OpList::of(storage::PutList{list}, storage::PutValue{key, list.id, engine.now() + replay_memory});
    ops.idempotency_key = key;
    ops.fingerprint = crypto::hex(digest.finish());
    auto committed = co_await engine.commit(std::move(ops));
    if (committed && !committed->replayed) {
        list.version = committed->results.front().version;
        co_return Result<>{};
    }
    WINNOW_CO_CHECK(co_await discard());
    if (!committed)
        co_return committed.error();
    WINNOW_CO_TRY(const auto id, co_await engine.get_value(key));
    const std::string first_id = id.value_or("");
    WINNOW_CO_TRY(auto first, co_await engine.get_list(options.workspace, first_id));
    if (!first)
        co_return Error{Errc::conflict, "the list of the first upload with this idempotency key was deleted"};
    list = std::move(*first);
    summary.repeated = true;
    summary.notes.push_back("the same upload was taken before; this is its list");
    co_return Result<>{};
}

awaitable<Result<>> ListIngest::Impl::discard()
{
    storage::ListRecord& list = summary.list;
    if (list.version == 0)
        co_return Result<>{};
    auto ops = storage::OpList::of(storage::DeleteList{list.workspace, list.id});
    WINNOW_CO_CHECK(co_await engine.commit(std::move(ops)));
    list.version = 0;
    co_return Result<>{};
}

ListIngest::ListIngest(storage::Engine& engine, Rng& rng, UploadOptions options)
    : impl_(std::make_unique<Impl>(engine, rng, std::move(options)))
{
    impl_->digest.update(impl_->options.request);
}
ListIngest::~ListIngest() = default;

void ListIngest::describe(const UploadOptions& late)
{
    UploadOptions& options = impl_->options;
    options.name = late.name;
    options.source = late.source;
    options.collected_at = late.collected_at;
    options.consent_basis = late.consent_basis;
}

awaitable<Result<>> ListIngest::feed(std::string piece)
{
    impl_->summary.bytes += piece.size();
    impl_->digest.update(piece);
    impl_->reader.feed(std::move(piece));
    return impl_->drain();
}

awaitable<Result<storage::ListRecord>> ListIngest::end()
{
    Impl& self = *impl_;
    if (!self.ended) {
        WINNOW_CO_CHECK(co_await self.end());
    }
    co_return self.summary.list;
}

awaitable<Result<UploadSummary>> ListIngest::finish()
{
    Impl& self = *impl_;
    if (!self.ended) {
        WINNOW_CO_CHECK(co_await self.end());
    }
    self.summary.encoding = std::string(to_string(self.reader.shape().encoding));
    self.summary.notes = self.reader.notes();
    WINNOW_CO_CHECK(co_await self.complete());
    co_return self.summary;
}

awaitable<Result<>> ListIngest::discard()
{
    return impl_->discard();
}

}  // namespace winnow::verifier
