#include "net/smtp_server.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/error.hpp>
#include <boost/system/system_error.hpp>
#include <span>
#include <string_view>

#include "core/crypto.hpp"
#include "net/smtp_command.hpp"
#include "net/smtp_data_reader.hpp"
#include "net/smtp_line_buffer.hpp"
#include "net/smtp_reply_parser.hpp"

namespace winnow::net {
namespace {

constexpr std::size_t max_command_line = 2048;  // RFC 5321 asks for 512; the parameters of extensions add to that
constexpr std::size_t max_auth_line = 12'288;   // RFC 4954 section 4
constexpr std::size_t output_high = 32 * 1024;
constexpr std::uint64_t data_progress = 64 * 1024;
constexpr int max_auth_failures = 3;
constexpr milliseconds auth_failure_delay{2'000};
constexpr milliseconds linger_time{1'000};
constexpr std::size_t linger_octets = 256 * 1024;

bool has_control(std::string_view text) noexcept
{
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
}

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

/// What a client may send behind a message without waiting: RFC 2920 allows any command there, but a second transaction
/// that rides on the first one's end is how smuggled mail looks, and no client in use needs it.
bool is_parting(std::string_view rest) noexcept
{
    const auto end = rest.find('\n');
    if (end != std::string_view::npos && end + 1 != rest.size())
        return false;
    std::string word(rest.substr(0, 4));
    for (char& c : word)
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return std::string_view("QUIT").starts_with(word) || std::string_view("RSET").starts_with(word);
}

SmtpReply bad_sequence(std::string_view what)
{
    return SmtpReply::make(503, "5.5.1 " + std::string(what));
}

struct Credentials {
    std::string user;
    std::string password;
};

/// authorize-id NUL authenticate-id NUL password (RFC 4616). Acting for another identity is not supported.
std::optional<Credentials> read_plain(std::string_view response)
{
    const auto first = response.find('\0');
    if (first == std::string_view::npos)
        return std::nullopt;
    const auto second = response.find('\0', first + 1);
    if (second == std::string_view::npos || response.find('\0', second + 1) != std::string_view::npos)
        return std::nullopt;
    Credentials out{std::string(response.substr(first + 1, second - first - 1)),
                    std::string(response.substr(second + 1))};
    const std::string_view acting_for = response.substr(0, first);
    if (!acting_for.empty() && acting_for != out.user)
        return std::nullopt;
    return out;
}

class SmtpSession {
public:
    SmtpSession(Stream& stream, SmtpHandler& handler, const SmtpServerOptions& options, TimerSource& timers)
        : stream_(stream), handler_(handler), options_(options), timers_(timers)
    {
        session_.peer = stream.peer();
        session_.local = stream.local();
    }

    awaitable<void> run();
    /// After an exception of the handler.
    awaitable<void> apologise();

private:
    awaitable<bool> open();
    awaitable<void> handle(SmtpLineBuffer::Line line);
    awaitable<void> dispatch(SmtpCommand command);
    awaitable<void> hello(std::string name, bool esmtp);
    awaitable<void> start_tls(std::string argument);
    awaitable<void> authenticate(std::string argument);
    awaitable<std::optional<std::string>> challenge(std::string text);
    awaitable<std::optional<Credentials>> ask_credentials(std::string argument);
    awaitable<void> mail(std::string argument);
    awaitable<void> rcpt(std::string argument);
    awaitable<void> data(std::string argument);
    awaitable<bool> receive(SmtpDataReader& reader);
    awaitable<void> finish_message(SmtpDataReader& reader);

    awaitable<void> say(SmtpReply reply);
    awaitable<void> violate(SmtpReply reply);
    awaitable<void> hang_up(SmtpReply reply);
    awaitable<bool> flush();
    awaitable<std::optional<SmtpLineBuffer::Line>> read_line(std::size_t limit);
    awaitable<void> linger();

    SmtpReply capabilities(const SmtpReply& from_handler) const;
    SmtpSyntax syntax() const;
    void end_transaction();

    Stream& stream_;
    SmtpHandler& handler_;
    const SmtpServerOptions& options_;
    TimerSource& timers_;

    SmtpSessionInfo session_;
    SmtpLineBuffer input_;
    std::string output_;  // replies to a pipelined group go out together (RFC 2920 section 3.2)
    std::array<char, 16'384> space_;

    bool refused_ = false;  // the greeting was no: only QUIT is left
    bool ended_ = false;
    bool linger_ = false;  // we hang up on a client that may still be sending
    bool first_read_ = true;
    int errors_ = 0;
    int commands_ = 0;
    int auth_failures_ = 0;
    bool in_mail_ = false;
    bool utf8_ = false;
    int recipients_ = 0;
};

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

/// Nothing when the session is over.
awaitable<std::optional<SmtpLineBuffer::Line>> SmtpSession::read_line(std::size_t limit)
{
    std::optional<SmtpLineBuffer::Line> line = input_.next(limit);
    if (line)
        co_return line;
    const bool flushed = co_await flush();
    if (!flushed)
        co_return std::nullopt;
    stream_.expires_after(options_.command_timeout);
    const std::span<char> space(space_);
    while (!line) {
        const Result<std::size_t> received = co_await stream_.read_some(space);
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
        stream_.expires_after(options_.command_timeout);
        const Result<> secured = co_await stream_.start_tls_server(options_.tls);
        if (!secured)
            co_return false;
        session_.encrypted = true;
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
    stream_.expires_after(options_.command_timeout);
    const Result<> secured = co_await stream_.start_tls_server(options_.tls);
    session_.encrypted = secured.has_value();
    ended_ = !secured;
}

// ---- AUTH ----

/// Sends a 334 and reads the decoded response; nothing when there is none, and the client has been told why.
awaitable<std::optional<std::string>> SmtpSession::challenge(std::string text)
{
    co_await say(SmtpReply::make(334, text));
    std::optional<SmtpLineBuffer::Line> line = co_await read_line(max_auth_line);
    if (!line)
        co_return std::nullopt;
    if (line->text == "*") {
        co_await violate(SmtpReply::make(501, "5.7.0 Authentication cancelled"));
        co_return std::nullopt;
    }
    Result<std::string> decoded = crypto::unbase64(line->text);
    if (!decoded || line->too_long) {
        co_await violate(SmtpReply::make(501, "5.5.2 Malformed base64"));
        co_return std::nullopt;
    }
    co_return std::move(*decoded);
}

/// Runs the mechanism; nothing when it fails, and the client has been told why.
awaitable<std::optional<Credentials>> SmtpSession::ask_credentials(std::string argument)
{
    const auto space = argument.find(' ');
    std::string mechanism = argument.substr(0, space);
    for (char& c : mechanism)
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    if (mechanism != "PLAIN" && mechanism != "LOGIN") {
        co_await violate(SmtpReply::make(504, "5.5.4 Unknown mechanism; use PLAIN or LOGIN"));
        co_return std::nullopt;
    }
    std::optional<std::string> first;
    if (space != std::string::npos) {
        const std::string initial = argument.substr(space + 1);
        Result<std::string> decoded = initial == "=" ? std::string() : crypto::unbase64(initial);
        if (!decoded) {
            co_await violate(SmtpReply::make(501, "5.5.2 Malformed base64"));
            co_return std::nullopt;
        }
        first = std::move(*decoded);
    } else {
        std::string prompt;
        if (mechanism == "LOGIN")
            prompt = "VXNlcm5hbWU6";  // "Username:"
        first = co_await challenge(std::move(prompt));
    }
    if (!first)
        co_return std::nullopt;
    std::optional<Credentials> credentials;
    if (mechanism == "PLAIN") {
        credentials = read_plain(*first);
    } else {
        std::optional<std::string> password = co_await challenge("UGFzc3dvcmQ6");  // "Password:"
        if (!password)
            co_return std::nullopt;
        credentials.emplace();
        credentials->user = std::move(*first);
        credentials->password = std::move(*password);
    }
    if (!credentials || credentials->user.empty() || has_control(credentials->user)) {
        co_await violate(SmtpReply::make(501, "5.5.2 Malformed credentials"));
        co_return std::nullopt;
    }
    co_return credentials;
}

awaitable<void> SmtpSession::authenticate(std::string argument)
{
    if (!options_.auth) {
        co_await violate(SmtpReply::make(502, "5.5.1 AUTH is not offered"));
        co_return;
    }
    if (!session_.esmtp || in_mail_ || !session_.user.empty()) {
        co_await violate(bad_sequence(session_.user.empty() ? "AUTH comes after EHLO and before MAIL"
                                                            : "You are authenticated already"));
        co_return;
    }
    if (options_.auth_requires_tls && !session_.encrypted) {
        co_await violate(SmtpReply::make(538, "5.7.11 Issue a STARTTLS command first"));
        co_return;
    }
    std::optional<Credentials> credentials = co_await ask_credentials(std::move(argument));
    if (!credentials)
        co_return;
    std::string user = credentials->user;
    SmtpReply reply =
        co_await handler_.on_auth(session_, std::move(credentials->user), std::move(credentials->password));
    if (reply.positive()) {
        session_.user = std::move(user);
        co_await say(std::move(reply));
        co_return;
    }
    co_await sleep_for(timers_, auth_failure_delay);
    if (++auth_failures_ >= max_auth_failures)
        reply = SmtpReply::make(421, "4.7.0 Too many failed logins");
    co_await violate(std::move(reply));
}

// ---- the transaction ----

SmtpSyntax SmtpSession::syntax() const
{
    SmtpSyntax syntax;
    syntax.smtputf8 = in_mail_ ? utf8_ : options_.smtputf8 && session_.esmtp;
    syntax.dsn = options_.dsn && session_.esmtp;
    syntax.auth = options_.auth && session_.esmtp;
    syntax.max_size = options_.max_message_size;
    return syntax;
}

awaitable<void> SmtpSession::mail(std::string argument)
{
    if (session_.helo.empty() || in_mail_) {
        co_await violate(bad_sequence(in_mail_ ? "Nested MAIL" : "Send EHLO first"));
        co_return;
    }
    if (options_.require_auth && session_.user.empty()) {
        co_await violate(SmtpReply::make(530, "5.7.0 Authentication required"));
        co_return;
    }
    auto parsed = parse_mail(argument, syntax());
    if (auto* refusal = std::get_if<SmtpReply>(&parsed)) {
        co_await violate(std::move(*refusal));
        co_return;
    }
    MailCommand& command = std::get<MailCommand>(parsed);
    const bool utf8 = command.smtputf8;
    SmtpReply reply = co_await handler_.on_mail(session_, std::move(command));
    in_mail_ = reply.positive();
    utf8_ = in_mail_ && utf8;
    co_await say(std::move(reply));
}

awaitable<void> SmtpSession::rcpt(std::string argument)
{
    if (!in_mail_) {
        co_await violate(bad_sequence("Send MAIL first"));
        co_return;
    }
    if (recipients_ >= options_.max_recipients) {
        co_await say(SmtpReply::make(452, "4.5.3 Too many recipients"));
        co_return;
    }
    auto parsed = parse_rcpt(argument, syntax());
    if (auto* refusal = std::get_if<SmtpReply>(&parsed)) {
        co_await violate(std::move(*refusal));
        co_return;
    }
    RcptCommand& command = std::get<RcptCommand>(parsed);
    SmtpReply reply = co_await handler_.on_rcpt(session_, std::move(command));
    if (reply.positive())
        ++recipients_;
    co_await say(std::move(reply));
}

awaitable<void> SmtpSession::data(std::string argument)
{
    if (!argument.empty()) {
        co_await violate(SmtpReply::make(501, "5.5.4 Syntax: DATA"));
        co_return;
    }
    if (!in_mail_) {
        co_await violate(bad_sequence("Send MAIL first"));
        co_return;
    }
    if (recipients_ == 0) {
        // Not a violation: a pipelining client sends DATA before it knows.
        co_await say(SmtpReply::make(554, "5.5.1 No valid recipients"));
        co_return;
    }
    SmtpReply go_ahead = co_await handler_.on_data(session_);
    const bool go = go_ahead.code == 354;
    co_await say(std::move(go_ahead));
    if (!go) {
        end_transaction();
        co_return;
    }
    SmtpDataReader reader(options_.max_message_size);
    const bool whole = co_await receive(reader);
    if (whole)
        co_await finish_message(reader);
}

/// Reads up to the end of the message; false when the session is over before it.
awaitable<bool> SmtpSession::receive(SmtpDataReader& reader)
{
    const bool flushed = co_await flush();
    if (!flushed)
        co_return false;
    stream_.expires_after(options_.data_timeout);
    std::uint64_t renewed = 0;
    const std::span<char> space(space_);
    while (!reader.done()) {
        const Result<std::size_t> received = co_await stream_.read_some(space);
        if (!received) {
            ended_ = true;
            co_return false;
        }
        const std::string_view bytes(space_.data(), *received);
        input_.feed(bytes.substr(reader.feed(bytes)));
        if (reader.octets() - renewed >= data_progress) {
            renewed = reader.octets();
            stream_.expires_after(options_.data_timeout);
        }
        if (reader.too_big() && reader.octets() / 2 > options_.max_message_size) {
            // It will not end soon: refuse without waiting for it.
            co_await hang_up(SmtpReply::make(552, "5.3.4 Message too big"));
            co_return false;
        }
    }
    co_return true;
}

awaitable<void> SmtpSession::finish_message(SmtpDataReader& reader)
{
    SmtpReply reply;
    if (reader.too_big())
        reply = SmtpReply::make(552,
                                "5.3.4 Message size exceeds the limit of " + std::to_string(options_.max_message_size));
    else if (reader.irregular() && options_.bare_newline == BareNewline::reject)
        reply = SmtpReply::make(550, "5.6.0 Lines end with CR LF; bare CR, bare LF and NUL are not accepted");
    else
        reply = co_await handler_.on_message(session_, reader.take_message());
    end_transaction();
    co_await say(std::move(reply));
    if (!ended_ && !input_.empty() && !is_parting(input_.rest()))
        co_await hang_up(SmtpReply::make(421, "4.5.0 Commands were sent before their turn"));
}

}  // namespace

awaitable<SmtpReply> SmtpHandler::on_ehlo(const SmtpSessionInfo&)
{
    co_return SmtpReply::make(250, "");
}

awaitable<SmtpReply> SmtpHandler::on_auth(const SmtpSessionInfo&, std::string, std::string)
{
    co_return SmtpReply::make(535, "5.7.8 Authentication failed");
}

awaitable<SmtpReply> SmtpHandler::on_data(const SmtpSessionInfo&)
{
    co_return SmtpReply::make(354, "End data with <CR><LF>.<CR><LF>");
}

awaitable<void> serve_smtp(Stream& stream, SmtpHandler& handler, const SmtpServerOptions& options, TimerSource& timers)
{
    // On the heap: it is larger than the frames that Asio recycles.
    const auto session = std::make_unique<SmtpSession>(stream, handler, options, timers);
    bool failed = false;
    try {
        co_await session->run();
    } catch (const boost::system::system_error& error) {
        failed = error.code() != boost::asio::error::operation_aborted;  // our own coroutine was cancelled
    } catch (const std::exception&) {
        failed = true;
    }
    if (failed)
        co_await session->apologise();
    stream.close();
}

}  // namespace winnow::net
