#include "net/smtp_error.hpp"

#include "core/error.hpp"

namespace winnow::net {
namespace {

struct Row {
    SmtpErrc code;
    const char* text;
    Disposition disposition;
};

// Another attempt, at another time or by another host of the site, may well succeed; a peer that breaks the protocol
// or serves another one on this port says nothing either way.
constexpr Row rows[] = {
    {SmtpErrc::malformed_reply, "malformed SMTP reply", Disposition::unknown},
    {SmtpErrc::reply_too_long, "SMTP reply too long", Disposition::unknown},
    {SmtpErrc::unexpected_eof, "connection closed before the end of the reply", Disposition::transient},
    {SmtpErrc::not_smtp, "the peer does not speak SMTP", Disposition::unknown},
    {SmtpErrc::starttls_injection, "plaintext arrived behind the reply to STARTTLS", Disposition::unknown},
    {SmtpErrc::tls_failed, "TLS failed", Disposition::transient},
    {SmtpErrc::tls_unverified, "the certificate does not prove the peer's name", Disposition::transient},
};

class SmtpCategory final : public ErrorCategory {
public:
    const char* name() const noexcept override { return "winnow.smtp"; }
    std::string message(int value) const override
    {
        const Row* row = find(value);
        return row != nullptr ? row->text : "unknown SMTP error";
    }
    Disposition disposition(int value) const noexcept override
    {
        const Row* row = find(value);
        return row != nullptr ? row->disposition : Disposition::unknown;
    }

private:
    static const Row* find(int value) noexcept
    {
        for (const Row& row : rows)
            if (static_cast<int>(row.code) == value)
                return &row;
        return nullptr;
    }
};

}  // namespace

boost::system::error_code make_error_code(SmtpErrc e) noexcept
{
    static const SmtpCategory category;
    return {static_cast<int>(e), category};
}

}  // namespace winnow::net
