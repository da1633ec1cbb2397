#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/verifier/probe_lab.hpp"

namespace winnow::verifier {

/// The prober's tests: addresses go in at the pipeline, and the receiver tells what it saw.

class ProberTest : public testing::Test {
protected:
    ProbeLab lab;

    static std::vector<std::string> people(int count, const std::string& domain, int from = 1)
    {
        std::vector<std::string> out;
        for (int i = 0; i < count; ++i)
            out.push_back("user" + std::to_string(from + i) + "@" + domain);
        return out;
    }
    Reason reason(const std::string& address) { return lab.ask_one(address).reason; }
    static bool has_rule(const VerdictRecord& verdict, std::string_view rule)
    {
        for (const Evidence& step : verdict.evidence)
            if (step.rule == rule)
                return true;
        return false;
    }
};

}  // namespace winnow::verifier
