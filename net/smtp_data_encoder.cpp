#include "net/smtp_data_encoder.hpp"

#include "net/smtp_client.hpp"

namespace winnow::net {

std::string SmtpDataEncoder::encode(std::string_view piece)
{
    std::string out;
    out.reserve(piece.size() + piece.size() / 32 + 2);
    for (const char c : piece) {
        const bool second_half = c == '\n' && carriage_return_;
        if (c == '\0' || second_half) {
            carriage_return_ = carriage_return_ && c == '\0';
            continue;
        }
        carriage_return_ = c == '\r';
        if (c == '\r' || c == '\n') {
            out += "\r\n";
            line_start_ = true;
            continue;
        }
        if (line_start_ && c == '.')
            out += '.';
        out += c;
        line_start_ = false;
    }
    return out;
}

std::string SmtpDataEncoder::finish()
{
    return line_start_ ? ".\r\n" : "\r\n.\r\n";
}

std::string encode_data(std::string_view message)
{
    SmtpDataEncoder encoder;
    std::string out = encoder.encode(message);
    return out += encoder.finish();
}

}  // namespace winnow::net
