#include "core/reply_diagnostic.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/reply_text.hpp"

namespace winnow {
namespace {

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80;
}
bool is_word(char c)
{
    return is_digit(c) || is_letter(c);
}

struct StageWords {
    std::string_view words;
    Stage stage;
};

// Postfix, Exim, qmail, Sendmail, DragonFly, MDaemon, 1&1, Yahoo, Google, PowerMTA. The first that is in the text
// counts, so the more specific come first.
constexpr std::array stage_words{
    StageWords{"in reply to end of data", Stage::end_of_data},
    StageWords{"after end of data", Stage::end_of_data},
    StageWords{"did not like our final data", Stage::end_of_data},
    StageWords{"failed after i sent the message", Stage::end_of_data},
    StageWords{"after sending the message", Stage::end_of_data},
    StageWords{"for text command", Stage::end_of_data},
    StageWords{"[end_of_data]", Stage::end_of_data},
    StageWords{"in reply to data", Stage::data},
    StageWords{"failed on data command", Stage::data},
    StageWords{"did not like our data", Stage::data},
    StageWords{"after data", Stage::data},
    StageWords{"for data command", Stage::data},
    StageWords{"[data]", Stage::data},
    StageWords{"in reply to rcpt to", Stage::rcpt},
    StageWords{"after rcpt to", Stage::rcpt},
    StageWords{"did not like our rcpt", Stage::rcpt},
    StageWords{"does not like recipient", Stage::rcpt},
    StageWords{"for rcpt to command", Stage::rcpt},
    StageWords{"[rcpt_to]", Stage::rcpt},
    StageWords{"[rcpt]", Stage::rcpt},
    StageWords{"in reply to mail from", Stage::mail},
    StageWords{"after mail from", Stage::mail},
    StageWords{"did not like our mail", Stage::mail},
    StageWords{"but sender was rejected", Stage::mail},
    StageWords{"for mail from command", Stage::mail},
    StageWords{"[mail_from]", Stage::mail},
    StageWords{"[mail]", Stage::mail},
    StageWords{"in reply to ehlo", Stage::ehlo},
    StageWords{"in reply to helo", Stage::ehlo},
    StageWords{"after ehlo", Stage::ehlo},
    StageWords{"after helo", Stage::ehlo},
    StageWords{"did not like our ehlo", Stage::ehlo},
    StageWords{"did not like our helo", Stage::ehlo},
    StageWords{"but my name was rejected", Stage::ehlo},
    StageWords{"in reply to starttls", Stage::starttls},
    StageWords{"after starttls", Stage::starttls},
    StageWords{"refused to talk to me", Stage::banner},
    StageWords{"after initial connection", Stage::banner},
    StageWords{"but greeting failed", Stage::banner},
    StageWords{"in reply to initial server greeting", Stage::banner},
    StageWords{"while reading the greeting", Stage::banner},
    StageWords{"but connection died", Stage::connect},
};

/// "after MAIL FROM:<...>" and its kin name the command; what follows on the same line is the reply.
std::optional<Stage> stage_of(std::string_view folded)
{
    for (const StageWords& each : stage_words)
        if (folded.find(each.words) != folded.npos)
            return each.stage;
    return std::nullopt;
}

struct ReadStatus {
    EnhancedStatus status;
    std::size_t length = 0;
};

/// "5.1.1" at text[at], not part of a longer dotted number.
std::optional<ReadStatus> status_at(std::string_view text, std::size_t at) noexcept
{
    if (at >= text.size() || (text[at] != '4' && text[at] != '5' && text[at] != '2'))
        return std::nullopt;
    if (at > 0 && (is_word(text[at - 1]) || text[at - 1] == '.' || text[at - 1] == '-' || text[at - 1] == '_'))
        return std::nullopt;
    std::array<int, 3> parts{};
    std::size_t i = at;
    for (std::size_t part = 0; part < parts.size(); ++part) {
        const std::size_t begin = i;
        while (i < text.size() && is_digit(text[i]) && i - begin < 4)
            parts[part] = parts[part] * 10 + (text[i++] - '0');
        if (i == begin || i - begin > 3)
            return std::nullopt;
        if (part < 2) {
            if (i >= text.size() || text[i] != '.')
                return std::nullopt;
            ++i;
        }
    }
    if (parts[0] > 5 || (i < text.size() && (is_letter(text[i]) || text[i] == '_')) ||
        (i + 1 < text.size() && text[i] == '.' && is_digit(text[i + 1])))
        return std::nullopt;
    return ReadStatus{{parts[0], parts[1], parts[2]}, i - at};
}

/// Does a number before `rest` count something ("550 messages"), unlike one before "mailbox full" or "user unknown"?
bool counts(std::string_view rest)
{
    constexpr std::array things{
        std::string_view{"second"},   std::string_view{"minute"},     std::string_view{"hour"},
        std::string_view{"day"},      std::string_view{"message"},    std::string_view{"byte"},
        std::string_view{"time"},     std::string_view{"recipient"},  std::string_view{"attempt"},
        std::string_view{"char"},     std::string_view{"connection"}, std::string_view{"octet"},
        std::string_view{"email"},    std::string_view{"mail"},       std::string_view{"user"},
        std::string_view{"line"},     std::string_view{"sec"},        std::string_view{"min"},
        std::string_view{"character"}};
    constexpr std::array units{std::string_view{"kb"}, std::string_view{"mb"}, std::string_view{"sec"},
                               std::string_view{"min"}};
    const auto ends_at = [rest](std::size_t at) { return at >= rest.size() || !is_word(rest[at]); };
    return std::any_of(things.begin(), things.end(),
                       [&](std::string_view thing) {
                           return rest.starts_with(thing) && rest.substr(thing.size()).starts_with('s') &&
                                  ends_at(thing.size() + 1);
                       }) ||
           std::any_of(units.begin(), units.end(),
                       [&](std::string_view unit) { return rest.starts_with(unit) && ends_at(unit.size()); });
}

bool common_code(int code)
{
    constexpr std::array codes{421, 450, 451, 452, 550, 551, 552, 553, 554};
    return std::find(codes.begin(), codes.end(), code) != codes.end();
}

/// A reply code at text[at]: three digits that stand where codes stand.
std::optional<int> code_at(std::string_view text, std::size_t at) noexcept
{
    const bool negative = at < text.size() && (text[at] == '4' || text[at] == '5');
    // A positive code is looked for at the start only: "220-laposte 421 ..." and counts of things are no success.
    if (at + 3 > text.size() || (!negative && (at != 0 || !text.starts_with("25"))) || text[at + 1] > '7' ||
        !is_digit(text[at + 1]) || !is_digit(text[at + 2]))
        return std::nullopt;
    const char before = at == 0 ? ' ' : text[at - 1];
    const char after = at + 3 == text.size() ? ' ' : text[at + 3];
    if (is_word(before) || std::string_view("./_-[+=%&").find(before) != std::string_view::npos || is_word(after) ||
        std::string_view("./_%:]").find(after) != std::string_view::npos)
        return std::nullopt;
    const int code = (text[at] - '0') * 100 + (text[at + 1] - '0') * 10 + (text[at + 2] - '0');
    std::size_t next = at + 3;
    while (next < text.size() && (text[next] == ' ' || text[next] == '-' || text[next] == '#'))
        ++next;
    if (at == 0 || next >= text.size() || status_at(text, next))
        return code;
    const std::string_view rest = text.substr(next);
    if (counts(rest))
        return std::nullopt;
    std::size_t last = at;
    while (last > 0 && text[last - 1] == ' ')
        --last;
    const char mark = last == 0 ? ':' : text[last - 1];
    if (std::string_view(":'\"#<>)]").find(mark) != std::string_view::npos)
        return code;
    return common_code(code) && before == ' ' && (is_letter(rest.front()) || rest.front() == '<') ? std::optional(code)
                                                                                                  : std::nullopt;
}

/// Skips what stands between a code and its status or text.
std::size_t skip_separators(std::string_view text, std::size_t at)
{
    while (at < text.size() && std::string_view(" -#,").find(text[at]) != std::string_view::npos)
        ++at;
    return at;
}

/// Postfix ends what it quotes with "(in reply to RCPT TO command)".
constexpr std::string_view answered = "in reply to ";

/// Does text that stands before a reply code introduce what somebody else said: "host mx said: ", "host mx [ip]: "?
bool introduces_quote(std::string_view before)
{
    constexpr std::array<std::string_view, 18> verbs{"said",  "says",   "responded", "responds", "response", "replied",
                                                     "reply", "answer", "answered",  "returned", "result",   "was",
                                                     "with",  "got",    "failed",    "callout",  "address",  "]"};
    constexpr std::string_view opening = " \"'<([#";
    const std::size_t last = before.find_last_not_of(opening);
    if (last == before.npos || before[last] != ':')
        return false;
    const std::string_view words = before.substr(0, last);
    return std::any_of(verbs.begin(), verbs.end(), [words](std::string_view verb) {
        return words.ends_with(verb) && (!is_word(verb.front()) || words.size() == verb.size() ||
                                         !is_word(words[words.size() - verb.size() - 1]));
    });
}

struct Cut {
    std::size_t end = 0;    ///< of what the outer server says itself
    std::size_t begin = 0;  ///< of the quoted text
    std::optional<int> code;
    EnhancedStatus enhanced;
};

/// Where the first quoted reply begins in a reply's text.
std::optional<Cut> find_quote(std::string_view text)
{
    // Postfix says these for whatever a probe of the address ended with.
    constexpr std::array<std::string_view, 2> probed{"undeliverable address:", "unverified address:"};
    for (std::size_t at = 1; at < text.size(); ++at) {
        if (text[at - 1] == ':') {
            const std::string_view before = text.substr(0, at);
            const bool asked = std::any_of(probed.begin(), probed.end(),
                                           [before](std::string_view words) { return before.ends_with(words); });
            if (asked && std::any_of(text.begin() + static_cast<std::ptrdiff_t>(at), text.end(), is_letter))
                return Cut{at, skip_separators(text, at), std::nullopt, {}};
        }
        const auto code = is_digit(text[at]) && introduces_quote(text.substr(0, at)) ? code_at(text, at) : std::nullopt;
        if (!code)
            continue;
        Cut cut{at, skip_separators(text, at + 3), code, {}};
        if (const auto status = status_at(text, cut.begin)) {
            cut.enhanced = status->status;
            cut.begin = skip_separators(text, cut.begin + status->length);
        } else if (cut.begin >= text.size()) {
            continue;  // "error code: 550": nothing is quoted
        }
        return cut;
    }
    return std::nullopt;
}

}  // namespace

