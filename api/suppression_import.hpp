#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/answer.hpp"
#include "api/sendgrid_export.hpp"
#include "storage/engine.hpp"

namespace winnow::api {

/// The reasons that people may give. An erasure is more than an entry: neither a request nor a file makes one.
std::vector<SuppressionReason> given_reasons();

struct SuppressionImportOptions {
    std::string workspace = "default";
    ScopeKind scope = ScopeKind::workspace;
    std::string list_id;                      ///< for list scope
    std::optional<SuppressionReason> reason;  ///< of rows that do not say; else by the kind of file, or manual
    std::string column;                       ///< of the addresses, see SuppressionRows; empty = found out
    std::string actor;                        ///< API key id or "cli"
    bool dry_run = false;                     ///< counts only: nothing is stored, no event either
};

struct SuppressionImportSummary {
    struct Fault {
        std::uint64_t line = 0;
        std::string detail;
    };
    std::string id;                   ///< ULID; source_event of the entries; empty for a dry run
    std::uint64_t added = 0;          ///< rows stored, or that would be
    std::uint64_t already_there = 0;  ///< rows whose address has an entry of the scope that is at least as strong
    std::uint64_t malformed = 0;
    std::vector<Fault> faults;  ///< the first 100 malformed rows
    std::string encoding;
    bool dry_run = false;
    std::optional<SendGridExport> kind;  ///< when the columns tell
};

/// Suppressions from a file as a stream; for what it may be see SuppressionRows and SendGridExport. A cell
/// "@example.com" is a whole domain. Columns and members named reason, domain, digest, note, expires and created
/// (seconds since 1970 or RFC 3339; the first time) are read too when there are any, so that what winnow exports (and
/// what most senders export) comes back; a reason that is not of given_reasons() becomes the note. An address that is
/// suppressed in the scope by an equal or stronger reason, for as long, is left as it is, with its origin and dates.
/// Scopes come from the options alone. Rows are stored in batches of 500: after an error, which tells how many, those
/// before are in, and sending the file again does no harm.
class SuppressionImport {
public:
    using Seal = std::function<void(const SuppressionImportSummary& summary, storage::OpList& last)>;

    SuppressionImport(storage::Engine& engine, Rng& rng, SuppressionImportOptions options);
    ~SuppressionImport();
    awaitable<Result<>> feed(std::string piece);
    /// Errors of both as SuppressionRows. `seal` may add to the last commit what has to be stored with it.
    awaitable<Result<SuppressionImportSummary>> finish(Seal seal);
    awaitable<Result<SuppressionImportSummary>> finish();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace winnow::api
