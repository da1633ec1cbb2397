#pragma once

#include "core/reply_classifier.hpp"

namespace winnow {

/// How the answer to a command of ours is read: by ReplyClassifier::classify, a yes by its code. A yes is `delivered`;
/// of the ones to RCPT those that SmtpReply::accepts_recipient() tells apart, and the others ("220", "354",
/// "250 5.1.1 user unknown") are answers to something else: `protocol`, rule "code:no_answer".
/// Not for quoted replies (bounce mails, logs): what was asked there is not known.
Classified read_by_code(const ReplyClassifier& replies, const SmtpReply& reply, const ReplyContext& context);

}  // namespace winnow
