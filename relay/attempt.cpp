#include "relay/attempt.hpp"

namespace winnow::relay {
namespace {

constexpr std::size_t max_plans = 64;
constexpr std::uint64_t least_room = 64 * 1024;  ///< with less, no body is read: most would not fit

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

/// How far a transaction came that broke off: its error begins with the command.
Stage stage_of(const Error& error)
{
    const auto says = [&error](std::string_view verb) { return error.context.starts_with(verb); };
    if (says("MAIL"))
        return Stage::mail;
    if (says("RCPT"))
        return Stage::rcpt;
    return says("DATA") ? Stage::data : Stage::end_of_data;
}

/// What the next hop's EHLO rules out.
std::optional<AttemptEnd> not_offered(const net::SmtpCapabilities& offers, const Outgoing& content)
{
    if (content.smtputf8 && !offers.smtputf8)
        return decided_end(Stage::mail, ReplyClass::protocol, "local:smtputf8", 553,
                           "5.6.7 the message needs SMTPUTF8, which the next hop does not offer");
    if (offers.size && offers.size_limit > 0 && content.octets > offers.size_limit)
        return decided_end(
            Stage::mail, ReplyClass::message_too_big, "local:size", 552,
            "5.3.4 the message is larger than the next hop takes (" + std::to_string(offers.size_limit) + " octets)");
    return std::nullopt;
}

}  // namespace

AttemptEnd unroutable(const net::MailRoute& route)
{
    AttemptEnd end;
    switch (route.status) {
        case net::RouteStatus::null_mx:
            end = decided_end(Stage::rcpt, ReplyClass::domain_invalid, "route.null_mx", 556,
                              "5.1.10 the domain accepts no mail (null MX)");
            end.decided->clear = true;
            end.own_dns = true;
            break;
        case net::RouteStatus::nxdomain:
            end = decided_end(Stage::rcpt, ReplyClass::domain_invalid, "route.nxdomain", 550,
                              "5.1.2 the domain does not exist");
            end.own_dns = true;
            break;
        case net::RouteStatus::no_mail:
            end = decided_end(Stage::rcpt, ReplyClass::domain_invalid, "route.no_mail", 550,
                              "5.1.2 the domain has no mail host");
            end.own_dns = true;
            break;
        case net::RouteStatus::refused_target:
            end = decided_end(Stage::connect, ReplyClass::network, "route.refused_target", 451,
                              "4.4.4 every mail host of the domain has a private address");
            break;
        default:
            end = decided_end(Stage::connect, ReplyClass::dns_failure, "route.dns_failure", 451,
                              "4.4.3 the mail hosts of the domain cannot be looked up");
            break;
    }
    return end;
}

std::optional<AttemptEnd> unwritable(const Error& error)
{
    if (error.code == Errc::invalid_argument || error.code == Errc::limit_exceeded)
        return decided_end(Stage::data, ReplyClass::content_format, "local:content", 554,
                           "5.6.0 the message cannot be written: " + error.context);
    if (error.code == Errc::not_found || error.code == Errc::corrupt)
        return decided_end(Stage::data, ReplyClass::server_error, "local:content", 554,
                           "5.3.0 the content of the message is lost: " + error.context);
    return std::nullopt;
}

awaitable<Result<AttemptRunner::Plan>> AttemptRunner::plan_of(storage::MessageRecord message)
{
    const std::string key = message.workspace + "/" + message.campaign;
    const auto known = plans_.find(key);
    if (known != plans_.end())
        co_return known->second;
    WINNOW_CO_TRY(auto record, co_await services_.engine.get_campaign(message.workspace, message.campaign));
    if (!record)
        co_return Error{Errc::not_found, "campaign " + message.campaign};
    WINNOW_CO_TRY(auto form, CampaignTemplate::parse(*record));
    auto plan = std::make_shared<CampaignPlan>();
    plan->record = std::move(*record);
    plan->form = std::move(form);
    if (plans_.size() >= max_plans)
        plans_.clear();
    plans_[key] = plan;
    co_return plan;
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
        WINNOW_CO_TRY(const auto plan, co_await plan_of(message));
        question.policy.include_risky = plan->record.include_risky;
        question.policy.hold_until = plan->record.hold_until;
    }
    question.recipient = parse_address(message.recipient).address;
    WINNOW_CO_TRY(const auto answer, co_await services_.admission.ask(question));
    if (answer.decision == GateDecision::send)
        co_return storage::OpList{};
    auto stopped = stopped_by_gate(message, answer, services_.clock.now());
    co_return co_await with_notice(std::move(message), std::move(stopped));
}

/// A body on its way from the store, for all who wait for it.
struct AttemptRunner::Reading {
    Result<Outgoing> outcome = Error{Errc::cancelled, "the body was not read"};
    bool done = false;
    std::vector<std::shared_ptr<Timer>> waiting;

    void finish()
    {
        done = true;
        for (const auto& timer : waiting)
            timer->wake();
    }
};

