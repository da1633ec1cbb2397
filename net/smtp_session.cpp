#include "net/smtp_session.hpp"

#include <algorithm>
#include <boost/asio/error.hpp>
#include <span>
#include <utility>

#include "net/smtp_reply_parser.hpp"

namespace winnow::net {
namespace {

constexpr std::size_t max_command_line = 2048;  // RFC 5321 asks for 512; the parameters of extensions add to that
constexpr std::size_t output_high = 32 * 1024;
constexpr milliseconds linger_time{1'000};
constexpr std::size_t linger_octets = 256 * 1024;

/// No client of a line protocol starts like this: TLS without STARTTLS, or something that is not for us.
bool is_binary(char first) noexcept
{
    const auto byte = static_cast<unsigned char>(first);
    return byte >= 0x7f || (byte < 0x20 && first != '\r' && first != '\n' && first != '\t');
}

/// RFC 2920 section 3.1: these end a group of pipelined commands, because their reply decides what comes next.
bool ends_group(SmtpVerb verb) noexcept
{
    switch (verb) {
        case SmtpVerb::ehlo:
        case SmtpVerb::helo:
        case SmtpVerb::data:
        case SmtpVerb::bdat:
        case SmtpVerb::auth:
            return true;
        default:
            return false;
    }
}

SmtpReply shutting_down()
{
    return SmtpReply::make(421, "4.3.2 The server is shutting down, try again later");
}

}  // namespace

SmtpReply bad_sequence(std::string_view what)
{
    return SmtpReply::make(503, "5.5.1 " + std::string(what));
}

bool has_control(std::string_view text) noexcept
{
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
}

SmtpSession::SmtpSession(Stream& stream, SmtpHandler& handler, const SmtpServerOptions& options, TimerSource& timers)
    : stream_(stream), handler_(handler), options_(options), timers_(timers)
{
    session_.peer = stream.peer();
    session_.local = stream.local();
}

// ---- bytes ----

awaitable<bool> SmtpSession::flush()
{
    if (output_.empty())
        co_return true;
    stream_.expires_after(options_.command_timeout);
    std::string bytes = std::exchange(output_, {});
    const Result<> sent = co_await stream_.write(std::move(bytes));
    if (!sent)
        ended_ = true;
    co_return sent.has_value();
}

awaitable<void> SmtpSession::say(SmtpReply reply)
{
    if (options_.reply_delay > milliseconds::zero()) {
        const bool flushed = co_await flush();
        if (!flushed)
            co_return;
        co_await sleep_for(timers_, options_.reply_delay);
    }
    if (reply.code == 421)
        ended_ = linger_ = true;
    output_ += format_reply(reply);
    if (output_.size() > output_high)
        co_await flush();
}

/// The client broke a rule of the protocol.
awaitable<void> SmtpSession::violate(SmtpReply reply)
{
    if (++errors_ > options_.max_errors)
        reply = SmtpReply::make(421, "4.7.0 Too many errors");
    co_await say(std::move(reply));
}

awaitable<void> SmtpSession::hang_up(SmtpReply reply)
{
    co_await say(std::move(reply));
    ended_ = linger_ = true;
}

/// Nothing when the session is over. Outside a transaction that is also when the server is about to end.
awaitable<std::optional<SmtpLineBuffer::Line>> SmtpSession::read_line(std::size_t limit)
{
    std::optional<SmtpLineBuffer::Line> line = input_.next(limit);
    if (line)
        co_return line;
    const bool flushed = co_await flush();
    if (!flushed)
        co_return std::nullopt;
    if (draining() && !in_mail_) {
        co_await hang_up(shutting_down());
        co_return std::nullopt;
    }
    const SmtpDrain::Idle idle(in_mail_ ? nullptr : options_.drain, stream_);
    stream_.expires_after(session_.helo.empty() ? options_.hello_timeout : options_.command_timeout);
    const std::span<char> space(space_);
    while (!line) {
        const Result<std::size_t> received = co_await stream_.read_some(space);
        if (!received && received.error().code == boost::asio::error::interrupted) {
            co_await hang_up(shutting_down());
            co_return std::nullopt;
        }
        if (!received || (std::exchange(first_read_, false) && is_binary(space_[0]))) {
            ended_ = true;
            co_return std::nullopt;
        }
        input_.feed(std::string_view(space_.data(), *received));
        line = input_.next(limit);
    }
    co_return line;
}

/// Closing with unread bytes resets the connection, and a reset overtakes the reply that says why.
awaitable<void> SmtpSession::linger()
{
    stream_.expires_after(linger_time);
    const std::span<char> space(space_);
    for (std::size_t octets = 0; octets < linger_octets;) {
        const Result<std::size_t> received = co_await stream_.read_some(space);
        if (!received)
            co_return;
        octets += *received;
    }
}

// ---- the session ----

awaitable<void> SmtpSession::run()
{
    const bool opened = co_await open();
    if (!opened)
        co_return;
    while (!ended_) {
        std::optional<SmtpLineBuffer::Line> line = co_await read_line(max_command_line);
        if (!line)
            break;
        if (++commands_ > options_.max_commands)
            co_await say(SmtpReply::make(421, "4.7.0 Too many commands"));
        else
            co_await handle(std::move(*line));
    }
    if (in_mail_)
        end_transaction();
    const bool flushed = co_await flush();
    if (flushed && linger_)
        co_await linger();
}

awaitable<void> SmtpSession::apologise()
{
    co_await hang_up(SmtpReply::make(421, "4.3.0 Internal error"));
    co_await flush();
}

/// TLS from the start where configured, and the greeting. False when the session is over.
awaitable<bool> SmtpSession::open()
{
    if (options_.implicit_tls) {
        stream_.expires_after(options_.hello_timeout);
        const SmtpDrain::Idle idle(options_.drain, stream_);
        const Result<> secured = co_await stream_.start_tls_server(options_.tls);
        if (!secured)
            co_return false;
        session_.encrypted = true;
    }
    if (draining()) {
        co_await hang_up(shutting_down());
        co_return true;
    }
    SmtpReply greeting = co_await handler_.on_connect(session_);
    if (greeting.lines.empty())
        greeting = SmtpReply::make(greeting.code, options_.hostname + ' ' + options_.banner_text);
    refused_ = !greeting.positive();
    co_await say(std::move(greeting));
    co_return true;
}

awaitable<void> SmtpSession::handle(SmtpLineBuffer::Line line)
{
    if (line.too_long) {
        co_await violate(SmtpReply::make(500, "5.5.2 Line too long"));
        co_return;
    }
    if (line.bare && options_.bare_newline == BareNewline::reject) {
        co_await violate(SmtpReply::make(500, "5.5.2 Lines end with CR LF"));
        co_return;
    }
    if (has_control(line.text)) {
        co_await violate(SmtpReply::make(500, "5.5.2 Control character in a command"));
        co_return;
    }
    SmtpCommand command = parse_command(line.text);
    if (command.verb == SmtpVerb::foreign) {
        // No answer: whoever made a browser or a server send this learns nothing from us.
        output_.clear();
        ended_ = true;
        co_return;
    }
    if (draining() && !in_mail_ && command.verb != SmtpVerb::quit) {
        co_await hang_up(shutting_down());
        co_return;
    }
    if (refused_ && command.verb != SmtpVerb::quit) {
        co_await violate(bad_sequence("No service for you here"));
        co_return;
    }
    const bool pipelining = options_.pipelining && session_.esmtp && !ends_group(command.verb);
    const bool indifferent = command.verb == SmtpVerb::quit || command.verb == SmtpVerb::starttls;
    if (!input_.empty() && !pipelining && !indifferent) {
        co_await hang_up(SmtpReply::make(554, "5.5.0 Commands were sent before their turn"));
        co_return;
    }
    co_await dispatch(std::move(command));
}

awaitable<void> SmtpSession::dispatch(SmtpCommand command)
{
    switch (command.verb) {
        case SmtpVerb::ehlo:
            co_await hello(std::move(command.argument), true);
            break;
        case SmtpVerb::helo:
            co_await hello(std::move(command.argument), false);
            break;
        case SmtpVerb::starttls:
            co_await start_tls(std::move(command.argument));
            break;
        case SmtpVerb::auth:
            co_await authenticate(std::move(command.argument));
            break;
        case SmtpVerb::mail:
            co_await mail(std::move(command.argument));
            break;
        case SmtpVerb::rcpt:
            co_await rcpt(std::move(command.argument));
            break;
        case SmtpVerb::data:
            co_await data(std::move(command.argument));
            break;
        case SmtpVerb::bdat:
            // Its octets follow without waiting for us, and would be read as commands.
            co_await hang_up(SmtpReply::make(502, "5.5.1 CHUNKING is not offered"));
            break;
        case SmtpVerb::rset:
            end_transaction();
            co_await say(SmtpReply::make(250, "2.0.0 Ok"));
            break;
        case SmtpVerb::noop:
            co_await say(SmtpReply::make(250, "2.0.0 Ok"));
            break;
        case SmtpVerb::quit:
            co_await say(SmtpReply::make(221, "2.0.0 Bye"));
            ended_ = true;
            break;
        case SmtpVerb::vrfy:
            co_await say(SmtpReply::make(252, "2.5.2 Send mail to find out"));
            break;
        case SmtpVerb::help:
            co_await say(SmtpReply::make(214, "2.0.0 RFC 5321"));
            break;
        case SmtpVerb::expn:
            co_await violate(SmtpReply::make(502, "5.5.1 Not implemented"));
            break;
        case SmtpVerb::foreign:
        case SmtpVerb::unknown:
            co_await violate(SmtpReply::make(500, "5.5.2 Command not recognized"));
            break;
    }
}

void SmtpSession::end_transaction()
{
    in_mail_ = utf8_ = false;
    recipients_ = 0;
    handler_.on_reset();
}

// ---- EHLO, STARTTLS ----

SmtpReply SmtpSession::capabilities(const SmtpReply& from_handler) const
{
    SmtpReply reply;
    reply.code = from_handler.code;
    reply.lines.push_back(from_handler.lines.empty() ? options_.hostname : from_handler.lines.front());
    if (!session_.esmtp)
        return reply;
    if (options_.pipelining)
        reply.lines.emplace_back("PIPELINING");
    reply.lines.push_back("SIZE " + std::to_string(options_.max_message_size));
    if (options_.tls && !session_.encrypted)
        reply.lines.emplace_back("STARTTLS");
    if (options_.auth && (session_.encrypted || !options_.auth_requires_tls))
        reply.lines.emplace_back("AUTH PLAIN LOGIN");
    reply.lines.emplace_back("8BITMIME");
    reply.lines.emplace_back("ENHANCEDSTATUSCODES");
    if (options_.smtputf8)
        reply.lines.emplace_back("SMTPUTF8");
    if (options_.dsn)
        reply.lines.emplace_back("DSN");
    if (!from_handler.lines.empty())
        reply.lines.insert(reply.lines.end(), from_handler.lines.begin() + 1, from_handler.lines.end());
    return reply;
}

awaitable<void> SmtpSession::hello(std::string name, bool esmtp)
{
    if (name.empty() || name.size() > 255 || name.find(' ') != std::string::npos) {
        co_await violate(SmtpReply::make(501, "5.5.4 Syntax: EHLO hostname"));
        co_return;
    }
    end_transaction();
    session_.helo = std::move(name);
    session_.esmtp = esmtp;
    SmtpReply reply = co_await handler_.on_ehlo(session_);
    if (reply.positive()) {
        co_await say(capabilities(reply));
    } else {
        session_.helo.clear();
        session_.esmtp = false;
        co_await say(std::move(reply));
    }
}

awaitable<void> SmtpSession::start_tls(std::string argument)
{
    if (!options_.tls) {
        co_await violate(SmtpReply::make(502, "5.5.1 STARTTLS is not offered"));
        co_return;
    }
    if (session_.encrypted || in_mail_) {
        co_await violate(bad_sequence(session_.encrypted ? "TLS is active already" : "Not inside a transaction"));
        co_return;
    }
    if (!argument.empty()) {
        co_await violate(SmtpReply::make(501, "5.5.4 Syntax: STARTTLS"));
        co_return;
    }
    co_await say(SmtpReply::make(220, "2.0.0 Ready to start TLS"));
    const bool flushed = co_await flush();
    if (!flushed)
        co_return;
    // What was sent in clear, maybe by somebody else, must not be read as sent under TLS (CVE-2011-0411), and all that
    // was agreed in clear is void.
    input_.clear();
    end_transaction();
    session_.helo.clear();
    session_.esmtp = false;
    session_.user.clear();
    stream_.expires_after(options_.hello_timeout);
    const SmtpDrain::Idle idle(options_.drain, stream_);
    const Result<> secured = co_await stream_.start_tls_server(options_.tls);
    session_.encrypted = secured.has_value();
    ended_ = !secured;
}

}  // namespace winnow::net
