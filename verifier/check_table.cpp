#include "verifier/check_table.hpp"

namespace winnow::verifier {

void CheckTable::add(std::shared_ptr<OpenCheck> check)
{
    Key key{check->workspace, check->id};
    checks_.insert_or_assign(std::move(key), std::move(check));
}

void CheckTable::settled(const OpenCheck& check, SteadyPoint now)
{
    Key key{check.workspace, check.id};
    if (checks_.count(key) > 0)
        ends_.emplace_back(now + keep_, std::move(key));
    forget(now);
}

std::shared_ptr<const OpenCheck> CheckTable::find(const std::string& workspace, const std::string& id, SteadyPoint now)
{
    forget(now);
    const auto found = checks_.find(Key{workspace, id});
    return found == checks_.end() ? nullptr : found->second;
}

void CheckTable::forget(SteadyPoint now)
{
    while (!ends_.empty() && (ends_.front().first <= now || ends_.size() > most_settled_)) {
        checks_.erase(ends_.front().second);
        ends_.pop_front();
    }
}

}  // namespace winnow::verifier
