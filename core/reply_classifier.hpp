#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/smtp_reply.hpp"
#include "core/vocabulary.hpp"

namespace winnow {

/// Where and how a reply was met. What is not known is left at its default.
struct ReplyContext {
    Stage stage = Stage::rcpt;
    std::string_view provider;  ///< row of data/mx-providers.tsv, e.g. "google"; empty when unknown
    int recipients = 1;         ///< RCPTs accepted in the transaction; at end of data only 1 can blame the address
    bool via_smarthost = false;
};

/// What a reply means, and by which rule. `rule` names a row of data/replies.tsv ("g-nomailbox-017") or a built-in rule
/// ("code:4xx"); verdicts and events cite it.
struct Classified {
    ReplyClass klass = ReplyClass::unknown;
    Subject subject = Subject::nobody;
    Action action = Action::none;
    std::string rule;
    bool clear = false;   ///< the text or the enhanced code leaves no doubt: one strike suffices (docs/relay.md)
    bool final_ = false;  ///< rows marked `final`: a disabled mailbox that does not come back
};

/// Reads replies by a table of phrases. Class digit first (a 4xx never says that an address is dead), provider rows
/// before generic ones, the longest phrase wins, the stage must match. Immutable, thread-safe; a reload makes a new
/// one.
class ReplyClassifier {
public:
    /// `tsv`: text of data/replies.tsv. The error names the line and the field.
    static Result<ReplyClassifier> parse(std::string_view tsv);
    static Result<ReplyClassifier> load(const std::string& path);

    Classified classify(const SmtpReply& reply, const ReplyContext& context) const;
    /// A diagnostic text alone, code and enhanced status found inside it where present (bounce mails, logs).
    Classified classify_text(std::string_view diagnostic, const ReplyContext& context) const;
    /// No reply: how the attempt failed (connect refused, timeout, TLS, DNS).
    Classified classify_error(const Error& error, Stage stage) const;

    std::size_t rows() const noexcept;

    ReplyClassifier(ReplyClassifier&&) noexcept;
    ReplyClassifier& operator=(ReplyClassifier&&) noexcept;
    ~ReplyClassifier();

private:
    struct Table;
    explicit ReplyClassifier(std::unique_ptr<const Table> table);
    std::unique_ptr<const Table> table_;
};

}  // namespace winnow
