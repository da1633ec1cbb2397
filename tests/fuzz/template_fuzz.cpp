#include "core/template.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace winnow;

/// A value is never read as template text, and an escaped one cannot open a tag or leave an attribute.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const std::string_view text = test::text_of(data, size);
    if (const auto parsed = Template::parse(text)) {
        std::size_t asked = 0;
        const auto lookup = [&](std::string_view) -> std::optional<std::string_view> {
            ++asked;
            return "{{x}}";
        };
        const RenderedText rendered = parsed->render(lookup, Escape::none);
        FUZZ_REQUIRE(rendered.missing.empty());
        FUZZ_REQUIRE(parsed->names().size() <= asked);
        const auto nothing = [](std::string_view) -> std::optional<std::string_view> { return std::nullopt; };
        FUZZ_REQUIRE(parsed->render(nothing, Escape::html).missing == parsed->names());
    }
    FUZZ_REQUIRE(escape_html(text).find_first_of("<>\"'") == std::string::npos);
    return 0;
}
