#include "mail/message.hpp"

#include <gtest/gtest.h>

namespace winnow::mail {
namespace {

Draft draft()
{
    Draft d;
    d.from = {"Ada Lovelace", "ada@example.test"};
    d.to = {{"", "bob@example.test"}};
    d.subject = "Hello";
    d.date = TimePoint{milliseconds{1'767'225'600'000}};
    d.message_id = "01ABC@example.test";
    d.text = "Hi Bob,\nbye.\n";
    return d;
}

std::string composed(const Draft& d)
{
    auto out = compose(d);
    EXPECT_TRUE(out) << out.error().context;
    return out ? out->message : std::string();
}

std::string fault(const Draft& d)
{
    auto out = compose(d);
    if (out)
        return "composed";
    EXPECT_EQ(out.error().code, make_error_code(Errc::invalid_argument));
    return out.error().context;
}

TEST(Compose, APlainTextMessageIsExactlyThis)
{
    EXPECT_EQ(composed(draft()),
              "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n"
              "From: Ada Lovelace <ada@example.test>\r\n"
              "To: bob@example.test\r\n"
              "Subject: Hello\r\n"
              "Message-ID: <01ABC@example.test>\r\n"
              "MIME-Version: 1.0\r\n"
              "Content-Type: text/plain; charset=us-ascii\r\n"
              "Content-Transfer-Encoding: 7bit\r\n"
              "\r\n"
              "Hi Bob,\r\nbye.\r\n");
}

TEST(Compose, TextAndHtmlAreAlternatives)
{
    auto d = draft();
    d.html = "<p>Gr\u00fc\u00dfe</p>";
    const auto m = composed(d);
    EXPECT_NE(m.find("Content-Type: multipart/alternative;"), std::string::npos);
    EXPECT_LT(m.find("text/plain"), m.find("text/html; charset=utf-8"));
    EXPECT_EQ(m, composed(d)) << "the same draft gives the same octets";
}

TEST(Compose, AttachmentsMakeItMixed)
{
    auto d = draft();
    d.attachments.push_back({"r\u00e9sum\u00e9.pdf", "application/pdf", "%PDF", "", false});
    const auto m = composed(d);
    EXPECT_NE(m.find("multipart/mixed"), std::string::npos);
    EXPECT_NE(m.find("filename*=utf-8''r%C3%A9sum%C3%A9.pdf"), std::string::npos);
    EXPECT_NE(m.find("JVBERg=="), std::string::npos);
}

TEST(Compose, EveryHeaderIsAsciiUnlessALocalPartIsNot)
{
    auto d = draft();
    d.subject = "Gr\u00fc\u00dfe";
    d.from.name = "J\u00fcrgen";
    d.headers.push_back({"X-City", "M\u00fcnchen"});
    auto out = compose(d);
    ASSERT_TRUE(out);
    EXPECT_FALSE(out->smtputf8);
    for (const char c : out->message)
        EXPECT_GE(c, 0);
    d.to = {{"", "j\u00fcrgen@example.test"}};
    out = compose(d);
    ASSERT_TRUE(out);
    EXPECT_TRUE(out->smtputf8);
}

TEST(Compose, InvalidUtf8IsReplacedNotSent)
{
    auto d = draft();
    d.subject = "a long subject with a caf\xe9";
    d.text = "a long text with a caf\xe9";
    const auto m = composed(d);
    EXPECT_NE(m.find("a long text with a caf=EF=BF=BD"), std::string::npos);
    EXPECT_NE(m.find("a_long_subject_with_a_caf=EF=BF=BD"), std::string::npos);
    for (const char c : m)
        EXPECT_GE(c, 0);
}

TEST(Compose, LineBreaksInAnyHeaderValueAreRefusedByName)
{
    const std::string evils[] = {"x\r\nBcc: y@example.test", "x\ny", "x\ry", std::string("x\0y", 3)};
    for (const auto& evil : evils) {
        auto d = draft();
        d.subject = evil;
        EXPECT_EQ(fault(d).substr(0, 9), "Subject: ");
        d = draft();
        d.from.name = evil;
        EXPECT_EQ(fault(d).substr(0, 6), "From: ");
        d = draft();
        d.to[0].address = evil + "@example.test";
        EXPECT_EQ(fault(d).substr(0, 4), "To: ");
        d = draft();
        d.headers.push_back({"X-Row", evil});
        EXPECT_EQ(fault(d).substr(0, 7), "X-Row: ");
        d = draft();
        d.headers.push_back({evil, "x"});
        EXPECT_NE(fault(d), "composed");
        d = draft();
        d.message_id = evil;
        EXPECT_EQ(fault(d).substr(0, 12), "Message-ID: ");
        d = draft();
        d.attachments.push_back({evil, "a/b", "", "", false});
        EXPECT_NE(fault(d), "composed");
    }
}

TEST(Compose, AddressesThatWouldBreakTheFieldAreRefused)
{
    for (const auto* address : {"", "x", "@example.test", "x@", "a b@example.test", "a@example.test>, <b@example.test",
                                "a,b@example.test", "\"a\"@example.test>"}) {
        auto d = draft();
        d.to = {{"", address}};
        EXPECT_NE(fault(d), "composed") << address;
    }
    auto d = draft();
    d.to = {{"", "\"a b\"@example.test"}};
    EXPECT_NE(composed(d).find("To: \"a b\"@example.test\r\n"), std::string::npos);
}

TEST(Compose, FieldsThatComposeWritesItselfCannotBeAddedTwice)
{
    for (const auto* name : {"from", "Date", "Content-Type", "MIME-Version", "Bcc"}) {
        auto d = draft();
        d.headers.push_back({name, "x"});
        EXPECT_NE(fault(d), "composed") << name;
    }
}

TEST(Compose, AWordTooLongForAnyLineIsRefused)
{
    auto d = draft();
    d.headers.push_back({"X-Long", std::string(2000, 'x')});
    EXPECT_NE(fault(d).find("998"), std::string::npos);
}

TEST(Compose, ManyRecipientsAreFolded)
{
    auto d = draft();
    d.to.clear();
    for (int i = 0; i < 50; ++i)
        d.to.push_back({"Person, " + std::to_string(i), "p" + std::to_string(i) + "@example.test"});
    const auto m = composed(d);
    std::size_t start = 0;
    while (start < m.size()) {
        const auto end = std::min(m.find("\r\n", start), m.size());
        EXPECT_LE(end - start, 78u);
        start = end + 2;
    }
}

}  // namespace
}  // namespace winnow::mail
