#include <algorithm>

#include "core/unicode.hpp"
#include "mail/encoding.hpp"
#include "mail/report_parts.hpp"

namespace winnow::mail {
namespace {

constexpr std::size_t max_recipients = 1000;

struct Field {
    std::string name;  ///< lower case
    std::string value;
    bool starts_group = false;  ///< an empty line stands before it
};

/// Fields in order, unfolded. Lines that are no fields are passed over: many bounces have prose between them.
std::vector<Field> fields_in(std::string_view text)
{
    std::vector<Field> out;
    bool blank = true;
    bool open = false;  // whether a continuation line may follow
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        auto line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        if (line.find_first_not_of(" \t") == std::string_view::npos) {
            blank = true;
            open = false;
            continue;
        }
        if (open && (line.front() == ' ' || line.front() == '\t')) {
            out.back().value += ' ';
            out.back().value += one_line(line);
            continue;
        }
        const auto colon = line.find(':');
        const auto name = line.substr(0, colon);
        open =
            colon != std::string_view::npos && !name.empty() && name.find_first_of(" \t<>@") == std::string_view::npos;
        if (!open)
            continue;
        out.push_back({to_lower_ascii(name), one_line(line.substr(colon + 1)), blank});
        blank = false;
    }
    return out;
}

/// "smtp; 550 no" -> "550 no".
std::string without_type(const std::string& value)
{
    const auto semicolon = value.find(';');
    if (semicolon == std::string::npos || semicolon > 20 ||
        value.substr(0, semicolon).find_first_of(" .@") != std::string::npos)
        return value;
    return one_line(std::string_view(value).substr(semicolon + 1));
}

std::string host_in(const std::string& value)
{
    auto host = without_type(value);
    const auto end = host.find_first_of(" (");
    host = host.substr(0, end);
    if (host.size() > 2 && host.front() == '<' && host.back() == '>')
        host = host.substr(1, host.size() - 2);
    return host;
}

std::string action_in(const std::string& value)
{
    const auto word = to_lower_ascii(value.substr(0, value.find_first_of(" (;,")));
    // Spellings that are met beside those of RFC 3464 section 2.3.3.
    if (word == "fail" || word == "failure" || word == "failed/expired")
        return "failed";
    if (word == "deliverable")
        return "delivered";
    return word;
}

class Collector {
public:
    explicit Collector(Report& report) : report_(report) {}

    void take(const Field& field)
    {
        if (field.starts_group)
            close();
        if (field.name == "final-recipient" || field.name == "original-recipient")
            take_recipient(field);
        else if (field.name == "x-actual-recipient")
            actual_ = address_in(field.value);
        else if (field.name == "action")
            set(current_.action, action_in(field.value));
        else if (field.name == "status")
            set(current_.status, find_status(field.value, true));
        else if (field.name == "diagnostic-code")
            take_diagnostic(field.value);
        else if (field.name == "remote-mta")
            set(current_.remote_mta, host_in(field.value));
        else if (field.name == "reporting-mta")
            report_.reporting_mta = host_in(field.value);
        else if (field.name == "original-envelope-id")
            report_.envelope_id = field.value;
        else if (field.name == "arrival-date")
            report_.arrival_date = field.value;
    }

    void close()
    {
        if (!seen_final_ && !seen_original_) {
            return;
        }
        if (current_.final_recipient.empty())
            current_.final_recipient = !actual_.empty() ? actual_ : current_.original_recipient;
        current_.reply_code = find_reply_code(current_.diagnostic);
        if (report_.recipients.size() < max_recipients)
            report_.recipients.push_back(std::move(current_));
        current_ = {};
        actual_.clear();
        seen_final_ = seen_original_ = false;
    }

private:
    static void set(std::string& member, std::string value)
    {
        if (member.empty())
            member = std::move(value);
    }

    void take_recipient(const Field& field)
    {
        const bool final = field.name == "final-recipient";
        // Some systems write one group for all recipients, without empty lines; the order of the two fields varies.
        if (final ? seen_final_ : seen_original_)
            close();
        (final ? seen_final_ : seen_original_) = true;
        (final ? current_.final_recipient : current_.original_recipient) = address_in(field.value);
    }

    void take_diagnostic(const std::string& value)
    {
        // Several lines of this name: the parts of one reply.
        if (!current_.diagnostic.empty())
            current_.diagnostic += ' ';
        current_.diagnostic = one_line(current_.diagnostic + without_type(value));
    }

    Report& report_;
    ReportedRecipient current_;
    std::string actual_;
    bool seen_final_ = false;
    bool seen_original_ = false;
};

}  // namespace

bool read_status_fields(std::string_view text, Report& report)
{
    const auto before = report.recipients.size();
    Collector collector(report);
    for (const auto& field : fields_in(text))
        collector.take(field);
    collector.close();
    return report.recipients.size() > before;
}

Feedback read_feedback(std::string_view text)
{
    Feedback out;
    std::vector<HeaderField> all;
    for (auto& field : fields_in(text)) {
        auto& value = field.value;
        if (field.name == "feedback-type")
            out.feedback_type = to_lower_ascii(value);
        else if (field.name == "user-agent")
            out.user_agent = value;
        else if (field.name == "source-ip")
            out.source_ip = value;
        else if (field.name == "original-mail-from")
            out.original_mail_from = address_in(value);
        else if (field.name == "original-rcpt-to" || field.name == "removal-recipient")
            out.original_rcpt_to.push_back(address_in(value));
        else if (field.name == "reported-domain")
            out.reported_domains.push_back(to_lower_ascii(value));
        else if (field.name == "reported-uri")
            out.reported_uris.push_back(value);
        else if (field.name == "arrival-date" || (field.name == "received-date" && out.arrival_date.empty()))
            out.arrival_date = value;
        else if (field.name == "original-envelope-id")
            out.envelope_id = value;
        else if (field.name == "reporting-mta")
            out.reporting_mta = host_in(value);
        all.push_back({std::move(field.name), std::move(value)});
    }
    out.fields = HeaderBlock(std::move(all));
    return out;
}

}  // namespace winnow::mail
