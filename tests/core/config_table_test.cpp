#include "core/config_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace winnow {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Strings = std::vector<std::string>;

enum class Level { low, high };

struct Options {
    bool enabled = true;
    int connections = 10;
    std::uint16_t port = 25;
    double ratio = 0.5;
    std::string host = "localhost";
    std::string password;
    Strings sources = {"192.0.2.1"};
    milliseconds pause{1500};
    std::chrono::seconds expiry{3600};
    std::uint64_t max_message = 25 * 1024 * 1024;
    MailClass mail_class = MailClass::bulk;
    Level level = Level::low;
};

ConfigTable table_of(Options& o)
{
    ConfigTable t;
    t.boolean("relay.enabled", o.enabled, "Whether to send.");
    t.integer("relay.connections", o.connections, {1, 100}, "Connections to one site.").reloadable();
    t.integer("relay.port", o.port, {1, 65535}, "Port of receivers.");
    t.real("relay.ratio", o.ratio, {0, 1}, "A ratio.").reloadable();
    t.text("relay.host", o.host, "Smarthost.").check([](const ConfigValue& value) -> Result<> {
        if (std::get<std::string>(value).find(' ') != std::string::npos)
            return Error{Errc::invalid_argument, "a host name has no spaces"};
        return {};
    });
    t.text("relay.password", o.password, "Password of the smarthost.").secret();
    t.list("relay.sources", o.sources, "Local addresses.");
    t.duration("relay.pause", o.pause, {0ms, 1h}, "Pause between messages.");
    t.duration("relay.expiry", o.expiry, {1min, 120h}, "Age at which a message expires.");
    t.size("submission.max_message", o.max_message, {1024, 1 << 30}, "Largest message.");
    t.word("submission.mail_class", o.mail_class, "Gate for submitted mail.");
    t.word("log.level", o.level, {{"low", Level::low}, {"high", Level::high}}, "How much to say.");
    return t;
}

struct ConfigTableTest : testing::Test {
    Options options;
    ConfigTable table = table_of(options);

    std::string error_of(std::string_view key, const ConfigValue& value)
    {
        const auto result = table.set(key, value, "winnow.toml:7");
        if (result)
            return "accepted";
        EXPECT_EQ(result.error().code, Errc::invalid_argument);
        return result.error().context;
    }
};

TEST_F(ConfigTableTest, AValueOfEachTypeReachesItsMember)
{
    ASSERT_TRUE(table.set("relay.enabled", false, "f:1"));
    ASSERT_TRUE(table.set("relay.connections", std::int64_t{100}, "f:2"));
    ASSERT_TRUE(table.set("relay.port", std::int64_t{65535}, "f:3"));
    ASSERT_TRUE(table.set("relay.ratio", std::int64_t{1}, "f:4"));
    ASSERT_TRUE(table.set("relay.host", std::string("mx.example.test"), "f:5"));
    ASSERT_TRUE(table.set("relay.sources", Strings{"192.0.2.7", "2001:db8::7"}, "f:6"));
    ASSERT_TRUE(table.set("relay.pause", std::string("250ms"), "f:7"));
    ASSERT_TRUE(table.set("relay.expiry", std::string("2d"), "f:8"));
    ASSERT_TRUE(table.set("submission.max_message", std::string("10MB"), "f:9"));
    ASSERT_TRUE(table.set("submission.mail_class", std::string("transactional"), "f:10"));
    ASSERT_TRUE(table.set("log.level", std::string("high"), "f:11"));
    EXPECT_FALSE(options.enabled);
    EXPECT_EQ(options.connections, 100);
    EXPECT_EQ(options.port, 65535);
    EXPECT_EQ(options.ratio, 1.0);
    EXPECT_EQ(options.host, "mx.example.test");
    EXPECT_THAT(options.sources, ElementsAre("192.0.2.7", "2001:db8::7"));
    EXPECT_EQ(options.pause, 250ms);
    EXPECT_EQ(options.expiry, 48h);
    EXPECT_EQ(options.max_message, 10u << 20);
    EXPECT_EQ(options.mail_class, MailClass::transactional);
    EXPECT_EQ(options.level, Level::high);
    ASSERT_TRUE(table.set("submission.max_message", std::int64_t{2048}, "f:12"));
    EXPECT_EQ(options.max_message, 2048u);
}

