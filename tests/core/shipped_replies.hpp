#pragma once

#include <string_view>

#include "core/reply_classifier.hpp"

/// The reply table that is shipped, and its two readers: of a dialogue and of a report.
namespace winnow::test {

inline const ReplyClassifier& shipped()
{
    static const ReplyClassifier classifier = ReplyClassifier::load(WINNOW_DATA_DIR "/replies.tsv").value();
    return classifier;
}

/// As the reply to RCPT.
inline Classified live(int code, std::string_view text, std::string_view provider = {})
{
    ReplyContext context;
    context.provider = provider;
    return shipped().classify(SmtpReply::make(code, text), context);
}

inline Classified reported(std::string_view text)
{
    return shipped().classify_text(text, {});
}

}  // namespace winnow::test
