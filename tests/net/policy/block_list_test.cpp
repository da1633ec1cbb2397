#include "net/policy/block_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_resolver.hpp"
#include "tests/support/run_coro.hpp"

namespace winnow::net {
namespace {

using testing::HasSubstr;

class BlockList : public testing::Test {
protected:
    BlockListAnswer ask(const std::string& ip = "8.8.4.4")
    {
        return test::run(ask_block_list(dns, ip, "list.example"));
    }

    test::FakeResolver dns;
};

TEST_F(BlockList, AnAddressWithoutARecordIsNotListed)
{
    const BlockListAnswer answer = ask();
    EXPECT_EQ(answer.status, BlockListStatus::not_listed);
    EXPECT_TRUE(answer.code.empty());
    EXPECT_EQ(dns.queries("4.4.8.8.list.example", DnsType::a), 1u);
    EXPECT_EQ(dns.total_queries(), 1u) << "the usual case costs one question";
}

TEST_F(BlockList, AListingComesWithItsCodeAndTheListsOwnWords)
{
    dns.zone("4.4.8.8.list.example. A 127.0.0.2\n4.4.8.8.list.example. TXT \"see https://list.example/why\"");
    const BlockListAnswer answer = ask();
    EXPECT_EQ(answer.status, BlockListStatus::listed);
    EXPECT_EQ(answer.code, "127.0.0.2");
    EXPECT_EQ(answer.detail, "8.8.4.4 is on list.example (127.0.0.2): see https://list.example/why");
}

TEST_F(BlockList, AListingWithoutWordsIsOneAllTheSame)
{
    dns.zone("4.4.8.8.list.example. A 127.0.0.10");
    EXPECT_EQ(ask().detail, "8.8.4.4 is on list.example (127.0.0.10).");
}

TEST_F(BlockList, WordsFromOutsideAreMadeHarmless)
{
    dns.add("4.4.8.8.list.example", DnsType::a, "127.0.0.2");
    dns.add("4.4.8.8.list.example", DnsType::txt, std::string("bell\a \xff") + std::string(500, 'x'));
    const BlockListAnswer answer = ask();
    EXPECT_THAT(answer.detail, HasSubstr("bell? ?xxx"));
    EXPECT_LT(answer.detail.size(), 300u);
}

TEST_F(BlockList, AnIpv6AddressIsAskedAboutByItsNibbles)
{
    dns.zone("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.7.4.6.0.6.2.list.example. A 127.0.0.2");
    EXPECT_EQ(ask("2606:4700::1").status, BlockListStatus::listed);
}

TEST_F(BlockList, AnErrorCodeIsAboutTheAskerNotAboutTheAddress)
{
    dns.zone("4.4.8.8.list.example. A 127.255.255.254");
    const BlockListAnswer answer = ask();
    EXPECT_EQ(answer.status, BlockListStatus::undecided);
    EXPECT_THAT(answer.detail, HasSubstr("resolver of your own"));
}

TEST_F(BlockList, AListThatListsEverybodyListsNobody)
{
    dns.zone("4.4.8.8.list.example. A 127.0.0.2\n1.0.0.127.list.example. A 127.0.0.2");
    EXPECT_EQ(ask().status, BlockListStatus::undecided);
}

TEST_F(BlockList, AParkedNameAnswersWithAnotherAddressAndIsNoList)
{
    dns.zone("4.4.8.8.list.example. A 203.0.113.80");
    EXPECT_EQ(ask().status, BlockListStatus::undecided);
}

TEST_F(BlockList, SilenceDecidesNothing)
{
    dns.zone("4.4.8.8.list.example. SERVFAIL");
    EXPECT_EQ(ask().status, BlockListStatus::undecided);
    dns.zone("5.4.8.8.list.example. TIMEOUT");
    EXPECT_EQ(ask("8.8.4.5").status, BlockListStatus::undecided);
    EXPECT_EQ(ask("not an address").status, BlockListStatus::undecided);
}

}  // namespace
}  // namespace winnow::net
