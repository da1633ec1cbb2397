// AUTH PLAIN and LOGIN, RFC 4954 and 4616.
#include "core/crypto.hpp"
#include "net/smtp_session.hpp"

namespace winnow::net {
namespace {

constexpr std::size_t max_auth_line = 12'288;  // RFC 4954 section 4
constexpr int max_auth_failures = 3;
constexpr milliseconds auth_failure_delay{2'000};

/// authorize-id NUL authenticate-id NUL password (RFC 4616). Acting for another identity is not supported.
std::optional<SmtpCredentials> read_plain(std::string_view response)
{
    const auto first = response.find('\0');
    if (first == std::string_view::npos)
        return std::nullopt;
    const auto second = response.find('\0', first + 1);
    if (second == std::string_view::npos || response.find('\0', second + 1) != std::string_view::npos)
        return std::nullopt;
    SmtpCredentials out{std::string(response.substr(first + 1, second - first - 1)),
                        std::string(response.substr(second + 1))};
    const std::string_view acting_for = response.substr(0, first);
    if (!acting_for.empty() && acting_for != out.user)
        return std::nullopt;
    return out;
}

}  // namespace

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
awaitable<std::optional<SmtpCredentials>> SmtpSession::ask_credentials(std::string argument)
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
    std::optional<SmtpCredentials> credentials;
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
    std::optional<SmtpCredentials> credentials = co_await ask_credentials(std::move(argument));
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

}  // namespace winnow::net
