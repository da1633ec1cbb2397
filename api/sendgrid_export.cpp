#include "api/sendgrid_export.hpp"

#include <algorithm>
#include <vector>

#include "core/smtp_reply.hpp"
#include "core/trim.hpp"
#include "core/unicode.hpp"

namespace winnow::api {
namespace {

struct Row {
    SendGridExport kind;
    std::string_view name;
    SuppressionReason reason;
    std::string_view columns;  ///< sorted, with commas between
};

constexpr Row rows[] = {
    {SendGridExport::bounces, "sendgrid_bounces", SuppressionReason::bounce, "created,email,reason,status"},
    {SendGridExport::spam_reports, "sendgrid_spam_reports", SuppressionReason::complaint, "created,email,ip"},
    {SendGridExport::unsubscribes, "sendgrid_unsubscribes", SuppressionReason::unsubscribe, "created,email"},
    {SendGridExport::invalid_emails, "sendgrid_invalid_emails", SuppressionReason::invalid, "created,email,reason"},
};

const Row& row_of(SendGridExport kind) noexcept
{
    return rows[static_cast<std::size_t>(kind)];
}

}  // namespace

std::string_view to_string(SendGridExport kind) noexcept
{
    return row_of(kind).name;
}

std::optional<SendGridExport> sendgrid_export(std::span<const std::string> columns)
{
    std::vector<std::string> names;
    for (const std::string& column : columns)
        names.push_back(to_lower_ascii(trim_wide(column)));
    std::sort(names.begin(), names.end());
    std::string joined;
    for (const std::string& name : names)
        joined += (joined.empty() ? "" : ",") + name;
    for (const Row& row : rows)
        if (joined == row.columns)
            return row.kind;
    return std::nullopt;
}

SuppressionReason reason_of(SendGridExport kind) noexcept
{
    return row_of(kind).reason;
}

bool is_block(std::string_view status) noexcept
{
    status = trim(status, white_space);
    const auto read = parse_enhanced_status(status);
    if (!read)
        return status.starts_with('4');
    switch (read->subject) {
        case 1:  // addressing: of 7 and 8 the sender's
            return read->klass == 4 || read->detail == 7 || read->detail == 8;
        case 3:  // mail system: 4 is a message too big for it
            return read->klass == 4 || read->detail == 4;
        case 5:  // protocol
        case 6:  // content
        case 7:  // policy
            return true;
        default:
            return read->klass == 4;
    }
}

}  // namespace winnow::api
