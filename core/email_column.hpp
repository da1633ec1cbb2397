#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace winnow {

/// Where the addresses of a list are.
struct EmailColumn {
    enum class FoundBy : std::uint8_t { request, name, content };

    std::size_t index = 0;    ///< 0-based
    bool has_header = false;  ///< the first record names the columns
    FoundBy found_by = FoundBy::content;
    std::string name;  ///< the header's cell; empty without a header
};

std::string_view to_string(EmailColumn::FoundBy found_by) noexcept;

/// Finds the e-mail column from the first records of a file (100 are plenty). `wanted` is what the user asked for: a
/// header name (case, spaces, quotes and underscores do not matter), one of column_names() or a 1-based number; empty =
/// find it by header name in many languages, then by content. A name whose column holds no address loses to a column
/// full of them. A first record with an address in it is no header, unless `has_header` says what the first record is,
/// or `wanted` is a name in it. Errors: invalid_argument, one sentence with the cure ("use --column NAME"); a name that
/// several columns have is one.
Result<EmailColumn> find_email_column(std::span<const std::vector<std::string>> rows, std::string_view wanted = {},
                                      std::optional<bool> has_header = {});

/// Names by which every column can be told from the others: those of the header, without the space around them; one
/// that a column before it has, too, gets a number ("email_2"), and an empty one its place, from 1 ("column_3").
std::vector<std::string> column_names(std::span<const std::string> header);

/// What of a cell is the address: `ann@example.com` of "Ann <ann@example.com>" and of
/// "mailto:ann@example.com?subject=x" (RFC 6068), without the white space around it, nor what web pages leave there:
/// no-break and zero-width spaces.
std::string_view address_in_cell(std::string_view cell) noexcept;

/// Whether a cell holds an address or a failed attempt at one: good enough to tell data from a header. Takes
/// "Ann <ann@example.com>" and "mailto:".
bool looks_like_address(std::string_view cell) noexcept;

}  // namespace winnow
