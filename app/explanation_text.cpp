#include "app/explanation_text.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/report.hpp"

namespace winnow::app {
namespace {

using nlohmann::json;

constexpr std::size_t further = 4;  ///< columns that what belongs to a line is indented by

std::string text_of(const json& value)
{
    return value.is_string() ? value.get<std::string>() : std::string{};
}

/// What follows a line, further in: each broken by itself.
void below(Summary& summary, const std::string& text)
{
    summary.words("- " + text, further);
}

void add_rule(Summary& summary, const json& explanation, const json& cited)
{
    const std::string id = text_of(cited);
    if (id.empty())
        return;
    const auto rule = explanation.at("rules").find(id);
    std::string text = "rule " + id;
    if (rule != explanation.at("rules").end()) {
        text += ": " + text_of(rule->at("text"));
        if (const std::string source = text_of(rule->at("source")); !source.empty())
            text += " (" + source + ")";
    }
    below(summary, text);
}

void add_step(Summary& summary, const json& explanation, const json& step)
{
    std::string text = text_of(step.at("kind")) + " " + minute_of(step.at("at"));
    if (const std::string asked = text_of(step.at("asked")); asked != text_of(step.at("kind")))
        text += ": " + asked;
    if (const std::string of = text_of(step.at("of")); !of.empty())
        text += " of " + of;
    summary.words(text, further);
    if (const std::string answer = text_of(step.at("answer")); !answer.empty())
        below(summary, answer);
    add_rule(summary, explanation, step.at("rule"));
}

std::string in_short(const json& verdict)
{
    const auto percent = std::lround(verdict.at("p_bounce").get<double>() * 100);
    std::string text = text_of(verdict.at("verdict")) + " (" + text_of(verdict.at("reason")) + "), bounce risk " +
                       std::to_string(percent) + " %";
    if (const std::string provider = text_of(verdict.at("provider")); !provider.empty())
        text += ", provider " + provider;
    for (const json& flag : verdict.at("flags"))
        text += ", " + text_of(flag);
    return text;
}

void add_lists(Summary& summary, const json& lists)
{
    const std::pair<const char*, const char*> remarks[] = {
        {"disposable", "disposable"},
        {"disposable_weak", "on the wide list of disposable domains, which has false positives"},
        {"free_provider", "a free provider"}};
    bool any = false;
    const auto say = [&](const std::string& text) {
        summary.words(text);
        any = true;
    };
    for (const auto& [name, text] : remarks)
        if (lists.at(name).get<bool>())
            say(text);
    if (const std::string role = text_of(lists.at("role")); !role.empty())
        say("a role, by the " + role + " list");
    if (const std::string meant = text_of(lists.at("looks_like")); !meant.empty())
        say("the domain looks like " + meant);
    if (!any)
        summary.words("on none of them");
}

void add_suppressions(Summary& summary, const json& explanation)
{
    if (explanation.at("suppressed_by").empty() && explanation.at("suppressions").empty())
        summary.words("none");
    for (const json& entry : explanation.at("suppressions")) {
        std::string text = text_of(entry.at("scope")) + ": " + text_of(entry.at("reason")) + " by " +
                           text_of(entry.at("origin")) + ", since " + minute_of(entry.at("first"));
        if (!entry.at("expires").is_null())
            text += ", until " + minute_of(entry.at("expires"));
        if (const std::string note = text_of(entry.at("note")); !note.empty())
            text += ": " + note;
        summary.words(text, further);
        add_rule(summary, explanation, entry.at("rule"));
    }
}

void add_history(Summary& summary, const json& explanation)
{
    if (explanation.at("history").empty())
        summary.words("none: no mail of ours was delivered there or came back");
    for (const json& step : explanation.at("history")) {
        add_step(summary, explanation, step);
        if (step.at("decides").get<bool>())
            below(summary, "this one decides");
    }
}

void add_gate(Summary& summary, const json& gate)
{
    const std::pair<const char*, const char*> mails[] = {{"campaign", "campaign"},
                                                         {"campaign_with_risky", "campaign that takes risky ones too"},
                                                         {"transactional", "submitted mail"}};
    for (const auto& [name, text] : mails) {
        const json& answer = gate.at(name);
        std::string line =
            std::string(text) + ": " + text_of(answer.at("decision")) + " (" + text_of(answer.at("reason")) + ")";
        // A campaign hears no reply.
        if (const std::string smtp = text_of(answer.at("smtp"));
            name == std::string_view("transactional") && !smtp.empty())
            line += ", by SMTP " + smtp;
        summary.words(line, further);
    }
}

}  // namespace

std::string explanation_text(const json& explanation, std::size_t columns)
{
    Summary summary{columns};
    summary.title(text_of(explanation.at("address")));
    const json& syntax = explanation.at("syntax");
    if (syntax.at("usable").get<bool>())
        summary.words("a usable address, written " + text_of(syntax.at("normalized")));
    else
        summary.words((syntax.at("valid").get<bool>() ? "valid by the RFC, but not usable: " : "no address: ") +
                      text_of(syntax.at("detail")));

    summary.title("lists");
    add_lists(summary, explanation.at("lists"));
    summary.title("suppressions");
    add_suppressions(summary, explanation);
    summary.title("history");
    add_history(summary, explanation);

    const json& verdict = explanation.at("verdict");
    // What is no address is never verified, so that nothing can be stored: the verdict is that of its syntax.
    summary.title(syntax.at("usable").get<bool>() ? "stored verdict" : "verdict, from the syntax alone");
    if (verdict.is_null()) {
        summary.words("none, or it has expired");
    } else {
        summary.words(in_short(verdict), further);
        summary.words("of " + minute_of(verdict.at("checked_at")) + ", holds until " +
                      minute_of(verdict.at("expires_at")));
        for (const json& step : verdict.at("evidence"))
            add_step(summary, explanation, step);
    }
    if (const json& today = explanation.at("by_rules_of_today"); !today.is_null()) {
        summary.title("the same evidence by the rules of today");
        summary.words(in_short(today), further);
        for (const json& step : today.at("evidence"))
            if (std::find(verdict.at("evidence").begin(), verdict.at("evidence").end(), step) ==
                verdict.at("evidence").end())
                add_step(summary, explanation, step);
        summary.words("winnow verdicts recompute stores it");
    }
    summary.title("gate");
    add_gate(summary, explanation.at("gate"));
    summary.title("if it were verified now");
    summary.words(text_of(explanation.at("next")));
    return summary.text();
}

}  // namespace winnow::app
