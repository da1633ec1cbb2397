#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/verifier/job_lab.hpp"

namespace winnow::verifier {
namespace {

using std::chrono::seconds;

/// A row that is greylisted gets a MAIL FROM of its own, for its message to show later.
class GreylistPath : public testing::Test {
protected:
    GreylistPath()
    {
        lab.options.manners = Manners::lifted();
        lab.options.greylist_path = [this](const std::string& source) {
            return gives_paths ? "row" + std::to_string(++minted) + "@bounce.example" : source.substr(0, 0);
        };
        lab.host().mx.rcpt_reply = [this](const std::string& recipient) {
            const std::string triplet = last_sender() + " " + recipient;
            const auto first = seen.emplace(triplet, lab.clock.steady()).first->second;
            if (lab.clock.steady() - first < seconds{300})
                return reply(450, "4.7.1 Greylisted, try again in 300 seconds");
            return knows({"ann@x.test", "ben@x.test"})(recipient);
        };
    }
    std::string last_sender()
    {
        const auto& calls = lab.host().mx.calls;
        for (auto call = calls.rbegin(); call != calls.rend(); ++call)
            if (call->starts_with("mail "))
                return call->substr(5);
        return {};
    }
    std::map<std::string, SteadyPoint> seen;
    bool gives_paths = true;
    int minted = 0;
    JobLab lab;
};

TEST_F(GreylistPath, IsIntroducedAtOnceAndWaitsNoLongerThanTheUsualOne)
{
    lab.start_process();
    const auto list = lab.upload({"ann@x.test"});
    const SteadyPoint begun = lab.clock.steady();
    const auto done = lab.verify(list);
    lab.expect_complete(done);
    EXPECT_LT(lab.clock.steady() - begun, seconds{400}) << "the ladder's first step, not its second";
    const auto result = lab.results(list.id).at(0);
    EXPECT_EQ(result.verdict.reason, Reason::accepted);
    EXPECT_EQ(result.reverse_path, "row1@bounce.example") << "kept for the message";
    EXPECT_EQ(seen.count("row1@bounce.example ann@x.test"), 1u);
}

TEST_F(GreylistPath, EachRowHasItsOwnAndOneThatIsNotGreylistedHasNone)
{
    lab.start_process();
    const auto list = lab.upload({"ann@x.test", "ben@x.test"});
    lab.expect_complete(lab.verify(list));
    const auto results = lab.results(list.id);
    EXPECT_NE(results.at(0).reverse_path, results.at(1).reverse_path);
    EXPECT_EQ(minted, 2);
    auto& plain = lab.host_for("plain.test", "198.51.100.80");
    plain.mx.rcpt_reply = knows({"cem@plain.test"});
    const auto second = lab.upload({"cem@plain.test"});
    lab.expect_complete(lab.verify(second));
    EXPECT_TRUE(lab.results(second.id).at(0).reverse_path.empty());
    EXPECT_EQ(minted, 2);
}

TEST_F(GreylistPath, IsTheUsualOneWhereTheRelayCouldNotShowIt)
{
    gives_paths = false;
    lab.start_process();
    const auto list = lab.upload({"ann@x.test"});
    lab.expect_complete(lab.verify(list));
    EXPECT_EQ(lab.results(list.id).at(0).reverse_path, lab.options.mail_from);
    EXPECT_EQ(seen.size(), 2u) << "the address and the stranger of the catch-all test, once each";
}

TEST_F(GreylistPath, OutlivesTheProcess)
{
    lab.start_process();
    const auto list = lab.upload({"ann@x.test"});
    const auto started = lab.start(list);
    lab.timers.run_for(lab.io, seconds{60});
    lab.stop_process();
    lab.start_process();
    ASSERT_TRUE(lab.run(lab.jobs->resume()));
    lab.expect_complete(lab.wait(started.id));
    EXPECT_EQ(minted, 1);
    EXPECT_EQ(lab.results(list.id).at(0).reverse_path, "row1@bounce.example");
}

}  // namespace
}  // namespace winnow::verifier
