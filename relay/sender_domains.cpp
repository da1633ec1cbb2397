#include "relay/sender_domains.hpp"

#include <algorithm>

#include "core/address.hpp"
#include "core/join.hpp"
#include "core/trim.hpp"
#include "core/unicode.hpp"
#include "mail/headers.hpp"

namespace winnow::relay {
namespace {

/// The octets of a field, one after the other; comments and quoted strings as a whole.
class FieldScanner {
public:
    explicit FieldScanner(std::string_view text) : text_(text) {}

    std::optional<std::vector<std::string>> run()
    {
        while (at_ < text_.size() && sound_)
            step();
        end_of_word();
        if (!sound_ || found_.empty())
            return std::nullopt;
        return std::move(found_);
    }

private:
    void step()
    {
        const char c = text_[at_];
        if (c == '(') {
            end_of_word();
            skip_comment();
        } else if (c == '"') {
            take_quoted();
        } else if (c == '<') {
            end_of_word();
            take_bracketed();
        } else if (white_space.find(c) != std::string_view::npos) {
            end_of_word();
            ++at_;
        } else if (c == ',' || c == ';' || c == ':') {
            end_of_word();
            ++at_;
        } else {
            sound_ = sound_ && c != ')' && c != '>';
            word_ += c;
            ++at_;
        }
    }

    /// A quoted string is part of a word: "a b"@example.com is an address.
    void take_quoted()
    {
        word_ += text_[at_++];
        while (at_ < text_.size() && text_[at_] != '"') {
            if (text_[at_] == '\\' && at_ + 1 < text_.size())
                word_ += text_[at_++];
            word_ += text_[at_++];
        }
        sound_ = at_ < text_.size();
        if (sound_)
            word_ += text_[at_++];
    }

    void skip_comment()
    {
        int depth = 0;
        for (; at_ < text_.size(); ++at_) {
            if (text_[at_] == '\\')
                ++at_;
            else if (text_[at_] == '(')
                ++depth;
            else if (text_[at_] == ')' && --depth == 0)
                break;
        }
        sound_ = at_ < text_.size();
        ++at_;
    }

    void take_bracketed()
    {
        bool quoted = false;
        const std::size_t begin = ++at_;
        for (; at_ < text_.size() && (quoted || text_[at_] != '>'); ++at_) {
            if (quoted && text_[at_] == '\\')
                ++at_;
            else if (text_[at_] == '"')
                quoted = !quoted;
        }
        sound_ = at_ < text_.size();
        if (!sound_)
            return;
        found_.emplace_back(trim(text_.substr(begin, at_ - begin), white_space));
        ++at_;
    }

    /// A word outside of brackets is an address when it has an @ outside of quotes.
    void end_of_word()
    {
        bool quoted = false;
        bool address = false;
        for (std::size_t i = 0; i < word_.size(); ++i) {
            if (quoted && word_[i] == '\\')
                ++i;
            else if (word_[i] == '"')
                quoted = !quoted;
            else if (!quoted && word_[i] == '@')
                address = true;
        }
        if (address)
            found_.push_back(word_);
        word_.clear();
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::string word_;
    std::vector<std::string> found_;
    bool sound_ = true;
};

/// "From address Tue Nov 24 13:08:43 2026", perhaps with a time zone. Its only colons are those of the time: nobody
/// takes it for a field.
bool has_mbox_form(std::string_view line)
{
    std::vector<std::string_view> words;
    while (!line.empty()) {
        const std::size_t end = std::min(line.find(' '), line.size());
        if (end > 0)
            words.push_back(line.substr(0, end));
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    const auto one_of = [](std::string_view names, std::string_view word) {
        return word.size() == 3 && names.find(word) != std::string_view::npos;
    };
    const auto only = [](std::string_view octets, std::string_view word) {
        return word.find_first_not_of(octets) == std::string_view::npos;
    };
    const auto no_colon = [](std::string_view word) { return word.find(':') == std::string_view::npos; };
    return words.size() >= 7 && words.size() <= 9 && no_colon(words[1]) &&
           one_of("Mon Tue Wed Thu Fri Sat Sun", words[2]) &&
           one_of("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec", words[3]) && only("0123456789", words[4]) &&
           only("0123456789:", words[5]) && std::all_of(words.begin() + 6, words.end(), no_colon);
}

}  // namespace

Result<SenderDomains> SenderDomains::parse(const std::vector<std::string>& domains)
{
    SenderDomains allowed;
    for (const std::string& text : domains) {
        auto domain = to_ascii_domain(text);
        if (!domain || !is_hostname(*domain) || domain->find('.') == std::string::npos)
            return Error{Errc::invalid_argument,
                         "\"" + text + "\" is not a domain to send as; write it like example.com"};
        if (std::find(allowed.domains_.begin(), allowed.domains_.end(), *domain) == allowed.domains_.end())
            allowed.domains_.push_back(std::move(*domain));
    }
    return allowed;
}

bool SenderDomains::allows(std::string_view address) const
{
    if (any())
        return true;
    const ParsedAddress parsed = parse_address(address);
    if (!parsed.valid)
        return false;
    const std::string& domain = parsed.address.domain;
    return std::any_of(domains_.begin(), domains_.end(), [&domain](const std::string& allowed) {
        return domain == allowed || (domain.size() > allowed.size() + 1 && domain.ends_with(allowed) &&
                                     domain[domain.size() - allowed.size() - 1] == '.');
    });
}

std::string SenderDomains::to_string() const
{
    return joined(domains_);
}

std::optional<std::vector<std::string>> addresses_in(std::string_view field)
{
    return FieldScanner{field}.run();
}

std::string refused_author(std::string_view message, const SenderDomains& allowed)
{
    if (allowed.any())
        return {};
    const mail::HeaderLimits limits;
    const auto head = mail::HeaderBlock::read(message, limits);
    // Readers differ on what such lines are, and on where the header goes on behind them.
    const std::string_view mbox = mail::mbox_line(message);
    if (!mbox.empty() && !has_mbox_form(mbox))
        return "the message begins with a \"From \" line that is neither a field nor an mbox line";
    if (head.cut_short())
        return "the header holds a line that is not a header field";
    // What is past the limits was not read, and another reader may find an author there.
    if (head.fields().size() >= limits.max_fields || head.body_offset() >= limits.max_bytes)
        return "the header is too long to check its author";
    std::size_t authors = 0;
    for (const mail::HeaderField& field : head.fields()) {
        const std::string name = to_lower_ascii(field.name);
        if (name != "from" && name != "sender")
            continue;
        authors += name == "from" ? 1 : 0;
        const auto addresses = addresses_in(field.value);
        if (!addresses)
            return "the " + std::string(name == "from" ? "From" : "Sender") + " field cannot be read";
        for (const std::string& address : *addresses)
            if (!allowed.allows(address))
                return "this credential may not send as the " + std::string(name == "from" ? "From" : "Sender") +
                       " address; it may use " + allowed.to_string();
    }
    return authors == 0 ? "the message has no From field" : "";
}

}  // namespace winnow::relay
