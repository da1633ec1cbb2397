#include "relay/contact_mail.hpp"

#include "core/unicode.hpp"
#include "relay/daily_limit.hpp"

namespace winnow::relay {
namespace {

// Anyone may write to postmaster and abuse, hence both limits.
constexpr std::size_t kept = 64 * 1024;
constexpr std::int64_t per_day = 200;

}  // namespace

bool is_contact(const Address& address)
{
    const std::string local = to_lower_ascii(address.local);
    return local == "postmaster" || local == "abuse";
}

void keep_contact_mail(storage::OpList& ops, const ContactMail& mail)
{
    if (mail.bounded)
        ops.ops.emplace_back(one_of_a_day("contact-mail", per_day, mail.at));
    ops.ops.emplace_back(storage::PutBody{"c/" + mail.id, std::string(mail.message.substr(0, kept))});
    storage::EventRecord event;
    event.workspace = "default";
    event.type = "mail.for_postmaster";
    event.at = mail.at;
    event.message_id = mail.id;
    event.detail = "body c/" + mail.id + " from " + mail.peer;
    ops.ops.emplace_back(storage::AppendEvent{std::move(event)});
}

}  // namespace winnow::relay
