#pragma once

#include <string>
#include <vector>

#include "net/smtp_server.hpp"
#include "sandbox/greylist.hpp"
#include "sandbox/receiver_log.hpp"
#include "sandbox/report_sender.hpp"
#include "sandbox/script.hpp"
#include "sandbox/wire.hpp"

namespace winnow::sandbox {

/// What all sessions of the sandbox share; one thread.
struct ReceiverServices {
    TimerSource& timers;
    ReceiverLog& log;
    ReportSender& reports;
    Greylist greylist;
};

/// One receiving session: answers each RCPT by the recipient's name, takes mail, and starts the reports that follow.
class SmtpReceiver final : public net::SmtpHandler {
public:
    explicit SmtpReceiver(ReceiverServices& services) : services_(services) {}
    /// Of a zone with a script. All outlive it.
    SmtpReceiver(ReceiverServices& services, const Script& script, Wire& wire)
        : services_(services), script_(&script), wire_(&wire)
    {
    }

    net::awaitable<SmtpReply> on_connect(const net::SmtpSessionInfo& session) override;
    net::awaitable<SmtpReply> on_ehlo(const net::SmtpSessionInfo& session) override;
    net::awaitable<SmtpReply> on_mail(const net::SmtpSessionInfo& session, net::MailCommand command) override;
    net::awaitable<SmtpReply> on_rcpt(const net::SmtpSessionInfo& session, net::RcptCommand command) override;
    net::awaitable<SmtpReply> on_message(const net::SmtpSessionInfo& session, std::string message) override;
    void on_reset() override;

private:
    SmtpReply usual_rcpt_reply(const std::string& client_ip, const std::string& recipient);
    bool departs(Stage stage, const net::SmtpSessionInfo& session, const std::string& recipient = {});
    bool is_early(const std::string& client_ip, const std::string& recipient);
    SmtpReply depart(const SmtpReply& usual, const std::string& recipient = {});

    ReceiverServices& services_;
    const Script* script_ = nullptr;
    Wire* wire_ = nullptr;
    std::string reverse_path_;
    std::vector<std::string> recipients_;
    int answered_ = 0;  ///< recipients, in this session
};

}  // namespace winnow::sandbox
