#include "relay/delivery_impl.hpp"
#include "relay/mass_events.hpp"
#include "storage/late_refusals.hpp"

namespace winnow::relay {
namespace {

constexpr milliseconds store_retry{1'000};  ///< before an outcome that the store did not take is offered again

/// RCPT was accepted, and then the mailbox did not exist.
bool is_refused_late(const storage::RecordAttempt& record)
{
    const Stage stage = record.attempt.stage;
    return record.state == MessageState::bounced && record.attempt.klass == ReplyClass::mailbox_unknown &&
           !record.frozen && (stage == Stage::data || stage == Stage::end_of_data);
}

}  // namespace

storage::RecordAttempt Delivery::Impl::judge_end(const Pending& pending, const AttemptEnd& end)
{
    return judge(pending.message, end, services.replies, schedule, now(), services.rng.jitter());
}

awaitable<Delivery::Impl::Settled> Delivery::Impl::settlement(Pending pending, storage::RecordAttempt record)
{
    services.metrics
        .counter("winnow_delivery_attempts_total", "Delivery attempts by outcome and reply class.",
                 {{"state", to_string(record.state)}, {"class", to_string(record.attempt.klass)}})
        .add();
    std::optional<TimePoint> again;
    if (record.state == MessageState::deferred)
        again = record.next_due;
    std::string site;
    if (services.mass_events) {
        site = flows.site(pending.flow);
        auto weighed = co_await services.mass_events->weigh_attempt(site, pending.message, record);
        record.frozen = weighed.frozen;
        if (!weighed.undo.ops.empty()) {
            const bool taken = co_await commit_ops(std::move(weighed.undo));
            services.mass_events->undone(site, taken);
        }
        if (record.frozen || record.state != MessageState::bounced || !MassEvents::is_death(record.attempt.klass))
            site.clear();
    }
    const bool refused_late = is_refused_late(record);
    auto ops = co_await attempts.with_notice(pending.message, std::move(record));
    if (refused_late)
        ops.ops.emplace_back(storage::late_refusal(pending.message.domain, now()));
    co_return Settled{std::move(pending), std::move(ops), again, std::move(site)};
}

awaitable<void> Delivery::Impl::settle(Pending pending, storage::RecordAttempt record)
{
    auto settled = co_await settlement(std::move(pending), std::move(record));
    std::vector<Settled> one;
    one.push_back(std::move(settled));
    co_await commit(std::move(one));
}

/// The same end for many: no route, or a site that is down.
awaitable<void> Delivery::Impl::settle_all(std::vector<Pending> pending, AttemptEnd end)
{
    std::vector<Settled> all;
    for (Pending& one : pending) {
        auto record = judge_end(one, end);
        auto settled = co_await settlement(std::move(one), std::move(record));
        all.push_back(std::move(settled));
    }
    co_await commit(std::move(all));
}

/// Outcome, evidence, suppression and event in one commit; then the messages are no longer ours.
awaitable<void> Delivery::Impl::commit(std::vector<Settled> settled)
{
    storage::OpList together;
    for (const Settled& one : settled)
        together.ops.insert(together.ops.end(), one.ops.ops.begin(), one.ops.ops.end());
    const bool stored = co_await commit_ops(std::move(together));
    // One message that somebody else has settled meanwhile must not take the others' outcomes with it.
    if (!stored && settled.size() > 1)
        for (Settled& one : settled)
            (void)co_await commit_ops(std::move(one.ops));
    storage::OpList undo;
    for (const Settled& one : settled)
        if (!one.site.empty())
            services.mass_events->overtaken(one.site, one.pending.message.ref, undo);
    if (!undo.ops.empty())
        (void)co_await commit_ops(std::move(undo));
    for (const Settled& one : settled)
        forget(one.pending, one.again);
    kick();
}

/// Offers the ops until the store takes them: an outcome that is lost is a message sent twice. False when it refuses
/// them for what they say, or winnow ends before; then the message stays due.
awaitable<bool> Delivery::Impl::commit_ops(storage::OpList ops)
{
    for (;;) {
        storage::OpList copy = ops;
        const auto done = co_await services.engine.commit(std::move(copy));
        if (done)
            co_return true;
        services.log.error("delivery.commit_failed", {{"why", done.error().message()}});
        const auto code = done.error().code;
        if (draining || code == Errc::conflict || code == Errc::not_found || code == Errc::already_exists ||
            code == Errc::invalid_argument)
            co_return false;
        if (co_await sleep_for(services.timers, store_retry) == Wake::cancelled)
            co_return false;
    }
}

/// What was read but not attempted goes back as it was, so that it does not count as uncertain after a crash.
awaitable<void> Delivery::Impl::give_back(std::vector<Pending> pending, TimePoint again)
{
    if (pending.empty())
        co_return;
    storage::OpList ops;
    for (const Pending& one : pending)
        ops.ops.emplace_back(storage::Release{one.message.ref, one.message.due});
    const auto done = co_await services.engine.commit(std::move(ops));
    if (!done)
        services.log.warn("delivery.give_back_failed", {{"why", done.error().message()}});
    for (const Pending& one : pending)
        forget(one, again);
    kick();
}

void Delivery::Impl::forget(const Pending& pending, std::optional<TimePoint> again)
{
    in_memory.erase(pending.message.ref);
    if (again)
        flows.due_at(pending.flow, *again);
    flows.settled(pending.flow, 1);
}

}  // namespace winnow::relay
