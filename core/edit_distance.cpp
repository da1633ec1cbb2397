#include "core/edit_distance.hpp"

#include <algorithm>
#include <vector>

namespace winnow {

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit)
{
    if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > limit)
        return limit + 1;
    std::vector<std::size_t> before(b.size() + 1), previous(b.size() + 1), row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j)
        row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before.swap(previous);
        previous.swap(row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replace = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({previous[j] + 1, row[j - 1] + 1, replace});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        // Later rows never fall below the least of two neighbouring rows.
        if (std::min(*std::min_element(row.begin(), row.end()), *std::min_element(previous.begin(), previous.end())) >
            limit)
            return limit + 1;
    }
    return std::min(row[b.size()], limit + 1);
}

std::string_view nearest_word(std::string_view word, std::span<const std::string_view> known)
{
    std::string_view best;
    std::size_t limit = std::max<std::size_t>(2, word.size() / 3);
    for (const std::string_view candidate : known) {
        const std::size_t edits = edit_distance(word, candidate, limit);
        if (edits > limit || (edits == limit && !best.empty()))
            continue;
        best = candidate;
        limit = edits;
    }
    return best;
}

}  // namespace winnow
