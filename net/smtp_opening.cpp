#include "net/smtp_opening.hpp"

#include <utility>

namespace winnow::net {
namespace {

constexpr int closing = 421;  // RFC 5321 section 3.8: the server is about to close

/// The dialogue; `at` follows, so that a failure knows how far it came.
awaitable<Result<SmtpReply>> converse(SmtpClient& smtp, SmtpOpening how, Stage& at)
{
    at = Stage::banner;
    WINNOW_CO_TRY(auto reply, co_await smtp.greeting());
    if (!reply.positive())
        co_return reply;
    at = Stage::ehlo;
    WINNOW_CO_TRY(reply, co_await smtp.ehlo(how.ehlo_name));
    if (!reply.positive() || !how.use_tls || !smtp.capabilities().starttls)
        co_return reply;
    at = Stage::starttls;
    WINNOW_CO_TRY(const auto secured, co_await smtp.starttls(std::move(how.tls)));
    if (!secured.positive())
        co_return secured.code == closing ? secured : reply;
    at = Stage::ehlo;
    co_return co_await smtp.ehlo(how.ehlo_name);
}

}  // namespace

awaitable<SmtpOpened> open_dialogue(SmtpClient& smtp, SmtpOpening how)
{
    SmtpOpened end;
    auto reply = co_await converse(smtp, std::move(how), end.stage);
    if (reply)
        end.reply = std::move(*reply);
    else
        end.error = reply.error();
    co_return end;
}

}  // namespace winnow::net
