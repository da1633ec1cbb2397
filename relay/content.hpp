#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/template.hpp"
#include "relay/relay.hpp"

namespace winnow::relay {

/// A message ready for DATA.
struct Content {
    std::string message;  ///< CRLF line ends
    bool smtputf8 = false;
    bool eight_bit = false;
};

/// "Jane <jane@example.com>" or "jane@example.com".
struct FromMailbox {
    std::string name, address;
};
/// Errc::invalid_argument says what is wrong, beginning with "from: ".
Result<FromMailbox> parse_from(const std::string& text);

/// A campaign's text with its places found, ready to be filled in for any number of recipients. Immutable.
class CampaignTemplate {
public:
    /// A {{place}} and the field that holds it.
    struct Place {
        std::string field, name;
        bool in_header = false;
    };

    /// Errc::invalid_argument or limit_exceeded, naming field, line and column.
    static Result<CampaignTemplate> parse(const storage::CampaignRecord& campaign);

    /// The message for one recipient; the same row always gives the same octets, so a retry sends what the first
    /// attempt sent. A place without a value is empty, and a header that is empty then is left out.
    /// Errc::invalid_argument names the field that cannot be written, which a trial when the campaign is created has
    /// shown unless a merge value brought it about: one that would end a header field, or makes it too long.
    Result<Content> render(const storage::MessageRecord& message, const RelayOptions& options,
                           const storage::EngineKeys& keys) const;

    /// The place in a header whose value would end the field: it holds CR, LF or NUL. Null when there is none.
    const Place* header_breaker(const std::map<std::string, std::string>& merge) const;

    const std::vector<Place>& places() const noexcept { return places_; }
    /// For campaigns of an installation without return paths of its own.
    const std::string& from_address() const noexcept { return from_.address; }

private:
    Result<Template> parse_field(const std::string& field, const std::string& text, bool in_header);

    FromMailbox from_;
    Template subject_, text_, html_;
    std::vector<std::pair<std::string, Template>> headers_;  ///< by name; List-Unsubscribe stands in for ours
    std::vector<Place> places_;
};

}  // namespace winnow::relay
