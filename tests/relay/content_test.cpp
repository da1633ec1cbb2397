#include "relay/content.hpp"

#include <gtest/gtest.h>

#include "mail/headers.hpp"

using namespace winnow;
using relay::CampaignTemplate;

namespace {

constexpr TimePoint now{milliseconds{1'767'225'600'000}};

class CampaignContent : public ::testing::Test {
public:
    storage::EngineKeys keys = storage::EngineKeys::fixed("content");
    relay::RelayOptions options;
    storage::CampaignRecord campaign;
    storage::MessageRecord message;

    CampaignContent()
    {
        options.hostname = "relay.example.net";
        options.bounce_domain = "bounce.example.net";
        campaign.from = "Jane <jane@sender.test>";
        campaign.subject = "Hello {{name}}";
        campaign.text = "Dear {{name}},\nwelcome.";
        message.id = "01JZ0000000000000000000000";
        message.ref = {LaneId{1}, 2};
        message.recipient = "you@example.test";
        message.merge["name"] = "Ann";
        message.accepted = now;
    }
    Result<relay::Content> render()
    {
        WINNOW_TRY(const auto form, CampaignTemplate::parse(campaign));
        return form.render(message, options, keys);
    }
    mail::HeaderBlock head() { return mail::HeaderBlock::read(render().value().message); }
};

}  // namespace

TEST_F(CampaignContent, FillsInTheRecipientsValues)
{
    const auto content = render();
    ASSERT_TRUE(content) << content.error().context;
    EXPECT_NE(content->message.find("Dear Ann,\r\nwelcome."), std::string::npos) << content->message;
    EXPECT_EQ(head().get("Subject"), "Hello Ann");
    EXPECT_EQ(head().get("To"), "you@example.test");
    EXPECT_EQ(head().get("From"), "Jane <jane@sender.test>");
    EXPECT_EQ(head().get("Message-ID"), "<01JZ0000000000000000000000@relay.example.net>");
    EXPECT_FALSE(content->smtputf8);
}

TEST_F(CampaignContent, IsTheSameForEveryTry)
{
    EXPECT_EQ(render()->message, render()->message);
}

TEST_F(CampaignContent, APlaceWithoutAValueIsEmpty)
{
    message.merge.clear();
    EXPECT_EQ(head().get("Subject"), "Hello");
}

TEST_F(CampaignContent, AMergeValueCannotAddAHeaderField)
{
    for (const std::string evil : {"x\r\nBcc: victim@example.test", "x\nBcc: victim@example.test",
                                   "x\rBcc: victim@example.test", "x\r\n\r\nBcc: body"}) {
        message.merge["name"] = evil;
        ASSERT_FALSE(render()) << evil;
        EXPECT_EQ(render().error().context, "subject: the value of {{name}} holds a line break or NUL");
    }
    message.merge["name"] = std::string("a\0b", 3);
    EXPECT_FALSE(render());
    campaign.subject = "Hello";
    message.merge["name"] = "x\r\ny";
    EXPECT_TRUE(render()) << "in the text a line may end";
}

TEST_F(CampaignContent, AMergeValueIsNeverATemplate)
{
    message.merge["name"] = "{{secret}}";
    message.merge["secret"] = "42";
    EXPECT_NE(render()->message.find("Dear {{secret}},"), std::string::npos);
}

TEST_F(CampaignContent, AMergeValueIsNoMarkup)
{
    campaign.html = "<p>{{name}}</p>";
    message.merge["name"] = "<script>";
    const std::string text = render()->message;
    EXPECT_EQ(text.find("<p><script>"), std::string::npos);
    EXPECT_NE(text.find("Dear <script>"), std::string::npos) << "plain text stays as it is";
}

TEST_F(CampaignContent, OtherAlphabetsAreEncodedAndOnlyAnAddressNeedsSmtputf8)
{
    message.merge["name"] = "J\xC3\xBCrgen";
    auto content = render();
    ASSERT_TRUE(content);
    EXPECT_FALSE(content->smtputf8);
    for (const char c : content->message)
        ASSERT_LT(static_cast<unsigned char>(c), 0x80) << "7-bit";
    message.recipient = "you@xn--mnchen-3ya.test";
    EXPECT_FALSE(render()->smtputf8) << "an IDN has an ASCII form";
    message.recipient = "j\xC3\xBCrgen@example.test";
    EXPECT_TRUE(render()->smtputf8);
}

TEST_F(CampaignContent, SaysHowToLeaveTheList)
{
    const std::string field(head().get("List-Unsubscribe"));
    ASSERT_TRUE(field.starts_with("<mailto:")) << field;
    const std::string address = field.substr(8, field.size() - 9);
    EXPECT_EQ(relay::read_unsubscribe_address(keys, options, address, now), message.ref);

    campaign.headers["list-unsubscribe"] = "<https://sender.test/leave>";
    EXPECT_EQ(head().count("List-Unsubscribe"), 1u);
    EXPECT_EQ(head().get("List-Unsubscribe"), "<https://sender.test/leave>");
    campaign.headers.clear();
    options.bounce_domain.clear();
    EXPECT_FALSE(head().has("List-Unsubscribe")) << "nobody would hear it";
}

TEST_F(CampaignContent, FillsInTheValuesOfHeadersToo)
{
    campaign.headers["X-Ref"] = "{{name}}/{{id}}";
    message.merge["id"] = "7";
    EXPECT_EQ(head().get("X-Ref"), "Ann/7");
    message.merge["id"] = "7\r\nBcc: x@y.test";
    ASSERT_FALSE(render());
    EXPECT_EQ(render().error().context, "headers: X-Ref: the value of {{id}} holds a line break or NUL");

    message.merge.clear();
    campaign.headers["X-Ref"] = "{{id}}";
    EXPECT_FALSE(head().has("X-Ref")) << "nothing to say";
    campaign.headers["List-Unsubscribe"] = "{{leave}}";
    EXPECT_TRUE(head().get("List-Unsubscribe").starts_with("<mailto:")) << "ours where the row has none";
    message.merge["leave"] = "<https://sender.test/leave?7>";
    EXPECT_EQ(head().get("List-Unsubscribe"), "<https://sender.test/leave?7>");
}

TEST_F(CampaignContent, ErrorsNameTheField)
{
    campaign.subject = "Hello {{name";
    auto broken = render();
    ASSERT_FALSE(broken);
    EXPECT_TRUE(broken.error().context.starts_with("subject: line 1")) << broken.error().context;

    campaign.subject = "hi";
    campaign.headers["To"] = "x@example.test";
    broken = render();
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().code, Errc::invalid_argument);

    campaign.headers.clear();
    campaign.from = "nobody";
    broken = render();
    ASSERT_FALSE(broken);
    EXPECT_TRUE(broken.error().context.starts_with("from: ")) << broken.error().context;
}

TEST(FromMailbox, ReadsNameAndAddress)
{
    EXPECT_EQ(relay::parse_from("jane@sender.test")->address, "jane@sender.test");
    EXPECT_EQ(relay::parse_from(" \"Jane, Doe\" <jane@sender.test> ")->name, "Jane, Doe");
    EXPECT_EQ(relay::parse_from("Jane Doe <jane@sender.test>")->name, "Jane Doe");
    for (const char* bad : {"", "jane", "Jane <jane>", "Jane <jane@sender.test", "Jane <a@b.test> and more", "<>"})
        EXPECT_FALSE(relay::parse_from(bad)) << bad;
}
