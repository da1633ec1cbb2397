#include "storage/record_codec.hpp"

#include <gtest/gtest.h>

#include "core/crypto.hpp"

namespace winnow::test {
namespace {

using namespace storage;

TimePoint at(int seconds)
{
    return TimePoint{std::chrono::seconds{seconds}};
}

Evidence evidence()
{
    return {EvidenceKind::rcpt, at(1), "RCPT", "mx", "250 ok", Stage::rcpt, ReplyClass::delivered, "g1"};
}

VerdictRecord verdict()
{
    VerdictRecord record;
    record.verdict = Verdict::risky;
    record.reason = Reason::catch_all;
    record.p_bounce = 0.5;
    record.p_low = 0.25;
    record.p_high = 0.75;
    record.flags = Flags(5);
    record.suggestion = "s";
    record.provider = "p";
    record.evidence = {evidence()};
    record.checked_at = at(2);
    record.expires_at = at(3);
    record.probes = 4;
    return record;
}

ListRecord list()
{
    ListRecord record;
    record.workspace = "w";
    record.id = "L";
    record.name = "n";
    record.source = "s";
    record.collected_at = "c";
    record.consent_basis = "b";
    record.created = at(1);
    record.columns = {"a", "\xff"};
    record.header_raw = "a;\xff";
    record.terminator = "\r\n";
    record.delimiter = ';';
    record.email_column = 1;
    record.rows = 2;
    record.duplicates = 3;
    record.malformed = 4;
    record.complete = true;
    record.version = 5;
    return record;
}

RowResult row_result()
{
    RowResult record;
    record.number = 1;
    record.state = RowState::waiting;
    record.due = at(2);
    record.attempts = 3;
    record.probe_source = "s";
    record.probe_mx = "m";
    record.reverse_path = "r";
    record.verdict = verdict();
    record.suppressed_by = {"workspace:bounce"};
    return record;
}

JobRecord job()
{
    JobRecord record;
    record.workspace = "w";
    record.id = "J";
    record.list_id = "L";
    record.state = JobState::waiting;
    record.note = "n";
    record.created = at(1);
    record.started = at(2);
    record.finished = at(3);
    record.deadline = at(4);
    record.next_row = 5;
    record.counters = {1, 2, 3, 4, 5, 6, 0, {{Reason::accepted, 7}, {Reason::timeout, 8}}};
    record.version = 9;
    return record;
}

CampaignRecord campaign()
{
    CampaignRecord record;
    record.workspace = "w";
    record.id = "C";
    record.list_id = "L";
    record.name = "n";
    record.state = CampaignState::running;
    record.note = "o";
    record.from = "f";
    record.subject = "s";
    record.text = "t";
    record.html = "h";
    record.headers = {{"k", "v"}};
    record.include_risky = true;
    record.created = at(1);
    record.started = at(2);
    record.finished = at(3);
    record.hold_until = at(4);
    record.next_row = 5;
    record.queued = 6;
    record.held = 7;
    record.refused = 8;
    record.gate = {{"held:greylisted", 9}};
    record.version = 10;
    return record;
}

StoredMessage message()
{
    StoredMessage stored;
    MessageRecord& record = stored.record;
    record.ref = {LaneId{1}, 2};
    record.id = "M";
    record.workspace = "w";
    record.campaign = "C";
    record.list_id = "L";
    record.mail_class = MailClass::transactional;
    record.recipient = "a@b";
    record.domain = "b";
    record.reverse_path = "r";
    record.envelope_from = "e";
    record.body_id = "B";
    record.merge = {{"k", "v"}};
    record.smtputf8 = true;
    record.eight_bit = true;
    record.dsn_notify = "1";
    record.dsn_envid = "2";
    record.dsn_orcpt = "3";
    record.dsn_ret = "4";
    record.submitter = "s";
    record.state = MessageState::deferred;
    record.held_reason = "h";
    record.accepted = at(1);
    record.due = at(2);
    record.expires = at(3);
    record.attempts = 4;
    record.history = {{at(5), "mx", "src", Stage::data, ReplyClass::policy, "550 no", "g", true}};
    record.later = {LaterFact::complaint};
    stored.held_seq = 6;
    return stored;
}

SuppressionFacts suppression()
{
    SuppressionFacts record;
    SuppressionFacts::Fact fact;
    fact.core = {SuppressionReason::bounce, at(1), at(2), at(3), 4};
    fact.origin = SuppressionOrigin::outcome;
    fact.klass = ReplyClass::mailbox_unknown;
    fact.rule = "r";
    fact.source_event = "e";
    fact.note = "n";
    fact.noted = at(5);
    fact.note_imported = true;
    fact.actor = "a";
    fact.provider = "p";
    record.facts.push_back(fact);
    fact.core.reason = SuppressionReason::complaint;
    fact.core.expires.reset();
    record.facts.push_back(fact);
    record.domain = H16{};
    record.domain->bytes.fill(7);
    record.whole_domain = true;
    record.damaged = {"x"};
    return record;
}

EventRecord event()
{
    EventRecord record;
    record.seq = 1;
    record.at = at(2);
    record.workspace = "w";
    record.type = "message.bounced";
    record.message_id = "M";
    record.campaign = "C";
    record.list_id = "L";
    record.address.bytes.fill(9);
    record.klass = ReplyClass::policy;
    record.detail = "d";
    record.rule = "r";
    return record;
}

StoredOutcome outcome()
{
    StoredOutcome record{"f", at(1), {}};
    OpResult result;
    result.message = {LaneId{1}, 2};
    result.version = 3;
    result.suppressed = SuppressionReason::trap;
    result.removed = true;
    result.counter = -4;
    record.results = {result, OpResult{}};
    return record;
}

/// The frozen bytes of a record, and that they read back to a record with the same bytes.
template <class Record>
void expect_golden(const char* name, const Record& record, std::string_view hex)
{
    const std::string bytes = encode(record);
    EXPECT_EQ(crypto::hex(std::string_view(bytes)), hex) << name;
    const auto read = decode<Record>(bytes);
    ASSERT_TRUE(read) << name << ": " << read.error().message();
    EXPECT_EQ(encode(*read), bytes) << name;
}

// Frozen: these bytes are on disks. New fields may be added to records.proto; what is here must read the same for ever.
TEST(RecordCodec, EveryRecordHasItsFrozenBytes)
{
    expect_golden("list", list(),
                  "010355a3db0a017712014c1a016e2201732a016332016238d00f4201614201ff4a03613bff52020d0a583b60026802700378"
                  "04800101880105");
    expect_golden("row", ListRow{1, 2, "\xff", "a", 3, "m"}, "02aadbf51e080110021a01ff220161280332016d");
    expect_golden("result", row_result(),
                  "031478d2cb0801100218a01f20062a017332016d3a017242500803100819000000000000e03f21000000000000d03f290000"
                  "00000000e83f30053a01734201704a1f080510d00f1a045243505422026d782a06323530206f6b3007381d4202673150a01f"
                  "58f02e60084a10776f726b73706163653a626f756e6365");
    expect_golden("job", job(),
                  "04abb53e450a017712014a1a014c20032a016e30d00f38a01f40f02e48c03e5005580160026803700478058001068a010408"
                  "0110078a010408121008900109");
    expect_golden("verdict", verdict(),
                  "056c498bde0803100819000000000000e03f21000000000000d03f29000000000000e83f30053a01734201704a1f080510d0"
                  "0f1a045243505422026d782a06323530206f6b3007381d4202673150a01f58f02e6008");
    expect_golden("evidence", evidence(), "0692905990080510d00f1a045243505422026d782a06323530206f6b3007381d42026731");
    expect_golden("catch_all", CatchAllRecord{CatchAllRecord::Answer::yes, "s", at(1), {evidence()}},
                  "07dff50585080212017318d00f221f080510d00f1a045243505422026d782a06323530206f6b3007381d42026731");
    expect_golden("campaign", campaign(),
                  "084f97ce5b0a01771201431a014c22016e280232016f3a01664201734a01745201685a060a016b120176600168d00f70a01f"
                  "78f02e8001c03e880105900106980107a00108aa01130a0f68656c643a677265796c69737465641009b0010a");
    expect_golden("campaign_counts", CampaignCounts{{{MessageState::delivered, 1}}, {{"complaint", 2}}},
                  "09007d969f0a0408041001120d0a09636f6d706c61696e741002");
    expect_golden("queue_counts", QueueCounts{1, 2, 3, {{"timeout", 4}}},
                  "0ae6212c84080110021803220b0a0774696d656f75741004");
    expect_golden("message", message(),
                  "0baf50ad66080110021a014d2201772a014332014c380242036140624a01625201725a01656201426a060a016b1201767001"
                  "7801820101318a010132920101339a010134a2010173a80105b2010168b801d00fc001a01fc801f02ed00108da011d08904e"
                  "12026d781a037372632008280c3206353530206e6f3a01674001e2010102e80106");
    expect_golden("suppression", suppression(),
                  "0cfe5bbe1b0a25080110d00f18a01f28f02e3008380140014a01725201655a016e6201616a017070904e78010a24080210d0"
                  "0f18a01f20013008380140014a01725201655a016e6201616a017070904e7801121007070707070707070707070707070707"
                  "1801220178");
    expect_golden("strikes", StrikeState{{1, at(1), at(2)}, {2, at(3), at(4)}, {3, at(5), at(6)}, {4, at(7), at(8)}},
                  "0d607f2b6c0a08080110d00f18a01f1208080210f02e18c03e1a08080310904e18e05d2208080410b06d18807d");
    expect_golden("domain_strikes", StrikeState::Count{1, at(1), at(2)}, "1491857641080110d00f18a01f");
    expect_golden("event", event(),
                  "0ee1c62e06080110a01f1a0177220f6d6573736167652e626f756e6365642a014d3201433a014c4210090909090909090909"
                  "09090909090909480c5201645a0172");
    expect_golden("body", StoredBody{"b", true, 1, 2, 3, 4}, "0f8dba50250a01621001180220032d040000003001");
    expect_golden("value", StoredValue{"v", at(1)}, "104a23fce00a017610d00f");
    expect_golden("sequence", StoredSequence{300}, "11efa5faf208ac02");
    expect_golden("outcome", outcome(), "122000ee890a016610d00f1a0c0801100218032006280130071a00");
    expect_golden("meta", StoreMeta{1, "u", 64, "k"}, "13f39aca350801120175184022016b");
}

TEST(RecordCodec, ACampaignWithAVerificationIsTheOldOneWithMoreBehindIt)
{
    CampaignRecord record = campaign();
    const std::string old = encode(record);
    const auto before = decode<CampaignRecord>(old);
    ASSERT_TRUE(before) << before.error().message();
    EXPECT_FALSE(before->verify_held) << "older campaigns go on as they began";
    EXPECT_TRUE(before->key_id.empty() && before->verification.empty());

    record.verify_held = true;
    record.key_id = "k";
    record.verification = "J";
    const std::string bytes = encode(record);
    constexpr std::size_t head = 5;  // kind and checksum
    EXPECT_EQ(crypto::hex(std::string_view(bytes).substr(head)),
              crypto::hex(std::string_view(old).substr(head)) + "b80101c201016bca01014a");
    const auto read = decode<CampaignRecord>(bytes);
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_TRUE(read->verify_held);
    EXPECT_EQ(read->key_id, "k");
    EXPECT_EQ(read->verification, "J");
}

TEST(RecordCodec, AMessageComesBackWhole)
{
    const auto read = decode<StoredMessage>(encode(message()));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->record.ref, message().record.ref);
    EXPECT_EQ(read->record.merge, message().record.merge);
    EXPECT_EQ(read->record.history.at(0).reply, "550 no");
    EXPECT_EQ(read->record.history.at(0).stage, Stage::data);
    EXPECT_TRUE(read->record.history.at(0).tls);
    EXPECT_EQ(read->record.later, message().record.later);
    EXPECT_EQ(read->held_seq, 6u);
}

/// Since when is a later field: the frozen bytes of a job have none.
TEST(RecordCodec, APausedJobKeepsSinceWhen)
{
    JobRecord record = job();
    record.paused = at(10);
    const auto back = decode<JobRecord>(encode(record));
    ASSERT_TRUE(back);
    EXPECT_EQ(back->paused, at(10));
    EXPECT_EQ(decode<JobRecord>(encode(job()))->paused, TimePoint{});
}

/// So is the format of a list: the frozen bytes are those of a CSV file.
TEST(RecordCodec, AListKeepsItsFormat)
{
    ListRecord record = list();
    record.format = ListFormat::ndjson;
    EXPECT_EQ(decode<ListRecord>(encode(record))->format, ListFormat::ndjson);
    EXPECT_EQ(decode<ListRecord>(encode(list()))->format, ListFormat::csv);
    record.format = static_cast<ListFormat>(9);
    EXPECT_EQ(decode<ListRecord>(encode(record)).error().code, make_error_code(Errc::corrupt));
}

/// And these: the frozen bytes are those of a list that was not measured, of rows of people with one address, and of a
/// job whose connections were not counted.
TEST(RecordCodec, LaterFieldsOfListsRowsMessagesAndJobsComeBack)
{
    JobRecord counted = job();
    counted.counters.connections = 10;
    EXPECT_EQ(decode<JobRecord>(encode(counted))->counters.connections, 10u);
    EXPECT_EQ(decode<JobRecord>(encode(job()))->counters.connections, 0u);
    ListRecord measured = list();
    measured.widest = 7;
    EXPECT_EQ(decode<ListRecord>(encode(measured))->widest, 7u);
    EXPECT_EQ(decode<ListRecord>(encode(list()))->widest, 0u);
    ListRow row{1, 2, "raw", "a+b@x.test", 0, "", 9};
    EXPECT_EQ(decode<ListRow>(encode(row))->person, 9u);
    row.person = 0;
    EXPECT_EQ(decode<ListRow>(encode(row))->person, 0u);
    StoredMessage sent = message();
    sent.record.person = 9;
    EXPECT_EQ(decode<StoredMessage>(encode(sent))->record.person, 9u);
    EXPECT_EQ(decode<StoredMessage>(encode(message()))->record.person, 0u);
}

TEST(RecordCodec, ASuppressionComesBackWhole)
{
    const auto read = decode<SuppressionFacts>(encode(suppression()));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, suppression());
}

