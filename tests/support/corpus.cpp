#include "tests/support/corpus.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string_view>

namespace winnow::test {
namespace {

std::ifstream open(const std::filesystem::path& file)
{
    std::ifstream in(file, std::ios::binary);
    if (!in)
        throw std::runtime_error("cannot open " + file.string());
    return in;
}

std::vector<std::string> split_tabs(const std::string& line)
{
    std::vector<std::string> cells(1);
    for (const char c : line) {
        if (c == '\t')
            cells.emplace_back();
        else
            cells.back() += c;
    }
    return cells;
}

}  // namespace

std::optional<std::filesystem::path> corpus(const std::string& name)
{
    const char* configured = std::getenv("WINNOW_CORPORA");
    const std::filesystem::path root =
        configured ? std::filesystem::path(configured)
                   : std::filesystem::path(WINNOW_SOURCE_DIR).parent_path() / "shared" / "corpora";
    std::error_code ignored;
    if (!std::filesystem::is_directory(root / name, ignored))
        return std::nullopt;
    return root / name;
}

bool strict() noexcept
{
    const char* const set = std::getenv("WINNOW_STRICT");
    return set != nullptr && std::string_view(set) == "1";
}

std::vector<nlohmann::json> read_jsonl(const std::filesystem::path& file)
{
    std::ifstream in = open(file);
    std::vector<nlohmann::json> rows;
    for (std::string line; std::getline(in, line);)
        if (!line.empty())
            rows.push_back(nlohmann::json::parse(line));
    return rows;
}

std::map<std::string, LabelRow> read_labels(const std::filesystem::path& file)
{
    std::ifstream in = open(file);
    std::string line;
    std::getline(in, line);
    const std::vector<std::string> names = split_tabs(line);
    std::map<std::string, LabelRow> rows;
    while (std::getline(in, line)) {
        const std::vector<std::string> cells = split_tabs(line);
        LabelRow& row = rows[cells.front()];
        for (std::size_t i = 0; i < names.size(); ++i)
            row[names[i]] = i < cells.size() ? cells[i] : "";
    }
    return rows;
}

void Score::add(bool hit, const std::string& id)
{
    ++total_;
    if (hit)
        ++hits_;
    else
        misses_ += ' ' + id;
}

double Score::report() const
{
    const double share = total_ == 0 ? 0 : static_cast<double>(hits_) / total_;
    std::printf("score %s: %d/%d (%.1f %%)%s%s\n", name_.c_str(), hits_, total_, share * 100,
                misses_.empty() ? "" : "; missed:", misses_.c_str());
    return share;
}

}  // namespace winnow::test
