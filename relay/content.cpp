#include "relay/content.hpp"

#include <algorithm>

#include "core/template.hpp"
#include "mail/message.hpp"

namespace winnow::relay {
namespace {

std::string trimmed(std::string_view text)
{
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos)
        return {};
    return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

Result<std::string> render(const std::string& text, const storage::MessageRecord& message, Escape escape)
{
    WINNOW_TRY(const auto form, Template::parse(text));
    const auto lookup = [&message](std::string_view name) -> std::optional<std::string_view> {
        const auto found = message.merge.find(std::string(name));
        if (found == message.merge.end())
            return std::nullopt;
        return found->second;
    };
    return form.render(lookup, escape).text;
}

/// A merge value may hold anything a contact list holds; in a header it must not end the field.
std::string one_line(std::string text)
{
    for (char& c : text)
        if (c == '\r' || c == '\n' || c == '\0')
            c = ' ';
    return text;
}

}  // namespace

Result<FromMailbox> parse_from(const std::string& text)
{
    FromMailbox from;
    const auto open = text.rfind('<');
    if (open == std::string::npos) {
        from.address = trimmed(text);
    } else {
        const auto close = text.find('>', open);
        if (close == std::string::npos || !trimmed(std::string_view(text).substr(close + 1)).empty())
            return Error{Errc::invalid_argument,
                         "from: \"" + text + "\" is not a mailbox; write Name <user@example.com>"};
        from.address = trimmed(std::string_view(text).substr(open + 1, close - open - 1));
        from.name = trimmed(std::string_view(text).substr(0, open));
        if (from.name.size() >= 2 && from.name.front() == '"' && from.name.back() == '"')
            from.name = from.name.substr(1, from.name.size() - 2);
    }
    const ParsedAddress parsed = parse_address(from.address);
    if (!parsed.valid)
        return Error{Errc::invalid_argument,
                     "from: \"" + from.address + "\" is not an e-mail address: " + parsed.detail};
    return from;
}

Result<std::vector<std::string>> campaign_places(const storage::CampaignRecord& campaign)
{
    std::vector<std::string> names;
    const std::pair<const char*, const std::string*> fields[] = {
        {"subject", &campaign.subject}, {"text", &campaign.text}, {"html", &campaign.html}};
    for (const auto& [field, text] : fields) {
        const auto form = Template::parse(*text);
        if (!form)
            return Error{form.error().code, std::string(field) + ": " + form.error().context};
        for (const std::string& name : form->names())
            if (std::find(names.begin(), names.end(), name) == names.end())
                names.push_back(name);
    }
    return names;
}

Result<Content> render_campaign(const storage::CampaignRecord& campaign, const storage::MessageRecord& message,
                                const std::string& hostname)
{
    WINNOW_TRY(const auto from, parse_from(campaign.from));
    mail::Draft draft;
    draft.from = {from.name, from.address};
    draft.to = {{"", message.recipient}};
    WINNOW_TRY(auto subject, render(campaign.subject, message, Escape::none));
    draft.subject = one_line(std::move(subject));
    WINNOW_TRY(draft.text, render(campaign.text, message, Escape::none));
    WINNOW_TRY(draft.html, render(campaign.html, message, Escape::html));
    draft.date = message.accepted;
    draft.message_id = message.id + "@" + hostname;
    for (const auto& [name, value] : campaign.headers)
        draft.headers.push_back({name, value});
    WINNOW_TRY(auto composed, mail::compose(draft));
    return Content{std::move(composed.message), composed.smtputf8, false};
}

}  // namespace winnow::relay
