#pragma once

#include <memory>
#include <string>

#include "net/smtp_client.hpp"
#include "tests/relay/relay_world.hpp"

namespace winnow::test {

/// A client of one of our own listeners.
class SessionClient {
public:
    SessionClient(RelayWorld& world, std::unique_ptr<net::SmtpHandler> handler, net::SmtpServerOptions options,
                  const std::string& ip = "198.51.100.7");
    ~SessionClient();
    SmtpReply say(const std::string& line);
    SmtpReply data(const std::string& message);
    SmtpReply auth(const std::string& user, const std::string& password);
    const net::SmtpCapabilities& offers() const { return smtp_->capabilities(); }

    SmtpReply greeting;

private:
    RelayWorld& world_;
    std::unique_ptr<net::Stream> stream_;
    std::unique_ptr<net::SmtpClient> smtp_;
};

}  // namespace winnow::test
