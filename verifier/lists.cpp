#include "verifier/lists.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "core/address.hpp"
#include "core/unicode.hpp"
#include "verifier/lists_built_in.hpp"

namespace winnow::verifier {
namespace {

constexpr std::string_view list_names[] = {"disposable", "disposable_weak", "free", "popular", "role", "tld"};

/// The value of a "# key: value" line at the head of a list; empty when there is none.
std::string header_value(std::string_view text, std::string_view key)
{
    while (text.starts_with('#')) {
        const auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(1, end - 1);
        text.remove_prefix(std::min(end + 1, text.size()));
        line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
        if (line.starts_with(key) && line.substr(key.size()).starts_with(": ")) {
            line.remove_prefix(key.size() + 2);
            return std::string(line.substr(0, line.find('\r')));
        }
    }
    return {};
}

Result<std::string> read_file(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    if (!in)
        return Error{Errc::not_found, path + " cannot be read: scripts/fetch-lists makes it"};
    std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    if (in.bad())
        return Error{Errc::io_error, "reading " + path};
    return text;
}

std::vector<std::string_view> all_of(const StringSet& set)
{
    std::vector<std::string_view> out;
    out.reserve(set.size());
    for (std::size_t i = 0; i < set.size(); ++i)
        out.push_back(set[i]);
    return out;
}

}  // namespace

struct AddressLists::Source {
    std::string_view name;
    std::string_view text;
    std::string where;  ///< for errors
};

Result<> AddressLists::take_roles(std::string_view text)
{
    std::string strong;
    std::string weak;
    std::size_t number = 0;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        const auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        ++number;
        if (line.empty() || line.front() == '#')
            continue;
        const auto tab = line.find('\t');
        const auto mark = tab == std::string_view::npos ? std::string_view{} : line.substr(tab + 1);
        if (mark != "strong" && mark != "weak")
            return Error{Errc::corrupt, "line " + std::to_string(number) + ": not a name, a tab and strong or weak"};
        (mark == "strong" ? strong : weak).append(line.substr(0, tab)).append("\n");
    }
    WINNOW_TRY(role_strong_, StringSet::parse(strong));
    WINNOW_TRY(role_weak_, StringSet::parse(weak));
    return {};
}

Result<> AddressLists::take(const Source& source)
{
    ListStatus status;
    status.name = source.name;
    status.source = header_value(source.text, "source");
    status.version = header_value(source.text, "version");
    if (source.name == "role") {
        auto roles = take_roles(source.text);
        if (!roles)
            return Error{roles.error().code, source.where + ": " + roles.error().context};
        status.count = role_strong_.size() + role_weak_.size();
    } else {
        StringSet& set = source.name == "disposable"        ? disposable_
                         : source.name == "disposable_weak" ? disposable_weak_
                         : source.name == "free"            ? free_
                         : source.name == "popular"         ? popular_
                                                            : tld_;
        WINNOW_TRY(set, StringSet::parse(source.text));
        status.count = set.size();
    }
    status_.push_back(std::move(status));
    return {};
}

Result<AddressLists> AddressLists::load(const std::string& dir)
{
    AddressLists lists;
    for (const auto name : list_names) {
        Source source;
        source.name = name;
        source.where = dir + "/" + std::string(name) + ".txt";
        WINNOW_TRY(const std::string text, read_file(source.where));
        source.text = text;
        WINNOW_CHECK(lists.take(source));
        if (lists.status_.back().count == 0)
            return Error{Errc::corrupt, source.where + " holds no entry: scripts/fetch-lists makes it anew"};
    }
    lists.complete_ = true;
    return lists;
}

AddressLists AddressLists::built_in()
{
    AddressLists lists;
    for (const auto name : list_names) {
        Source source;
        source.name = name;
        source.text = built_in_list(name);
        source.where = "built-in list";
        lists.take(source).value();  // checked by a test
        lists.status_.back().source = "built in";
    }
    return lists;
}

void AddressLists::replace(AddressLists other)
{
    const std::uint32_t generation = generation_ + 1;
    *this = std::move(other);
    generation_ = generation;
}

bool AddressLists::matches(const StringSet& set, std::string_view domain) const
{
    if (is_popular(domain))
        return false;
    for (;;) {
        if (set.contains(domain))
            return true;
        const auto dot = domain.find('.');
        if (dot == std::string_view::npos)
            return false;
        const auto parent = domain.substr(dot + 1);
        // Above the registrable domain are public suffixes: somebody listed there says nothing about their neighbours.
        if (parent.find('.') == std::string_view::npos || registrable_domain(parent).empty() || is_popular(parent))
            return false;
        domain = parent;
    }
}

bool AddressLists::is_disposable(std::string_view domain) const
{
    return matches(disposable_, domain);
}

bool AddressLists::is_disposable_weak(std::string_view domain) const
{
    return matches(disposable_weak_, domain);
}

bool AddressLists::is_free(std::string_view domain) const noexcept
{
    return free_.contains(domain);
}

RoleMark AddressLists::role(std::string_view local) const
{
    const std::string name = to_lower_ascii(local.substr(0, local.find('+', 1)));
    if (role_strong_.contains(name))
        return RoleMark::strong;
    return role_weak_.contains(name) ? RoleMark::weak : RoleMark::none;
}

bool AddressLists::knows_tld(std::string_view domain) const noexcept
{
    const auto dot = domain.rfind('.');
    return tld_.empty() || tld_.contains(dot == std::string_view::npos ? domain : domain.substr(dot + 1));
}

std::vector<std::string_view> AddressLists::popular_domains() const
{
    return all_of(popular_);
}

std::vector<std::string_view> AddressLists::top_level_domains() const
{
    return all_of(tld_);
}

std::size_t AddressLists::memory() const noexcept
{
    std::size_t octets = 0;
    for (const auto* set : {&disposable_, &disposable_weak_, &free_, &role_strong_, &role_weak_, &tld_, &popular_})
        octets += set->memory();
    return octets;
}

}  // namespace winnow::verifier
