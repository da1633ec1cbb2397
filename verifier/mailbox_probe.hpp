#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/reply_classifier.hpp"
#include "net/mail_route.hpp"
#include "net/smtp_client.hpp"
#include "verifier/verifier.hpp"

namespace winnow::verifier {

/// One answer to RCPT, or how we failed to get one.
struct ProbeAnswer {
    Stage stage = Stage::connect;
    std::optional<SmtpReply> reply;
    Error error;  ///< when there is no reply
    Classified meaning;
    Reason reason = Reason::temp_failure;
    std::string mx, ip, source;
    Evidence evidence;       ///< this step, ready to be stored
    bool rcpt_sent = false;  ///< a RCPT command went out: counts as a probe
};

/// One probing connection to a site: MAIL FROM and RCPT TO, RSET between addresses, never DATA, VRFY or EXPN, always
/// QUIT. A fresh connection is made by open(); after an answer with `alive()` false it is used up.
class ProbeSession {
public:
    ProbeSession(Services services, const VerifierOptions& options, std::string source_ip)
        : services_(services), options_(options), source_(std::move(source_ip))
    {
    }
    ~ProbeSession();

    /// Tries the hosts of the route in order until one greets us and takes EHLO; `only_mx` limits it to one host (a
    /// greylist retry goes to the MX that asked for it). Nothing = open; else the answer that says why not.
    awaitable<std::optional<ProbeAnswer>> open(const net::MailRoute& route, std::string only_mx, std::string asked);
    /// Asks about one recipient.
    awaitable<ProbeAnswer> ask(std::string recipient, bool smtputf8);
    awaitable<void> quit();
    bool alive() const noexcept { return alive_; }
    int rcpts() const noexcept { return rcpts_; }
    const std::string& mx() const noexcept { return mx_; }

private:
    awaitable<std::optional<ProbeAnswer>> open_host(std::string mx, std::string ip, bool allow_tls, bool* tls_failed);
    ProbeAnswer& read(ProbeAnswer& answer, std::string asked);

    Services services_;
    const VerifierOptions& options_;
    std::string source_;
    std::unique_ptr<net::Stream> stream_;
    std::unique_ptr<net::SmtpClient> smtp_;
    std::string mx_, ip_, provider_;
    bool alive_ = false;
    bool in_transaction_ = false;
    int rcpts_ = 0;
};

}  // namespace winnow::verifier
