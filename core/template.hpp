#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace winnow {

/// How `{{x}}` writes a value. `{{{x}}}` and `{{&x}}` always write it as it is.
enum class Escape : std::uint8_t { none, html };

/// The value of a name; nothing when the row does not have it. The view lives until the next call.
using TemplateLookup = std::function<std::optional<std::string_view>(std::string_view name)>;

struct RenderedText {
    std::string text;
    std::vector<std::string> missing;  ///< names that had no value, each once, in order of appearance; rendered empty
};

/// A subset of Handlebars: `{{name}}`, `{{[any name]}}` for columns with spaces, `{{{name}}}` and `{{&name}}`
/// unescaped,
/// `{{! comment }}`, `{{!-- comment --}}`, `\{{` for two plain braces. A dotted name is looked up as one name. Blocks
/// (`#if`, `#each`, `#unless`, `else`), partials, helpers and `~` are not in the subset yet: they are parse errors,
/// never sent out as text. Immutable, thread-safe.
class Template {
public:
    /// Errc::invalid_argument, whose context starts with "line L, column C: " (both from 1, columns in characters).
    /// Errc::limit_exceeded past 10,000 places or 4 MB of text.
    static Result<Template> parse(std::string_view text);

    /// A value is written once and never read as template text again.
    RenderedText render(const TemplateLookup& lookup, Escape escape) const;

    /// Distinct names in order of appearance: for checking a list's columns before a campaign starts.
    std::vector<std::string> names() const;

private:
    struct Piece {
        std::string text;  ///< literal text, or the name of a place
        bool place = false;
        bool raw = false;  ///< unescaped place
    };
    std::vector<Piece> pieces_;
};

/// & < > " ' ` = as character references, as Handlebars does.
std::string escape_html(std::string_view text);

}  // namespace winnow
