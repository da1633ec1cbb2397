#include "relay/content.hpp"

#include <algorithm>
#include <cctype>

#include "core/trim.hpp"
#include "mail/message.hpp"

namespace winnow::relay {
namespace {

bool same_name(std::string_view a, std::string_view b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string fill(const Template& form, const storage::MessageRecord& message, Escape escape)
{
    const auto lookup = [&message](std::string_view name) -> std::optional<std::string_view> {
        const auto found = message.merge.find(std::string(name));
        if (found == message.merge.end())
            return std::nullopt;
        return found->second;
    };
    return form.render(lookup, escape).text;
}

/// A contact list may hold anything.
bool ends_a_field(std::string_view value)
{
    return value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

}  // namespace

Result<FromMailbox> parse_from(const std::string& text)
{
    FromMailbox from;
    const auto open = text.rfind('<');
    if (open == std::string::npos) {
        from.address = trim(text);
    } else {
        const auto close = text.find('>', open);
        if (close == std::string::npos || !trim(std::string_view(text).substr(close + 1)).empty())
            return Error{Errc::invalid_argument,
                         "from: \"" + text + "\" is not a mailbox; write Name <user@example.com>"};
        from.address = trim(std::string_view(text).substr(open + 1, close - open - 1));
        from.name = trim(std::string_view(text).substr(0, open));
        if (from.name.size() >= 2 && from.name.front() == '"' && from.name.back() == '"')
            from.name = from.name.substr(1, from.name.size() - 2);
    }
    const ParsedAddress parsed = parse_address(from.address);
    if (!parsed.valid)
        return Error{Errc::invalid_argument,
                     "from: \"" + from.address + "\" is not an e-mail address: " + parsed.detail};
    return from;
}

Result<CampaignTemplate> CampaignTemplate::parse(const storage::CampaignRecord& campaign)
{
    CampaignTemplate form;
    WINNOW_TRY(form.from_, parse_from(campaign.from));
    WINNOW_TRY(form.subject_, form.parse_field("subject", campaign.subject, true));
    WINNOW_TRY(form.text_, form.parse_field("text", campaign.text, false));
    WINNOW_TRY(form.html_, form.parse_field("html", campaign.html, false));
    for (const auto& [name, value] : campaign.headers) {
        WINNOW_TRY(auto parsed, form.parse_field("headers: " + name, value, true));
        form.headers_.emplace_back(name, std::move(parsed));
    }
    return form;
}

Result<Template> CampaignTemplate::parse_field(const std::string& field, const std::string& text, bool in_header)
{
    auto parsed = Template::parse(text);
    if (!parsed)
        return Error{parsed.error().code, field + ": " + parsed.error().context};
    for (std::string& name : parsed->names())
        places_.push_back({field, std::move(name), in_header});
    return parsed;
}

const CampaignTemplate::Place* CampaignTemplate::header_breaker(const std::map<std::string, std::string>& merge) const
{
    const auto found = std::find_if(places_.begin(), places_.end(), [&merge](const Place& place) {
        const auto value = merge.find(place.name);
        return place.in_header && value != merge.end() && ends_a_field(value->second);
    });
    return found == places_.end() ? nullptr : &*found;
}

Result<Content> CampaignTemplate::render(const storage::MessageRecord& message, const RelayOptions& options,
                                         const storage::EngineKeys& keys) const
{
    if (const Place* const place = header_breaker(message.merge))
        return Error{Errc::invalid_argument,
                     place->field + ": the value of {{" + place->name + "}} holds a line break or NUL"};
    mail::Draft draft;
    draft.from = {from_.name, from_.address};
    draft.to = {{"", message.recipient}};
    draft.subject = fill(subject_, message, Escape::none);
    draft.text = fill(text_, message, Escape::none);
    draft.html = fill(html_, message, Escape::html);
    draft.date = message.accepted;
    draft.message_id = message.id + "@" + options.hostname;
    bool own_unsubscribe = false;
    for (const auto& [name, form] : headers_) {
        std::string value = fill(form, message, Escape::none);
        if (trim(value).empty())
            continue;
        own_unsubscribe = own_unsubscribe || same_name(name, "List-Unsubscribe");
        draft.headers.push_back({name, std::move(value)});
    }
    // Also what names the message in complaints whose recipient was blacked out.
    if (!own_unsubscribe && !options.bounce_domain.empty())
        draft.headers.push_back(
            {"List-Unsubscribe", "<mailto:" + unsubscribe_address(keys, options, message.ref, message.accepted) + ">"});
    WINNOW_TRY(auto composed, mail::compose(draft));
    return Content{std::move(composed.message), composed.smtputf8, false};
}

}  // namespace winnow::relay
