#include "verifier/mailbox_probe.hpp"

#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

net::SmtpTimeouts probe_timeouts(const VerifierOptions& options)
{
    net::SmtpTimeouts timeouts;
    timeouts.banner = timeouts.ehlo = timeouts.starttls = timeouts.mail = timeouts.rcpt = options.command_timeout;
    return timeouts;
}

}  // namespace

ProbeSession::~ProbeSession() = default;

/// Fills meaning, reason and evidence from what was heard.
ProbeAnswer& ProbeSession::read(ProbeAnswer& answer, std::string asked)
{
    answer.mx = mx_;
    answer.ip = ip_;
    if (stream_)
        answer.source = stream_->local().ip;
    if (answer.reply) {
        ReplyContext context;
        context.stage = answer.stage;
        context.provider = provider_;
        answer.meaning = services_.replies.classify(*answer.reply, context);
        if (answer.reply->positive())
            answer.meaning.klass = ReplyClass::delivered;
    } else {
        answer.meaning = services_.replies.classify_error(answer.error, answer.stage);
    }
    answer.reason = reason_of(answer.meaning, answer.reply ? &*answer.reply : nullptr, answer.error, answer.stage);
    Evidence& step = answer.evidence;
    step.kind = answer.stage == Stage::rcpt ? EvidenceKind::rcpt : EvidenceKind::connect;
    step.at = services_.engine.now();
    step.asked = std::move(asked);
    step.of = ip_.empty() ? mx_ : mx_ + "[" + ip_ + "]";
    step.answer = answer.reply ? answer.reply->to_string() : answer.error.message();
    step.stage = answer.stage;
    step.klass = answer.meaning.klass;
    step.rule = answer.meaning.rule;
    return answer;
}

awaitable<std::optional<ProbeAnswer>> ProbeSession::open_host(std::string mx, std::string ip, bool allow_tls,
                                                              bool* tls_failed)
{
    mx_ = mx;
    ip_ = ip;
    const Provider* provider = services_.providers.find(mx);
    provider_ = provider ? provider->name : std::string{};
    ProbeAnswer failure;
    net::ConnectOptions how;
    how.source_ip = source_;
    how.timeout = options_.connect_timeout;
    net::Endpoint to{ip, options_.smtp_port};
    auto stream = co_await services_.connector.connect(to, how);
    if (!stream) {
        failure.stage = Stage::connect;
        failure.error = stream.error();
        co_return read(failure, "connect");
    }
    stream_ = std::move(*stream);
    smtp_ = std::make_unique<net::SmtpClient>(*stream_, probe_timeouts(options_));

    failure.stage = Stage::banner;
    auto reply = co_await smtp_->greeting();
    if (reply && reply->positive()) {
        failure.stage = Stage::ehlo;
        reply = co_await smtp_->ehlo(options_.helo_name);
    }
    if (reply && reply->positive() && allow_tls && smtp_->capabilities().starttls) {
        failure.stage = Stage::starttls;
        net::TlsClientOptions tls;
        tls.server_name = mx;
        tls.ca_file = options_.ca_file;
        reply = co_await smtp_->starttls(tls);
        if (!reply)
            *tls_failed = true;
        else if (reply->positive())
            reply = co_await smtp_->ehlo(options_.helo_name);
        else
            reply = SmtpReply::make(250, "going on in clear");
    }
    if (reply && reply->positive()) {
        alive_ = true;
        in_transaction_ = false;
        rcpts_ = 0;
        co_return std::nullopt;
    }
    if (reply) {
        failure.reply = *reply;
        co_await smtp_->quit();
    } else {
        failure.error = reply.error();
    }
    read(failure, failure.stage == Stage::banner ? "banner" : "EHLO " + options_.helo_name);
    smtp_.reset();
    stream_.reset();
    co_return failure;
}

awaitable<std::optional<ProbeAnswer>> ProbeSession::open(const net::MailRoute& route, std::string only_mx,
                                                         std::string asked)
{
    std::optional<ProbeAnswer> last;
    for (const net::MxHost& host : route.hosts) {
        if (!only_mx.empty() && host.name != only_mx)
            continue;
        for (const std::string& ip : host.addresses) {
            bool tls_failed = false;
            last = co_await open_host(host.name, ip, true, &tls_failed);
            if (tls_failed)
                last = co_await open_host(host.name, ip, false, &tls_failed);
            if (!last)
                co_return std::nullopt;
            // A refusal in words at the banner is the operator's; its other hosts would say the same.
            if (last->reply && last->reply->permanent())
                co_return last;
        }
    }
    if (!last && !only_mx.empty())
        co_return co_await open(route, "", asked);  // the MX that greylisted us is gone from the set
    if (!last) {
        last.emplace();
        last->error = Error{Errc::unavailable, "no mail host has an address"};
        read(*last, asked);
    }
    co_return last;
}

awaitable<ProbeAnswer> ProbeSession::ask(std::string recipient, bool smtputf8)
{
    ProbeAnswer answer;
    const std::string asked = "RCPT TO:<" + recipient + ">";
    if (smtputf8 && !smtp_->capabilities().smtputf8) {
        answer.stage = Stage::mail;
        answer.reply = SmtpReply::make(553, "5.6.7 the mail host does not offer SMTPUTF8");
        co_return read(answer, asked);
    }
    Result<SmtpReply> reply = SmtpReply::make(250, "ok");
    if (in_transaction_) {
        answer.stage = Stage::mail;
        reply = co_await smtp_->rset();
        in_transaction_ = false;
    }
    if (reply && reply->positive()) {
        answer.stage = Stage::mail;
        net::MailParams params;
        params.smtputf8 = smtputf8;
        reply = co_await smtp_->mail(options_.mail_from, params);
    }
    if (reply && reply->positive()) {
        in_transaction_ = true;
        answer.stage = Stage::rcpt;
        answer.rcpt_sent = true;
        ++rcpts_;
        reply = co_await smtp_->rcpt(recipient);
    }
    if (reply)
        answer.reply = *reply;
    else
        answer.error = reply.error();
    // 421 announces the end; an error is one. A refused MAIL would be refused again on this connection.
    alive_ = reply.has_value() && reply->code != 421 && answer.stage == Stage::rcpt;
    co_return read(answer, asked);
}

awaitable<void> ProbeSession::quit()
{
    if (smtp_)
        co_await smtp_->quit();
    smtp_.reset();
    stream_.reset();
    alive_ = false;
}

}  // namespace winnow::verifier
