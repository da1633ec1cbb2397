#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.hpp"
#include "core/vocabulary.hpp"

namespace winnow {

/// A refusal or deferral that no row of the reply table reads: what a new row would be made from.
struct UnmatchedReply {
    int code = 0;  ///< 400..599
    Stage stage = Stage::rcpt;
    std::string provider;  ///< row of data/mx-providers.tsv; empty when unknown
    std::string text;      ///< enhanced status, where there is one, and the words as mask_reply_text() gives them
    std::uint64_t count = 0;
    TimePoint first{}, last{};
};

/// What a reply says, without what it says it of: addresses and single words in <> or "" become "@", host names
/// "[host]", IP addresses "[ip]", digits and identifiers "#", links lose query and fragment. So all replies of one
/// wording become one text, and no address is in it. `folded` comes from fold_reply_text(); `recipient` is the address
/// that was asked about, whose local part and domain become "@" wherever they stand; it may be empty. At most 240
/// octets. A name in plain words that is not the recipient's is not known for one, and stays.
std::string mask_reply_text(std::string_view folded, std::string_view recipient);

/// Collects unmatched replies, each wording once, with how often and when it was heard. Bounded: 500 wordings; when
/// there is no place the rarest goes, of these the one not heard for longest. Of a flood (2,000 within ten seconds)
/// the rest is counted only. One thread.
class UnmatchedReplies {
public:
    explicit UnmatchedReplies(const Clock& clock) : clock_(clock) {}

    struct Heard {
        int code = 0;
        std::string_view status;  ///< "5.7.1"; may be empty
        std::string_view folded;  ///< its words
        Stage stage = Stage::rcpt;
        std::string_view provider, recipient;
    };
    void note(const Heard& heard);

    /// Most frequent first.
    std::vector<UnmatchedReply> all() const;
    /// Replies that were only counted, of this run.
    std::uint64_t passed_over() const noexcept { return passed_over_; }
    /// Forgets those that hold: a row for them has been added.
    void forget_if(const std::function<bool(const UnmatchedReply&)>& which);
    /// Changes with every change.
    std::uint64_t revision() const noexcept { return revision_; }

    /// For the store: a line of tab-separated fields each. Lines that cannot be read are passed over.
    std::string to_text() const;
    /// Adds what to_text() gave.
    void add(std::string_view text);

private:
    void put(UnmatchedReply reply);

    const Clock& clock_;
    std::map<std::string, UnmatchedReply> replies_;  ///< by code, stage, provider and text
    std::uint64_t passed_over_ = 0;
    std::uint64_t revision_ = 0;
    SteadyPoint window_ends_{};
    int in_window_ = 0;
};

}  // namespace winnow
