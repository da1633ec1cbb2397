#pragma once

#include <string>

#include "relay/relay.hpp"

namespace winnow::relay {

/// A message ready for DATA.
struct Content {
    std::string message;  ///< CRLF line ends
    bool smtputf8 = false;
    bool eight_bit = false;
};

/// A campaign message from its template and the recipient's merge values; the same row always gives the same octets, so
/// a retry sends what the first attempt sent. Errors are the template's (checked when the campaign was created).
Result<Content> render_campaign(const storage::CampaignRecord& campaign, const storage::MessageRecord& message,
                                const std::string& hostname);

/// Names of all {{places}} of a campaign; Errc::invalid_argument names field, line and column of a broken one.
Result<std::vector<std::string>> campaign_places(const storage::CampaignRecord& campaign);

/// "Jane <jane@example.com>" or "jane@example.com". Errc::invalid_argument says what is wrong.
struct FromMailbox {
    std::string name, address;
};
Result<FromMailbox> parse_from(const std::string& text);

}  // namespace winnow::relay
