#pragma once

#include <string>
#include <string_view>

namespace winnow::test {

/// `text` as one gzip member.
std::string gzip(std::string_view text);

}  // namespace winnow::test
