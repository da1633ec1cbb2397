#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/reply_phrase.hpp"
#include "core/smtp_reply.hpp"
#include "core/vocabulary.hpp"

namespace winnow {

/// Which enhanced status codes a row holds for: "5.7.606-649", "x.7.26" (4 or 5), "-" (any, also none).
struct StatusRange {
    int klass = -1;  ///< -1 = the row does not ask, 0 = 4 or 5
    int subject = 0;
    int first = 0;
    int last = 0;
    bool asked() const noexcept { return klass >= 0; }
    bool holds(const EnhancedStatus& status) const noexcept;
    static std::optional<StatusRange> parse(std::string_view text) noexcept;
};

/// One row of data/replies.tsv; the file's header explains the columns.
struct ReplyRow {
    std::string id;
    std::string provider;    ///< empty = anybody
    std::vector<int> codes;  ///< exact codes; empty = by digit
    int digit = 0;           ///< 4, 5, or 0 = both
    StatusRange status;
    std::uint16_t stages = 0;  ///< bit per Stage
    bool any_stage = false;    ///< "any": also before RCPT for classes about the domain
    bool has_phrase = false;
    ReplyPhrase phrase;
    ReplyClass klass = ReplyClass::unknown;
    bool clear = false, final_ = false;
    bool weak = false;     ///< only when neither a phrase nor a status code says something definite
    bool edge = false;     ///< refused by a directory at the edge: dead only where the domain is known to accept others
    bool subject = false;  ///< names whom a reply speaks of and says nothing of them (core/reply_subject.hpp)
    bool cause = false;    ///< why a server could not find out: outweighs that it did not find the mailbox
    bool temporary = false;  ///< takes a final answer back; with the class `unknown`, words that look so and do not
    bool shared = false;     ///< a provider's row that anybody else may be read by, as a generic one
    std::size_t order = 0;
    std::string columns;  ///< as written, tabs between them: what people are shown
};

/// The rows and an index over their phrases. Immutable.
class ReplyTable {
public:
    static Result<ReplyTable> parse(std::string_view tsv);

    const std::vector<ReplyRow>& rows() const noexcept { return rows_; }
    /// Rows without a phrase: read by code and status alone.
    const std::vector<std::uint32_t>& status_rows() const noexcept { return status_rows_; }
    /// Does `provider` belong to the rows of `row_provider` (itself or its family)?
    bool belongs(std::string_view provider, std::string_view row_provider) const;

    struct Hit {
        const ReplyRow* row = nullptr;
        ReplyPhrase::Span span;
    };
    /// Every row whose phrase is in `folded` (core/reply_text.hpp), code, stage and provider not looked at. A trie
    /// walked from each word's start: replies are short and phrases begin at words, so this visits few nodes and needs
    /// no failure links. At most the first 2048 bytes are read.
    std::vector<Hit> find(std::string_view folded) const;

private:
    struct Ending {
        std::uint32_t row = 0;
        ReplyPhrase::Key key;
    };
    struct Node {
        std::vector<std::pair<unsigned char, std::uint32_t>> next;  ///< sorted
        std::vector<Ending> endings;
    };
    Result<> read_family(const std::vector<std::string_view>& fields);
    Result<ReplyRow> read_row(const std::vector<std::string_view>& fields) const;
    void index();
    std::uint32_t child(std::uint32_t node, unsigned char byte) const noexcept;

    std::vector<ReplyRow> rows_;
    std::vector<std::uint32_t> status_rows_;
    std::unordered_map<std::string, std::string> family_;  ///< provider -> the name its rows go by
    std::vector<Node> nodes_;
    std::array<std::uint32_t, 256> roots_{};  ///< node 0 spread out; 0 = none
};

/// Does `hit` lie in a longer one of `all`? Then it was none: "returned to sender" is not about a sender.
bool part_of_longer(const ReplyTable::Hit& hit, const std::vector<ReplyTable::Hit>& all);

}  // namespace winnow
