#include "core/tsv.hpp"

#include <cerrno>
#include <fstream>

#include "core/trim.hpp"

namespace winnow {
namespace {

constexpr std::size_t max_table_bytes = 16u << 20;

}  // namespace

Error TsvRow::error(std::string_view column, std::string_view expected) const
{
    return {Errc::invalid_argument,
            "line " + std::to_string(line) + ", column " + std::string(column) + ": expected " + std::string(expected)};
}

Result<const TsvRow*> TsvReader::next()
{
    while (!rest_.empty()) {
        const std::size_t end = std::min(rest_.find('\n'), rest_.size());
        std::string_view text = rest_.substr(0, end);
        rest_.remove_prefix(std::min(end + 1, rest_.size()));
        ++row_.line;
        if (trim(text, " \r").empty() || text.front() == '#')
            continue;
        row_.fields.clear();
        for (std::size_t tab = text.find('\t'); tab != std::string_view::npos; tab = text.find('\t')) {
            row_.fields.push_back(trim(text.substr(0, tab), " \r"));
            text.remove_prefix(tab + 1);
        }
        row_.fields.push_back(trim(text, " \r"));
        if (columns_ != any_columns && row_.fields.size() != columns_)
            return row_.error("count", std::to_string(columns_) + " tab-separated fields, found " +
                                           std::to_string(row_.fields.size()));
        return &row_;
    }
    return static_cast<const TsvRow*>(nullptr);
}

Result<std::string> read_text_file(const std::string& path)
{
    std::ifstream in(path, std::ios::binary);
    if (!in)
        return Error{boost::system::error_code(errno, boost::system::system_category()), "cannot read " + path};
    std::string text;
    char block[1 << 16];
    while (in.read(block, sizeof block), in.gcount() > 0) {
        text.append(block, static_cast<std::size_t>(in.gcount()));
        if (text.size() > max_table_bytes)
            return Error{Errc::limit_exceeded, path + " is larger than 16 MB"};
    }
    if (in.bad())
        return Error{Errc::io_error, "cannot read " + path};
    return text;
}

}  // namespace winnow
