#include "core/reply_by_code.hpp"

#include <utility>

namespace winnow {
namespace {

Classified fault_of_dialogue(const char* rule, const ReplyContext& context)
{
    Classified out;
    out.klass = ReplyClass::protocol;
    out.subject = subject_of(out.klass, context.via_smarthost);
    out.action = action_of(out.klass);
    out.rule = rule;
    return out;
}

}  // namespace

Classified read_by_code(const ReplyClassifier& replies, const SmtpReply& reply, const ReplyContext& context)
{
    if (reply.code < 400 && context.stage == Stage::rcpt && !reply.accepts_recipient())
        return fault_of_dialogue("code:no_answer", context);
    Classified meaning = replies.classify(reply, context);
    if (reply.positive())
        meaning.klass = ReplyClass::delivered;
    else if (reply.about_dialogue() && subject_of(meaning.klass) == Subject::address)
        return fault_of_dialogue("code:dialogue", context);
    return meaning;
}

}  // namespace winnow
