#include "sandbox/dialect.hpp"

namespace winnow::sandbox {

SmtpReply unknown_reply(Dialect dialect, std::string_view recipient)
{
    const std::string to(recipient);
    switch (dialect) {
        case Dialect::postfix:
            return SmtpReply::make(
                550, "5.1.1 <" + to + ">: Recipient address rejected: User unknown in virtual mailbox table");
        case Dialect::exim:
            return SmtpReply::make(550, "No such user here: " + to);
        case Dialect::exchange:
            return SmtpReply::make(550,
                                   "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup");
        case Dialect::google:
            return SmtpReply::make(550,
                                   "5.1.1 The email account that you tried to reach does not exist. Please try\n"
                                   "5.1.1 double-checking the recipient's email address for typos or\n"
                                   "5.1.1 unnecessary spaces. For more information, go to\n"
                                   "5.1.1  https://support.google.com/mail/?p=NoSuchUser - gsmtp");
        case Dialect::yahoo:
            return SmtpReply::make(554,
                                   "delivery error: dd This user doesn't have a yahoo.com account (" + to + ") [0]");
        case Dialect::outlook:
            return SmtpReply::make(550, "5.5.0 Requested action not taken: mailbox unavailable (S2017062302).");
    }
    return SmtpReply::make(550, "5.1.1 User unknown");
}

SmtpReply disabled_reply(Dialect dialect, std::string_view recipient)
{
    const std::string to(recipient);
    switch (dialect) {
        case Dialect::google:
            return SmtpReply::make(550,
                                   "5.2.1 The email account that you tried to reach is disabled. For more\n"
                                   "5.2.1 information, go to https://support.google.com/mail/?p=DisabledUser - gsmtp");
        case Dialect::yahoo:
            return SmtpReply::make(
                554, "30 Sorry, your message to " + to + " cannot be delivered. This mailbox is disabled (554.30).");
        case Dialect::exim:
            return SmtpReply::make(550, "5.2.1 Account disabled: " + to);
        default:
            return SmtpReply::make(550,
                                   "5.2.1 <" + to + ">: Recipient address rejected: this mailbox has been disabled");
    }
}

SmtpReply full_reply(Dialect dialect, std::string_view recipient, bool for_good)
{
    const int code = for_good ? 552 : 452;
    const std::string status = for_good ? "5.2.2" : "4.2.2";
    const std::string to(recipient);
    if (dialect == Dialect::google)
        return SmtpReply::make(code, status + " The recipient's inbox is out of storage space. Please direct the\n" +
                                         status + " recipient to https://support.google.com/mail/?p=OverQuota" +
                                         (for_good ? "Perm" : "Temp") + " - gsmtp");
    if (dialect == Dialect::exim)
        return SmtpReply::make(code, "Mailbox quota exceeded for " + to);
    return SmtpReply::make(code, status + " <" + to + ">: Recipient address rejected: mailbox is full");
}

SmtpReply greylist_reply(Dialect dialect, std::string_view recipient, std::chrono::seconds left,
                         std::chrono::seconds unit)
{
    using namespace std::chrono_literals;
    const auto count = (left + unit - 1s) / unit;
    std::string wait = std::to_string(count) + (unit == 1s ? " second" : unit == 1min ? " minute" : " hour");
    wait += count == 1 ? "" : "s";
    const std::string to(recipient);
    // Only seconds are left untold by some: whoever names hours wants to be understood.
    if (dialect == Dialect::exim && unit == 1s)
        return SmtpReply::make(451, "Greylisted, please try again later");
    if (dialect == Dialect::exim || dialect == Dialect::exchange)
        return SmtpReply::make(450, "4.7.1 Greylisting in effect, please try again in " + wait);
    return SmtpReply::make(450, "4.7.1 <" + to + ">: Recipient address rejected: Greylisted for " + wait);
}

SmtpReply blocked_reply(Dialect dialect, std::string_view client_ip)
{
    const std::string ip(client_ip);
    switch (dialect) {
        case Dialect::exchange:
            return SmtpReply::make(550, "5.7.606 Access denied, banned sending IP [" + ip + "]");
        case Dialect::exim:
            return SmtpReply::make(554,
                                   "Your access to this mail system has been rejected due to the sending MTA's poor "
                                   "reputation: " +
                                       ip);
        default:
            return SmtpReply::make(554, "5.7.1 Service unavailable; Client host [" + ip +
                                            "] blocked using dnsbl.sandbox.test; listed in the sandbox");
    }
}

}  // namespace winnow::sandbox
