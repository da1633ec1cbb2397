#include "verifier/row_order.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "core/unicode.hpp"

namespace winnow::verifier {
namespace {

/// Good enough to keep rows of a domain together: a spelling that is read otherwise only costs a connection more.
std::string domain_of(const std::string& address)
{
    const auto at = address.rfind('@');
    return at == std::string::npos ? std::string{} : to_lower_ascii(std::string_view(address).substr(at + 1));
}

}  // namespace

void RowOrder::add(Row row)
{
    std::string name = domain_of(row.address);
    const auto [found, fresh] = domains_.try_emplace(name);
    Domain& domain = found->second;
    if (fresh) {
        domain.name = std::move(name);
        turns_.push_back(&domain);
    }
    domain.rows.push_back(std::move(row));
    ++size_;
}

std::vector<RowOrder::Row> RowOrder::take(std::size_t most)
{
    std::vector<Row> taken;
    while (taken.size() < most && !turns_.empty()) {
        Domain& domain = *turns_.front();
        turns_.pop_front();
        const std::size_t n = std::min(chunk_, domain.rows.size() - domain.next);
        const auto first = domain.rows.begin() + static_cast<std::ptrdiff_t>(domain.next);
        std::move(first, first + static_cast<std::ptrdiff_t>(n), std::back_inserter(taken));
        domain.next += n;
        size_ -= n;
        if (domain.next == domain.rows.size())
            domains_.erase(std::string(domain.name));
        else
            turns_.push_back(&domain);
    }
    return taken;
}

}  // namespace winnow::verifier
