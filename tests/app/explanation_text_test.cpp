#include "app/explanation_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "api/explanation_json.hpp"
#include "app/runtime.hpp"
#include "tests/support/run_coro.hpp"

namespace winnow::app {
namespace {

using testing::HasSubstr;
using testing::Not;

class ExplanationText : public testing::Test {
protected:
    void SetUp() override
    {
        Config config;
        config.share_dir = WINNOW_DATA_DIR;
        auto made = Runtime::make(config, null_log(), false);
        ASSERT_TRUE(made) << made.error().context;
        runtime = std::move(*made);
        engine = storage::make_memory_engine(storage::EngineKeys::fixed("lab"), {}, runtime->clock, runtime->rng);
    }
    template <class Op>
    void apply(Op op)
    {
        auto ops = storage::OpList::of(std::move(op));
        ASSERT_TRUE(test::run(runtime->io, engine->commit(std::move(ops))));
    }
    std::string told(const std::string& address)
    {
        verifier::ExplainSettings settings{rules_of(*runtime), {}};
        const auto e = test::run(runtime->io, verifier::explain(*engine, settings, "default", address));
        EXPECT_TRUE(e) << e.error().message();
        return explanation_text(api::to_json(*e), 80);
    }
    /// A word alone may be wider: a rule id, a link, an address.
    static void expect_narrow(const std::string& text)
    {
        std::istringstream lines{text};
        for (std::string line; std::getline(lines, line);)
            EXPECT_TRUE(line.size() <= 80 || line.find(' ', line.find_first_not_of(" -")) == std::string::npos) << line;
    }

    std::unique_ptr<Runtime> runtime;
    std::unique_ptr<storage::Engine> engine;
};

TEST_F(ExplanationText, OfAnAddressThatNobodyKnows)
{
    const std::string text = told("ann@gmial.com");
    EXPECT_THAT(text, HasSubstr("looks like gmail.com"));
    EXPECT_THAT(text, HasSubstr("none: no mail of ours"));
    EXPECT_THAT(text, HasSubstr("none, or it has expired"));
    EXPECT_THAT(text, HasSubstr("campaign: hold (not_verified)"));
    EXPECT_THAT(text, HasSubstr("submitted mail: send"));
    expect_narrow(text);
}

TEST_F(ExplanationText, EachStepHasItsAnswerAndItsRuleInWords)
{
    storage::PutVerdict put;
    put.workspace = "default";
    put.address = parse_address("ann@example.com").address;
    put.verdict.reason = Reason::mailbox_not_found;
    put.verdict.verdict = Verdict::undeliverable;
    Evidence step;
    step.kind = EvidenceKind::rcpt;
    step.at = engine->now();
    step.asked = "RCPT TO:<ann@example.com>";
    step.of = "mx.example.com[192.0.2.1]";
    step.answer = "550 5.7.1 You are blocked: your address is listed on a block list, see https://list.example/";
    step.rule = "an-older-row";
    Evidence route;
    route.kind = EvidenceKind::dns;
    route.asked = "route example.com";
    route.answer = "Mail goes to mx.example.com.";
    route.rule = "route.mx";
    put.verdict.evidence = {route, step};
    apply(put);
    storage::SuppressionEntry entry;
    entry.workspace = "default";
    entry.address = "ann@example.com";
    entry.note = "asked by phone";
    entry.first = engine->now();
    apply(storage::AddSuppression{entry});
    const std::string text = told("ann@example.com");
    EXPECT_THAT(text, HasSubstr("undeliverable (mailbox_not_found)"));
    EXPECT_THAT(text, HasSubstr("550 5.7.1 You are blocked"));
    EXPECT_THAT(text, HasSubstr("rule route.mx: the domain has mail hosts"));
    EXPECT_THAT(text, HasSubstr("the same evidence by the rules of today"));
    EXPECT_THAT(text, HasSubstr("asked by phone"));
    EXPECT_THAT(text, HasSubstr("refuse (suppressed:workspace:manual)"));
    expect_narrow(text);
}

TEST_F(ExplanationText, OfWhatIsNoAddress)
{
    const std::string text = told("no address");
    EXPECT_THAT(text, HasSubstr("no address:"));
    EXPECT_THAT(text, HasSubstr("syntax_invalid"));
    EXPECT_THAT(text, Not(HasSubstr("by the rules of today")));
    expect_narrow(text);
}

}  // namespace
}  // namespace winnow::app