TEST_F(ConfigTableTest, AnErrorTellsSourceKeyValueAndWhatIsAllowed)
{
    EXPECT_EQ(error_of("relay.connections", std::int64_t{0}),
              "winnow.toml:7: relay.connections = 0: allowed is 1 to 100");
    EXPECT_EQ(error_of("relay.connections", std::int64_t{101}),
              "winnow.toml:7: relay.connections = 101: allowed is 1 to 100");
    EXPECT_EQ(error_of("relay.enabled", std::string("yes")),
              "winnow.toml:7: relay.enabled = \"yes\": allowed is true or false");
    EXPECT_EQ(error_of("relay.pause", std::string("2h")), "winnow.toml:7: relay.pause = \"2h\": allowed is 0s to 1h");
    EXPECT_EQ(error_of("submission.mail_class", std::string("bulky")),
              "winnow.toml:7: submission.mail_class = \"bulky\": allowed is \"bulk\" or \"transactional\"");
    EXPECT_EQ(error_of("submission.max_message", std::int64_t{-1}),
              "winnow.toml:7: submission.max_message = -1: allowed is 1KB to 1GB");
}

TEST_F(ConfigTableTest, ADurationNeedsAUnitAndFitsItsMember)
{
    EXPECT_THAT(error_of("relay.pause", std::int64_t{5}), HasSubstr("with a unit"));
    EXPECT_THAT(error_of("relay.pause", std::string("5")), HasSubstr("for example 15m"));
    EXPECT_THAT(error_of("relay.expiry", std::string("90s500ms")), HasSubstr("in steps of 1s"));
}

TEST_F(ConfigTableTest, WrongTypesAreRefusedAndChangeNothing)
{
    for (const ConfigValue& value : {ConfigValue(1.5), ConfigValue(true), ConfigValue(std::string("5"))})
        EXPECT_NE(error_of("relay.connections", value), "accepted");
    EXPECT_NE(error_of("relay.sources", std::string("192.0.2.9")), "accepted");
    EXPECT_NE(error_of("relay.host", std::int64_t{1}), "accepted");
    EXPECT_NE(error_of("relay.ratio", std::numeric_limits<double>::quiet_NaN()), "accepted");
    EXPECT_NE(error_of("relay.ratio", 1.01), "accepted");
    EXPECT_EQ(options.connections, 10);
    EXPECT_THAT(options.sources, ElementsAre("192.0.2.1"));
    EXPECT_TRUE(table.find("relay.connections")->source().empty());
}

TEST_F(ConfigTableTest, AFailedCheckRestoresTheValueBefore)
{
    EXPECT_EQ(error_of("relay.host", std::string("no host")),
              "winnow.toml:7: relay.host = \"no host\": a host name has no spaces");
    EXPECT_EQ(options.host, "localhost");
}

TEST_F(ConfigTableTest, AnUnknownKeyNamesTheNearestKnownOne)
{
    EXPECT_EQ(error_of("relay.conections", std::int64_t{1}),
              "winnow.toml:7: unknown setting 'relay.conections'; did you mean 'relay.connections'?");
    EXPECT_EQ(error_of("rleay.port", std::int64_t{1}),
              "winnow.toml:7: unknown setting 'rleay.port'; did you mean 'relay.port'?");
    EXPECT_EQ(error_of("something.else_entirely", true), "winnow.toml:7: unknown setting 'something.else_entirely'");
}

TEST_F(ConfigTableTest, TextWithoutATypeIsReadByTheSettingsKind)
{
    ASSERT_TRUE(table.set_text("relay.enabled", "false", "environment"));
    ASSERT_TRUE(table.set_text("relay.connections", "42", "environment"));
    ASSERT_TRUE(table.set_text("relay.ratio", "0.25", "environment"));
    ASSERT_TRUE(table.set_text("relay.sources", " 192.0.2.7 , ,2001:db8::7", "environment"));
    ASSERT_TRUE(table.set_text("relay.pause", "2s", "environment"));
    ASSERT_TRUE(table.set_text("submission.max_message", "4096", "environment"));
    EXPECT_FALSE(options.enabled);
    EXPECT_EQ(options.connections, 42);
    EXPECT_EQ(options.ratio, 0.25);
    EXPECT_THAT(options.sources, ElementsAre("192.0.2.7", "2001:db8::7"));
    EXPECT_EQ(options.pause, 2s);
    EXPECT_EQ(options.max_message, 4096u);
    EXPECT_EQ(table.set_text("relay.connections", "4x", "environment").error().context,
              "environment: relay.connections = \"4x\": allowed is 1 to 100");
    EXPECT_FALSE(table.set_text("relay.enabled", "yes", "environment"));
    EXPECT_FALSE(table.set_text("no.such", "1", "environment"));
}

