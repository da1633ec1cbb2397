#pragma once

#include "core/provider_table.hpp"
#include "core/reply_classifier.hpp"
#include "mail/report.hpp"

namespace winnow::mail {

/// What the report says of its `recipient`-th recipient, in the vocabulary of replies. Complaints, unsubscribes and
/// automatic replies have their own classes; `not_a_bounce` when there is no such recipient. `providers` (may be null)
/// tells the dialect from the remote host.
Classified classify_report(const Report& report, std::size_t recipient, const ReplyClassifier& replies,
                           const ProviderTable* providers);

}  // namespace winnow::mail
