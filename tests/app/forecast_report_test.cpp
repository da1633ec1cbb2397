#include "app/forecast_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

json group(const json& name, std::uint64_t addresses)
{
    return {{"operator", name},   {"large", true},          {"sites", 12},
            {"domains", 30},      {"addresses", addresses}, {"cached", 120},
            {"rcpts", addresses}, {"connections", 200},     {"eta_seconds", 2 * 3600 + 180},
            {"not_reached", 310}};
}

json plan()
{
    return {{"list_id", "01J"},
            {"probing", true},
            {"why_not", nullptr},
            {"addresses", 10'000},
            {"seen", 10'000},
            {"cached", 2'300},
            {"decided", {{"syntax_invalid", 100}, {"domain_not_found", 20}}},
            {"asked", 7'580},
            {"left_out", 0},
            {"rcpts", 7'900},
            {"connections", 1'200},
            {"eta_seconds", 2 * 3600 + 180},
            {"deadline_seconds", 7'200},
            {"not_reached", 310},
            {"domains", 40},
            {"domains_looked_up", 40},
            {"groups", {group("google", 4'000), group(nullptr, 3'580)}}};
}

std::size_t widest(const std::string& text)
{
    std::size_t most = 0;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);)
        most = std::max(most, line.size());
    return most;
}

TEST(PlanText, TellsRowsTimeAndWhatIsLate)
{
    EXPECT_EQ(winnow::app::plan_text(plan(), 80),
              "plan: 10,000 addresses\n"
              "  cached            2,300\n"
              "  decided             120   syntax_invalid 100, domain_not_found 20\n"
              "  to be asked       7,580\n"
              "  7,900 RCPTs over 1,200 connections take 2 h 3 min under the manners in force;\n"
              "  greylisting comes on top\n"
              "  310 addresses have no turn before the deadline (2 h 0 min): they will be\n"
              "  unknown, not_probed\n"
              "\n"
              "  operator              addresses  cached    RCPTs   conns         time     late\n"
              "  google                    4,000     120    4,000     200    2 h 3 min      310\n"
              "  other mail hosts          3,580     120    3,580     200    2 h 3 min      310\n");
}

TEST(PlanText, SaysWhatItDoesNotKnow)
{
    json partial = plan();
    partial["seen"] = 9'000;
    partial["left_out"] = 7;
    partial["domains_looked_up"] = 35;
    partial["probing"] = false;
    partial["why_not"] = "no PTR";
    const std::string text = winnow::app::plan_text(partial, 200);
    EXPECT_THAT(text, HasSubstr("only 9,000 addresses were looked at"));
    EXPECT_THAT(text, HasSubstr("7 addresses of more domains"));
    EXPECT_THAT(text, HasSubstr("35 of 40 domains"));
    EXPECT_THAT(text, HasSubstr("not probed: no PTR"));
}

TEST(PlanText, NoLineIsWiderThanTheTerminalAndManyOperatorsAreCut)
{
    json many = plan();
    for (int i = 0; i < 30; ++i)
        many["groups"].push_back(group("an-operator-with-a-long-name-" + std::to_string(i), 1));
    for (std::size_t columns = 60; columns < 200; ++columns)
        EXPECT_LE(widest(winnow::app::plan_text(many, columns)), columns);
    EXPECT_THAT(winnow::app::plan_text(many, 80), HasSubstr("and 17 more"));
    EXPECT_THAT(winnow::app::plan_text(plan(), 80), Not(HasSubstr("more")));
}

TEST(EstimateText, TellsSharesWithTheirRangeAndWhatToExpect)
{
    const json known{{"sampled", 60},
                     {"share", 0.621},
                     {"interval", {0.55, 0.684}},
                     {"expected", 6'210},
                     {"expected_interval", {5'500, 6'840}}};
    const json all{{"sampled", 60},
                   {"share", 1.0},
                   {"interval", {0.974, 1.0}},
                   {"expected", 1'000'000},
                   {"expected_interval", {974'000, 1'000'000}}};
    const json nothing{{"sampled", 0},
                       {"share", nullptr},
                       {"interval", nullptr},
                       {"expected", nullptr},
                       {"expected_interval", nullptr}};
    const json estimate{
        {"addresses", 10'000},
        {"drawn", 200},
        {"answered", 188},
        {"unfinished", 12},
        {"cached", 20},
        {"probed", 150},
        {"probes", 171},
        {"verdicts", {{"deliverable", known}, {"undeliverable", all}, {"risky", nothing}, {"unknown", nothing}}}};
    const std::string text = winnow::app::estimate_text(estimate, 80);
    EXPECT_EQ(text,
              "estimate: 200 of 10,000 addresses drawn at random\n"
              "  150 probed with 171 RCPTs, 20 known before\n"
              "  12 had no turn or no answer in time and are part of no share; --time gives\n"
              "  more\n"
              "\nof the whole list, 9 times out of 10\n"
              "  deliverable     62.1 %  55.0 to 68.4 %   6,210 (5,500 to 6,840)\n"
              "  undeliverable  100.0 %  97.4 to 100.0 %  1,000,000 (974,000 to 1,000,000)\n"
              "  risky         not known\n"
              "  unknown       not known\n");
    EXPECT_LE(widest(text), 80u);
}

TEST(PlanText, AnOperatorWithNothingToAskHasNoTime)
{
    json known = plan();
    json cached = group("big", 0);
    cached["eta_seconds"] = 0;
    known["groups"] = {cached};
    EXPECT_THAT(winnow::app::plan_text(known, 80), HasSubstr(" - "));
}

}  // namespace
