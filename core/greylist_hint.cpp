#include "core/greylist_hint.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>

#include "core/reply_text.hpp"

namespace winnow {
namespace {

using namespace std::chrono_literals;

struct Unit {
    std::string_view word;
    milliseconds length;
};

// Folded (core/reply_text.hpp). English, German, French, Spanish, Portuguese, Italian, Dutch, the Nordic languages,
// Polish, Czech, Hungarian, Turkish, Russian, Ukrainian, Chinese, Japanese, Korean, Vietnamese.
constexpr std::array units{
    Unit{"s", 1s},         Unit{"sec", 1s},      Unit{"secs", 1s},      Unit{"second", 1s},     Unit{"seconds", 1s},
    Unit{"second(s)", 1s}, Unit{"sekunde", 1s},  Unit{"sekunden", 1s},  Unit{"seconde", 1s},    Unit{"secondes", 1s},
    Unit{"segundo", 1s},   Unit{"segundos", 1s}, Unit{"secondo", 1s},   Unit{"secondi", 1s},    Unit{"seconden", 1s},
    Unit{"sekund", 1s},    Unit{"sekundy", 1s},  Unit{"sekunder", 1s},  Unit{"sekundach", 1s},  Unit{"masodperc", 1s},
    Unit{"saniye", 1s},    Unit{"секунд", 1s},   Unit{"секунды", 1s},   Unit{"секунду", 1s},    Unit{"сек", 1s},
    Unit{"giay", 1s},      Unit{"秒", 1s},       Unit{"秒钟", 1s},      Unit{"초", 1s},         Unit{"m", 1min},
    Unit{"min", 1min},     Unit{"mins", 1min},   Unit{"minute", 1min},  Unit{"minutes", 1min},  Unit{"minute(s)", 1min},
    Unit{"minuten", 1min}, Unit{"minuto", 1min}, Unit{"minutos", 1min}, Unit{"minuti", 1min},   Unit{"minuut", 1min},
    Unit{"minut", 1min},   Unit{"minuty", 1min}, Unit{"minuter", 1min}, Unit{"minutter", 1min}, Unit{"minutach", 1min},
    Unit{"perc", 1min},    Unit{"dakika", 1min}, Unit{"минут", 1min},   Unit{"минуты", 1min},   Unit{"минуту", 1min},
    Unit{"мин", 1min},     Unit{"хвилин", 1min}, Unit{"phut", 1min},    Unit{"分", 1min},       Unit{"分钟", 1min},
    Unit{"分鐘", 1min},    Unit{"분", 1min},     Unit{"h", 1h},         Unit{"hr", 1h},         Unit{"hrs", 1h},
    Unit{"hour", 1h},      Unit{"hours", 1h},    Unit{"hour(s)", 1h},   Unit{"stunde", 1h},     Unit{"stunden", 1h},
    Unit{"heure", 1h},     Unit{"heures", 1h},   Unit{"hora", 1h},      Unit{"horas", 1h},      Unit{"ora", 1h},
    Unit{"ore", 1h},       Unit{"uur", 1h},      Unit{"godzine", 1h},   Unit{"godziny", 1h},    Unit{"godzin", 1h},
    Unit{"timme", 1h},     Unit{"timmar", 1h},   Unit{"timer", 1h},     Unit{"hodin", 1h},      Unit{"saat", 1h},
    Unit{"час", 1h},       Unit{"часа", 1h},     Unit{"часов", 1h},     Unit{"годин", 1h},      Unit{"gio", 1h},
    Unit{"時間", 1h},      Unit{"小时", 1h},     Unit{"小時", 1h},      Unit{"시간", 1h},
};

// Words that turn a length of time into a request to wait.
constexpr std::array cues{
    std::string_view{"again"},     std::string_view{"retry"},     std::string_view{"retries"},
    std::string_view{"wait"},      std::string_view{"come back"}, std::string_view{"later"},
    std::string_view{"greylist"},  std::string_view{"graylist"},  std::string_view{"grey list"},
    std::string_view{"grey-list"}, std::string_view{"delay"},     std::string_view{"defer"},
    std::string_view{"resend"},    std::string_view{"reconnect"}, std::string_view{"erneut"},
    std::string_view{"spater"},    std::string_view{"wiederhol"}, std::string_view{"nochmal"},
    std::string_view{"reessay"},   std::string_view{"plus tard"}, std::string_view{"nouveau"},
    std::string_view{"reintent"},  std::string_view{"intente"},   std::string_view{"mas tarde"},
    std::string_view{"de novo"},   std::string_view{"novamente"}, std::string_view{"mais tarde"},
    std::string_view{"riprov"},    std::string_view{"piu tardi"}, std::string_view{"opnieuw"},
    std::string_view{"ponow"},     std::string_view{"sprobuj"},   std::string_view{"pozniej"},
    std::string_view{"igen"},      std::string_view{"igjen"},     std::string_view{"znovu"},
    std::string_view{"tekrar"},    std::string_view{"повтор"},    std::string_view{"позже"},
    std::string_view{"через"},     std::string_view{"再"},        std::string_view{"后"},
    std::string_view{"後"},        std::string_view{"重试"},      std::string_view{"다시"},
    std::string_view{"thu lai"},
};

// A length of time after one of these is the span of a limit, not a wait.
constexpr std::array spans{std::string_view{"last"},  std::string_view{"past"},     std::string_view{"per"},
                           std::string_view{"every"}, std::string_view{"previous"}, std::string_view{"each"}};

constexpr std::size_t cue_reach_before = 100;
constexpr std::size_t cue_reach_after = 60;

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80;
}

struct Scan {
    std::string_view text;
    std::size_t at = 0;

