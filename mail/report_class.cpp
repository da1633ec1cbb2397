#include "mail/report_class.hpp"

#include "core/unicode.hpp"
#include "mail/report_parts.hpp"

namespace winnow::mail {
namespace {

Classified of_class(ReplyClass klass, std::string rule)
{
    Classified out;
    out.klass = klass;
    out.subject = subject_of(klass);
    out.action = action_of(klass);
    out.rule = std::move(rule);
    out.clear = true;
    return out;
}

Classified complaint_class(const Report& report)
{
    const std::string type = report.feedback ? report.feedback->feedback_type : "abuse";
    if (type == "opt-out")
        return of_class(ReplyClass::unsubscribe, "arf:opt-out");
    // RFC 6591 reports are about our authentication, "not-spam" is the opposite of a complaint.
    if (type == "auth-failure")
        return of_class(ReplyClass::auth_failed, "arf:auth-failure");
    if (type == "not-spam")
        return of_class(ReplyClass::not_a_bounce, "arf:not-spam");
    return of_class(ReplyClass::complaint, "arf:" + type);
}

/// A report comes when the sending system stops trying: what it could not reach by then has expired.
bool gave_up_waiting(const std::string& text)
{
    static const std::vector<std::string_view> words{"timed out",         "too long",
                                                     "unable to connect", "accept our requests to connect",
                                                     "not respond",       "not reachable",
                                                     "for a long time",   "not be delivered for",
                                                     "expired",           "wasn't able to establish",
                                                     "socket error",      "retry time",
                                                     "will be retried",   "continue trying"};
    const auto lower = to_lower_ascii(text);
    return contains_any(lower, words) && lower.find("no route") == std::string::npos;
}

/// The reading of the diagnostic, or of all that the mail system says when the diagnostic alone says nothing.
Classified read_words(const Report& report, const ReportedRecipient& r, const ReplyClassifier& replies,
                      const ReplyContext& context)
{
    const bool told = r.status.empty() || r.diagnostic.find(r.status) != std::string::npos;
    const auto read = replies.classify_text(told ? r.diagnostic : r.status + ' ' + r.diagnostic, context);
    const bool silent = read.klass == ReplyClass::unknown || read.klass == ReplyClass::not_a_bounce;
    if (!silent || report.recipients.size() != 1 || report.text.empty())
        return read;
    const auto all = replies.classify_text(report.text, context);
    return all.klass == ReplyClass::unknown || all.klass == ReplyClass::not_a_bounce ? read : all;
}

}  // namespace

Classified classify_report(const Report& report, std::size_t recipient, const ReplyClassifier& replies,
                           const ProviderTable* providers)
{
    if (report.kind == ReportKind::auto_reply)
        return of_class(ReplyClass::auto_reply, "report:auto-reply");
    if (report.kind == ReportKind::arf)
        return complaint_class(report);
    if (report.kind == ReportKind::not_a_bounce || recipient >= report.recipients.size())
        return of_class(ReplyClass::not_a_bounce, "report:none");
    const auto& r = report.recipients[recipient];
    if (r.action == "delivered" || r.action == "relayed" || r.action == "expanded")
        return of_class(ReplyClass::delivered, "report:" + r.action);

    ReplyContext context;
    context.stage = r.stage.value_or(Stage::rcpt);
    if (providers != nullptr)
        if (const auto* provider = providers->find(r.remote_mta))
            context.provider = provider->name;
    auto read = read_words(report, r, replies, context);
    // A server that took the recipient and refused the message with the words "user unknown" has filtered it: mail from
    // somebody else may well arrive.
    const bool after_data = context.stage == Stage::data || context.stage == Stage::end_of_data;
    if (read.klass == ReplyClass::mailbox_unknown && after_data && !r.status.starts_with("5.1."))
        read = of_class(ReplyClass::recipient_filtered, "report:unknown-after-data");
    // Boilerplate about later attempts reads as a passing error of the server.
    const bool unreached =
        (read.klass == ReplyClass::network && gave_up_waiting(r.diagnostic + ' ' + report.text)) ||
        (read.klass == ReplyClass::server_error && r.reply_code == 0 && gave_up_waiting(r.diagnostic));
    if (unreached)
        read = of_class(ReplyClass::expired, "report:gave-up");
    return read;
}

}  // namespace winnow::mail
