#pragma once

#include <functional>
#include <memory>
#include <string>

#include "net/smtp_server.hpp"
#include "relay/relay.hpp"
#include "relay/sender_domains.hpp"

namespace winnow::relay {

/// Who a client is; from AUTH (API key) or from a listed relay network.
struct Submitter {
    std::string id;  ///< API key id or network; goes into Received, DSN policy and audit
    std::string workspace;
    SenderDomains from = {};  ///< what MAIL FROM and the From field may name
};

/// Looks credentials up; filled by `app`. Nothing when wrong.
class Credentials {
public:
    virtual ~Credentials() = default;
    virtual std::optional<Submitter> authenticate(std::string_view user, std::string_view secret) const = 0;
    /// For clients on listed networks without AUTH.
    virtual std::optional<Submitter> from_network(std::string_view ip) const = 0;
};

/// One submission session: AUTH or a listed network, the gate per recipient (each refused one gets its own reply, the
/// others go on), senders within the client's domains, RFC 6409 fix-ups, Received, and 250 only after the synced
/// commit. Never an open relay. Mail to postmaster and abuse of our own hostname is taken from anybody (RFC 5321
/// section 4.5.1), up to 64 KB of it and 200 a day, and kept in the store; a `mail.for_postmaster` event names its
/// body.
std::unique_ptr<net::SmtpHandler> make_submission_session(Services services, const RelayOptions& options,
                                                          const Credentials& credentials);

/// One session of bounce.listen: takes mail to return paths, unsubscribe addresses, fbl, and, kept as above when it is
/// no report that acts, postmaster and abuse, of our own domains only. A bounce or complaint acts only with a valid
/// token in the recipient or in the returned original, an unsubscribe only with one in the recipient; else it annotates
/// (event, no suppression).
std::unique_ptr<net::SmtpHandler> make_bounce_session(Services services, const RelayOptions& options);

}  // namespace winnow::relay
