#include "sandbox/script.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "core/reply_classifier.hpp"
#include "net/endpoint.hpp"

namespace winnow::sandbox {
namespace {

TEST(Scripts, EachIsFoundByItsZoneAndByItsReceiversAddress)
{
    std::set<std::string_view> names;
    for (const Script& script : scripts()) {
        const std::string apex(script.apex);
        EXPECT_TRUE(names.insert(script.apex).second) << apex;
        EXPECT_EQ(script_of(apex), &script) << apex;
        EXPECT_EQ(script_of("a.b." + apex), &script) << apex;
        EXPECT_EQ(script_of("not" + apex), nullptr) << apex;
        EXPECT_EQ(script_of_address(address_of_script(script)), &script) << apex;
        EXPECT_FALSE(net::is_public_address(address_of_script(script)));
    }
    for (const auto* name : {"", ".", "test", ".test", "deliverable.test", "moved.example"})
        EXPECT_EQ(script_of(name), nullptr) << name;
    for (const auto* ip : {"", "127.0.0.1", "127.77.1.1", "127.77.200.1", "127.77.254.1", "127.77.", "127.77.999.1"})
        EXPECT_EQ(script_of_address(ip), nullptr) << ip;
}

TEST(Scripts, EveryOneThatReceivesHasAHostWithItsAddress)
{
    for (const Script& script : scripts()) {
        const auto domain = "d7." + std::string(script.apex);
        const auto behaviour = behaviour_of(domain);
        EXPECT_EQ(behaviour.script, &script);
        bool reachable = false;
        for (const auto& host : behaviour.mx)
            reachable |= host.starts_with("alias.") || address_of_host(host, 4) == address_of_script(script);
        EXPECT_EQ(reachable, script.receives()) << domain;
    }
}

TEST(Scripts, OneThatNeverTakesMailSaysWhatIsTrueOfIt)
{
    for (const Script& script : scripts()) {
        const bool never = script.when == When::always && script.act != Act::verbose;
        EXPECT_TRUE(!never || script.everybody) << script.apex;
        EXPECT_TRUE(script.receives() || script.everybody) << script.apex;
        const bool waits =
            script.when == When::early || script.when == When::early_site || script.when == When::early_strangers;
        EXPECT_EQ(waits, script.wait.count() > 0) << script.apex;
        const bool has_code = script.words.size() > 3 && script.words[0] >= '2' && script.words[0] <= '5';
        EXPECT_TRUE(script.when == When::never || script.act != Act::say || has_code) << script.apex;
    }
}

TEST(Scripts, HostsSayWhatTheyStandForInTheirFirstLabel)
{
    EXPECT_EQ(read_host("mx1.a.test").role, HostRole::receiver);
    EXPECT_EQ(read_host("mx40.a.test").domain, "a.test");
    for (const auto* domain : {"mx.a.test", "mxa.a.test", "mx1", "a.test", ""}) {
        EXPECT_EQ(read_host(domain).role, HostRole::domain) << domain;
        EXPECT_EQ(read_host(domain).domain, domain);
    }
    EXPECT_EQ(read_host("dead.a.test").role, HostRole::dead);
    EXPECT_EQ(*address_of_host("dead.d1.dead-first.test", 4), dead_address);
    EXPECT_FALSE(address_of_host("bare.d1.mx-no-address.test", 4));
    EXPECT_TRUE(address_of_host("dead.deliverable.test", 4)) << "a mail domain like any other outside of scripts";
}

TEST(Scripts, MicrosoftNamesAreReadBack)
{
    const auto host = hosts_of(*script_of("ms-edge.test"), "d7.ms-edge.test").at(0);
    EXPECT_EQ(host, "d7-ms-edge-test.mail.protection.outlook.com");
    EXPECT_EQ(script_of_microsoft_host(host), script_of("ms-edge.test"));
    EXPECT_EQ(script_of_microsoft_host("ms-edge-blocked-test.mail.protection.outlook.com"),
              script_of("ms-edge-blocked.test"));
    EXPECT_EQ(script_of_microsoft_host("xms-edge-test.mail.protection.outlook.com"), nullptr);
    EXPECT_EQ(script_of_microsoft_host("d7.ms-edge.test"), nullptr);
    EXPECT_EQ(script_of_microsoft_host("outlook-com.olc.protection.outlook.com"), nullptr);
}

TEST(Scripts, EachHasItsRowInTheDocument)
{
    std::ifstream file(WINNOW_DATA_DIR "/../docs/sandbox.md");
    std::ostringstream text;
    text << file.rdbuf();
    for (const auto& apex : apex_domains()) {
        const auto shown = apex.starts_with("greylist-") ? std::string("greylist-<N>") : apex;
        EXPECT_NE(text.str().find("`*." + shown), std::string::npos) << apex;
    }
}

/// A truth that says "no such mailbox" or "accepted" must not rest on words that are about somebody else.
TEST(Scripts, WordsAreReadAsTheTruthSays)
{
    auto replies = ReplyClassifier::load(WINNOW_DATA_DIR "/replies.tsv");
    ASSERT_TRUE(replies) << replies.error().message();
    for (const Script& script : scripts()) {
        // What Microsoft's edge says depends on what else it says of the domain, not on its words alone.
        if (script.act != Act::say || script.when == When::never || script.route == Route::microsoft)
            continue;
        ReplyContext context;
        context.stage = script.stage;
        const int code = (script.words[0] - '0') * 100 + (script.words[1] - '0') * 10 + (script.words[2] - '0');
        const auto read = replies->classify(SmtpReply::make(code, script.words.substr(4)), context);
        const auto truth = script.everybody.value_or(script.members.value_or(Reason::accepted));
        const bool about_us = truth == Reason::prober_blocked || truth == Reason::policy_refused;
        const bool about_mailbox = truth == Reason::mailbox_disabled || truth == Reason::recipient_restricted;
        EXPECT_FALSE(about_us && read.subject == Subject::address) << script.apex << ": " << read.rule;
        EXPECT_FALSE(about_mailbox && read.subject != Subject::address) << script.apex << ": " << read.rule;
    }
}

}  // namespace
}  // namespace winnow::sandbox
