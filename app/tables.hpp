#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/provider_table.hpp"
#include "core/reply_classifier.hpp"
#include "verifier/lists.hpp"

namespace winnow::app {

/// All that is read from share_dir and `replies_extra`, of one moment.
struct Tables {
    ReplyClassifier replies;  ///< the shipped rows, then the installation's own: of two with one id the later counts
    ProviderTable providers;
    verifier::AddressLists lists;
    std::optional<Error> why_built_in;         ///< the full lists could not be read: these are the small ones
    std::vector<verifier::ListStatus> status;  ///< of all of them, for `winnow data status`

    /// Errors name the file and the cure. `extra` may be empty.
    static Result<Tables> load(const std::string& share_dir, const std::string& extra);
};

}  // namespace winnow::app
