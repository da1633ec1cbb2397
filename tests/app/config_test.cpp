#include "app/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>

#include "core/rng.hpp"
#include "tests/support/temp_dir.hpp"

namespace winnow::app {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

using Environment = std::map<std::string, std::string>;

class ConfigFile : public testing::Test {
protected:
    std::string write(std::string_view text) { return dir_.write("winnow.toml", text); }
    Config load(std::string_view text, const Environment& environment = {})
    {
        auto config = load_config(write(text), environment);
        EXPECT_TRUE(config) << config.error().context;
        return config ? std::move(*config) : Config{};
    }
    std::string error_of(std::string_view text, const Environment& environment = {})
    {
        const auto config = load_config(write(text), environment);
        if (config)
            return "no error";
        EXPECT_EQ(config.error().code, Errc::invalid_argument);
        return config.error().context;
    }

    test::TempDir dir_;
};

TEST_F(ConfigFile, ValuesOfEachTypeReachTheirMembers)
{
    const auto config = load(R"(
        data_dir = "/srv/winnow"
        [http]
        listen = "[::1]:9090"
        [net]
        allow_private_targets = true
        dns_servers = ["192.0.2.53", "127.0.0.1:5353"]
        smtp_port = 2526
        [submission]
        max_message_size = "10MB"
        relay_networks = ["10.1.0.0/16", "2001:db8::/32"]
        [verifier]
        deadline = "90s"
        manners.rcpts_per_connection = 7
        [relay.timeouts]
        banner = "5s"
        [log]
        level = "warn"
    )");
    EXPECT_EQ(config.data_dir, "/srv/winnow");
    EXPECT_EQ(config.submission.relay_networks.size(), 2u);
    EXPECT_EQ(config.http.listen, "[::1]:9090");
    EXPECT_EQ(config.submission.max_message_size, 10u << 20);
    EXPECT_EQ(config.verifier.deadline, milliseconds{90'000});
    EXPECT_EQ(config.verifier.manners.rcpts_per_connection, 7);
    EXPECT_EQ(config.relay.timeouts.banner, milliseconds{5'000});
    EXPECT_EQ(config.log_level, LogLevel::warn);
    ASSERT_EQ(config.dns.servers.size(), 2u);
    EXPECT_EQ(config.dns.servers[0].to_string(), "192.0.2.53:53");
    EXPECT_EQ(config.dns.servers[1].to_string(), "127.0.0.1:5353");
}

TEST_F(ConfigFile, SharedSettingsReachVerifierAndRelay)
{
    const auto config = load(R"(
        [net]
        allow_private_targets = true
        smtp_port = 2526
        ca_file = "/etc/lab-ca.pem"
        [retry]
        min = "1s"
        speedup = 300
    )");
    EXPECT_EQ(config.verifier.smtp_port, 2526);
    EXPECT_EQ(config.relay.smtp_port, 2526);
    EXPECT_TRUE(config.verifier.allow_private_targets && config.relay.allow_private_targets);
    EXPECT_EQ(config.verifier.ca_file, "/etc/lab-ca.pem");
    EXPECT_EQ(config.relay.ca_file, "/etc/lab-ca.pem");
    EXPECT_EQ(config.verifier.greylist_min, milliseconds{1'000});
    EXPECT_EQ(config.relay.retry_min, milliseconds{1'000});
    EXPECT_EQ(config.relay.retry_speedup, 300);
    EXPECT_EQ(config.verifier.retry_speedup, 300);
}

TEST_F(ConfigFile, AnUnknownKeyIsAnErrorWithFileLineColumnAndTheNearestKey)
{
    EXPECT_THAT(error_of("[relay]\n  hostnme = \"mail.example.com\"\n"),
                AllOf(HasSubstr("winnow.toml:2:3: "), HasSubstr("'relay.hostnme'"),
                      HasSubstr("did you mean 'relay.hostname'?")));
    EXPECT_THAT(error_of("[zebra]\n"), AllOf(HasSubstr(":1:"), HasSubstr("unknown section 'zebra'")));
    EXPECT_EQ(error_of("[verifier.manners]\n"), "no error");
}

TEST_F(ConfigFile, AMisspeltSectionIsOneErrorThatNamesTheNearestSection)
{
    const auto text = error_of("[verifyer]\nhelo_name = \"a.test\"\nmail_from = \"b@a.test\"\n");
    EXPECT_THAT(text, HasSubstr("unknown section 'verifyer'; did you mean 'verifier'?"));
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 0) << text;
    EXPECT_THAT(error_of("[verifier.maners]\nconnections_per_site = 1\n"),
                HasSubstr("did you mean 'verifier.manners'?"));
}

TEST_F(ConfigFile, FaultsOfAFileAreToldInTheOrderOfItsLines)
{
    const auto text = error_of("[verifier]\nzebra = 1\n[relay]\nzebra = 1\n[http]\nzebra = 1\n[aaa]\n");
    std::size_t before = 0;
    for (const char* line : {":2:", ":4:", ":6:", ":7:"}) {
        const auto at = text.find(line);
        ASSERT_NE(at, std::string::npos) << line << " in " << text;
        EXPECT_GE(at, before) << text;
        before = at;
    }
}

TEST_F(ConfigFile, ASectionThatIsNoTableTellsHowItIsWritten)
{
    EXPECT_THAT(
        error_of("[[http]]\nlisten = \"127.0.0.1:80\"\n"),
        AllOf(HasSubstr("winnow.toml:1:"), HasSubstr("http is a table of settings, written [http], not [[http]]")));
    EXPECT_THAT(error_of("[[verifier.manners]]\n"), HasSubstr("written [verifier.manners], not [[verifier.manners]]"));
    EXPECT_THAT(error_of("http = \"127.0.0.1:80\"\n"), HasSubstr("http is a table of settings, written [http]"));
    EXPECT_THAT(error_of("[[zebra]]\n"), HasSubstr("unknown setting 'zebra'"));
}

TEST_F(ConfigFile, AllMistakesAreToldAtOnce)
{
    const auto text = error_of(
        "data_dir = 5\n"
        "[http]\nlisten = \"nowhere\"\n"
        "[verifier]\ndeadline = 90\nmail_from = \"not an address\"\nsources = [\"10.0.0.256\"]\n"
        "[net]\nsmtp_port = 70000\ndns_servers = [1]\n"
        "[log]\nlevel = \"loud\"\n"
        "[submission]\nrelay_networks = [\"10.0.0.0/33\"]\n");
    for (const char* part : {":1:", ":3:", ":5:", ":6:", ":7:", ":9:", ":10:", ":12:", ":14:"})
        EXPECT_THAT(text, HasSubstr(part));
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 8) << text;
}

TEST_F(ConfigFile, ARelayNetworkThatNobodyOwnsIsRefused)
{
    const auto listed = [this](const std::string& network) {
        return error_of("[submission]\nrelay_networks = [\"10.0.0.0/8\", \"" + network + "\"]\n");
    };
    for (const std::string open : {"0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "8.0.0.0/7", "::/0", "2000::/3",
                                   "2001::/15", "f000::/4", "fe00::/7"})
        EXPECT_THAT(listed(open), AllOf(HasSubstr(":2:"), HasSubstr("relay_networks"), HasSubstr('"' + open + '"'),
                                        HasSubstr("is wider than /"), HasSubstr("send mail to anybody")));
    for (const char* own : {"10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "44.0.0.0/8", "172.16.0.0/12", "192.0.2.1",
                            "fc00::/7", "fd00::/8", "fe80::/10", "::1", "2001:db8::/32", "2001::/16"})
        EXPECT_EQ(listed(own), "no error") << own;
}

TEST_F(ConfigFile, ASyntaxErrorTellsItsPlace)
{
    EXPECT_THAT(error_of("[http]\nlisten = \n"), HasSubstr("winnow.toml:2:"));
    EXPECT_THAT(error_of("[http\n"), HasSubstr("winnow.toml:1:"));
    EXPECT_THAT(error_of("a = 1\na = 2\n"), HasSubstr("winnow.toml:2:"));
    EXPECT_THAT(error_of(std::string(100'000, '[')), HasSubstr("winnow.toml:1:"));
    for (const char* line : {"[=]", "[ # x", "[[[x]]]", "[\r\nx]", "a = 07:3x"})
        EXPECT_THAT(error_of("# first\n" + std::string(line) + "\n"), HasSubstr("winnow.toml:2")) << line;
}

TEST_F(ConfigFile, DamagedTextIsAnErrorOrAConfigurationNeverACrash)
{
    const std::string whole =
        "# a comment\ndata_dir = \"/srv\"\n[http]\nlisten = '127.0.0.1:80'\n[verifier]\nsources = [\"::1\", # x\n"
        "  \"10.0.0.1\"]\nmanners.between_rcpts = \"5s\"\nwindow = 0x3e8\n[[relay]]\nhostname = \"\"\"\nx\"\"\"\n"
        "[relay.timeouts]\nbanner = 1979-05-27T07:32:00Z\ndata = {a = 1.5e3, b = inf}\n";
    constexpr std::string_view alphabet = "[]{}=.,\"'#\n\r\t \\-_0xaeuT:+\x80\xff\x01";
    SeededRng rng(11);
    for (int round = 0; round < 100; ++round) {
        std::string text = whole;
        for (std::uint64_t edits = 1 + rng.below(4); edits > 0; --edits) {
            const auto at = static_cast<std::size_t>(rng.below(text.size()));
            if (rng.below(2) == 0)
                text.erase(at, 1 + rng.below(8));
            else
                text.insert(at, 1 + rng.below(3), alphabet[rng.below(alphabet.size())]);
        }
        (void)load_config(write(text), {});
    }
}

TEST_F(ConfigFile, AMissingFileIsAnErrorAndNoFileIsNot)
{
    const auto missing = load_config(dir_.file("absent.toml"), {});
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().context, HasSubstr("absent.toml cannot be read"));
    const auto none = load_config("", {});
    ASSERT_TRUE(none) << none.error().context;
    EXPECT_EQ(none->http.listen, "127.0.0.1:8080");
}

TEST_F(ConfigFile, DropInsAndTheEnvironmentWinInThatOrder)
{
    std::filesystem::create_directory(dir_.path() / "conf.d");
    dir_.write("conf.d/20-second.toml", "relay.hostname = \"second.example.com\"\n");
    dir_.write("conf.d/10-first.toml",
               "relay.hostname = \"first.example.com\"\nrelay.bounce_domain = \"b.example.com\"\n");
    dir_.write("conf.d/ignored.txt", "nonsense\n");
    const auto path = write("relay.hostname = \"main.example.com\"\nrelay.max_connections = 5\n");
    const auto files = load_config(path, {}).value();
    EXPECT_EQ(files.relay.hostname, "second.example.com");
    EXPECT_EQ(files.relay.bounce_domain, "b.example.com");
    EXPECT_EQ(files.relay.max_connections, 5);

    const auto config = load_config(path, {{"WINNOW_RELAY__HOSTNAME", "env.example.com"},
                                           {"WINNOW_DATA_DIR", "/env"},
                                           {"WINNOW_NET__DNS_SERVERS", "192.0.2.1, 192.0.2.2"},
                                           {"WINNOW_VERIFIER__MANNERS__LARGE_PER_HOUR", "9"},
                                           {"WINNOW_API_KEY", "not a setting"},
                                           {"PATH", "/bin"}})
                            .value();
    EXPECT_EQ(config.relay.hostname, "env.example.com");
    EXPECT_EQ(config.data_dir, "/env");
    EXPECT_EQ(config.dns.servers.size(), 2u);
    EXPECT_EQ(config.verifier.manners.large_per_hour, 9);

    const auto wrong = load_config(path, {{"WINNOW_RELAY__HOSTNMAE", "x"}});
    ASSERT_FALSE(wrong);
    EXPECT_THAT(wrong.error().context, AllOf(HasSubstr("WINNOW_RELAY__HOSTNMAE"), HasSubstr("'relay.hostname'")));
    dir_.write("conf.d/30-broken.toml", "relay.hostname = 1\n");
    const auto broken = load_config(path, {});
    ASSERT_FALSE(broken);
    EXPECT_THAT(broken.error().context, HasSubstr("30-broken.toml:1:"));
}

TEST_F(ConfigFile, SettingsThatBelongTogetherAreCheckedTogether)
{
    EXPECT_THAT(error_of("http.cert_file = \"/c.pem\"\n"), HasSubstr("http.tls_key_file"));
    EXPECT_THAT(error_of("verifier.helo_name = \"probe.example.com\"\n"), HasSubstr("verifier.mail_from"));
    EXPECT_THAT(error_of("retry.speedup = 10\n"), HasSubstr("net.allow_private_targets"));
    EXPECT_EQ(error_of("verifier.helo_name = \"probe.example.com\"\nverifier.mail_from = \"probe@example.com\"\n"),
              "no error");
}

TEST_F(ConfigFile, TheTableKnowsWhereEachValueCameFrom)
{
    const auto loaded =
        load_config_table(write("relay.hostname = \"a.example.com\"\n"), {{"WINNOW_LOG__LEVEL", "error"}}).value();
    const auto effective = loaded.table.effective_toml();
    EXPECT_THAT(effective, HasSubstr("relay.hostname = \"a.example.com\"  # " + dir_.file("winnow.toml") + ":1:"));
    EXPECT_THAT(effective, HasSubstr("log.level = \"error\"  # environment WINNOW_LOG__LEVEL\n"));
    EXPECT_THAT(effective, HasSubstr("http.listen = \"127.0.0.1:8080\"  # default\n"));
}

TEST_F(ConfigFile, WhatDefaultsPrintsIsAValidFileThatChangesNothing)
{
    const auto path = write(default_configuration());
    const auto loaded = load_config_table(path, {});
    ASSERT_TRUE(loaded) << loaded.error().context;
    for (const auto& setting : loaded->table.settings())
        EXPECT_EQ(setting.value(), setting.default_value()) << setting.key();
}

TEST(ConfigTable, EverySettingHasASentenceAndDurationsAUnit)
{
    Config config;
    const auto table = config_table(config);
    EXPECT_GT(table.settings().size(), 80u);
    for (const auto& setting : table.settings()) {
        EXPECT_TRUE(setting.help().ends_with('.')) << setting.key();
        EXPECT_TRUE(std::isupper(static_cast<unsigned char>(setting.help().front())) || setting.help().front() == '"')
            << setting.key();
        EXPECT_THAT(setting.help(), Not(HasSubstr("  "))) << setting.key();
    }
}

TEST(ConfigReference, IsWhatTheProgramWrites)
{
    std::ifstream in(WINNOW_SOURCE_DIR "/docs/configuration.md", std::ios::binary);
    const std::string document{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    EXPECT_EQ(document, configuration_reference())
        << "write it anew: winnow config --defaults --markdown > docs/configuration.md";
}

}  // namespace
}  // namespace winnow::app
