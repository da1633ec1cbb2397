#include "core/typo.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/domain_name.hpp"
#include "core/unicode.hpp"

namespace winnow {
namespace {

constexpr double wrong_letter = 1.0;
constexpr double cheap = 0.7;
constexpr double doubled = 0.6;
constexpr double never = std::numeric_limits<double>::infinity();

/// Keys that touch each other on a QWERTY keyboard (QWERTZ and AZERTY differ little where it matters), and pairs that
/// look alike.
bool are_neighbours(char a, char b) noexcept
{
    constexpr std::array<std::string_view, 4> rows = {"1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"};
    constexpr std::array<std::string_view, 4> look_alikes = {"0o", "1l", "il", "1i"};
    for (const std::string_view pair : look_alikes)
        if ((a == pair[0] && b == pair[1]) || (a == pair[1] && b == pair[0]))
            return true;
    const auto place = [&](char c) -> std::optional<std::pair<int, double>> {
        for (std::size_t row = 0; row < rows.size(); ++row)
            if (const std::size_t column = rows[row].find(c); column != std::string_view::npos)
                return std::pair(static_cast<int>(row), static_cast<double>(column) + 0.5 * static_cast<double>(row));
        return std::nullopt;
    };
    const auto first = place(a);
    const auto second = place(b);
    if (!first || !second)
        return false;
    const int rows_apart = std::abs(first->first - second->first);
    const double columns_apart = std::abs(first->second - second->second);
    return rows_apart == 0 ? columns_apart == 1.0 : rows_apart == 1 && columns_apart <= 0.5;
}

double substitution(char typed, char meant) noexcept
{
    if (typed == meant)
        return 0;
    return are_neighbours(typed, meant) ? cheap : wrong_letter;
}

/// How far a typed name may be from a popular one of this length. Short names have too many honest neighbours (life.com
/// and love.com beside live.com).
double tolerance(std::size_t length) noexcept
{
    if (length < 4)
        return 0;
    if (length == 4)
        return doubled;
    return length < 7 ? 1.0 : 1.5;
}

/// Whether the difference is one that people make by accident in a name of this length.
bool is_plausible(std::string_view typed, std::string_view meant, double cost) noexcept
{
    if (cost == 0)
        return true;
    if (cost > tolerance(meant.size()) && !(meant.size() == 4 && cost == cheap && typed.size() == 4 &&
                                            std::is_permutation(typed.begin(), typed.end(), meant.begin())))
        return false;
    const bool same_first = !typed.empty() && typed.front() == meant.front();
    // "email.com" and "naver.com" are not mistyped "gmail.com" and "never.com": a whole wrong letter in a short name,
    // or at its beginning, makes another name.
    if (cost >= wrong_letter && (!same_first || (meant.size() <= 5 && typed.size() == meant.size())))
        return false;
    return true;
}

std::pair<std::string_view, std::string_view> split_first(std::string_view domain)
{
    const std::size_t dot = domain.find('.');
    if (dot == std::string_view::npos)
        return {domain, {}};
    return {domain.substr(0, dot), domain.substr(dot + 1)};
}

}  // namespace

double typing_cost(std::string_view typed, std::string_view meant, double most)
{
    const auto longer = std::max(typed.size(), meant.size());
    if (static_cast<double>(longer - std::min(typed.size(), meant.size())) * doubled > most)
        return never;
    // Optimal string alignment: rows i-2, i-1 and i of the usual matrix.
    std::vector<double> before(meant.size() + 1);
    std::vector<double> previous(meant.size() + 1);
    std::vector<double> row(meant.size() + 1);
    for (std::size_t j = 0; j <= meant.size(); ++j)
        row[j] = static_cast<double>(j);
    for (std::size_t i = 1; i <= typed.size(); ++i) {
        before.swap(previous);
        previous.swap(row);
        row[0] = static_cast<double>(i);
        const char t = typed[i - 1];
        for (std::size_t j = 1; j <= meant.size(); ++j) {
            const char m = meant[j - 1];
            const bool repeats_typed = i > 1 && typed[i - 2] == t;  // a letter struck twice
            const bool repeats_meant = j > 1 && meant[j - 2] == m;  // a double letter struck once
            row[j] =
                std::min({previous[j] + (repeats_typed ? doubled : wrong_letter),
                          row[j - 1] + (repeats_meant ? doubled : wrong_letter), previous[j - 1] + substitution(t, m)});
            if (i > 1 && j > 1 && t == meant[j - 2] && typed[i - 2] == m && t != m)
                row[j] = std::min(row[j], before[j - 2] + cheap);
        }
        if (*std::min_element(row.begin(), row.end()) > most)
            return never;
    }
    return row.back() > most ? never : row.back();
}

TypoAdvisor::TypoAdvisor(std::vector<std::string> popular, const std::vector<std::string>& tlds)
{
    for (std::string& domain : popular) {
        domain = to_lower_ascii(domain);
        const auto [name, rest] = split_first(domain);
        if (name.empty() || rest.empty() || !domains_.insert(domain).second)
            continue;
        popular_.push_back({domain, std::string(name), std::string(rest)});
    }
    for (const std::string& tld : tlds)
        tlds_.insert(to_lower_ascii(tld));
}

std::optional<std::string> TypoAdvisor::suggest(std::string_view domain) const
{
    if (domain.ends_with('.'))
        domain.remove_suffix(1);
    const std::string typed = to_lower_ascii(domain);
    if (typed.empty() || domains_.contains(typed) || is_special_use(typed))
        return std::nullopt;
    if (typed.find('.') == std::string::npos)
        return without_dot(typed);
    if (auto meant = near_popular(typed))
        return meant;
    return near_tld(typed);
}

bool TypoAdvisor::is_known_tld(std::string_view tld) const
{
    return tlds_.empty() || tld == "test" || tld == "example" || tlds_.contains(std::string(tld));
}

/// What stands after the first dot: the same, a top-level name that does not exist and is near, or one of the country
/// codes that people reach by losing a letter of "com".
double TypoAdvisor::rest_cost(std::string_view typed, std::string_view meant) const
{
    if (typed == meant)
        return 0;
    if (!is_known_tld(typed.substr(typed.rfind('.') + 1)))
        return typing_cost(typed, meant, 1.0);
    const bool lost_letter = meant == "com" && (typed == "co" || typed == "cm" || typed == "om");
    return lost_letter ? wrong_letter : never;
}

std::optional<std::string> TypoAdvisor::without_dot(std::string_view label) const
{
    for (const Popular& popular : popular_)
        if (label.size() == popular.domain.size() - 1 && label.starts_with(popular.name) &&
            label.substr(popular.name.size()) == popular.rest)
            return popular.domain;
    for (const Popular& popular : popular_)
        if (label == popular.name && popular.name.size() >= 5)
            return popular.domain;
    return std::nullopt;
}

std::optional<std::string> TypoAdvisor::near_popular(std::string_view domain) const
{
    constexpr double most = 1.7;
    const auto [name, rest] = split_first(domain);
    const Popular* best = nullptr;
    double best_cost = never;
    for (const Popular& popular : popular_) {
        const double tail = rest_cost(rest, popular.rest);
        if (tail == never)
            continue;
        const double head = name == popular.name ? 0 : typing_cost(name, popular.name, most);
        if (head + tail > most || head + tail >= best_cost || !is_plausible(name, popular.name, head))
            continue;
        best = &popular;
        best_cost = head + tail;
    }
    if (!best)
        return std::nullopt;
    return best->domain;
}

/// A top-level name that does not exist and is one slip from a very common one.
std::optional<std::string> TypoAdvisor::near_tld(std::string_view domain) const
{
    const std::size_t dot = domain.rfind('.');
    const std::string_view tld = domain.substr(dot + 1);
    if (dot == 0 || tld.size() < 2 || is_known_tld(tld))
        return std::nullopt;
    std::string_view best;
    double best_cost = never;
    for (const std::string_view common : {"com", "net", "org", "edu", "gov", "info"}) {
        if (const double cost = typing_cost(tld, common, 1.0); cost < best_cost) {
            best = common;
            best_cost = cost;
        }
    }
    if (best.empty())
        return std::nullopt;
    return std::string(domain.substr(0, dot + 1)) + std::string(best);
}

}  // namespace winnow
