#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/vocabulary.hpp"

namespace winnow::api {

/// What the suppression pages and the API of SendGrid give out. Bounces and blocks have the same columns: there a row
/// tells by its status (is_block).
enum class SendGridExport : std::uint8_t { bounces, spam_reports, unsubscribes, invalid_emails };

std::string_view to_string(SendGridExport kind) noexcept;  ///< "sendgrid_bounces"

/// By the names of the columns: these and no others, in any order and case.
std::optional<SendGridExport> sendgrid_export(std::span<const std::string> columns);

/// Why an address in such a file is not to be mailed.
SuppressionReason reason_of(SendGridExport kind) noexcept;

/// Whether a status (RFC 3463, or a reply code) is about the sender, the mail or the moment: SendGrid calls that a
/// block, and it is no reason against the address. A status that cannot be read says nothing of the kind.
bool is_block(std::string_view status) noexcept;

}  // namespace winnow::api