std::vector<QuotedReply> quoted_chain(QuotedReply reply)
{
    constexpr std::size_t max_depth = 8;
    std::vector<QuotedReply> chain{std::move(reply)};
    while (chain.size() < max_depth) {
        QuotedReply& outer = chain.back();
        const auto cut = find_quote(outer.text);
        if (!cut)
            break;
        QuotedReply inner{cut->code.value_or(outer.code), cut->enhanced, outer.text.substr(cut->begin), {}};
        if (!inner.enhanced.present())
            inner.enhanced = find_enhanced_status(inner.text).value_or(EnhancedStatus{});
        // Each server closes what it quotes: the first of these belongs to the innermost.
        if (const std::size_t at = inner.text.find(answered); at != inner.text.npos)
            inner.stage = stage_of(std::string_view(inner.text).substr(at, 40));
        outer.text.resize(cut->end);
        chain.push_back(std::move(inner));
    }
    return chain;
}

std::optional<EnhancedStatus> find_enhanced_status(std::string_view folded) noexcept
{
    for (std::size_t at = 0; at + 5 <= folded.size(); ++at)
        if (folded[at] == '4' || folded[at] == '5')
            if (const auto found = status_at(folded, at))
                return found->status;
    return std::nullopt;
}

Diagnostic read_diagnostic(std::string_view text)
{
    Diagnostic diagnostic;
    diagnostic.whole = fold_reply_text(text);
    diagnostic.stage = stage_of(diagnostic.whole);
    const std::string_view whole = diagnostic.whole;
    std::size_t done = 0;
    std::size_t answer_ends = whole.find(answered);  // the first one behind `done`
    const auto finish = [&](std::size_t end) {
        if (diagnostic.replies.empty())
            return;
        std::string& reply = diagnostic.replies.back().text;
        reply += whole.substr(done, end - done);
    };
    for (std::size_t at = 0; at < whole.size(); ++at) {
        const auto code = is_digit(whole[at]) ? code_at(whole, at) : std::nullopt;
        if (!code)
            continue;
        // What a reply quotes is part of it (quoted_chain()), unless the reply has ended before.
        while (answer_ends < done)
            answer_ends = whole.find(answered, answer_ends + 1);
        if (!diagnostic.replies.empty() && introduces_quote(whole.substr(0, at)) && answer_ends > at)
            continue;
        if (diagnostic.replies.empty())
            diagnostic.preface_length = at;
        finish(at);
        std::size_t next = skip_separators(whole, at + 3);
        EnhancedStatus enhanced;
        if (const auto status = status_at(whole, next)) {
            enhanced = status->status;
            next = skip_separators(whole, next + status->length);
        }
        // The next line of a multi-line reply repeats code and status, with a hyphen on all lines but the last.
        const bool goes_on = !diagnostic.replies.empty() && diagnostic.replies.back().code == *code &&
                             diagnostic.replies.back().enhanced == enhanced;
        if (!goes_on)
            diagnostic.replies.push_back({*code, enhanced, {}, {}});
        done = next;
        at = next == 0 ? 0 : next - 1;
    }
    finish(whole.size());
    for (QuotedReply& reply : diagnostic.replies)
        if (!reply.enhanced.present())
            reply.enhanced = find_enhanced_status(reply.text).value_or(EnhancedStatus{});
    return diagnostic;
}

}  // namespace winnow