    bool done() const { return at >= text.size(); }
    std::optional<std::int64_t> number()
    {
        const std::size_t begin = at;
        std::int64_t value = 0;
        while (!done() && is_digit(text[at]) && at - begin < 7)
            value = value * 10 + (text[at++] - '0');
        if (at == begin || (!done() && is_digit(text[at])))
            return std::nullopt;
        return value;
    }
    /// The longest unit word here, not followed by more of a word (unless the script writes without spaces).
    std::optional<milliseconds> unit()
    {
        while (!done() && (text[at] == ' ' || text[at] == '-'))
            ++at;
        const Unit* best = nullptr;
        for (const Unit& unit : units) {
            if (!text.substr(at).starts_with(unit.word) || (best && best->word.size() >= unit.word.size()))
                continue;
            const std::size_t end = at + unit.word.size();
            const bool ideographic = static_cast<unsigned char>(unit.word[0]) >= 0xE0;
            if (ideographic || end >= text.size() || !is_word(text[end]) || is_digit(text[end]))
                best = &unit;
        }
        if (!best)
            return std::nullopt;
        at += best->word.size();
        return best->length;
    }
};

/// "00:04:59" or "5:00" (minutes and seconds).
std::optional<milliseconds> clock_form(Scan& scan)
{
    Scan trial = scan;
    std::array<std::int64_t, 3> parts{};
    std::size_t count = 0;
    while (count < parts.size()) {
        const auto value = trial.number();
        if (!value)
            return std::nullopt;
        parts[count++] = *value;
        if (trial.done() || trial.text[trial.at] != ':' || trial.at + 1 >= trial.text.size() ||
            !is_digit(trial.text[trial.at + 1]))
            break;
        ++trial.at;
    }
    if (count < 2 || parts[1] > 59 || parts[2] > 59)
        return std::nullopt;
    scan = trial;
    if (count == 3)
        return milliseconds(std::chrono::hours{parts[0]} + std::chrono::minutes{parts[1]} +
                            std::chrono::seconds{parts[2]});
    return milliseconds(std::chrono::minutes{parts[0]} + std::chrono::seconds{parts[1]});
}

/// "4 minutes and 59 seconds", "5m30s".
std::optional<milliseconds> counted_form(Scan& scan)
{
    milliseconds total{0};
    bool any = false;
    Scan trial = scan;
    while (true) {
        const auto value = trial.number();
        if (!value)
            break;
        const auto unit = trial.unit();
        if (!unit)
            break;
        total += *value * *unit;
        any = true;
        scan = trial;
        while (!trial.done() && (trial.text[trial.at] == ' ' || trial.text[trial.at] == ','))
            ++trial.at;
        for (const std::string_view joint : {"and ", "und ", "et ", "y ", "e ", "en ", "i ", "и "})
            if (trial.text.substr(trial.at).starts_with(joint))
                trial.at += joint.size();
    }
    return any ? std::optional(total) : std::nullopt;
}

bool has_cue(std::string_view text)
{
    return std::any_of(cues.begin(), cues.end(), [&](std::string_view cue) { return text.find(cue) != text.npos; });
}

bool is_span(std::string_view before)
{
    while (!before.empty() && before.back() == ' ')
        before.remove_suffix(1);
    return std::any_of(spans.begin(), spans.end(), [&](std::string_view word) {
        return before.ends_with(word) &&
               (before.size() == word.size() || !is_word(before[before.size() - word.size() - 1]));
    });
}

bool ends_with_any(std::string_view text, std::initializer_list<std::string_view> words)
{
    return std::any_of(words.begin(), words.end(), [text](std::string_view word) { return text.ends_with(word); });
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> words)
{
    return std::any_of(words.begin(), words.end(), [text](std::string_view word) { return text.starts_with(word); });
}

/// "15:04:05" as the time of a log line or of a date, not as a length: behind a date or "at", or before a time zone.
bool is_time_of_day(std::string_view before, std::string_view after)
{
    if (starts_with_any(after, {" utc", " gmt", "z", " am", " pm", "am", "pm", " +0", " -0", "+0"}))
        return true;
    // "2026-11-24t15:04:05".
    if (before.size() >= 2 && before.back() == 't' && is_digit(before[before.size() - 2]))
        return true;
    while (!before.empty() && before.back() == ' ')
        before.remove_suffix(1);
    if (ends_with_any(before, {" at", " um", " since"}))
        return true;
    const std::string_view word = before.substr(before.find_last_of(' ') + 1);
    const auto digits = std::count_if(word.begin(), word.end(), is_digit);
    if (digits >= 4 && word.find_first_of("-/.") != word.npos)
        return true;
    // "Nov 24", "24 Nov 2026": a number behind or before the name of a month.
    constexpr std::string_view months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                           "jul", "aug", "sep", "oct", "nov", "dec"};
    constexpr std::size_t reach = 12;
    const std::string_view near = before.substr(before.size() - std::min(reach, before.size()));
    return digits > 0 && std::any_of(std::begin(months), std::end(months), [near](std::string_view month) {
               return near.find(" " + std::string(month)) != near.npos || near.starts_with(month);
           });
}

