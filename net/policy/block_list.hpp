#pragma once

#include <cstdint>
#include <string>

#include "net/resolver.hpp"

namespace winnow::net {

enum class BlockListStatus : std::uint8_t {
    not_listed = 1,
    listed,
    undecided,  ///< the list did not answer, would not answer us, or lists everybody
};

struct BlockListAnswer {
    BlockListStatus status = BlockListStatus::undecided;
    std::string code;    ///< "127.0.0.2", what the list answered; empty when it did not
    std::string detail;  ///< one sentence; of a listing with the list's own words where it has some
};

/// Whether a DNS block list (RFC 5782) lists an address. `zone` is the list's name ("zen.spamhaus.org").
///
/// A listing counts only from 127.0.0.0/8 and not from 127.255.255.0/24, with which lists tell errors of the asker
/// (queries through a public resolver, too many of them), and only when the list does not list 127.0.0.1 as well:
/// a list that is given up often answers yes to everything (RFC 5782 section 5).
awaitable<BlockListAnswer> ask_block_list(Resolver& resolver, std::string ip, std::string zone);

}  // namespace winnow::net
