#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "storage/engine.hpp"
#include "verifier/list_reader.hpp"

namespace winnow::verifier {

template <class T>
using awaitable = boost::asio::awaitable<T>;

struct UploadOptions {
    std::string workspace = "default";
    std::string name;  ///< empty = the file's
    std::string source, collected_at, consent_basis;
    ListReading reading;
    /// The same key with the same file gives the first list again for 24 h; with another file Errc::conflict.
    std::string idempotency_key;
    std::string request;  ///< what else has to be the same under the key (the request's parameters)
};

struct UploadSummary {
    storage::ListRecord list;
    std::uint64_t bytes = 0;
    std::string encoding;            ///< "UTF-8", "UTF-16LE", "windows-1252"
    std::vector<std::string> notes;  ///< what was repaired or guessed, one sentence each
    bool repeated = false;           ///< taken before under the same idempotency key: `list` is the first one
};

/// A list upload as a stream into the store, in bounded memory (but for 16 octets and two row numbers per address, for
/// dedupe): what ListReader reads, in batches. Nothing of a failed upload stays visible as a complete list. Errors name
/// the file, the field and the cure ("no column looks like e-mail addresses; use --column NAME").
class ListIngest {
public:
    ListIngest(storage::Engine& engine, Rng& rng, UploadOptions options);
    ~ListIngest();
    awaitable<Result<>> feed(std::string piece);
    /// Name, source, collected_at and consent_basis of a form whose fields come behind the file. Before finish().
    void describe(const UploadOptions& late);
    /// The file is over: stores the rows that are left and gives the list as it will be. It is not one before finish(),
    /// which ends by itself what was not.
    awaitable<Result<storage::ListRecord>> end();
    awaitable<Result<UploadSummary>> finish();
    /// Removes what an upload that failed has stored so far. Without it (a crash) the list stays, as incomplete.
    awaitable<Result<>> discard();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace winnow::verifier