/// "an hour" and the like, as digits.
std::string with_digits(std::string text)
{
    constexpr std::pair<std::string_view, std::string_view> words[] = {
        {"half an hour", "30 minutes"},   {"an hour", "1 hour"},
        {"one hour", "1 hour"},           {"one minute", "1 minute"},
        {"a minute", "1 minute"},         {"einer stunde", "1 stunde"},
        {"einer minute", "1 minute"},     {"une heure", "1 heure"},
        {"une minute", "1 minute"},       {"una hora", "1 hora"},
        {"un minuto", "1 minuto"},        {"uma hora", "1 hora"},
        {"um minuto", "1 minuto"},        {"un'ora", "1 ora"},
        {"five minutes", "5 minutes"},    {"ten minutes", "10 minutes"},
        {"thirty minutes", "30 minutes"},
    };
    for (const auto& [word, digits] : words)
        if (const auto at = text.find(word); at != std::string::npos)
            text.replace(at, word.size(), digits);
    return text;
}

}  // namespace

std::optional<milliseconds> retry_hint(std::string_view reply)
{
    const std::string text = with_digits(fold_reply_text(reply));
    for (Scan scan{text}; !scan.done(); ++scan.at) {
        if (!is_digit(text[scan.at]) || (scan.at > 0 && (is_digit(text[scan.at - 1]) || text[scan.at - 1] == '.')))
            continue;
        const std::size_t begin = scan.at;
        auto found = clock_form(scan);
        const bool is_clock = found.has_value();
        if (!found)
            found = counted_form(scan);
        if (!found || found->count() <= 0) {
            scan.at = begin;
            continue;
        }
        const std::string_view all = text;
        const std::size_t from = begin > cue_reach_before ? begin - cue_reach_before : 0;
        const std::string_view before = all.substr(from, begin - from);
        const std::string_view after = all.substr(scan.at, cue_reach_after);
        const bool other = is_span(before) || (is_clock && is_time_of_day(before, all.substr(scan.at)));
        if (!other && (has_cue(before) || has_cue(after)))
            return found;
        --scan.at;
    }
    return std::nullopt;
}

}  // namespace winnow