awaitable<Result<Outgoing>> AttemptRunner::content(storage::MessageRecord message, MessageMemory::Room room)
{
    if (message.campaign.empty()) {
        WINNOW_CO_TRY(auto outgoing, co_await body(message.body_id, std::move(room)));
        outgoing.smtputf8 = message.smtputf8;
        outgoing.eight_bit = message.eight_bit;
        co_return outgoing;
    }
    WINNOW_CO_TRY(const auto plan, co_await plan_of(message));
    WINNOW_CO_TRY(auto content, plan->form.render(message, options_, services_.keys));
    const std::uint64_t octets = content.message.size();
    co_return Outgoing{memory_.hold({}, std::move(content.message), std::move(room)), octets, content.smtputf8,
                       content.eight_bit};
}

/// One reads and the others wait: a hundred copies of what all will share must not be in memory for a moment either.
awaitable<Result<Outgoing>> AttemptRunner::body(std::string id, MessageMemory::Room room)
{
    if (auto held = memory_.find(id)) {
        const std::uint64_t octets = held->size();
        co_return Outgoing{std::move(held), octets};
    }
    if (const auto found = reading_.find(id); found != reading_.end()) {
        const std::shared_ptr<Reading> reading = found->second;
        const std::shared_ptr<Timer> timer = services_.timers.make();
        reading->waiting.push_back(timer);
        while (!reading->done)
            if (co_await timer->wait_until(services_.clock.steady() + std::chrono::hours{1}) == Wake::cancelled)
                break;
        co_return reading->outcome;
    }
    if (!room && !memory_.has_room(least_room))
        co_return Outgoing{nullptr, least_room};
    const auto reading = std::make_shared<Reading>();
    reading_[id] = reading;
    auto octets = co_await services_.engine.get_body(id);
    if (octets) {
        const std::uint64_t size = octets->size();
        reading->outcome = Outgoing{memory_.hold(id, std::move(*octets), std::move(room)), size};
    } else {
        reading->outcome = octets.error();
    }
    reading_.erase(id);
    reading->finish();
    co_return reading->outcome;
}

/// Campaigns and submissions leave under a keyed return path; a notification under the null one (RFC 3464 section 2).
/// The path that a greylisting host knows from a probe is used where it counts.
awaitable<std::string> AttemptRunner::envelope_from(storage::MessageRecord message, std::string source)
{
    if (message.campaign.empty() && message.reverse_path.empty())
        co_return std::string{};
    if (gives_credit(services_.keys, options_, message.envelope_from, source, services_.engine.now()))
        co_return std::move(message.envelope_from);
    if (!options_.bounce_domain.empty())
        co_return return_path(services_.keys, options_, message.ref, message.accepted);
    if (message.campaign.empty())
        co_return message.reverse_path;
    const auto plan = co_await plan_of(message);
    co_return plan ? (*plan)->form.from_address() : std::string{};
}

awaitable<AttemptEnd> AttemptRunner::transact(Connection& connection, storage::MessageRecord message, Outgoing content)
{
    AttemptEnd end;
    auto refused = not_offered(connection.smtp().capabilities(), content);
    if (refused)
        end = std::move(*refused);
    end.mx = connection.mx;
    end.provider = connection.provider;
    end.source = connection.stream().local().ip;
    end.tls = connection.stream().encrypted();
    if (end.decided)
        co_return end;

    net::MailParams mail;
    mail.size = content.octets;
    mail.eight_bit = content.eight_bit;
    mail.smtputf8 = content.smtputf8;
    mail.ret = message.dsn_ret;
    mail.envid = message.dsn_envid;
    net::RcptParams rcpt;
    rcpt.notify = message.dsn_notify;
    rcpt.orcpt = message.dsn_orcpt;
    std::vector<std::string> recipients{message.recipient};
    std::string from = co_await envelope_from(std::move(message), end.source);
    ++connection.messages;
    auto result = co_await connection.smtp().transaction(std::move(from), mail, std::move(recipients),
                                                         std::move(content.message), rcpt);
    if (!result) {
        end.error = result.error();
        end.stage = stage_of(end.error);
        co_return end;
    }
    read_transaction(*result, end);
    if (end.reply && !end.reply->positive() && end.reply->code != 421)
        (void)co_await connection.smtp().rset();
    co_return end;
}

awaitable<storage::OpList> AttemptRunner::with_notice(storage::MessageRecord message, storage::RecordAttempt outcome)
{
    storage::OpList ops;
    if (owes_failure_notice(message, outcome.state)) {
        // Without the original the notice still tells what failed.
        const auto original = co_await services_.engine.get_body(message.body_id);
        const TimePoint now = services_.clock.now();
        std::string id = make_ulid(now, services_.rng);
        auto notice = make_failure_dsn(message, outcome, original ? *original : std::string{}, options_, id, now);
        if (notice) {
            ops.ops.emplace_back(std::move(notice->body));
            ops.ops.emplace_back(std::move(notice->message));
        }
    }
    ops.ops.emplace_back(std::move(outcome));
    co_return ops;
}

}  // namespace winnow::relay