TEST(RecordCodec, ANoteOfAnOlderVersionIsFromTheLastWhoSpoke)
{
    const auto bytes = crypto::unhex(
        "0cfd559c4b0a20080110d00f18a01f28f02e3008380140014a01725201655a016e6201616a01700a1f080210d00f18a01f20"
        "013008380140014a01725201655a016e6201616a01701210070707070707070707070707070707071801220178");
    ASSERT_TRUE(bytes);
    const auto read = decode<SuppressionFacts>(*bytes);
    ASSERT_TRUE(read);
    ASSERT_EQ(read->facts.size(), 2u);
    EXPECT_EQ(read->facts[0].note, "n");
    EXPECT_EQ(read->facts[0].noted, at(2));
    EXPECT_FALSE(read->facts[0].note_imported);
}

TEST(RecordCodec, NoFlippedBitAndNoCutGoesUnseen)
{
    const std::string bytes = encode(event());
    for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
        std::string damaged = bytes;
        damaged[i / 8] = static_cast<char>(damaged[i / 8] ^ (1 << (i % 8)));
        const auto read = decode<EventRecord>(damaged);
        ASSERT_FALSE(read) << "bit " << i;
        EXPECT_EQ(read.error().code, make_error_code(Errc::corrupt));
    }
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(decode<EventRecord>(bytes.substr(0, size))) << "cut at " << size;
}

TEST(RecordCodec, ARecordOfAnotherKindIsNotReadAsThisOne)
{
    EXPECT_FALSE(decode<EventRecord>(encode(list())));
    EXPECT_FALSE(decode<StoredSequence>(encode(StoredValue{"v", at(1)})));
}

TEST(RecordCodec, AWordThisVersionDoesNotKnowIsUnreadableNotGuessed)
{
    EventRecord unknown = event();
    unknown.klass = static_cast<ReplyClass>(200);
    const auto read = decode<EventRecord>(encode(unknown));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, make_error_code(Errc::corrupt));
}

}  // namespace
}  // namespace winnow::test
