#include "core/reply_phrase.hpp"

#include <algorithm>

#include "core/reply_text.hpp"

namespace winnow {
namespace {

constexpr std::size_t max_gap = 60;
constexpr std::size_t max_keys = 512;  ///< per phrase
constexpr std::size_t good_key = 5;    ///< bytes: longer keys cost memory and find nothing sooner
constexpr std::size_t max_parts = 12;

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z');
}

bool holds_ipv4(std::string_view text)
{
    int dots = 0;
    bool digits = false;
    for (const char c : text) {
        if (is_digit(c)) {
            digits = true;
            if (dots == 3)
                return true;
        } else if (c == '.' && digits) {
            ++dots;
            digits = false;
        } else {
            dots = 0;
            digits = false;
        }
    }
    return false;
}

Error bad_phrase(std::string what)
{
    return {Errc::invalid_argument, "phrase " + std::move(what)};
}

}  // namespace

bool begins_word(std::string_view text, std::size_t at) noexcept
{
    if (at == 0)
        return true;
    const char before = text[at - 1];
    const auto lead = static_cast<unsigned char>(text[at]);
    if (is_word(text[at]))
        return !is_word(before);
    if (lead < 0x80)
        return true;
    if (lead < 0xC0)
        return false;  // in the middle of a character
    // Greek and Cyrillic write spaces between words, the scripts of East Asia do not.
    return lead >= 0xE1 || static_cast<unsigned char>(before) < 0x80;
}

Result<ReplyPhrase> ReplyPhrase::parse(std::string_view phrase)
{
    ReplyPhrase made;
    const std::string text = fold_reply_text(phrase);
    std::string literal;
    const auto flush = [&] {
        if (!literal.empty())
            made.parts_.push_back({.gap = false, .alternatives = {std::exchange(literal, {})}, .first = {}});
    };
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '*') {
            flush();
            if (made.parts_.empty() || made.parts_.back().gap)
                return bad_phrase("has a '*' without text before it");
            made.parts_.push_back({.gap = true, .alternatives = {}, .first = {}});
        } else if (text[at] == '{') {
            flush();
            const std::size_t close = text.find('}', at);
            if (close == std::string::npos)
                return bad_phrase("has a '{' without '}'");
            Part part;
            std::string_view inside = std::string_view(text).substr(at + 1, close - at - 1);
            if (inside.find('{') != inside.npos || inside.find('*') != inside.npos)
                return bad_phrase("nests '{' or '*' in '{}'");
            for (std::size_t bar = inside.find('|'); bar != inside.npos; bar = inside.find('|')) {
                part.alternatives.emplace_back(inside.substr(0, bar));
                inside.remove_prefix(bar + 1);
            }
            part.alternatives.emplace_back(inside);
            made.parts_.push_back(std::move(part));
            at = close;
        } else if (text[at] == '}') {
            return bad_phrase("has a '}' without '{'");
        } else {
            literal += text[at];
        }
    }
    flush();
    for (Part& part : made.parts_)
        for (const std::string& alternative : part.alternatives) {
            if (alternative.empty())
                part.first.set();
            else
                part.first.set(static_cast<unsigned char>(alternative.front()));
        }
    if (made.parts_.size() > max_parts)
        return bad_phrase("has too many parts");
    if (!made.parts_.empty() && made.parts_.back().gap)
        return bad_phrase("ends with '*'");
    const auto keys = made.keys();
    if (keys.empty() || keys.size() > max_keys)
        return bad_phrase("has too many beginnings");
    if (std::any_of(keys.begin(), keys.end(), [](const Key& key) { return key.text.size() < 2; }))
        return bad_phrase("may begin with less than two characters");
    return made;
}

std::vector<ReplyPhrase::Key> ReplyPhrase::keys() const
{
    std::vector<Key> keys{{}};
    for (std::size_t part = 0; part < parts_.size() && !parts_[part].gap; ++part) {
        const auto shortest = std::min_element(
            keys.begin(), keys.end(), [](const Key& a, const Key& b) { return a.text.size() < b.text.size(); });
        const auto& alternatives = parts_[part].alternatives;
        if (shortest->text.size() >= good_key || keys.size() * alternatives.size() > max_keys)
            break;
        std::vector<Key> longer;
        for (const Key& key : keys)
            for (const std::string& alternative : alternatives)
                longer.push_back({key.text + alternative, part + 1});
        keys = std::move(longer);
    }
    return keys;
}

bool ReplyPhrase::match(const Key& key, std::string_view text, std::size_t begin, bool names_no_ip, Span& found) const
{
    found = {.begin = begin, .end = 0, .length = 0};
    return match_from(key.next, text, begin + key.text.size(), key.text.size(), names_no_ip, found);
}

bool ReplyPhrase::match_from(std::size_t part, std::string_view text, std::size_t at, std::size_t length,
                             bool names_no_ip, Span& best) const
{
    if (part == parts_.size()) {
        if (is_digit(text[at - 1]) && at < text.size() && is_digit(text[at]))
            return false;
        if (best.end == 0 || length > best.length) {
            best.end = at;
            best.length = length;
        }
        return true;
    }
    bool any = false;
    if (!parts_[part].gap) {
        for (const std::string& alternative : parts_[part].alternatives)
            if (text.substr(at).starts_with(alternative))
                any |=
                    match_from(part + 1, text, at + alternative.size(), length + alternative.size(), names_no_ip, best);
        return any;
    }
    if (text[at - 1] == ' ' && match_from(part + 1, text, at - 1, length, names_no_ip, best))
        return true;
    // The shortest gap that lets the rest follow: a longer one would only reach over other words.
    const auto& first = parts_[part + 1].first;
    for (std::size_t gap = 0; gap <= max_gap && at + gap < text.size(); ++gap) {
        const std::string_view skipped = text.substr(at, gap);
        if (skipped.ends_with(". "))
            return false;
        if (!first.test(static_cast<unsigned char>(text[at + gap])))
            continue;
        if (names_no_ip && holds_ipv4(skipped))
            return false;
        if (match_from(part + 1, text, at + gap, length, names_no_ip, best))
            return true;
    }
    return false;
}

}  // namespace winnow
