#include "app/queue_report.hpp"

#include <cstdint>
#include <nlohmann/json.hpp>

#include "app/report.hpp"

namespace winnow::app {
namespace {

using nlohmann::json;

/// Of the replies of mail servers, which are long: the beginning tells.
constexpr std::size_t longest_reply = 300;

void add_waiting(Summary& summary, const json& waiting)
{
    summary.words(waiting.at("domain").get<std::string>() + ": " +
                      with_commas(waiting.at("queued").get<std::uint64_t>()) + ", next attempt " +
                      minute_of(waiting.at("next")),
                  2);
    const json& last = waiting.at("last");
    if (last.is_null()) {
        summary.words("- not tried yet", 4);
        return;
    }
    std::string reply = last.at("reply").get<std::string>();
    if (reply.size() > longest_reply)
        reply = reply.substr(0, longest_reply) + "...";
    summary.words("- " + last.at("class").get<std::string>() + " at " + last.at("stage").get<std::string>() + ", " +
                      minute_of(last.at("at")) + (reply.empty() ? "" : ": " + reply),
                  4);
}

}  // namespace

std::string queue_text(const json& answer, std::size_t columns)
{
    Counts held;
    for (const auto& [reason, count] : answer.at("held_by_reason").items())
        held[reason] = count.get<std::uint64_t>();
    Summary summary{columns};
    summary.count("queued", answer.at("queued").get<std::uint64_t>());
    summary.count("in_flight", answer.at("in_flight").get<std::uint64_t>());
    summary.count("held", answer.at("held").get<std::uint64_t>(), held);
    // A server of an older version tells no domains.
    const auto waiting = answer.find("waiting");
    if (waiting == answer.end() || waiting->empty())
        return summary.text();
    summary.title("most mail waits for");
    for (const json& domain : *waiting)
        add_waiting(summary, domain);
    return summary.text();
}

}  // namespace winnow::app
