#include "core/reply_by_code.hpp"

#include <utility>

namespace winnow {
namespace {

Classified no_answer(const ReplyContext& context)
{
    Classified out;
    out.klass = ReplyClass::protocol;
    out.subject = subject_of(out.klass, context.via_smarthost);
    out.action = action_of(out.klass);
    out.rule = "code:no_answer";
    return out;
}

}  // namespace

Classified read_by_code(const ReplyClassifier& replies, const SmtpReply& reply, const ReplyContext& context)
{
    if (reply.code < 400 && context.stage == Stage::rcpt && !reply.accepts_recipient())
        return no_answer(context);
    Classified meaning = replies.classify(reply, context);
    if (reply.positive())
        meaning.klass = ReplyClass::delivered;
    return meaning;
}

}  // namespace winnow
