#include <gtest/gtest.h>

#include "core/address.hpp"

namespace winnow {
namespace {

struct Golden {
    const char* address;
    const char* canonical;
    const char* loose;
};

class CanonicalV1 : public testing::TestWithParam<Golden> {};

// Suppressions are keyed by a digest of canonical-v1: a changed vector loses every entry written before. Never edit a
// row; a new form is canonical-v2 beside this one.
TEST_P(CanonicalV1, IsFrozen)
{
    const auto parsed = parse_address(GetParam().address);
    ASSERT_TRUE(parsed.valid) << parsed.detail;
    EXPECT_EQ(canonical_v1(parsed.address), GetParam().canonical);
    EXPECT_EQ(loose_form(parsed.address), GetParam().loose);
}

INSTANTIATE_TEST_SUITE_P(
    Vectors, CanonicalV1,
    testing::Values(Golden{"ann@example.com", "ann@example.com", "ann@example.com"},
                    Golden{"Ann.LEE@Example.COM", "ann.lee@example.com", "ann.lee@example.com"},
                    Golden{"Ann+News@example.com", "ann+news@example.com", "ann@example.com"},
                    Golden{"ann+a+b@example.com", "ann+a+b@example.com", "ann@example.com"},
                    Golden{"+ann@example.com", "+ann@example.com", "+ann@example.com"},
                    Golden{"A.n.N+x@Gmail.com", "a.n.n+x@gmail.com", "ann@gmail.com"},
                    Golden{"a.nn@googlemail.com", "a.nn@googlemail.com", "ann@gmail.com"},
                    Golden{"a.nn@mail.gmail.com", "a.nn@mail.gmail.com", "a.nn@mail.gmail.com"},
                    Golden{"\"Ann\"@example.com", "ann@example.com", "ann@example.com"},
                    Golden{"\"Ann Lee+x\"@example.com", "\"ann lee+x\"@example.com", "\"ann lee+x\"@example.com"},
                    Golden{"\"a\\\"B\"@example.com", "\"a\\\"b\"@example.com", "\"a\\\"b\"@example.com"},
                    Golden{"\"\"@example.com", "\"\"@example.com", "\"\"@example.com"},
                    Golden{"ann@B\xC3\x9C"
                           "CHER.example",
                           "ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"},
                    Golden{"ann@xn--BCHER-KVA.example", "ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"},
                    Golden{"ann@fa\xC3\x9F.de", "ann@xn--fa-hia.de", "ann@xn--fa-hia.de"},
                    Golden{"\xC3\x89lodie@example.com", "\xC3\xA9lodie@example.com", "\xC3\xA9lodie@example.com"},
                    Golden{"E\xCC\x81lodie@example.com", "\xC3\xA9lodie@example.com", "\xC3\xA9lodie@example.com"},
                    Golden{"\xD0\xAE\xD0\x97\xD0\x95\xD0\xA0@example.com",
                           "\xD1\x8E\xD0\xB7\xD0\xB5\xD1\x80@example.com",
                           "\xD1\x8E\xD0\xB7\xD0\xB5\xD1\x80@example.com"},
                    Golden{"\xCE\x9F\xCE\x94\xCE\x9F\xCE\xA3@example.com",
                           "\xCE\xBF\xCE\xB4\xCE\xBF\xCF\x83@example.com",
                           "\xCE\xBF\xCE\xB4\xCE\xBF\xCF\x83@example.com"},
                    Golden{"STRA\xC3\x9F"
                           "E@example.com",
                           "stra\xC3\x9F"
                           "e@example.com",
                           "stra\xC3\x9F"
                           "e@example.com"},
                    Golden{"ann@[192.0.2.1]", "ann@[192.0.2.1]", "ann@[192.0.2.1]"},
                    Golden{"Ann@[IPv6:2001:DB8::1]", "ann@[ipv6:2001:db8::1]", "ann@[ipv6:2001:db8::1]"}));

TEST(CanonicalV1Form, ReadsAddressesThatWereNotParsedHere)
{
    Address raw;
    raw.local = "\"Ann\"";
    raw.domain = "Example.COM";
    raw.quoted = true;
    EXPECT_EQ(canonical_v1(raw), "ann@example.com");
    raw.local = "caf\xE9";  // Latin-1: not UTF-8, kept as it is
    raw.quoted = false;
    EXPECT_EQ(canonical_v1(raw), "\x63\x61\x66\xE9@example.com");
}

}  // namespace
}  // namespace winnow
