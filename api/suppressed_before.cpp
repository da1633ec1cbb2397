#include "api/suppressed_before.hpp"

#include <algorithm>
#include <vector>

#include "core/address.hpp"
#include "core/vocabulary.hpp"

namespace winnow::api {

awaitable<Result<std::optional<storage::SuppressionEntry>>> suppressed_before(storage::Engine& engine,
                                                                              storage::SuppressionEntry added)
{
    const storage::AddressDigester& digester = engine.digester();
    Address subject;
    std::vector<storage::H16> names;
    if (!added.address.empty()) {
        subject = parse_address(added.address).address;
        names = {digester.address(subject), digester.loose(subject)};
    } else {
        WINNOW_CO_TRY(subject.domain, to_ascii_domain(added.domain));
        names = {digester.domain(subject.domain)};
    }
    WINNOW_CO_TRY(const auto found, co_await engine.find_suppressions(added.workspace, subject));
    std::optional<storage::SuppressionEntry> strongest;
    for (const storage::SuppressionEntry& entry : found) {
        const bool same_scope = entry.scope == added.scope && entry.list_id == added.list_id;
        if (!same_scope || std::find(names.begin(), names.end(), entry.digest) == names.end())
            continue;
        if (!strongest || strength(entry.reason) > strength(strongest->reason))
            strongest = entry;
    }
    co_return strongest;
}

}  // namespace winnow::api
