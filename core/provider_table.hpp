#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace winnow {

/// What stands behind an MX host.
enum class ProviderKind : std::uint8_t {
    mailbox = 1,  ///< a mail service: mailboxes of many people, own reply dialect
    hosting,      ///< web or domain hosting with mail
    seg,          ///< security gateway in front of another server: RCPT answers may not be the mailbox's
    forwarding,   ///< passes mail on, or takes it for an application
    parked,       ///< takes mail for unused domains; acceptance proves nothing
    disposable,
};
std::string_view to_string(ProviderKind kind) noexcept;
std::optional<ProviderKind> provider_kind_from(std::string_view word) noexcept;

struct Provider {
    std::string name;       ///< "gmail"; the word that replies.tsv restricts rows to
    std::string operator_;  ///< who runs it: caps, probe budget, warm-up and breakers are per operator ("google")
    ProviderKind kind = ProviderKind::mailbox;
    bool large = false;  ///< manners of large operators apply (docs/verification.md)
    /// Takes RCPT for mailboxes that do not exist and refuses or bounces later: that it takes a stranger does not make
    /// a catch-all of a domain.
    bool accepts_all = false;
};

/// MX host suffix -> provider, from data/mx-providers.tsv. Longest suffix wins; a row that starts with a dot covers
/// names below it (and not the bare name), a row without a dot only that very name. The rows are immutable, and reading
/// them thread-safe; a table that is given other rows belongs to one thread.
class ProviderTable {
public:
    /// Columns: suffix, provider, operator, kind, flags, source. The error names the line and the field. Of two rows
    /// with the same suffix the later one counts, so that a site's own rows can follow the file's.
    static Result<ProviderTable> parse(std::string_view tsv);
    static Result<ProviderTable> load(const std::string& path);

    /// `mx_host` in any case, a final dot is ignored. nullptr when no row covers it. The pointer lives as long as the
    /// table.
    const Provider* find(std::string_view mx_host) const;
    const Provider* by_name(std::string_view provider) const;
    /// Every provider once, by name.
    std::vector<const Provider*> providers() const;
    std::size_t rows() const noexcept;
    /// Answers by the rows of `other` from now on. Providers that were found before stay valid: somebody may hold one
    /// for as long as a domain is remembered, so the old rows are kept, which costs their memory.
    void replace_rows(ProviderTable other);

    ProviderTable(ProviderTable&&) noexcept;
    ProviderTable& operator=(ProviderTable&&) noexcept;
    ~ProviderTable();

private:
    struct Table;
    explicit ProviderTable(std::unique_ptr<const Table> table);
    std::unique_ptr<const Table> table_;
    std::vector<std::unique_ptr<const Table>> replaced_;
};

}  // namespace winnow
