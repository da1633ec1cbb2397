#include "core/unicode.hpp"
#include "mail/report.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace winnow;

/// Any message is read to something bounded and printable.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const mail::Report report = mail::read_report(test::text_of(data, size));
    FUZZ_REQUIRE((report.kind == mail::ReportKind::arf) == report.feedback.has_value());
    for (const mail::ReportedRecipient& recipient : report.recipients) {
        FUZZ_REQUIRE(recipient.diagnostic.size() <= 2'000);
        FUZZ_REQUIRE(recipient.diagnostic.find('\n') == std::string::npos);
        FUZZ_REQUIRE(is_utf8(recipient.diagnostic) && is_utf8(recipient.final_recipient));
    }
    return 0;
}
