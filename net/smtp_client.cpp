#include "net/smtp_client.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/error.hpp>
#include <charconv>

#include "core/crypto.hpp"
#include "net/smtp_data_encoder.hpp"
#include "net/xtext.hpp"

namespace winnow::net {
namespace {

constexpr std::size_t block_size = 64 * 1024;
// Far more commands in one write could fill both directions' buffers while each side waits for the other.
constexpr std::size_t commands_per_write = 100;
// Replies that may come before the one to QUIT, of a server that is out of step.
constexpr int most_stray_replies = 4;

std::string upper(std::string_view text)
{
    std::string out(text);
    for (char& c : out)
        if (c >= 'a' && c <= 'z')
            c = static_cast<char>(c - 'a' + 'A');
    return out;
}

std::vector<std::string_view> words(std::string_view text)
{
    std::vector<std::string_view> out;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        if (end > 0)
            out.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

void read_capability(std::string_view line, SmtpCapabilities& capabilities)
{
    auto params = words(line);
    if (params.empty())
        return;
    std::string keyword = upper(params.front());
    params.erase(params.begin());
    if (keyword.starts_with("AUTH=")) {  // written by servers for the clients of 1997
        params.insert(params.begin(), params.empty() ? line.substr(5) : line.substr(5, line.find(' ') - 5));
        keyword = "AUTH";
    }
    if (keyword == "STARTTLS") {
        capabilities.starttls = true;
    } else if (keyword == "PIPELINING") {
        capabilities.pipelining = true;
    } else if (keyword == "8BITMIME") {
        capabilities.eight_bit_mime = true;
    } else if (keyword == "SMTPUTF8") {
        capabilities.smtputf8 = true;
    } else if (keyword == "ENHANCEDSTATUSCODES") {
        capabilities.enhanced_status = true;
    } else if (keyword == "DSN") {
        capabilities.dsn = true;
    } else if (keyword == "CHUNKING") {
        capabilities.chunking = true;
    } else if (keyword == "SIZE") {
        capabilities.size = true;
        if (!params.empty())
            std::from_chars(params[0].data(), params[0].data() + params[0].size(), capabilities.size_limit);
    } else if (keyword == "AUTH") {
        for (const auto mechanism : params) {
            std::string name = upper(mechanism);
            if (std::find(capabilities.auth.begin(), capabilities.auth.end(), name) == capabilities.auth.end())
                capabilities.auth.push_back(std::move(name));
        }
    }
}

/// Whether `path` stays inside its angle brackets: nothing in it can end the path or add a parameter or a command.
bool is_safe_path(std::string_view path, bool utf8) noexcept
{
    bool quoted = false;
    for (std::size_t i = 0; i < path.size(); ++i) {
        const auto byte = static_cast<unsigned char>(path[i]);
        if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8))
            return false;
        if (quoted && path[i] == '\\')
            ++i;
        else if (path[i] == '"')
            quoted = !quoted;
        else if (!quoted && (path[i] == '<' || path[i] == '>' || path[i] == ' '))
            return false;
    }
    return !quoted;
}

/// The first word of a command. Only that may show in errors and logs: the rest is addresses and passwords.
std::string verb_of(std::string_view line)
{
    return std::string(line.substr(0, line.find(' ')));
}

bool has_control(std::string_view text) noexcept
{
    return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

constexpr int closing = 221;  // the reply to QUIT

bool is_hangup(const SmtpReply& reply) noexcept
{
    return reply.code == 421;  // RFC 5321 section 3.8: the server closes after it
}

bool any_positive(const std::vector<SmtpReply>& replies) noexcept
{
    return std::any_of(replies.begin(), replies.end(), [](const SmtpReply& r) { return r.positive(); });
}

/// Of a pipelined transaction, drops the refusals that only follow from an earlier one: "503 MAIL first" to RCPT says
/// nothing about the recipient.
void forget_consequences(SmtpTransaction& outcome)
{
    if (!outcome.mail.positive() || !any_positive(outcome.rcpts))
        outcome.data = {};
    if (!outcome.mail.positive())
        std::fill(outcome.rcpts.begin(), outcome.rcpts.end(), SmtpReply{});
}

}  // namespace

awaitable<Result<SmtpReply>> SmtpClient::read_reply(milliseconds timeout, std::string what)
{
    // One deadline for the whole reply: a server that sends a byte a minute does not hold us.
    stream_.expires_after(timeout);
    return read_on(std::move(what));
}

awaitable<Result<SmtpReply>> SmtpClient::read_on(std::string what)
{
    std::array<char, 4096> space;
    const std::span<char> out(space);
    for (;;) {
        Result<std::optional<SmtpReply>> reply = replies_.next();
        if (!reply)
            co_return Error{reply.error().code, what + ": " + reply.error().context};
        if (*reply)
            co_return std::move(**reply);
        Result<std::size_t> received = co_await stream_.read_some(out);
        if (!received) {
            auto code = received.error().code;
            if (code == boost::asio::error::eof)
                code = SmtpErrc::unexpected_eof;
            co_return Error{code, what + ": " + received.error().context};
        }
        replies_.feed(std::string_view(space.data(), *received));
    }
}

/// Writes and reads one reply. A server that says why before it hangs up is heard although our write fails; what it
/// said before it read us cannot be a yes.
awaitable<Result<SmtpReply>> SmtpClient::exchange(std::string bytes, milliseconds timeout, std::string what)
{
    stream_.expires_after(timeout);
    Result<> sent = co_await stream_.write(std::move(bytes));
    if (!sent && (sent.error().code == Errc::timed_out || sent.error().code == Errc::cancelled))
        co_return Error{sent.error().code, what + ": " + sent.error().context};
    Result<SmtpReply> reply = co_await read_reply(timeout, what);
    if (!sent && (!reply || reply->code < 400))
        co_return Error{sent.error().code, what + ": " + sent.error().context};
    co_return reply;
}

Error SmtpClient::out_of_step(const std::string& what)
{
    out_of_step_ = true;
    return Error{Errc::protocol, what + ": the server says more than it was asked"};
}

/// What lies unread before a command: nothing, or a goodbye, which is its answer then.
Result<std::optional<SmtpReply>> SmtpClient::before(const std::string& what)
{
    if (out_of_step_)
        return out_of_step(what);
    if (replies_.idle())
        return std::nullopt;
    WINNOW_TRY(std::optional<SmtpReply> early, replies_.next());
    if (early && is_hangup(*early))
        return early;
    return out_of_step(what);
}

/// The last reply that is awaited, when nothing lies behind it. A goodbye behind it takes its place: it is heard, and
/// says nothing that could be held against an address.
Result<SmtpReply> SmtpClient::in_step(Result<SmtpReply> last, const std::string& what)
{
    if (!last)
        return last;
    WINNOW_TRY(std::optional<SmtpReply> goodbye, before(what));
    if (goodbye)
        return std::move(*goodbye);
    return last;
}

awaitable<Result<SmtpReply>> SmtpClient::exchange_in_step(std::string bytes, milliseconds timeout, std::string what)
{
    Result<SmtpReply> reply = co_await exchange(std::move(bytes), timeout, what);
    co_return in_step(std::move(reply), what);
}

awaitable<Result<SmtpReply>> SmtpClient::command(std::string line, milliseconds timeout)
{
    const std::string what = verb_of(line);
    if (has_control(line))
        co_return Error{Errc::invalid_argument, what + " with a line end or NUL in its argument"};
    WINNOW_CO_TRY(std::optional<SmtpReply> goodbye, before(what));
    if (goodbye)
        co_return std::move(*goodbye);
    line += "\r\n";
    co_return co_await exchange_in_step(std::move(line), timeout, what);
}

awaitable<Result<SmtpReply>> SmtpClient::greeting()
{
    Result<SmtpReply> reply = co_await read_reply(timeouts_.banner, "greeting");
    if (!reply && reply.error().code == SmtpErrc::malformed_reply)
        co_return Error{SmtpErrc::not_smtp, reply.error().context};
    co_return reply;
}

awaitable<Result<SmtpReply>> SmtpClient::ehlo(std::string name)
{
    capabilities_ = {};
    WINNOW_CO_TRY(SmtpReply reply, co_await command("EHLO " + name, timeouts_.ehlo));
    if (reply.permanent())
        co_return co_await command("HELO " + name, timeouts_.ehlo);
    if (reply.positive()) {
        capabilities_.esmtp = true;
        for (std::size_t i = 1; i < reply.lines.size(); ++i)
            read_capability(reply.lines[i], capabilities_);
    }
    co_return reply;
}

awaitable<Result<SmtpReply>> SmtpClient::starttls(TlsClientOptions options)
{
    const std::string verb = "STARTTLS";
    WINNOW_CO_TRY(std::optional<SmtpReply> goodbye, before(verb));
    if (goodbye)
        co_return std::move(*goodbye);
    WINNOW_CO_TRY(SmtpReply reply, co_await exchange(verb + "\r\n", timeouts_.starttls, verb));
    if (reply.code != 220)
        co_return in_step(std::move(reply), verb);
    const bool injected = !replies_.idle();
    replies_.clear();
    capabilities_ = {};
    if (injected)
        co_return Error{SmtpErrc::starttls_injection, "STARTTLS to " + stream_.peer().to_string()};
    stream_.expires_after(timeouts_.starttls);
    WINNOW_CO_CHECK(co_await stream_.start_tls_client(std::move(options)));
    co_return reply;
}

awaitable<Result<SmtpReply>> SmtpClient::auth(std::string user, std::string password, bool insecure_ok)
{
    if (!insecure_ok && !(stream_.encrypted() && stream_.tls_info().verified))
        co_return Error{
            Errc::permission_denied,
            "a password is only sent over TLS with a verified certificate; verify it or allow insecure AUTH"};
    if (user.find('\0') != std::string::npos || password.find('\0') != std::string::npos)
        co_return Error{Errc::invalid_argument, "user and password must not hold NUL"};
    const auto offered = [this](std::string_view mechanism) {
        return std::find(capabilities_.auth.begin(), capabilities_.auth.end(), mechanism) != capabilities_.auth.end();
    };
    if (!offered("PLAIN")) {
        if (offered("LOGIN"))
            co_return co_await login(std::move(user), std::move(password));
        co_return Error{Errc::unsupported, "the server offers neither AUTH PLAIN nor AUTH LOGIN"};
    }
    std::string response = '\0' + user + '\0' + password;
    response = crypto::base64(response);
    const std::string verb = "AUTH PLAIN";
    if (verb.size() + 1 + response.size() + 2 <= 512)  // RFC 4954 section 4: a longer one goes on a line of its own
        co_return co_await command(verb + ' ' + response, timeouts_.auth);
    WINNOW_CO_TRY(SmtpReply asked, co_await command(verb, timeouts_.auth));
    if (asked.code != 334)
        co_return asked;
    co_return co_await exchange_in_step(response + "\r\n", timeouts_.auth, verb);
}

awaitable<Result<SmtpReply>> SmtpClient::login(std::string user, std::string password)
{
    const std::string verb = "AUTH LOGIN";
    WINNOW_CO_TRY(SmtpReply asked_user, co_await command(verb, timeouts_.auth));
    if (asked_user.code != 334)
        co_return asked_user;
    std::string line = crypto::base64(user) + "\r\n";
    WINNOW_CO_TRY(SmtpReply asked_password, co_await exchange_in_step(std::move(line), timeouts_.auth, verb));
    if (asked_password.code != 334)
        co_return asked_password;
    line = crypto::base64(password) + "\r\n";
    co_return co_await exchange_in_step(std::move(line), timeouts_.auth, verb);
}

Result<std::string> SmtpClient::mail_command(const std::string& reverse_path, const MailParams& params) const
{
    if (!is_safe_path(reverse_path, params.smtputf8))
        return Error{Errc::invalid_argument, "the reverse-path is not an address that SMTP can carry"};
    std::string line = "MAIL FROM:<" + reverse_path + '>';
    if (params.size > 0 && capabilities_.size)
        line += " SIZE=" + std::to_string(params.size);
    if (params.eight_bit && capabilities_.eight_bit_mime)
        line += " BODY=8BITMIME";
    if (params.smtputf8)
        line += " SMTPUTF8";
    if (capabilities_.dsn) {
        if (!params.ret.empty())
            line += " RET=" + params.ret;
        if (!params.envid.empty())
            line += " ENVID=" + encode_xtext(params.envid);
    }
    return line;
}

Result<std::string> SmtpClient::rcpt_command(const std::string& recipient, const RcptParams& params) const
{
    if (recipient.empty() || !is_safe_path(recipient, capabilities_.smtputf8))
        return Error{Errc::invalid_argument, "the recipient is not an address that SMTP can carry"};
    std::string line = "RCPT TO:<" + recipient + '>';
    if (capabilities_.dsn) {
        if (!params.notify.empty())
            line += " NOTIFY=" + params.notify;
        const auto type_end = params.orcpt.find(';');
        if (type_end != std::string::npos)
            line += " ORCPT=" + params.orcpt.substr(0, type_end + 1) + encode_xtext(params.orcpt.substr(type_end + 1));
    }
    return line;
}

awaitable<Result<SmtpReply>> SmtpClient::mail(std::string reverse_path, MailParams params)
{
    WINNOW_CO_TRY(std::string line, mail_command(reverse_path, params));
    co_return co_await command(std::move(line), timeouts_.mail);
}

awaitable<Result<SmtpReply>> SmtpClient::rcpt(std::string recipient, RcptParams params)
{
    WINNOW_CO_TRY(std::string line, rcpt_command(recipient, params));
    co_return co_await command(std::move(line), timeouts_.rcpt);
}

awaitable<Result<SmtpReply>> SmtpClient::mail(std::string reverse_path)
{
    return mail(std::move(reverse_path), MailParams());
}

awaitable<Result<SmtpReply>> SmtpClient::rcpt(std::string recipient)
{
    return rcpt(std::move(recipient), RcptParams());
}

awaitable<Result<SmtpReply>> SmtpClient::rset()
{
    co_return co_await command("RSET", timeouts_.mail);
}

Result<std::vector<SmtpClient::Step>> SmtpClient::steps_of(bool reset, const std::string& reverse_path,
                                                           const MailParams& params, const std::string& recipient) const
{
    using Command = SmtpQuestion::Command;
    std::vector<Step> steps;
    if (reset)
        steps.push_back({Command::reset, "RSET", timeouts_.mail});
    WINNOW_TRY(std::string mail, mail_command(reverse_path, params));
    steps.push_back({Command::mail, std::move(mail), timeouts_.mail});
    WINNOW_TRY(std::string rcpt, rcpt_command(recipient, RcptParams()));
    steps.push_back({Command::rcpt, std::move(rcpt), timeouts_.rcpt});
    return steps;
}

awaitable<SmtpQuestion> SmtpClient::ask(bool reset, std::string reverse_path, MailParams params, std::string recipient)
{
    Result<std::vector<Step>> steps = steps_of(reset, reverse_path, params, recipient);
    if (!steps) {
        SmtpQuestion unasked{SmtpQuestion::Command::mail, steps.error()};
        co_return unasked;
    }
    if (capabilities_.pipelining)
        co_return co_await ask_at_once(std::move(*steps));
    co_return co_await ask_one_by_one(std::move(*steps));
}

awaitable<SmtpQuestion> SmtpClient::ask_one_by_one(std::vector<Step> steps)
{
    SmtpQuestion answer{SmtpQuestion::Command::mail, SmtpReply{}};
    for (Step& step : steps) {
        answer.at = step.command;
        answer.reply = co_await command(std::move(step.line), step.timeout);
        if (!answer.reply || !answer.reply->positive())
            break;
    }
    co_return answer;
}

awaitable<SmtpQuestion> SmtpClient::ask_at_once(std::vector<Step> steps)
{
    const Step& first = steps.front();
    SmtpQuestion answer{first.command, SmtpReply{}};
    Result<std::optional<SmtpReply>> unasked = before(verb_of(first.line));
    if (!unasked || *unasked) {
        if (unasked)
            answer.reply = std::move(**unasked);
        else
            answer.reply = unasked.error();
        co_return answer;
    }
    std::string lines;
    for (const Step& step : steps)
        lines += step.line + "\r\n";
    answer.reply = co_await exchange(std::move(lines), first.timeout, verb_of(first.line));
    std::size_t next = 1;
    for (; next < steps.size() && answer.reply && answer.reply->positive(); ++next) {
        answer.at = steps[next].command;
        answer.reply = co_await read_reply(steps[next].timeout, verb_of(steps[next].line));
    }
    // "503 MAIL first" says nothing about the recipient. After 421 nothing comes any more.
    bool more = answer.reply && !is_hangup(*answer.reply);
    for (; more && next < steps.size(); ++next) {
        const Result<SmtpReply> consequence = co_await read_reply(steps[next].timeout, verb_of(steps[next].line));
        more = consequence.has_value();
        // A server may hang up on whom it refused. One that is there and silent has left out an earlier reply, and then
        // this refusal was the answer to a later command.
        if (!more && consequence.error().code == Errc::timed_out)
            answer.reply = consequence.error();
    }
    // All that was asked is answered. With a reply more, any of these may be the one that nobody asked for: "250 extra"
    // before those to MAIL and RCPT would make the reply to MAIL the recipient's.
    if (more)
        answer.reply = in_step(std::move(answer.reply), verb_of(steps.back().line));
    co_return answer;
}

awaitable<Result<SmtpReply>> SmtpClient::noop()
{
    co_return co_await command("NOOP", timeouts_.mail);
}

awaitable<void> SmtpClient::quit()
{
    // Nothing depends on the answer, but a client that is gone before it looks like a broken one in the peer's logs.
    // One deadline holds for all: a server that is out of step may have much to say.
    const int replies = out_of_step_ || !replies_.idle() ? most_stray_replies : 1;
    replies_.clear();
    stream_.expires_after(timeouts_.quit);
    std::string line = "QUIT\r\n";
    const Result<> sent = co_await stream_.write(std::move(line));
    for (int i = 0; sent && i < replies; ++i) {
        const Result<SmtpReply> reply = co_await read_on("QUIT");
        if (!reply || reply->code == closing || is_hangup(*reply))
            break;
    }
    stream_.close();
}

awaitable<Result<>> SmtpClient::send_message(SharedText message)
{
    SmtpDataEncoder encoder;
    std::size_t done = 0;
    do {
        const auto piece = std::string_view(*message).substr(done, block_size);
        done += piece.size();
        std::string encoded = encoder.encode(piece);
        if (done == message->size())
            encoded += encoder.finish();
        stream_.expires_after(timeouts_.data_block);
        WINNOW_CO_CHECK(co_await stream_.write(std::move(encoded)));
    } while (done < message->size());
    co_return Result<>{};
}

/// After 354: the message and the reply to its dot. As in exchange(), a server that refuses in the middle is heard.
awaitable<Result<SmtpReply>> SmtpClient::finish_message(SharedText message)
{
    const std::string what = "end of DATA";
    Result<> sent = co_await send_message(std::move(message));
    if (!sent && (sent.error().code == Errc::timed_out || sent.error().code == Errc::cancelled))
        co_return Error{sent.error().code, what + ": " + sent.error().context};
    Result<SmtpReply> reply = co_await read_reply(timeouts_.end_of_data, what);
    if (!sent && (!reply || reply->code < 400))
        co_return Error{sent.error().code, what + ": " + sent.error().context};
    if (reply && reply->intermediate())
        co_return Error{Errc::protocol, what + ": the server answered " + std::to_string(reply->code)};
    co_return reply;
}

awaitable<Result<SmtpReply>> SmtpClient::data(std::string message, winnow::Stage* stage)
{
    if (stage != nullptr)
        *stage = Stage::data;
    WINNOW_CO_TRY(SmtpReply go_ahead, co_await command("DATA", timeouts_.data));
    // A 2xx here would read as "delivered" before anything was sent.
    if (go_ahead.positive())
        co_return Error{Errc::protocol, "DATA: the server answered " + std::to_string(go_ahead.code)};
    if (!go_ahead.intermediate())
        co_return go_ahead;
    if (stage != nullptr)
        *stage = Stage::end_of_data;
    auto shared = std::make_shared<const std::string>(std::move(message));
    co_return co_await finish_message(std::move(shared));
}

awaitable<Result<SmtpTransaction>> SmtpClient::transaction(std::string reverse_path, MailParams params,
                                                           std::vector<std::string> recipients, SharedText message,
                                                           RcptParams rcpt_params)
{
    if (recipients.empty())
        co_return Error{Errc::invalid_argument, "a transaction needs a recipient"};
    if (params.size == 0)
        params.size = message->size();
    // MAIL, then the RCPTs. All are checked before the first is sent.
    std::vector<std::string> commands;
    WINNOW_CO_TRY(std::string mail_line, mail_command(reverse_path, params));
    commands.push_back(std::move(mail_line));
    for (const std::string& recipient : recipients) {
        WINNOW_CO_TRY(std::string rcpt_line, rcpt_command(recipient, rcpt_params));
        commands.push_back(std::move(rcpt_line));
    }
    SmtpTransaction outcome;
    outcome.rcpts.resize(recipients.size());
    if (capabilities_.pipelining)
        co_return co_await pipelined(std::move(outcome), std::move(commands), std::move(message));
    co_return co_await one_by_one(std::move(outcome), std::move(commands), std::move(message));
}

awaitable<Result<SmtpTransaction>> SmtpClient::transaction(std::string reverse_path, MailParams params,
                                                           std::vector<std::string> recipients, std::string message,
                                                           RcptParams rcpt_params)
{
    return transaction(std::move(reverse_path), std::move(params), std::move(recipients),
                       std::make_shared<const std::string>(std::move(message)), std::move(rcpt_params));
}

awaitable<Result<SmtpTransaction>> SmtpClient::transaction(std::string reverse_path, MailParams params,
                                                           std::vector<std::string> recipients, std::string message)
{
    return transaction(std::move(reverse_path), std::move(params), std::move(recipients), std::move(message),
                       RcptParams());
}

awaitable<Result<SmtpTransaction>> SmtpClient::one_by_one(SmtpTransaction outcome, std::vector<std::string> commands,
                                                          SharedText message)
{
    WINNOW_CO_TRY(outcome.mail, co_await command(commands[0], timeouts_.mail));
    if (!outcome.mail.positive())
        co_return outcome;
    for (std::size_t i = 1; i < commands.size(); ++i) {
        WINNOW_CO_TRY(outcome.rcpts[i - 1], co_await command(commands[i], timeouts_.rcpt));
        if (is_hangup(outcome.rcpts[i - 1]))
            co_return outcome;
    }
    if (!any_positive(outcome.rcpts))
        co_return outcome;
    WINNOW_CO_TRY(outcome.data, co_await command("DATA", timeouts_.data));
    if (outcome.data.positive())
        co_return Error{Errc::protocol, "DATA: the server answered " + std::to_string(outcome.data.code)};
    if (!outcome.data.intermediate())
        co_return outcome;
    WINNOW_CO_TRY(outcome.end_of_data, co_await finish_message(std::move(message)));
    co_return outcome;
}

awaitable<Result<SmtpTransaction>> SmtpClient::pipelined(SmtpTransaction outcome, std::vector<std::string> commands,
                                                         SharedText message)
{
    WINNOW_CO_TRY(std::optional<SmtpReply> goodbye, before("MAIL"));
    if (goodbye) {
        outcome.mail = std::move(*goodbye);
        co_return outcome;
    }
    commands.push_back("DATA");
    for (std::size_t first = 0; first < commands.size(); first += commands_per_write) {
        const std::size_t end = std::min(first + commands_per_write, commands.size());
        std::string group;
        for (std::size_t i = first; i < end; ++i)
            group += commands[i] + "\r\n";
        stream_.expires_after(timeouts_.data_block);
        Result<> sent = co_await stream_.write(std::move(group));
        if (!sent && (sent.error().code == Errc::timed_out || sent.error().code == Errc::cancelled))
            co_return Error{sent.error().code, "MAIL: " + sent.error().context};
        for (std::size_t i = first; i < end; ++i) {
            SmtpReply* slot = &outcome.data;
            milliseconds timeout = timeouts_.data;
            if (i == 0) {
                slot = &outcome.mail;
                timeout = timeouts_.mail;
            } else if (i + 1 < commands.size()) {
                slot = &outcome.rcpts[i - 1];
                timeout = timeouts_.rcpt;
            }
            Result<SmtpReply> reply = co_await read_reply(timeout, commands[i].substr(0, 4));
            if (!sent && (!reply || !is_hangup(*reply)))
                co_return Error{sent.error().code, "MAIL: " + sent.error().context};
            if (!reply)
                co_return std::move(reply).error();
            *slot = std::move(*reply);
            if (is_hangup(*slot)) {
                forget_consequences(outcome);  // what it answered before stands; the rest was not reached
                co_return outcome;
            }
        }
        if (!replies_.idle())
            co_return out_of_step(verb_of(commands[end - 1]));
    }
    co_return co_await end_pipeline(std::move(outcome), std::move(message));
}

/// All commands are answered; DATA went out before we could know whether it should.
awaitable<Result<SmtpTransaction>> SmtpClient::end_pipeline(SmtpTransaction outcome, SharedText message)
{
    const bool accepted = any_positive(outcome.rcpts);
    const bool open = outcome.data.intermediate();
    if (outcome.data.positive())
        co_return Error{Errc::protocol, "DATA: the server answered " + std::to_string(outcome.data.code)};
    if (outcome.mail.positive() && accepted) {
        if (open) {
            WINNOW_CO_TRY(outcome.end_of_data, co_await finish_message(std::move(message)));
        }
        co_return outcome;
    }
    if (accepted && open) {
        // It would deliver an empty message to recipients of a transaction that it refused.
        stream_.close();
        co_return Error{Errc::protocol, "RCPT: the server accepted it after it had refused MAIL"};
    }
    forget_consequences(outcome);
    if (open) {
        // RFC 2920 section 3.1: a 354 without recipients has to be ended by an empty message, which nobody gets.
        WINNOW_CO_CHECK(co_await exchange(".\r\n", timeouts_.end_of_data, "end of DATA"));
    }
    co_return outcome;
}

}  // namespace winnow::net
