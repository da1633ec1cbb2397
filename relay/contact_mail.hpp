#pragma once

#include <string>
#include <string_view>

#include "core/address.hpp"
#include "storage/ops.hpp"

namespace winnow::relay {

/// Mail to the people who run this installation (RFC 5321 section 4.5.1, RFC 2142), which goes nowhere but into the
/// store.
struct ContactMail {
    std::string_view message;
    std::string id;    ///< of the event; the body is "c/<id>"
    std::string peer;  ///< whose it is
    TimePoint at;
    bool bounded = true;  ///< from somebody unknown: only so many a day
};

/// postmaster or abuse, in any case, of any domain.
bool is_contact(const Address& address);

/// Keeps the first 64 KB and a `mail.for_postmaster` event of workspace "default" that says where. The commit fails
/// with Errc::limit_exceeded when 200 bounded ones came that day.
void keep_contact_mail(storage::OpList& ops, const ContactMail& mail);

}  // namespace winnow::relay
