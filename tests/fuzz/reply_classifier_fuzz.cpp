#include "core/reply_classifier.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace winnow;

namespace {

const ReplyClassifier& shipped()
{
    static const auto classifier = [] {
        auto loaded = ReplyClassifier::load(WINNOW_DATA_DIR "/replies.tsv");
        FUZZ_REQUIRE(loaded);
        return std::move(*loaded);
    }();
    return classifier;
}

}  // namespace

/// No text makes a temporary reply say that an address is dead, and every reading names its rule.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text = test::text_of(data, size);
    ReplyContext context;
    for (const int code : {450, 550}) {
        const Classified read = shipped().classify(SmtpReply::make(code, text), context);
        FUZZ_REQUIRE(!read.rule.empty());
        FUZZ_REQUIRE(code != 450 || read.action != Action::suppress);
    }
    (void)shipped().classify_text(text, context);
    (void)ReplyClassifier::parse(text);
    return 0;
}
