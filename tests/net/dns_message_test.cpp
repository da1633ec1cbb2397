#include "net/dns_message.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "net/dns_name.hpp"

namespace winnow::net {
namespace {

using Wire = std::vector<std::uint8_t>;

Wire bytes(std::string_view text)
{
    return Wire(text.begin(), text.end());
}

/// A reply for example.com MX, compressed as BIND writes it.
const std::string_view golden_mx_reply(
    "\x12\x34\x81\xa0\x00\x01\x00\x02\x00\x00\x00\x01"
    "\x07"
    "example\x03"
    "com\x00"
    "\x00\x0f\x00\x01"
    "\xc0\x0c\x00\x0f\x00\x01\x00\x00\x01\x2c\x00\x07"
    "\x00\x0a\x02"
    "m1\xc0\x0c"
    "\xc0\x0c\x00\x0f\x00\x01\x00\x00\x01\x2c\x00\x07"
    "\x00\x14\x02"
    "M2\xc0\x0c"
    "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00",
    12 + 17 + 19 + 19 + 11);

DnsRecord record(std::string name, DnsType type, std::string data, std::uint32_t ttl = 300)
{
    return {std::move(name), type, ttl, std::move(data)};
}

DnsMessage round_trip(const DnsMessage& message)
{
    const auto wire = encode_dns(message);
    EXPECT_TRUE(wire) << wire.error().message();
    auto back = decode_dns(*wire);
    EXPECT_TRUE(back) << back.error().message();
    return std::move(*back);
}

TEST(DnsMessage, AQueryIsWrittenOctetByOctet)
{
    const auto wire = encode_dns(make_dns_query(0xbeef, "Ab.test", DnsType::mx));
    ASSERT_TRUE(wire);
    EXPECT_EQ(*wire, bytes(std::string_view("\xbe\xef\x01\x20\x00\x01\x00\x00\x00\x00\x00\x01"
                                            "\x02"
                                            "Ab\x04"
                                            "test\x00"
                                            "\x00\x0f\x00\x01"
                                            "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00",
                                            12 + 13 + 11)));
}

TEST(DnsMessage, ACompressedReplyIsReadInFull)
{
    const auto reply = decode_dns(bytes(golden_mx_reply));
    ASSERT_TRUE(reply) << reply.error().message();
    EXPECT_EQ(reply->id, 0x1234);
    EXPECT_TRUE(reply->response);
    EXPECT_TRUE(reply->recursion_available);
    EXPECT_TRUE(reply->authenticated);
    EXPECT_FALSE(reply->truncated);
    EXPECT_EQ(reply->udp_size, 1232);
    const DnsQuestion question{"example.com", DnsType::mx, 1};
    EXPECT_EQ(reply->questions.at(0), question);
    ASSERT_EQ(reply->answers.size(), 2u);
    EXPECT_EQ(reply->answers[1].name, "example.com");
    EXPECT_EQ(reply->answers[1].ttl, 300u);
    EXPECT_EQ(std::get<MxData>(reply->answers[1].data).preference, 20);
    EXPECT_EQ(std::get<MxData>(reply->answers[1].data).host, "m2.example.com");
}

TEST(DnsMessage, EveryCutOfAReplyIsAnError)
{
    for (std::size_t size = 0; size < golden_mx_reply.size(); ++size) {
        const auto cut = decode_dns(bytes(golden_mx_reply.substr(0, size)));
        ASSERT_FALSE(cut) << size << " octets were read as a whole message";
        EXPECT_EQ(cut.error().code, Errc::protocol);
    }
}

TEST(DnsMessage, EveryRecordTypeSurvivesTheRoundTrip)
{
    DnsMessage message;
    message.response = message.authoritative = true;
    message.questions.push_back({"example.test", DnsType::any, 1});
    message.answers = {record("example.test", DnsType::a, "192.0.2.1"),
                       record("example.test", DnsType::aaaa, "2001:db8::1"),
                       record("www.example.test", DnsType::cname, "example.test"),
                       record("example.test", DnsType::ns, "ns.example.test"),
                       record("1.2.0.192.in-addr.arpa", DnsType::ptr, "mail.example.test"),
                       record("example.test", DnsType::txt, "v=spf1 " + std::string(600, 'x')),
                       record("empty.example.test", DnsType::txt, ""),
                       record("_25._tcp.mx.example.test", DnsType::tlsa, "3 1 1 00ff"),
                       {"example.test", DnsType::mx, 300, MxData{10, "mx.example.test"}},
                       {"nomail.test", DnsType::mx, 300, MxData{0, "."}}};
    message.authority = {record("test", DnsType::soa, "ns.test hostmaster.test 2026010100 7200 3600 1209600 900")};
    const DnsMessage back = round_trip(message);
    ASSERT_EQ(back.answers.size(), message.answers.size());
    for (std::size_t i = 0; i < back.answers.size(); ++i) {
        EXPECT_EQ(back.answers[i].name, message.answers[i].name);
        EXPECT_EQ(back.answers[i].type, message.answers[i].type);
        if (const auto* mx = std::get_if<MxData>(&message.answers[i].data))
            EXPECT_EQ(std::get<MxData>(back.answers[i].data).host, mx->host);
        else
            EXPECT_EQ(std::get<std::string>(back.answers[i].data), std::get<std::string>(message.answers[i].data));
    }
    EXPECT_EQ(std::get<std::string>(back.authority.at(0).data), std::get<std::string>(message.authority[0].data));
    EXPECT_TRUE(back.authoritative);
}

TEST(DnsMessage, NamesAreCompressedOnTheWire)
{
    DnsMessage message;
    for (int i = 0; i < 10; ++i)
        message.answers.push_back(record("a-long-owner-name.example.test", DnsType::a, "192.0.2.1"));
    const auto wire = encode_dns(message);
    ASSERT_TRUE(wire);
    EXPECT_EQ(wire->size(), 12u + 32 + 14 + 9 * (2 + 14));
}

TEST(DnsMessage, TooLongForTheTransportMeansTruncatedWithoutRecords)
{
    DnsMessage message;
    message.questions.push_back({"example.test", DnsType::txt, 1});
    message.answers.push_back(record("example.test", DnsType::txt, std::string(900, 'x')));
    const auto wire = encode_dns(message, 512);
    ASSERT_TRUE(wire);
    const auto back = decode_dns(*wire);
    ASSERT_TRUE(back);
    EXPECT_TRUE(back->truncated);
    EXPECT_TRUE(back->answers.empty());
    EXPECT_EQ(back->questions, message.questions);
}

TEST(DnsMessage, DataThatDoesNotFitItsTypeIsNotWritten)
{
    const auto refuses = [](DnsRecord r) {
        DnsMessage message;
        message.answers.push_back(std::move(r));
        return !encode_dns(message);
    };
    EXPECT_TRUE(refuses(record("a.test", DnsType::a, "2001:db8::1")));
    EXPECT_TRUE(refuses(record("a.test", DnsType::aaaa, "192.0.2.1")));
    EXPECT_TRUE(refuses(record("a.test", DnsType::mx, "10 mx.a.test")));
    EXPECT_TRUE(refuses({"a.test", DnsType::txt, 0, MxData{}}));
    EXPECT_TRUE(refuses(record("a.test", DnsType::soa, "ns.test hostmaster.test 1 2 3 4")));
    EXPECT_TRUE(refuses(record("a.test", DnsType::tlsa, "3 1 1 xyz")));
    EXPECT_TRUE(refuses(record("a.test", DnsType::tlsa, "3 1 256 00")));
    EXPECT_TRUE(refuses(record("a..test", DnsType::a, "192.0.2.1")));
    EXPECT_TRUE(refuses(record(std::string(64, 'a'), DnsType::a, "192.0.2.1")));
    EXPECT_TRUE(refuses(record("", DnsType::a, "192.0.2.1")));
    EXPECT_TRUE(refuses(record("a.test", DnsType::any, "")));
}

TEST(DnsMessage, RecordsOfOtherTypesAndClassesAreLeftOut)
{
    Wire wire = bytes(golden_mx_reply);
    wire[12 + 17 + 3] = 99;  // the first answer's type
    const auto reply = decode_dns(wire);
    ASSERT_TRUE(reply) << reply.error().message();
    EXPECT_EQ(reply->answers.size(), 1u);
}

struct BrokenName {
    const char* title;
    std::string_view octets;  ///< at offset 12 of a message
};
class BrokenNames : public testing::TestWithParam<BrokenName> {};

TEST_P(BrokenNames, AreRefused)
{
    Wire wire(12);
    wire[5] = 1;  // one question
    const Wire name = bytes(GetParam().octets);
    wire.insert(wire.end(), name.begin(), name.end());
    wire.insert(wire.end(), {0, 1, 0, 1});
    const auto message = decode_dns(wire);
    ASSERT_FALSE(message);
    EXPECT_EQ(message.error().code, Errc::protocol);
}

INSTANTIATE_TEST_SUITE_P(DnsMessage, BrokenNames,
                         testing::Values(BrokenName{"PointerToItself", std::string_view("\xc0\x0c", 2)},
                                         BrokenName{"PointerForward", std::string_view("\xc0\x20", 2)},
                                         BrokenName{"PointerIntoItsOwnName", std::string_view("\x01\x61\xc0\x0c", 4)},
                                         BrokenName{"PointerWithoutSecondOctet", std::string_view("\xc0", 1)},
                                         BrokenName{"ReservedLabelType", std::string_view("\x41\x61\x00", 3)},
                                         BrokenName{"OldBinaryLabelType", std::string_view("\x80\x61\x00", 3)},
                                         BrokenName{"LabelPastTheEnd", std::string_view("\x3f\x61\x00", 3)}),
                         [](const auto& param) { return param.param.title; });

TEST(DnsMessage, ANameMayNotGrowPast255OctetsThroughPointers)
{
    // Each name is a label of 60 octets and a pointer to the name before: the fifth is too long.
    Wire wire(12);
    std::size_t previous = 0;
    for (int i = 0; i < 5; ++i) {
        const std::size_t at = wire.size();
        wire.push_back(60);
        wire.insert(wire.end(), 60, 'a');
        if (i == 0)
            wire.push_back(0);
        else
            wire.insert(wire.end(),
                        {static_cast<std::uint8_t>(0xc0 | previous >> 8), static_cast<std::uint8_t>(previous & 0xff)});
        wire.insert(wire.end(), {0, 1, 0, 1});
        previous = at;
    }
    wire[5] = 4;
    EXPECT_TRUE(decode_dns(wire));
    wire[5] = 5;
    EXPECT_FALSE(decode_dns(wire));
}

TEST(DnsName, OctetsThatCouldBeMisreadAreEscaped)
{
    const std::vector<std::string> labels{"first.last", "a b\\c", std::string("\x00\xff", 2)};
    const std::string text = dns_name_text(labels);
    EXPECT_EQ(text, "first\\.last.a\\032b\\\\c.\\000\\255");
    const auto back = dns_labels(text);
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, labels);
}

TEST(DnsName, TheCanonicalFormIsLowerCaseWithoutTheFinalDot)
{
    EXPECT_EQ(dns_canonical("Example.TEST."), "example.test");
    EXPECT_EQ(dns_canonical("."), ".");
    EXPECT_EQ(dns_canonical("odd\\."), "odd\\.");
    EXPECT_EQ(dns_canonical("odd\\\\."), "odd\\\\");
    EXPECT_TRUE(dns_equal("MX.example.test", "mx.EXAMPLE.test"));
    EXPECT_FALSE(dns_equal("mx.example.test", "mx.example.tes"));
}

TEST(DnsName, BrokenTextIsRefused)
{
    for (const char* text : {"", "..", ".a", "a..b", "a\\", "a\\25", "a\\256", "a\\2x5"})
        EXPECT_FALSE(dns_labels(text)) << text;
    EXPECT_FALSE(dns_labels(std::string(63, 'a') + '.' + std::string(63, 'a') + '.' + std::string(63, 'a') + '.' +
                            std::string(62, 'a')));
    EXPECT_TRUE(dns_labels(std::string(63, 'a') + '.' + std::string(63, 'a') + '.' + std::string(63, 'a') + '.' +
                           std::string(61, 'a')));
}

// ------------------------------------------------------------------------------------------------ answer_from

DnsMessage reply_with(std::vector<DnsRecord> answers)
{
    DnsMessage reply;
    reply.response = true;
    reply.recursion_available = true;
    reply.answers = std::move(answers);
    return reply;
}

TEST(DnsAnswerFrom, CnamesAreFollowedInAnyOrderAndTheLeastTtlCounts)
{
    const DnsAnswer answer = answer_from(
        reply_with({record("b.test", DnsType::cname, "c.test", 50), record("c.test", DnsType::a, "192.0.2.1", 900),
                    record("a.test", DnsType::cname, "b.test", 400)}),
        "A.test.", DnsType::a);
    EXPECT_EQ(answer.status, DnsStatus::ok);
    ASSERT_EQ(answer.records.size(), 1u);
    EXPECT_EQ(answer.records[0].name, "c.test");
    EXPECT_EQ(answer.ttl, 50u);
}

TEST(DnsAnswerFrom, RecordsOfOtherNamesAreNotAnAnswer)
{
    const DnsAnswer answer =
        answer_from(reply_with({record("evil.test", DnsType::a, "203.0.113.66")}), "a.test", DnsType::a);
    EXPECT_EQ(answer.status, DnsStatus::nodata);
    EXPECT_TRUE(answer.records.empty());
}

TEST(DnsAnswerFrom, ACnameLoopIsAFailure)
{
    const DnsAnswer answer = answer_from(
        reply_with({record("a.test", DnsType::cname, "b.test"), record("b.test", DnsType::cname, "a.test")}), "a.test",
        DnsType::a);
    EXPECT_EQ(answer.status, DnsStatus::servfail);
}

TEST(DnsAnswerFrom, NegativeAnswersTakeTheirTtlFromTheSoa)
{
    DnsMessage reply = reply_with({});
    reply.rcode = DnsRcode::name_error;
    EXPECT_EQ(answer_from(reply, "a.test", DnsType::mx).ttl, 0u);
    reply.authority.push_back(record("test", DnsType::soa, "ns.test h.test 1 2 3 4 600", 3'600));
    DnsAnswer answer = answer_from(reply, "a.test", DnsType::mx);
    EXPECT_EQ(answer.status, DnsStatus::nxdomain);
    EXPECT_EQ(answer.ttl, 600u);
    reply.authority[0].ttl = 60;
    reply.rcode = DnsRcode::no_error;
    answer = answer_from(reply, "a.test", DnsType::mx);
    EXPECT_EQ(answer.status, DnsStatus::nodata);
    EXPECT_EQ(answer.ttl, 60u);
}

TEST(DnsAnswerFrom, AReferralSaysNothingAboutTheName)
{
    DnsMessage reply = reply_with({});
    reply.authority.push_back(record("test", DnsType::ns, "ns.test"));
    for (const bool recursive : {false, true}) {
        reply.recursion_available = recursive;
        const DnsAnswer answer = answer_from(reply, "a.test", DnsType::mx);
        EXPECT_EQ(answer.status, DnsStatus::servfail);
        EXPECT_NE(answer.detail.find("answers with a referral"), std::string::npos) << answer.detail;
        EXPECT_NE(answer.detail.find("net.dns_servers"), std::string::npos) << answer.detail;
    }
}

TEST(DnsAnswerFrom, ADenialNeedsAResolverOrTheServerOfTheZone)
{
    for (const auto rcode : {DnsRcode::no_error, DnsRcode::name_error}) {
        const DnsStatus denial = rcode == DnsRcode::no_error ? DnsStatus::nodata : DnsStatus::nxdomain;
        for (const bool soa : {false, true}) {
            DnsMessage reply = reply_with({});
            reply.rcode = rcode;
            if (soa)
                reply.authority.push_back(record("test", DnsType::soa, "ns.test h.test 1 2 3 4 600"));
            EXPECT_EQ(answer_from(reply, "a.test", DnsType::mx).status, denial) << "RA";
            reply.recursion_available = false;
            const DnsAnswer nobody = answer_from(reply, "a.test", DnsType::mx);
            EXPECT_EQ(nobody.status, DnsStatus::servfail) << "neither";
            EXPECT_NE(nobody.detail.find("net.dns_servers"), std::string::npos) << nobody.detail;
            reply.authoritative = true;
            EXPECT_EQ(answer_from(reply, "a.test", DnsType::mx).status, denial) << "AA";
        }
    }
}

TEST(DnsAnswerFrom, AnAliasOutOfTheZoneOfItsServerIsNotDeniedByIt)
{
    DnsMessage reply = reply_with({record("a.test", DnsType::cname, "b.example")});
    reply.authoritative = true;
    const DnsAnswer maybe = answer_from(reply, "A.test", DnsType::mx);
    EXPECT_EQ(maybe.status, DnsStatus::nodata);
    EXPECT_EQ(maybe.alias, "b.example") << "did the resolver look there, or leave that to us?";
    reply.recursion_available = false;
    EXPECT_EQ(answer_from(reply, "A.test", DnsType::mx).status, DnsStatus::servfail);
    reply.authority.push_back(record("example", DnsType::soa, "ns.example h.example 1 2 3 4 600"));
    const DnsAnswer denial = answer_from(reply, "A.test", DnsType::mx);
    EXPECT_EQ(denial.status, DnsStatus::nodata) << "both zones are its own";
    EXPECT_EQ(denial.alias, "");
}

TEST(DnsAnswerFrom, RecordsAreTakenFromWhoeverHasThem)
{
    DnsMessage reply = reply_with({record("a.test", DnsType::a, "192.0.2.1")});
    reply.recursion_available = false;
    EXPECT_EQ(answer_from(reply, "a.test", DnsType::a).status, DnsStatus::ok);
}

TEST(DnsAnswerFrom, ErrorCodesAreNotAnswers)
{
    DnsMessage reply = reply_with({record("a.test", DnsType::a, "192.0.2.1")});
    reply.rcode = DnsRcode::server_failure;
    EXPECT_EQ(answer_from(reply, "a.test", DnsType::a).status, DnsStatus::servfail);
    reply.rcode = DnsRcode::refused;
    EXPECT_EQ(answer_from(reply, "a.test", DnsType::a).status, DnsStatus::refused);
    reply.rcode = DnsRcode::form_error;
    const DnsAnswer answer = answer_from(reply, "a.test", DnsType::a);
    EXPECT_EQ(answer.status, DnsStatus::servfail);
    EXPECT_NE(answer.detail.find("FORMERR"), std::string::npos);
    EXPECT_FALSE(answer.definite());
}

// ------------------------------------------------------------------------------------------------ properties

rc::Gen<std::string> any_name()
{
    const auto label =
        rc::gen::resize(20, rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::arbitrary<char>())));
    return rc::gen::map(rc::gen::resize(6, rc::gen::container<std::vector<std::string>>(label)),
                        [](std::vector<std::string> labels) {
                            labels.resize(std::min<std::size_t>(labels.size(), 5));
                            for (auto& l : labels)
                                l = dns_lower(l.substr(0, 40));
                            return dns_name_text(labels);
                        });
}

RC_GTEST_PROP(DnsMessage, WhatIsWrittenIsReadBack, ())
{
    DnsMessage message;
    message.id = *rc::gen::arbitrary<std::uint16_t>();
    message.response = *rc::gen::arbitrary<bool>();
    message.recursion_desired = *rc::gen::arbitrary<bool>();
    message.questions.push_back({*any_name(), DnsType::mx, 1});
    const int count = *rc::gen::inRange(0, 8);
    for (int i = 0; i < count; ++i) {
        const auto ttl = *rc::gen::inRange<std::uint32_t>(0, 0x7fff'ffff);
        if (*rc::gen::arbitrary<bool>())
            message.answers.push_back({*any_name(), DnsType::mx, ttl, MxData{7, *any_name()}});
        else
            message.answers.push_back({*any_name(), DnsType::txt, ttl, *rc::gen::arbitrary<std::string>()});
    }
    const auto wire = encode_dns(message);
    RC_ASSERT(bool(wire));
    const auto back = decode_dns(*wire);
    RC_ASSERT(bool(back));
    RC_ASSERT(back->id == message.id);
    RC_ASSERT(back->questions == message.questions);
    RC_ASSERT(back->answers.size() == message.answers.size());
    for (std::size_t i = 0; i < message.answers.size(); ++i) {
        RC_ASSERT(back->answers[i].name == message.answers[i].name);
        RC_ASSERT(back->answers[i].ttl == message.answers[i].ttl);
        RC_ASSERT(back->answers[i].data.index() == message.answers[i].data.index());
        if (const auto* mx = std::get_if<MxData>(&message.answers[i].data))
            RC_ASSERT(std::get<MxData>(back->answers[i].data).host == mx->host);
        else
            RC_ASSERT(std::get<std::string>(back->answers[i].data) == std::get<std::string>(message.answers[i].data));
    }
    // Written again it is the same: the decoded form loses nothing.
    const auto again = encode_dns(*back);
    RC_ASSERT(bool(again));
    RC_ASSERT(*again == *wire);
}

RC_GTEST_PROP(DnsMessage, DamagedMessagesAreReadOrRefusedButNeverMisread, ())
{
    Wire wire = bytes(golden_mx_reply);
    const auto hits = *rc::gen::container<std::vector<std::pair<std::size_t, std::uint8_t>>>(
        rc::gen::pair(rc::gen::inRange<std::size_t>(0, wire.size()), rc::gen::arbitrary<std::uint8_t>()));
    for (const auto& [at, value] : hits)
        wire[at] = value;
    const auto message = decode_dns(wire);
    if (!message) {
        RC_ASSERT(message.error().code == Errc::protocol);
        return;
    }
    // What was accepted can be written again, and then reads the same.
    const auto again = encode_dns(*message);
    RC_ASSERT(bool(again));
    const auto back = decode_dns(*again);
    RC_ASSERT(bool(back));
    RC_ASSERT(back->answers.size() == message->answers.size());
}

RC_GTEST_PROP(DnsMessage, RandomOctetsNeverBreakTheReader, (const std::vector<std::uint8_t>& octets))
{
    (void)decode_dns(octets);
}

}  // namespace
}  // namespace winnow::net
