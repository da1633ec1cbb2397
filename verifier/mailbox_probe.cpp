#include "verifier/mailbox_probe.hpp"

#include <algorithm>

#include "core/reply_by_code.hpp"
#include "net/smtp_opening.hpp"
#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {
namespace {

net::SmtpTimeouts probe_timeouts(const VerifierOptions& options)
{
    net::SmtpTimeouts timeouts;
    timeouts.banner = options.banner_timeout;
    timeouts.ehlo = timeouts.starttls = timeouts.mail = timeouts.rcpt = options.command_timeout;
    return timeouts;
}

/// Without hurry: each reply has the time of probe_timeouts().
Patience patience_of(const VerifierOptions& options)
{
    return {options.connect_timeout, milliseconds::max(), options.probe_timeout};
}

constexpr int closing = 421;  // RFC 5321 section 3.8: the server is about to close

/// Of "RCPT TO:<recipient>"; empty for all else that was asked.
std::string_view recipient_in(std::string_view asked)
{
    constexpr std::string_view before = "RCPT TO:<";
    return asked.starts_with(before) ? asked.substr(before.size(), asked.size() - before.size() - 1)
                                     : std::string_view{};
}

/// 421 announces the end of the connection. Unless its words are about us or about this recipient, they are not an
/// answer.
bool says_nothing(const SmtpReply& reply, ReplyClass klass)
{
    return reply.code == closing && subject_of(klass) == Subject::nobody && klass != ReplyClass::greylisted;
}

/// A reply that does not fit the command: "bad sequence of commands", or a yes to something else.
bool fits_no_command(const SmtpReply& reply, ReplyClass klass)
{
    return klass == ReplyClass::protocol && (reply.code == 503 || reply.code < 400);
}

}  // namespace

ProbeSession::ProbeSession(Services services, const VerifierOptions& options, std::string source_ip)
    : services_(services), options_(options), source_(std::move(source_ip)), patience_(patience_of(options))
{
}

ProbeSession::~ProbeSession() = default;

void ProbeSession::set_patience(const std::optional<Patience>& patience)
{
    patience_ = patience_of(options_);
    if (patience) {
        patience_.connect = std::min(patience_.connect, patience->connect);
        patience_.command = patience->command;
        patience_.probe = std::min(patience_.probe, patience->probe);
    }
    if (stream_)
        stream_->at_most(patience_.command);
}

/// Stage, class, reason and evidence of what was heard.
ProbeAnswer ProbeSession::read(Stage stage, Result<SmtpReply> heard, std::string asked)
{
    ProbeAnswer answer;
    answer.stage = stage;
    answer.mx = mx_;
    if (stream_)
        answer.source = stream_->local().ip;
    if (heard) {
        answer.reply = std::move(*heard);
        ReplyContext context;
        context.stage = stage;
        context.provider = provider_;
        context.recipient = recipient_in(asked);
        answer.meaning = read_by_code(services_.replies, *answer.reply, context);
        answer.out_of_step = fits_no_command(*answer.reply, answer.meaning.klass);
        answer.lost = answer.out_of_step || says_nothing(*answer.reply, answer.meaning.klass);
    } else {
        answer.error = heard.error();
        answer.meaning = services_.replies.classify_error(answer.error, stage);
        answer.out_of_step = answer.error.code == Errc::protocol;
        answer.lost = true;
    }
    answer.reason = reason_of(answer.meaning, answer.reply ? &*answer.reply : nullptr, answer.error, stage);
    Evidence& step = answer.evidence;
    step.kind = stage == Stage::rcpt ? EvidenceKind::rcpt : EvidenceKind::connect;
    step.at = services_.engine.now();
    step.asked = std::move(asked);
    step.of = ip_.empty() ? mx_ : mx_ + "[" + ip_ + "]";
    step.answer = answer.reply ? answer.reply->to_string() : answer.error.message();
    step.stage = stage;
    step.klass = answer.meaning.klass;
    step.rule = answer.meaning.rule;
    return answer;
}

void ProbeSession::start_clock()
{
    stream_->not_after(services_.clock.steady() + patience_.probe);
}

