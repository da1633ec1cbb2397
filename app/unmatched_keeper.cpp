#include "app/unmatched_keeper.hpp"

namespace winnow::app {
namespace {

using boost::asio::awaitable;

constexpr const char* stored_as = "replies/unmatched";
constexpr milliseconds between_saves = std::chrono::minutes{1};

void forget_read_ones(UnmatchedReplies& unmatched, const ReplyClassifier& replies)
{
    const ReplyClassifier table = replies.snapshot();
    unmatched.forget_if([&table](const UnmatchedReply& reply) {
        ReplyContext context;
        context.stage = reply.stage;
        context.provider = reply.provider;
        return table.classify(SmtpReply::make(reply.code, reply.text), context).by_row;
    });
}

}  // namespace

awaitable<Result<>> load_unmatched(storage::Engine& engine, const ReplyClassifier& replies, UnmatchedReplies& into)
{
    WINNOW_CO_TRY(const auto text, co_await engine.get_value(stored_as));
    if (text)
        into.add(*text);
    forget_read_ones(into, replies);
    co_return Result<>{};
}

UnmatchedKeeper::UnmatchedKeeper(Runtime& runtime, storage::Engine& engine)
    : runtime_(runtime), engine_(engine), unmatched_(runtime.clock), timer_(runtime.timers.make())
{
    runtime_.replies->collect_unmatched(&unmatched_);
}

UnmatchedKeeper::~UnmatchedKeeper()
{
    runtime_.replies->collect_unmatched(nullptr);
}

awaitable<void> UnmatchedKeeper::load()
{
    const auto loaded = co_await load_unmatched(engine_, *runtime_.replies, unmatched_);
    if (!loaded)
        runtime_.log.warn("unmatched_replies.not_loaded", {{"why", loaded.error().message()}});
    saved_ = unmatched_.revision();
}

awaitable<void> UnmatchedKeeper::save()
{
    const std::uint64_t revision = unmatched_.revision();
    if (revision == saved_)
        co_return;
    storage::PutValue value;
    value.key = stored_as;
    value.value = unmatched_.to_text();
    auto ops = storage::OpList::of(std::move(value));
    const auto kept = co_await engine_.commit(std::move(ops));
    if (kept)
        saved_ = revision;
    else
        runtime_.log.warn("unmatched_replies.not_stored", {{"why", kept.error().message()}});
}

awaitable<void> UnmatchedKeeper::run()
{
    while (!stopping_) {
        const Wake wake = co_await timer_->wait_until(runtime_.clock.steady() + between_saves);
        if (wake != Wake::expired)
            break;
        co_await save();
    }
}

void UnmatchedKeeper::stop()
{
    stopping_ = true;
    timer_->wake();
}

void UnmatchedKeeper::forget_matched()
{
    forget_read_ones(unmatched_, *runtime_.replies);
}

}  // namespace winnow::app
