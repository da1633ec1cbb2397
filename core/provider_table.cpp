#include "core/provider_table.hpp"

#include <map>
#include <unordered_map>

#include "core/split.hpp"
#include "core/tsv.hpp"
#include "core/unicode.hpp"

namespace winnow {
namespace {

constexpr std::pair<ProviderKind, std::string_view> kind_names[] = {
    {ProviderKind::mailbox, "mailbox"}, {ProviderKind::hosting, "hosting"},
    {ProviderKind::seg, "seg"},         {ProviderKind::forwarding, "forwarding"},
    {ProviderKind::parked, "parked"},   {ProviderKind::disposable, "disposable"},
};

std::string lower_host(std::string_view host)
{
    if (!host.empty() && host.back() == '.')
        host.remove_suffix(1);
    return to_lower_ascii(host);
}

}  // namespace

std::string_view to_string(ProviderKind kind) noexcept
{
    for (const auto& [value, name] : kind_names)
        if (value == kind)
            return name;
    return "";
}

std::optional<ProviderKind> provider_kind_from(std::string_view word) noexcept
{
    for (const auto& [value, name] : kind_names)
        if (name == word)
            return value;
    return std::nullopt;
}

namespace {

/// "-", or words separated by commas.
bool read_flags(std::string_view text, Provider& provider)
{
    if (text.empty() || text == "-")
        return true;
    for (const std::string_view word : split(text, ',')) {
        if (word == "large")
            provider.large = true;
        else if (word == "accepts_all")
            provider.accepts_all = true;
        else
            return false;
    }
    return true;
}

}  // namespace

struct ProviderTable::Table {
    std::map<std::string, Provider, std::less<>> providers;
    std::unordered_map<std::string, const Provider*> suffixes;  ///< ".example.com" or "mx.example.com"
};

ProviderTable::ProviderTable(std::unique_ptr<const Table> table) : table_(std::move(table)) {}
ProviderTable::ProviderTable(ProviderTable&&) noexcept = default;
ProviderTable& ProviderTable::operator=(ProviderTable&&) noexcept = default;
ProviderTable::~ProviderTable() = default;

Result<ProviderTable> ProviderTable::parse(std::string_view tsv)
{
    auto table = std::make_unique<Table>();
    TsvReader reader(tsv, 6);
    while (true) {
        WINNOW_TRY(const TsvRow* row, reader.next());
        if (!row)
            break;
        const auto& field = row->fields;
        const std::string suffix = lower_host(field[0]);
        if (suffix.empty() || suffix == "." || suffix.find(' ') != std::string::npos)
            return row->error("suffix", "a host name, or a dot and a domain");
        if (field[1].empty() || field[2].empty())
            return row->error("provider", "provider and operator are required");
        const auto kind = provider_kind_from(field[3]);
        if (!kind)
            return row->error("kind", "mailbox, hosting, seg, forwarding, parked or disposable");
        Provider provider{std::string(field[1]), std::string(field[2]), *kind};
        if (!read_flags(field[4], provider))
            return row->error("flags", "\"-\", or \"large\" and \"accepts_all\" separated by a comma");
        const auto [at, added] = table->providers.try_emplace(provider.name, provider);
        if (!added && (at->second.operator_ != provider.operator_ || at->second.kind != provider.kind))
            return row->error("operator", "the same as in the provider's first row, as for kind");
        at->second.large |= provider.large;
        at->second.accepts_all |= provider.accepts_all;
        table->suffixes[suffix] = &at->second;
    }
    return ProviderTable(std::move(table));
}

Result<ProviderTable> ProviderTable::load(const std::string& path)
{
    WINNOW_TRY(const std::string text, read_text_file(path));
    return parse(text);
}

const Provider* ProviderTable::find(std::string_view mx_host) const
{
    std::string host = lower_host(mx_host);
    if (const auto exact = table_->suffixes.find(host); exact != table_->suffixes.end())
        return exact->second;
    // The leftmost dot gives the longest suffix.
    for (std::size_t dot = host.find('.'); dot != std::string::npos; dot = host.find('.', dot + 1))
        if (const auto below = table_->suffixes.find(host.substr(dot)); below != table_->suffixes.end())
            return below->second;
    return nullptr;
}

const Provider* ProviderTable::by_name(std::string_view provider) const
{
    const auto at = table_->providers.find(provider);
    return at == table_->providers.end() ? nullptr : &at->second;
}

std::vector<const Provider*> ProviderTable::providers() const
{
    std::vector<const Provider*> all;
    for (const auto& [name, provider] : table_->providers)
        all.push_back(&provider);
    return all;
}

void ProviderTable::replace_rows(ProviderTable other)
{
    replaced_.push_back(std::move(table_));
    table_ = std::move(other.table_);
}

std::size_t ProviderTable::rows() const noexcept
{
    return table_->suffixes.size();
}

}  // namespace winnow