awaitable<std::optional<ProbeAnswer>> ProbeSession::open(std::string mx, std::string ip, bool use_tls)
{
    mx_ = mx;
    ip_ = ip;
    const Provider* const provider = services_.providers.find(mx);
    provider_ = provider ? provider->name : std::string{};
    net::ConnectOptions how;
    how.source_ip = source_;
    how.timeout = patience_.connect;
    net::Endpoint to{ip, options_.smtp_port};
    auto stream = co_await services_.connector.connect(to, how);
    if (!stream)
        co_return read(Stage::connect, stream.error(), "connect");
    met_ = true;
    stream_ = std::make_unique<DeadlineStream>(std::move(*stream), services_.clock);
    stream_->at_most(patience_.command);
    smtp_ = std::make_unique<net::SmtpClient>(*stream_, probe_timeouts(options_));
    start_clock();

    net::SmtpOpening opening;
    opening.ehlo_name = options_.helo_name;
    opening.use_tls = use_tls;
    opening.tls.server_name = mx_;
    opening.tls.ca_file = options_.ca_file;
    auto opened = co_await net::open_dialogue(*smtp_, std::move(opening));
    if (opened.open()) {
        alive_ = true;
        co_return std::nullopt;
    }
    tls_failed_ = opened.broke_in_starttls();
    const std::string asked = opened.stage == Stage::banner     ? "banner"
                              : opened.stage == Stage::starttls ? "STARTTLS"
                                                                : "EHLO " + options_.helo_name;
    Result<SmtpReply> heard = opened.error;
    if (opened.reply)
        heard = std::move(*opened.reply);
    auto refusal = read(opened.stage, std::move(heard), asked);
    // In the middle of a handshake nobody can read it.
    if (!tls_failed_)
        co_await quit();
    smtp_.reset();
    stream_.reset();
    co_return refusal;
}

std::optional<ProbeAnswer> ProbeSession::refuse(bool smtputf8) const
{
    if (!smtputf8 || smtp_->capabilities().smtputf8)
        return std::nullopt;
    ProbeAnswer answer;
    answer.stage = Stage::mail;
    answer.reason = Reason::policy_refused;
    answer.mx = mx_;
    answer.source = stream_->local().ip;
    answer.own_rule = true;
    answer.evidence.kind = EvidenceKind::policy;
    answer.evidence.at = services_.engine.now();
    answer.evidence.asked = "SMTPUTF8";
    answer.evidence.of = mx_ + "[" + ip_ + "]";
    answer.evidence.answer = "the mail host does not offer it, and the address needs it";
    answer.evidence.rule = "eai:no_smtputf8";
    return answer;
}

awaitable<ProbeAnswer> ProbeSession::ask(bool smtputf8, std::string reverse_path, std::string recipient)
{
    using Command = net::SmtpQuestion::Command;
    start_clock();
    net::MailParams params;
    params.smtputf8 = smtputf8;
    auto heard = co_await smtp_->ask(in_transaction_, reverse_path, params, recipient);
    // RFC 5321 section 4.1.1.5 has only one answer to RSET. Any other is a host's way to take one recipient a
    // connection and no word about senders or sites: the next connection does without it.
    if (heard.at == Command::reset && heard.reply && heard.reply->code != closing)
        heard.reply = Error{Errc::protocol, "RSET: the server answered " + heard.reply->to_string()};
    in_transaction_ = heard.at == Command::rcpt;
    const Stage stage = in_transaction_ ? Stage::rcpt : Stage::mail;
    std::string asked = "RSET";
    if (heard.at == Command::mail)
        asked = "MAIL FROM:<" + reverse_path + ">";
    else if (heard.at == Command::rcpt)
        asked = "RCPT TO:<" + recipient + ">";
    ProbeAnswer answer = read(stage, std::move(heard.reply), std::move(asked));
    answer.lost = answer.lost || heard.at == Command::reset;  // nobody was asked about, whatever the words
    // A refused MAIL would be refused again on this connection.
    alive_ = in_transaction_ && answer.reply && answer.reply->code != closing && !answer.out_of_step;
    if (alive_)
        ++answered_;
    co_return answer;
}

awaitable<void> ProbeSession::quit()
{
    if (smtp_) {
        start_clock();
        co_await smtp_->quit();
    }
    smtp_.reset();
    stream_.reset();
    alive_ = false;
}

}  // namespace winnow::verifier