TEST_F(ConfigTableTest, SecretsAreShownNeitherInErrorsNorAmongTheValues)
{
    EXPECT_THAT(table.effective_toml(), HasSubstr("relay.password = \"\"  # default"));
    ASSERT_TRUE(table.set("relay.password", std::string("hunter2"), "winnow.toml:3"));
    EXPECT_EQ(options.password, "hunter2");
    EXPECT_THAT(table.effective_toml(), HasSubstr("relay.password = \"********\"  # winnow.toml:3"));
    EXPECT_THAT(table.effective_toml(), Not(HasSubstr("hunter2")));
    EXPECT_EQ(error_of("relay.password", std::int64_t{1234}),
              "winnow.toml:7: relay.password is refused: allowed is a text in quotes");
}

TEST_F(ConfigTableTest, DefaultsAreWrittenAsACommentedFileAndStayWhatTheyWere)
{
    ASSERT_TRUE(table.set("relay.connections", std::int64_t{20}, "winnow.toml:2"));
    const std::string text = table.defaults_toml();
    EXPECT_THAT(text, HasSubstr("# Connections to one site. Allowed: 1 to 100. Reloadable.\nrelay.connections = 10\n"));
    EXPECT_THAT(text, HasSubstr("# Local addresses.\nrelay.sources = [\"192.0.2.1\"]\n"));
    EXPECT_THAT(text, HasSubstr("relay.pause = \"1s500ms\"\n"));
    EXPECT_THAT(text, HasSubstr("submission.max_message = \"25MB\"\n"));
    EXPECT_THAT(text, HasSubstr("relay.ratio = 0.5\n"));
    EXPECT_THAT(table.effective_toml(), HasSubstr("relay.connections = 20  # winnow.toml:2\n"));
    const std::string reference = table.reference_markdown();
    EXPECT_THAT(reference, HasSubstr("## `submission`\n\n| setting |"));
    EXPECT_THAT(reference, HasSubstr("| `relay.port` | `25` | 1 to 65535 | no | Port of receivers. |\n"));
}

TEST_F(ConfigTableTest, EveryDefaultIsAcceptedAsItIsWritten)
{
    for (const ConfigSetting& setting : table.settings())
        EXPECT_TRUE(table.set(setting.key(), setting.default_value(), "default")) << setting.key();
}

TEST_F(ConfigTableTest, AReloadAppliesWhatMayChangeAndNamesTheRest)
{
    Options fresh_options;
    ConfigTable fresh = table_of(fresh_options);
    ASSERT_TRUE(fresh.set("relay.connections", std::int64_t{50}, "winnow.toml:2"));
    ASSERT_TRUE(fresh.set("relay.port", std::int64_t{2525}, "winnow.toml:3"));
    const auto reload = table.adopt(fresh);
    EXPECT_THAT(reload.applied, ElementsAre("relay.connections"));
    EXPECT_THAT(reload.needs_restart, ElementsAre("relay.port"));
    EXPECT_EQ(options.connections, 50);
    EXPECT_EQ(options.port, 25);
    EXPECT_EQ(table.find("relay.connections")->source(), "winnow.toml:2");
    EXPECT_TRUE(table.adopt(fresh).applied.empty());
}

TEST_F(ConfigTableTest, CollidingKeysAndImpossibleDefaultsAreBrokenInvariants)
{
    bool flag = false;
    int zero = 0;
    EXPECT_THROW(table.boolean("relay.enabled", flag, "Again."), std::logic_error);
    EXPECT_THROW(table.boolean("relay", flag, "A section."), std::logic_error);
    EXPECT_THROW(table.boolean("relay.enabled.more", flag, "Below a value."), std::logic_error);
    EXPECT_THROW(table.boolean("Relay.Enabled", flag, "Capitals."), std::logic_error);
    EXPECT_THROW(table.boolean("", flag, "Empty."), std::logic_error);
    EXPECT_THROW(table.integer("relay.zero", zero, {1, 2}, "Default out of range."), std::logic_error);
    EXPECT_EQ(table.find("relay.zero"), nullptr);
}

TEST(ToToml, WritesWhatTomlReads)
{
    EXPECT_EQ(to_toml(true), "true");
    EXPECT_EQ(to_toml(std::int64_t{-5}), "-5");
    EXPECT_EQ(to_toml(2.0), "2.0");
    EXPECT_EQ(to_toml(1e300), "1e+300");
    EXPECT_EQ(to_toml(std::string("a\"b\\c\nd")), "\"a\\\"b\\\\c\\u000Ad\"");
    EXPECT_EQ(to_toml(Strings{"a", "b"}), "[\"a\", \"b\"]");
    EXPECT_EQ(to_toml(Strings{}), "[]");
}

}  // namespace
}  // namespace winnow
