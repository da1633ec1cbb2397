#include "net/smtp_command.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace winnow;
using namespace winnow::net;

/// Whatever a client says, it gets a command or a reply; paths hold no line end.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const SmtpCommand command = parse_command(test::text_of(data, size));
    for (const bool extended : {false, true}) {
        SmtpSyntax syntax;
        syntax.smtputf8 = syntax.dsn = syntax.auth = extended;
        syntax.max_size = 1'000'000;
        const auto mail = parse_mail(command.argument, syntax);
        if (const auto* accepted = std::get_if<MailCommand>(&mail))
            FUZZ_REQUIRE(accepted->reverse_path.find_first_of("\r\n<>") == std::string::npos ||
                         accepted->reverse_path.find('"') != std::string::npos);
        else
            FUZZ_REQUIRE(std::get<SmtpReply>(mail).permanent() || std::get<SmtpReply>(mail).transient());
        const auto rcpt = parse_rcpt(command.argument, syntax);
        if (const auto* accepted = std::get_if<RcptCommand>(&rcpt))
            FUZZ_REQUIRE(!accepted->recipient.empty());
        else
            FUZZ_REQUIRE(std::get<SmtpReply>(rcpt).permanent() || std::get<SmtpReply>(rcpt).transient());
    }
    return 0;
}
