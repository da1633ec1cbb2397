#include "relay/outcome.hpp"

#include <algorithm>

#include "core/greylist_hint.hpp"
#include "core/reply_by_code.hpp"

namespace winnow::relay {
namespace {

Classified read(const storage::MessageRecord& message, const AttemptEnd& end, const ReplyClassifier& replies)
{
    if (end.decided)
        return *end.decided;
    if (!end.reply)
        return replies.classify_error(end.error, end.stage);
    ReplyContext context;
    context.stage = end.stage;
    context.provider = end.provider;
    context.recipient = message.recipient;
    return read_by_code(replies, *end.reply, context);
}

/// Classes of a 4xx that say nothing about this message's chances: it will be tried again at no cost.
bool costs_nothing(ReplyClass klass) noexcept
{
    return is_throttle(klass) || klass == ReplyClass::too_many_rcpts;
}

/// 4xx and silence wait for another try; the last one is at expiry, never after it.
void defer(storage::RecordAttempt& record, const storage::MessageRecord& message, const AttemptEnd& end,
           const RetrySchedule& schedule, TimePoint now, double jitter)
{
    record.counts = !end.ours && !costs_nothing(record.attempt.klass);
    if (now >= message.expires) {
        record.state = MessageState::expired;
        return;
    }
    record.state = MessageState::deferred;
    const auto hint = end.reply && !end.decided ? retry_hint(end.reply->text()) : std::nullopt;
    const int failures = std::max(1, message.attempts + (record.counts ? 1 : 0));
    record.next_due =
        std::min(schedule.next_attempt(record.attempt.klass, failures, now, jitter, hint), message.expires);
}

}  // namespace

AttemptEnd decided_end(Stage stage, ReplyClass klass, std::string_view rule, int code, std::string_view text)
{
    AttemptEnd end;
    end.stage = stage;
    end.reply = SmtpReply::make(code, text);
    Classified reading;
    reading.klass = klass;
    reading.subject = subject_of(klass);
    reading.action = action_of(klass);
    reading.rule = std::string(rule);
    end.decided = std::move(reading);
    return end;
}

AttemptEnd own_trouble(Error error)
{
    AttemptEnd end;
    end.error = std::move(error);
    Classified reading;
    reading.rule = "error:ours";
    end.decided = std::move(reading);
    end.ours = true;
    return end;
}

RetrySchedule make_schedule(const RelayOptions& options)
{
    RetryOptions retry;
    retry.speedup = options.retry_speedup;
    retry.min = options.retry_min;
    return RetrySchedule{std::move(retry)};
}

bool is_throttle(ReplyClass klass) noexcept
{
    return klass == ReplyClass::rate_limited;
}

storage::RecordAttempt judge(const storage::MessageRecord& message, const AttemptEnd& end,
                             const ReplyClassifier& replies, const RetrySchedule& schedule, TimePoint now,
                             double jitter)
{
    storage::RecordAttempt record;
    record.ref = message.ref;
    record.provider = end.provider;
    record.attempt.at = now;
    record.attempt.mx = end.mx;
    record.attempt.source = end.source;
    record.attempt.stage = end.stage;
    record.attempt.tls = end.tls;
    record.attempt.reply = end.reply ? end.reply->to_string() : end.error.message();

    if (end.reply && end.reply->positive()) {
        record.state = MessageState::delivered;
        record.attempt.klass = ReplyClass::delivered;
        return record;
    }
    const Classified meaning = read(message, end, replies);
    record.attempt.klass = meaning.klass;
    record.attempt.rule = meaning.rule;
    record.clear = meaning.clear;
    record.final_ = meaning.final_;
    record.own_dns = end.own_dns;
    if (end.reply && end.reply->permanent())
        record.state = MessageState::bounced;
    else
        defer(record, message, end, schedule, now, jitter);
    return record;
}

storage::RecordAttempt stopped_by_gate(const storage::MessageRecord& message, const GateAnswer& answer, TimePoint now)
{
    storage::RecordAttempt record;
    record.ref = message.ref;
    record.state = answer.decision == GateDecision::hold ? MessageState::held : MessageState::dropped;
    record.held_reason = answer.reason;
    record.counts = false;
    record.attempt.at = now;
    record.attempt.klass = ReplyClass::suppressed;
    record.attempt.reply = answer.reply.code != 0 ? answer.reply.to_string() : answer.reason;
    record.attempt.rule = "gate:" + answer.reason;
    return record;
}

storage::RecordAttempt expired_waiting(const storage::MessageRecord& message, TimePoint now)
{
    storage::RecordAttempt record;
    record.ref = message.ref;
    record.state = MessageState::expired;
    record.counts = false;
    record.attempt.at = now;
    record.attempt.klass = ReplyClass::expired;
    record.attempt.reply = "the message expired while it waited for its turn";
    record.attempt.rule = "queue:expired";
    return record;
}

}  // namespace winnow::relay
