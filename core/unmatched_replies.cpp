#include "core/unmatched_replies.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/reply_text.hpp"
#include "core/split.hpp"

namespace winnow {
namespace {

constexpr std::size_t most_wordings = 500;
constexpr std::size_t most_octets = 240;
constexpr int most_in_window = 2'000;
constexpr milliseconds window{10'000};
constexpr std::size_t least_name = 3;  ///< octets: a shorter local part is a word like any other
constexpr std::size_t long_word = 24;  ///< octets: longer words of ASCII letters are no words
constexpr std::size_t id_length = 8;   ///< octets of letters and digits that make an identifier

constexpr std::string_view separators = " <>()[]{}\"',;|";

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}
bool is_alnum(char c)
{
    return is_digit(c) || is_letter(c);
}

std::size_t digits_of(std::string_view word)
{
    return static_cast<std::size_t>(std::count_if(word.begin(), word.end(), is_digit));
}

/// By "@", wherever `name` is no part of a longer word.
void replace_name(std::string& text, std::string_view name)
{
    if (name.size() < least_name)
        return;
    for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at)) {
        const std::size_t end = at + name.size();
        const bool alone = (at == 0 || !is_alnum(text[at - 1])) && (end == text.size() || !is_alnum(text[end]));
        if (alone)
            text.replace(at, name.size(), "@");
        ++at;
    }
}

std::string mask_digits(std::string_view word)
{
    std::string out;
    for (const char c : word) {
        if (!is_digit(c))
            out += c;
        else if (out.empty() || out.back() != '#')
            out += '#';
    }
    return out;
}

bool is_ip(std::string_view word)
{
    const auto parts = split(word, '.');
    const auto number = [](std::string_view part) {
        return !part.empty() && part.size() <= 3 && digits_of(part) == part.size();
    };
    if (parts.size() == 4 && std::all_of(parts.begin(), parts.end(), number))
        return true;
    return std::count(word.begin(), word.end(), ':') >= 2 &&
           word.find_first_not_of("0123456789abcdef:.") == std::string_view::npos;
}

/// "mx1.example.com", not "5.1.1" nor "e.g".
bool is_host(std::string_view word)
{
    const auto labels = split(word, '.');
    if (labels.size() < 2 || labels.back().size() < 2)
        return false;
    return std::all_of(labels.begin(), labels.end(), [](std::string_view label) { return !label.empty(); }) &&
           std::none_of(labels.back().begin(), labels.back().end(), is_digit) &&
           word.find_first_of("/:%=") == std::string_view::npos;
}

/// A queue id, a hash, a token.
bool is_id(std::string_view word)
{
    const std::size_t digits = digits_of(word);
    if (word.find('%') != std::string_view::npos || word.find('=') != std::string_view::npos)
        return true;
    if (digits >= 2 && digits < word.size() && word.size() >= id_length)
        return true;
    return word.size() >= long_word &&
           std::all_of(word.begin(), word.end(), [](char c) { return is_alnum(c) || c == '_' || c == '-'; });
}

std::string mask_link(std::string_view link)
{
    link = link.substr(0, link.find_first_of("?#&"));
    std::string out;
    for (const std::string_view part : split(link, '/'))
        out.append(is_id(part) ? "#" : mask_digits(part)).append("/");
    out.pop_back();
    return out;
}

std::string mask_word(std::string_view word)
{
    if (is_ip(word))
        return "[ip]";
    if (word.find('/') != std::string_view::npos && word.find('.') != std::string_view::npos)
        return mask_link(word);
    if (is_host(word))
        return "[host]";
    if (is_id(word))
        return "#";
    return mask_digits(word);
}

bool in_pair(std::string_view text, std::size_t begin, std::size_t end)
{
    if (begin == 0 || end >= text.size())
        return false;
    const char before = text[begin - 1], after = text[end];
    return (before == '<' && after == '>') || (before == '"' && after == '"');
}

/// A cut never leaves half a character behind.
void cut(std::string& text, std::size_t length)
{
    if (text.size() <= length)
        return;
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80)
        --length;
    text.resize(length);
}

std::string key_of(const UnmatchedReply& reply)
{
    std::string key = std::to_string(reply.code);
    for (const std::string_view part : {to_string(reply.stage), std::string_view(reply.provider)}) {
        key += '\t';
        key += part;
    }
    return key + '\t' + reply.text;
}

