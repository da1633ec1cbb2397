#include "tests/storage/engine_fixture.hpp"

#include <stdlib.h>

#include <filesystem>
#include <string_view>

namespace winnow::test {
namespace {

const bool quick_temporary_files = [] {
    if (std::filesystem::is_directory("/dev/shm"))
        ::setenv("TMPDIR", "/dev/shm", 0);
    return true;
}();

std::unique_ptr<Home> make_home(std::string_view engine)
{
    if (engine == "Rocks")
        return std::make_unique<RocksHome>();
    return std::make_unique<MemoryHome>();
}

}  // namespace

Result<std::unique_ptr<storage::Engine>> MemoryHome::open(storage::EngineKeys keys, storage::EngineOptions options,
                                                          const Clock& clock, Rng& rng)
{
    return storage::open_memory_engine(disk, std::move(keys), options, clock, rng);
}

void MemoryHome::fail_next_sync()
{
    storage::DiskFaults faults;
    faults.fail_sync_after = 0;
    storage::set_faults(*disk, faults);
}

void MemoryHome::heal()
{
    storage::set_faults(*disk, {});
}

Result<std::unique_ptr<storage::Engine>> RocksHome::open(storage::EngineKeys keys, storage::EngineOptions options,
                                                         const Clock& clock, Rng& rng)
{
    return storage::open_rocks_engine(dir.path(), std::move(keys), options, clock, rng, null_log(), faults);
}

Address address(std::string_view text)
{
    const ParsedAddress parsed = parse_address(text);
    EXPECT_TRUE(parsed.valid) << text << ": " << parsed.detail;
    return parsed.address;
}

boost::system::error_code code(Errc e)
{
    return make_error_code(e);
}

EngineWorld::EngineWorld(std::unique_ptr<Home> where)
    : home_of_any(std::move(where)), keys(storage::EngineKeys::fixed("test"))
{
}

EngineWorld::~EngineWorld() = default;

AnyEngineTest::AnyEngineTest() : EngineWorld(make_home(GetParam())), home(*home_of_any) {}

void EngineWorld::SetUp()
{
    options.lanes = 8;
    options.cache_bytes = 4u << 20;
    reopen();
}

void EngineWorld::reopen()
{
    engine.reset();
    auto opened = home_of_any->open(keys, options, clock, rng);
    ASSERT_TRUE(opened) << opened.error().message();
    engine = std::move(*opened);
}

storage::OpResult EngineWorld::apply(storage::Op op)
{
    auto committed = run(engine->commit(storage::OpList::of(std::move(op))));
    if (!committed) {
        ADD_FAILURE() << committed.error().message();
        return {};
    }
    return std::move(committed->results.at(0));
}

boost::system::error_code EngineWorld::refuse(storage::Op op)
{
    auto committed = run(engine->commit(storage::OpList::of(std::move(op))));
    EXPECT_FALSE(committed);
    return committed ? boost::system::error_code{} : committed.error().code;
}

std::vector<storage::SuppressionHit> EngineWorld::check(std::string_view who, std::string_view list,
                                                        std::string_view workspace)
{
    auto hits = engine->check(workspace, list, address(who));
    EXPECT_TRUE(hits);
    return hits ? std::move(*hits) : std::vector<storage::SuppressionHit>{};
}

std::string EngineWorld::checked(std::string_view who, std::string_view list, std::string_view workspace)
{
    std::string text;
    for (const auto& hit : check(who, list, workspace))
        text += (text.empty() ? "" : " ") + hit.to_string() + (hit.whole_domain ? "/domain" : "");
    return text;
}

storage::ListRecord EngineWorld::list(std::string id)
{
    storage::ListRecord record;
    record.workspace = ws;
    record.id = std::move(id);
    record.name = "a list";
    return record;
}

storage::MessageRecord EngineWorld::message(std::string recipient, std::string campaign)
{
    storage::MessageRecord record;
    record.workspace = ws;
    record.campaign = std::move(campaign);
    record.recipient = std::move(recipient);
    record.domain = record.recipient.substr(record.recipient.rfind('@') + 1);
    record.state = MessageState::queued;
    record.due = clock.now();
    return record;
}

MessageRef EngineWorld::enqueue(storage::MessageRecord record)
{
    return apply(storage::Enqueue{std::move(record)}).message;
}

storage::RecordAttempt EngineWorld::attempt(MessageRef ref, MessageState state, ReplyClass klass, std::string reply)
{
    storage::RecordAttempt op;
    op.ref = ref;
    op.state = state;
    op.attempt.at = clock.now();
    op.attempt.mx = "mx1.example.test [192.0.2.1]";
    op.attempt.stage = Stage::rcpt;
    op.attempt.klass = klass;
    op.attempt.reply = std::move(reply);
    op.attempt.rule = "g1";
    return op;
}

storage::RecordAttempt EngineWorld::hard_bounce(MessageRef ref)
{
    auto op = attempt(ref, MessageState::bounced, ReplyClass::mailbox_unknown, "550 5.1.1 no such user");
    op.clear = true;
    return op;
}

storage::FlowKey EngineWorld::flow(MessageRef ref, std::string_view domain, std::string campaign)
{
    storage::FlowKey key;
    key.lane = ref.lane;
    key.mail_class = MailClass::bulk;
    key.domain = engine->digester().domain(domain);
    key.workspace = ws;
    key.campaign = std::move(campaign);
    return key;
}

std::vector<storage::EventRecord> EngineWorld::events(std::uint64_t after)
{
    return get(engine->events(ws, after, 1000));
}

std::string EngineWorld::event_types(std::uint64_t after)
{
    std::string text;
    for (const auto& event : events(after))
        text += (text.empty() ? "" : " ") + event.type;
    return text;
}

std::string EngineWorld::recipients(const std::vector<storage::DueItem>& items)
{
    std::string text;
    for (const auto& item : items)
        text += (text.empty() ? "" : " ") + get(engine->get_message(item.ref))->recipient;
    return text;
}

}  // namespace winnow::test
