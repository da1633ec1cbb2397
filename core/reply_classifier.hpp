#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/smtp_reply.hpp"
#include "core/vocabulary.hpp"

namespace winnow {

class UnmatchedReplies;

/// Where and how a reply was met. What is not known is left at its default.
struct ReplyContext {
    Stage stage = Stage::rcpt;
    std::string_view provider;  ///< row of data/mx-providers.tsv, e.g. "google"; empty when unknown
    int recipients = 1;         ///< RCPTs accepted in the transaction; at end of data only 1 can blame the address
    bool via_smarthost = false;
    std::string_view recipient;  ///< who was asked about: no part of the reading, masked where replies are collected
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
    bool edge = false;    ///< rows marked `edge`: no such mailbox only where the domain is known to accept others
    bool by_row = false;  ///< a row of the table read it, and not code and stage alone
};

/// A row of data/replies.tsv as it is written there.
struct ReplyRowText {
    std::string provider, code, status, stage, phrase, klass, marks, source;
};

/// Reads replies by a table of phrases. Class digit first (a 4xx never says that an address is dead), provider rows
/// before generic ones, the longest phrase wins, the stage must match. The table is immutable, and reading it
/// thread-safe; one that collects or is given other rows belongs to one thread. No reading refers to the table after
/// the call, so it may be replaced between two of them.
class ReplyClassifier {
public:
    /// `tsv`: text of data/replies.tsv. The error names the line and the field.
    static Result<ReplyClassifier> parse(std::string_view tsv);
    static Result<ReplyClassifier> load(const std::string& path);

    /// A reply to a command of ours. 500 to 504 are about the dialogue (RFC 5321 section 4.2.2): "503 5.1.1 user
    /// unknown, need MAIL" answers a command that was not understood and says nothing about the recipient: `protocol`,
    /// rule "code:dialogue".
    Classified classify(const SmtpReply& reply, const ReplyContext& context) const;
    /// A diagnostic text alone, code and enhanced status found inside it where present (bounce mails, logs).
    Classified classify_text(std::string_view diagnostic, const ReplyContext& context) const;
    /// No reply: how the attempt failed (connect refused, timeout, TLS, DNS).
    Classified classify_error(const Error& error, Stage stage) const;

    std::size_t rows() const noexcept;
    /// The row with this id, which a Classified::rule may be. A look at each row: for people, not for replies.
    std::optional<ReplyRowText> row(std::string_view id) const;

    /// What classify() finds no row for is added to `into`, which outlives the classifier; null = is not collected, as
    /// at first.
    void collect_unmatched(UnmatchedReplies* into) noexcept { unmatched_ = into; }
    /// Reads by the rows of `other` from now on; collects as before.
    void replace_rows(ReplyClassifier other) noexcept;
    /// The rows as they are now, whatever replaces them later; collects nothing.
    ReplyClassifier snapshot() const;

    ReplyClassifier(ReplyClassifier&&) noexcept;
    ReplyClassifier& operator=(ReplyClassifier&&) noexcept;
    ~ReplyClassifier();

private:
    struct Table;
    explicit ReplyClassifier(std::shared_ptr<const Table> table);
    std::shared_ptr<const Table> table_;
    UnmatchedReplies* unmatched_ = nullptr;
};

}  // namespace winnow