template <class Number>
std::optional<Number> number(std::string_view text)
{
    Number value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

std::optional<UnmatchedReply> read_line(std::string_view line)
{
    const auto fields = split(line, '\t');
    if (fields.size() != 7)
        return std::nullopt;
    const auto count = number<std::uint64_t>(fields[0]);
    const auto first = number<std::int64_t>(fields[1]);
    const auto last = number<std::int64_t>(fields[2]);
    const auto code = number<int>(fields[3]);
    const auto stage = from_string<Stage>(fields[4]);
    if (!count || !first || !last || !code || !stage || *code < 400 || *code > 599)
        return std::nullopt;
    UnmatchedReply reply;
    reply.code = *code;
    reply.stage = *stage;
    reply.provider = fields[5];
    reply.text = fields[6];
    reply.count = *count;
    reply.first = from_unix_ms(*first);
    reply.last = from_unix_ms(*last);
    return reply;
}

}  // namespace

std::string mask_reply_text(std::string_view folded, std::string_view recipient)
{
    std::string text{folded.substr(0, 4 * most_octets)};
    if (const auto at = recipient.rfind('@'); at != std::string_view::npos) {
        // Folded as the text is, in parts: fold_reply_text() makes "@" of a whole address.
        const std::string local = fold_reply_text(recipient.substr(0, at));
        replace_name(text, fold_reply_text(recipient.substr(at + 1)));
        replace_name(text, local);
        replace_name(text, std::string_view(local).substr(0, local.find('+')));
    }
    std::string out;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t begin = text.find_first_not_of(separators, at);
        out.append(text, at, std::min(begin, text.size()) - at);
        if (begin == std::string::npos)
            break;
        const std::size_t end = std::min(text.find_first_of(separators, begin), text.size());
        const std::string_view word = std::string_view(text).substr(begin, end - begin);
        const std::size_t length = word.find_last_not_of(".:!?") + 1;
        if (in_pair(text, begin, end))
            out += '@';
        else
            out.append(mask_word(word.substr(0, length))).append(word.substr(length));
        at = end;
    }
    cut(out, most_octets);
    return out;
}

void UnmatchedReplies::note(const Heard& heard)
{
    const SteadyPoint now = clock_.steady();
    if (now >= window_ends_) {
        window_ends_ = now + window;
        in_window_ = 0;
    }
    if (++in_window_ > most_in_window) {
        ++passed_over_;
        return;
    }
    UnmatchedReply reply;
    reply.code = heard.code;
    reply.stage = heard.stage;
    reply.provider = heard.provider;
    reply.text = heard.status;
    const std::string words = mask_reply_text(heard.folded, heard.recipient);
    if (!words.empty())
        reply.text += (reply.text.empty() ? "" : " ") + words;
    reply.count = 1;
    reply.first = reply.last = clock_.now();
    put(std::move(reply));
}

void UnmatchedReplies::put(UnmatchedReply reply)
{
    ++revision_;
    std::string key = key_of(reply);
    if (const auto known = replies_.find(key); known != replies_.end()) {
        known->second.count += reply.count;
        known->second.first = std::min(known->second.first, reply.first);
        known->second.last = std::max(known->second.last, reply.last);
        return;
    }
    if (replies_.size() >= most_wordings)
        replies_.erase(std::min_element(replies_.begin(), replies_.end(), [](const auto& a, const auto& b) {
            return std::pair(a.second.count, a.second.last) < std::pair(b.second.count, b.second.last);
        }));
    replies_.emplace(std::move(key), std::move(reply));
}

std::vector<UnmatchedReply> UnmatchedReplies::all() const
{
    std::vector<UnmatchedReply> all;
    for (const auto& [key, reply] : replies_)
        all.push_back(reply);
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.count > b.count; });
    return all;
}

void UnmatchedReplies::forget_if(const std::function<bool(const UnmatchedReply&)>& which)
{
    if (std::erase_if(replies_, [&which](const auto& entry) { return which(entry.second); }) > 0)
        ++revision_;
}

std::string UnmatchedReplies::to_text() const
{
    std::string out;
    for (const auto& [key, reply] : replies_) {
        out += std::to_string(reply.count) + '\t';
        for (const TimePoint at : {reply.first, reply.last})
            out += std::to_string(to_unix_ms(at)) + '\t';
        out += key + '\n';
    }
    return out;
}

void UnmatchedReplies::add(std::string_view text)
{
    for (const std::string_view line : split(text, '\n'))
        if (auto reply = read_line(line))
            put(std::move(*reply));
}

}  // namespace winnow
