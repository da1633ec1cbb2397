#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/smtp_reply.hpp"
#include "core/vocabulary.hpp"

namespace winnow {

/// One reply found in a diagnostic text: "550 5.1.1 <@>... user unknown".
struct QuotedReply {
    int code = 0;  ///< 0 when only text or a status code is there
    EnhancedStatus enhanced;
    std::string text;            ///< folded, without the code and the status that follows it
    std::optional<Stage> stage;  ///< quoted_chain() only: the command that the server which is quoted answered
};

/// What bounce mails and logs say about a failure: who said what, in answer to which command.
struct Diagnostic {
    std::string whole;                 ///< folded
    std::vector<QuotedReply> replies;  ///< in order of appearance; transcripts quote several
    std::size_t preface_length = 0;    ///< of `whole`: what stands before the first code
    std::optional<Stage> stage;        ///< "(in reply to RCPT TO command)", "did not like recipient", ...
};

/// Reads the forms that the common mail servers write. Numbers that are no reply codes (ports, sizes, seconds, IP
/// addresses) are left alone. Never fails: without any code there is no reply and `whole` is all there is.
Diagnostic read_diagnostic(std::string_view text);

/// A server that asked another one about the recipient (address verification, a callout) says what it was told:
/// "550 5.1.1 <@>: recipient address rejected: undeliverable address: host mx said: 552 5.2.2 mailbox full". Cuts
/// `reply` into what each server said, the outermost first; one element when nobody is quoted. What is quoted without
/// a code ("undeliverable address: mail for d loops back to myself") has the code of the reply around it and no status,
/// since the one around it is the same for any cause.
std::vector<QuotedReply> quoted_chain(QuotedReply reply);

/// The first enhanced status within folded text: "(#5.1.1)", "said: 5.7.1 ...". Dotted numbers that are something else
/// are passed over.
std::optional<EnhancedStatus> find_enhanced_status(std::string_view folded) noexcept;

}  // namespace winnow
