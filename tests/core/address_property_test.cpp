#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "core/address.hpp"

namespace winnow {
namespace {

rc::Gen<std::string> joined(rc::Gen<std::string> piece)
{
    return rc::gen::map(rc::gen::container<std::vector<std::string>>(std::move(piece)), [](const auto& pieces) {
        std::string text;
        for (const std::string& p : pieces)
            text += p;
        return text;
    });
}

/// Texts that look enough like addresses to get past the first check now and then.
rc::Gen<std::string> near_addresses()
{
    return joined(rc::gen::element<std::string>("a", "B", "1", ".", "@", "\"", "\\", " ", "+", "-", "[", "]", ":",
                                                "IPv6:", "@example.test", "@x.", "com", "xn--", "\xC3\xBC", "e\xCC\x81",
                                                "\xE2\x80\x8D", "\xCD\xBE", "\xFF", "(", ">", "192.0.2.1", "::1"));
}

rc::Gen<std::string> quoted_locals()
{
    return rc::gen::map(
        joined(rc::gen::element<std::string>("a", "B", ".", "@", "\\\"", "\\\\", "\\a", " ", "+", "\xC3\xBC")),
        [](const std::string& inside) { return '"' + inside + '"'; });
}

void holds_its_promises(const std::string& text)
{
    const ParsedAddress parsed = parse_address(text);
    RC_ASSERT(parsed.detail.empty() == parsed.usable);
    RC_ASSERT((parsed.fault == AddressFault::none) == parsed.usable);
    if (!parsed.valid) {
        RC_ASSERT(!parsed.usable);
        return;
    }
    const ParsedAddress again = parse_address(parsed.address.to_string());
    RC_ASSERT(again.valid);
    RC_ASSERT(again.address == parsed.address);
    RC_ASSERT(again.usable == parsed.usable);
    RC_ASSERT(canonical_v1(again.address) == canonical_v1(parsed.address));
    if (const ParsedAddress canonical = parse_address(canonical_v1(parsed.address)); canonical.valid) {
        RC_ASSERT(canonical_v1(canonical.address) == canonical_v1(parsed.address));
        RC_ASSERT(loose_form(canonical.address) == loose_form(parsed.address));
    }
}

RC_GTEST_PROP(AddressProperty, AnyTextIsJudgedAndAValidOneReadsBackAsItself, ())
{
    holds_its_promises(*near_addresses());
}

RC_GTEST_PROP(AddressProperty, QuotedLocalPartsReadBackAsThemselves, ())
{
    holds_its_promises(*quoted_locals() + "@example.test");
}

RC_GTEST_PROP(AddressProperty, DomainsInEitherFormReadBackAsThemselves, ())
{
    const std::string domain =
        *joined(rc::gen::element<std::string>("a", "B", "-", ".", "1", "\xC3\xBC", "\xD7\x90", "xn--"));
    if (const auto ascii = to_ascii_domain(domain)) {
        RC_ASSERT(is_hostname(*ascii));
        RC_ASSERT(to_ascii_domain(*ascii).value() == *ascii);
        RC_ASSERT(to_ascii_domain(to_unicode_domain(*ascii)).value() == *ascii);
    }
}

}  // namespace
}  // namespace winnow
