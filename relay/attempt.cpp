#include "relay/attempt.hpp"

namespace winnow::relay {
namespace {

constexpr std::size_t max_cached_campaigns = 64;

AttemptEnd local_answer(Stage stage, int code, std::string_view text)
{
    AttemptEnd end;
    end.stage = stage;
    end.reply = SmtpReply::make(code, text);
    return end;
}

/// The first answer in protocol order that is not a yes, else the answer to the final dot.
void read_transaction(const net::SmtpTransaction& t, AttemptEnd& end)
{
    const SmtpReply* const rcpt = t.rcpts.empty() ? nullptr : &t.rcpts.front();
    if (!t.mail.positive()) {
        end.stage = Stage::mail;
        end.reply = t.mail;
    } else if (rcpt && !rcpt->positive()) {
        end.stage = Stage::rcpt;
        end.reply = *rcpt;
    } else if (!t.data.intermediate()) {
        end.stage = Stage::data;
        end.reply = t.data;
    } else {
        end.stage = Stage::end_of_data;
        end.reply = t.end_of_data;
    }
    if (end.reply->code == 0) {
        end.reply.reset();
        end.error = Error{Errc::protocol, "the server did not answer every command"};
    }
}

}  // namespace

AttemptEnd unroutable(const net::MailRoute& route)
{
    switch (route.status) {
        case net::RouteStatus::null_mx:
            return local_answer(Stage::connect, 556, "5.1.10 domain accepts no mail (null MX): " + route.detail);
        case net::RouteStatus::nxdomain:
            return local_answer(Stage::connect, 550, "5.1.2 domain does not exist: " + route.detail);
        case net::RouteStatus::no_mail:
            return local_answer(Stage::connect, 550, "5.1.2 domain has no mail host: " + route.detail);
        default:
            break;
    }
    AttemptEnd end;
    end.stage = Stage::connect;
    const bool refused = route.status == net::RouteStatus::refused_target;
    end.error = Error{refused ? Errc::refused_target : Errc::unavailable, "no route: " + route.detail};
    return end;
}

awaitable<Result<storage::CampaignRecord>> AttemptRunner::campaign(std::string workspace, std::string id)
{
    const std::string key = workspace + "/" + id;
    const auto known = campaigns_.find(key);
    if (known != campaigns_.end())
        co_return known->second;
    WINNOW_CO_TRY(auto record, co_await services_.engine.get_campaign(workspace, id));
    if (!record)
        co_return Error{Errc::not_found, "campaign " + id};
    if (campaigns_.size() >= max_cached_campaigns)
        campaigns_.clear();
    campaigns_[key] = *record;
    co_return std::move(*record);
}

awaitable<Result<storage::OpList>> AttemptRunner::before(storage::MessageRecord message)
{
    AdmissionQuestion question;
    question.workspace = message.workspace;
    question.list_id = message.list_id;
    question.policy.mail_class = message.mail_class;
    if (!message.campaign.empty()) {
        WINNOW_CO_TRY(const bool cancelled,
                      co_await services_.engine.campaign_cancelled(message.workspace, message.campaign));
        if (cancelled)
            co_return storage::OpList::of(storage::CancelMessage{message.ref, "campaign cancelled"});
        WINNOW_CO_TRY(const auto record, co_await campaign(message.workspace, message.campaign));
        question.policy.include_risky = record.include_risky;
        question.policy.hold_until = record.hold_until;
    }
    question.recipient = parse_address(message.recipient).address;
    WINNOW_CO_TRY(const auto answer, co_await services_.admission.ask(question));
    if (answer.decision == GateDecision::send)
        co_return storage::OpList{};
    co_return storage::OpList::of(stopped_by_gate(message, answer, services_.clock.now()));
}

awaitable<Result<Content>> AttemptRunner::content(storage::MessageRecord message)
{
    if (!message.campaign.empty()) {
        WINNOW_CO_TRY(const auto record, co_await campaign(message.workspace, message.campaign));
        co_return render_campaign(record, message, options_.hostname);
    }
    WINNOW_CO_TRY(auto body, co_await services_.engine.get_body(message.body_id));
    co_return Content{std::move(body), message.smtputf8, message.eight_bit};
}

awaitable<AttemptEnd> AttemptRunner::transact(Connection& connection, storage::MessageRecord message, Content content)
{
    net::SmtpClient& smtp = connection.smtp();
    const net::SmtpCapabilities& offers = smtp.capabilities();
    AttemptEnd end;
    if (content.smtputf8 && !offers.smtputf8)
        end = local_answer(Stage::mail, 553,
                           "5.6.7 recipient or headers need SMTPUTF8, which the next hop does not offer");
    else if (offers.size && offers.size_limit > 0 && content.message.size() > offers.size_limit)
        end = local_answer(Stage::mail, 552, "5.3.4 message is larger than the next hop's SIZE limit");
    end.mx = connection.mx;
    end.provider = connection.provider;
    end.source = connection.stream().local().ip;
    end.tls = connection.stream().encrypted();
    if (end.reply)
        co_return end;

    net::MailParams mail;
    mail.size = content.message.size();
    mail.eight_bit = content.eight_bit;
    mail.smtputf8 = content.smtputf8;
    mail.ret = message.dsn_ret;
    mail.envid = message.dsn_envid;
    net::RcptParams rcpt;
    rcpt.notify = message.dsn_notify;
    rcpt.orcpt = message.dsn_orcpt;

    // Campaigns and submissions leave under a keyed return path; a notification under the null one (RFC 3464 section
    // 2).
    const bool notification = message.campaign.empty() && message.reverse_path.empty();
    std::string from;
    if (!notification)
        from = options_.bounce_domain.empty() ? message.reverse_path
                                              : return_path(services_.keys, options_, message.ref, message.accepted);
    std::vector<std::string> recipients{message.recipient};
    auto result = co_await smtp.transaction(from, mail, recipients, std::move(content.message), rcpt);
    if (!result) {
        end.stage = Stage::data;
        end.error = result.error();
        co_return end;
    }
    read_transaction(*result, end);
    if (end.reply && !end.reply->positive() && end.reply->code != 421)
        (void)co_await smtp.rset();
    co_return end;
}

awaitable<std::optional<DsnMail>> AttemptRunner::failure_notice(storage::MessageRecord message,
                                                                storage::RecordAttempt outcome)
{
    if (message.submitter.empty() || message.reverse_path.empty() || !message.campaign.empty())
        co_return std::nullopt;
    const auto original = co_await services_.engine.get_body(message.body_id);
    const std::string text = original ? *original : std::string{};
    const TimePoint now = services_.clock.now();
    co_return make_failure_dsn(message, outcome, text, options_, make_ulid(now, services_.rng), now);
}

}  // namespace winnow::relay
