#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/reply_classifier.hpp"
#include "net/smtp_client.hpp"
#include "verifier/deadline_stream.hpp"
#include "verifier/probe_site.hpp"
#include "verifier/verifier.hpp"

namespace winnow::verifier {

/// What a mail host said about a recipient or about us, or how we failed to hear it.
struct ProbeAnswer {
    Stage stage = Stage::connect;
    std::optional<SmtpReply> reply;
    Error error;  ///< when there is no reply
    Classified meaning;
    Reason reason = Reason::temp_failure;
    std::string mx, source;
    Evidence evidence;  ///< this step, ready to be stored
    /// The connection ended, or is about to, without a word about the recipient: on a connection that had answered
    /// before, this says nothing.
    bool lost = false;
    bool own_rule = false;  ///< nobody was asked: our rule knows the answer
    /// Host and probe disagree about which command was answered: a refused RSET, a reply that nobody asked for or that
    /// does not fit. What was heard last on this connection is in doubt too.
    bool out_of_step = false;
};

/// One probing connection: MAIL FROM and RCPT TO, RSET between addresses, never DATA, VRFY or EXPN, QUIT at the end.
/// Each address has the `probe` of its patience for its dialogue, and so has the opening.
class ProbeSession {
public:
    ProbeSession(Services services, const VerifierOptions& options, std::string source_ip);
    ~ProbeSession();

    /// How long the answers are waited for from now on; without one, as long as the options say.
    void set_patience(const std::optional<Patience>& patience);

    /// Connects, greets, and encrypts when that is offered and `use_tls`. Nothing = open; else the answer that says why
    /// not, and the session is used up.
    awaitable<std::optional<ProbeAnswer>> open(std::string mx, std::string ip, bool use_tls);
    /// Why an address is not asked about here, although the host would answer. Nothing = it may be.
    std::optional<ProbeAnswer> refuse(bool smtputf8) const;
    /// RSET when needed, MAIL and RCPT, in one round trip where the host takes them so. The answer's stage is rcpt, or
    /// mail when it did not come to that.
    awaitable<ProbeAnswer> ask(bool smtputf8, std::string reverse_path, std::string recipient);
    awaitable<void> quit();

    bool alive() const noexcept { return alive_; }
    bool met() const noexcept { return met_; }                ///< open() found somebody at the other end
    bool tls_failed() const noexcept { return tls_failed_; }  ///< open() failed in STARTTLS: worth a try in clear
    int answered() const noexcept { return answered_; }       ///< recipients that got an answer here
    const std::string& mx() const noexcept { return mx_; }

private:
    ProbeAnswer read(Stage stage, Result<SmtpReply> heard, std::string asked);
    void start_clock();

    Services services_;
    const VerifierOptions& options_;
    std::string source_;
    Patience patience_;
    std::unique_ptr<DeadlineStream> stream_;
    std::unique_ptr<net::SmtpClient> smtp_;
    std::string mx_, ip_, provider_;
    bool alive_ = false;
    bool met_ = false;
    bool tls_failed_ = false;
    bool in_transaction_ = false;
    int answered_ = 0;
};

}  // namespace winnow::verifier
