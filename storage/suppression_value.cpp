#include "storage/suppression_value.hpp"

#include <algorithm>
#include <tuple>

namespace winnow::storage {
namespace {

using Fact = SuppressionFacts::Fact;

/// An import knows less than what was learned or said here: its date is that of the file's arrival.
bool first_hand(const Fact& f)
{
    return f.origin != SuppressionOrigin::import_;
}

/// Which of two facts of one reason tells the story. What is first hand, then the latest; among equals any total order
/// will do, as long as it does not depend on which came first.
auto story(const Fact& f)
{
    return std::tuple(first_hand(f), f.core.last, f.origin, f.klass, std::tie(f.rule, f.source_event, f.actor),
                      std::tie(f.provider));
}

/// Which of two notes is kept: any rather than none, then first hand, then the latest. Not part of the story: whoever
/// says the same again without a word must not erase why it was said first.
auto note_of(const Fact& f)
{
    return std::tuple(!f.note.empty(), !f.note_imported, f.noted, std::tie(f.note));
}

Fact join(const Fact& a, const Fact& b)
{
    const Fact& told = story(a) < story(b) ? b : a;
    Fact joined = told;
    const Fact& noted = note_of(a) < note_of(b) ? b : a;
    joined.note = noted.note;
    joined.noted = noted.noted;
    joined.note_imported = noted.note_imported;
    joined.core = merge(a.core, b.core);
    // Of the same story as the rest: else a later import would decide which of two learned facts is the later one.
    joined.core.last = told.core.last;
    return joined;
}

void add_fact(std::vector<Fact>& facts, const Fact& fact)
{
    const auto at = std::lower_bound(facts.begin(), facts.end(), fact.core.reason,
                                     [](const Fact& f, SuppressionReason reason) { return f.core.reason < reason; });
    if (at != facts.end() && at->core.reason == fact.core.reason)
        *at = join(*at, fact);
    else
        facts.insert(at, fact);
}

/// What can be read; the rest is kept as damaged.
SuppressionFacts read(std::string_view bytes)
{
    auto facts = decode<SuppressionFacts>(bytes);
    if (facts)
        return std::move(*facts);
    SuppressionFacts unreadable;
    unreadable.damaged.emplace_back(bytes);
    return unreadable;
}

}  // namespace

SuppressionFacts join(const SuppressionFacts& a, const SuppressionFacts& b)
{
    SuppressionFacts joined = a;
    for (const Fact& fact : b.facts)
        add_fact(joined.facts, fact);
    if (b.domain)
        joined.domain = joined.domain ? std::max(*joined.domain, *b.domain) : *b.domain;
    joined.whole_domain = a.whole_domain || b.whole_domain;
    for (const std::string& damaged : b.damaged)
        joined.damaged.push_back(damaged);
    std::sort(joined.damaged.begin(), joined.damaged.end());
    joined.damaged.erase(std::unique(joined.damaged.begin(), joined.damaged.end()), joined.damaged.end());
    return joined;
}

std::string merge_suppression_values(std::optional<std::string_view> existing, std::string_view operand)
{
    if (!existing)
        return std::string(operand);
    return encode(join(read(*existing), read(operand)));
}

const SuppressionFacts::Fact* strongest(const SuppressionFacts& facts, TimePoint now)
{
    const Fact* best = nullptr;
    for (const Fact& fact : facts.facts) {
        if (fact.core.expires && *fact.core.expires <= now)
            continue;
        if (best == nullptr || strength(fact.core.reason) > strength(best->core.reason))
            best = &fact;
    }
    return best;
}

}  // namespace winnow::storage
