#include <libpsl.h>

#include <algorithm>
#include <memory>
#include <mutex>

#include "core/address.hpp"
#include "core/unicode.hpp"

namespace winnow {
namespace {

using SuffixList = std::shared_ptr<const psl_ctx_t>;

SuffixList own(psl_ctx_t* list)
{
    return {list, [](psl_ctx_t* p) { psl_free(p); }};
}

SuffixList load_default()
{
    // psl_latest() takes the distribution's file when that is newer than the copy inside the library.
    if (psl_ctx_t* list = psl_latest(nullptr))
        return own(list);
    return {psl_builtin(), [](const psl_ctx_t*) {}};
}

/// Readers take a reference, so a replaced list lives until the last look-up in it ends.
struct Holder {
    std::mutex mutex;
    SuffixList list;
};

Holder& holder()
{
    static Holder instance;
    return instance;
}

SuffixList current()
{
    Holder& h = holder();
    const std::lock_guard lock(h.mutex);
    if (!h.list)
        h.list = load_default();
    return h.list;
}

/// The last `count` labels of `domain`.
std::string_view last_labels(std::string_view domain, std::ptrdiff_t count)
{
    std::size_t start = domain.size();
    for (; count > 0 && start != 0; --count) {
        const std::size_t dot = domain.rfind('.', start - 1);
        start = dot == std::string_view::npos ? 0 : dot;
    }
    domain.remove_prefix(start);
    if (domain.starts_with('.'))
        domain.remove_prefix(1);
    return domain;
}

}  // namespace

std::string registrable_domain(std::string_view domain)
{
    if (domain.ends_with('.'))
        domain.remove_suffix(1);
    if (domain.empty() || domain.front() == '.')
        return {};
    const auto ascii = to_ascii_domain(domain);
    const std::string key = ascii ? *ascii : to_lower_ascii(domain);
    const SuffixList list = current();
    const char* found = psl_registrable_domain(list.get(), key.c_str());
    if (!found)
        return {};
    // Answer in the caller's spelling (A-labels or U-labels): the labels map one to one.
    const std::string_view registrable(found);
    const auto labels = std::count(registrable.begin(), registrable.end(), '.') + 1;
    return to_lower_ascii(last_labels(domain, labels));
}

Result<> set_public_suffix_file(const std::string& path)
{
    psl_ctx_t* list = psl_load_file(path.c_str());
    if (!list)
        return Error{Errc::invalid_argument, "cannot read a public suffix list from " + path +
                                                 "; give a public_suffix_list.dat or .dafsa file"};
    Holder& h = holder();
    const std::lock_guard lock(h.mutex);
    h.list = own(list);
    return {};
}

}  // namespace winnow
