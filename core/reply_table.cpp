#include "core/reply_table.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "core/split.hpp"
#include "core/tsv.hpp"

namespace winnow {
namespace {

constexpr std::size_t max_text = 2048;
constexpr std::size_t row_columns = 9;

std::optional<int> number(std::string_view text) noexcept
{
    int value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc{} || end != text.data() + text.size() || value < 0 || value > 999)
        return std::nullopt;
    return value;
}

constexpr std::uint16_t stage_bit(Stage stage)
{
    return static_cast<std::uint16_t>(1u << static_cast<unsigned>(stage));
}

constexpr std::uint16_t all_stages = 0xFFFF;
constexpr std::uint16_t early_stages =
    static_cast<std::uint16_t>(stage_bit(Stage::connect) | stage_bit(Stage::banner) | stage_bit(Stage::ehlo) |
                               stage_bit(Stage::starttls) | stage_bit(Stage::auth) | stage_bit(Stage::mail));
constexpr std::uint16_t message_stages =
    static_cast<std::uint16_t>(stage_bit(Stage::data) | stage_bit(Stage::end_of_data));

bool read_stages(std::string_view text, ReplyRow& row)
{
    for (const std::string_view word : split(text, ',')) {
        if (word == "*" || word == "any") {
            row.stages = all_stages;
            row.any_stage |= word == "any";
        } else if (word == "early") {
            row.stages |= early_stages;
        } else if (word == "message") {
            row.stages |= message_stages;
        } else if (const auto stage = from_string<Stage>(word)) {
            row.stages |= stage_bit(*stage);
        } else {
            return false;
        }
    }
    return true;
}

bool read_codes(std::string_view text, ReplyRow& row)
{
    if (text == "*")
        return true;
    if (text == "4xx" || text == "5xx") {
        row.digit = text[0] - '0';
        return true;
    }
    for (const std::string_view word : split(text, ',')) {
        if (word == "none") {
            row.codes.push_back(0);
            continue;
        }
        const auto code = number(word);
        if (!code || *code < 400 || *code > 599)
            return false;
        row.codes.push_back(*code);
    }
    return true;
}

bool read_marks(std::string_view text, ReplyRow& row)
{
    if (text == "-" || text.empty())
        return true;
    for (const std::string_view word : split(text, ',')) {
        if (word == "clear")
            row.clear = true;
        else if (word == "final")
            row.final_ = true;
        else if (word == "weak")
            row.weak = true;
        else if (word == "edge")
            row.edge = true;
        else if (word == "shared")
            row.shared = true;
        else if (word == "subject")
            row.subject = true;
        else if (word == "cause")
            row.cause = true;
        else if (word == "temporary")
            row.temporary = true;
        else
            return false;
    }
    return true;
}

Error bad_field(std::string_view column, std::string_view expected)
{
    return {Errc::invalid_argument, std::string(column) + ": expected " + std::string(expected)};
}

}  // namespace

bool StatusRange::holds(const EnhancedStatus& status) const noexcept
{
    return status.present() && (klass == 0 ? status.klass >= 4 : status.klass == klass) && status.subject == subject &&
           status.detail >= first && status.detail <= last;
}

std::optional<StatusRange> StatusRange::parse(std::string_view text) noexcept
{
    if (text == "-" || text.empty())
        return StatusRange{};
    const auto parts = split(text, '.');
    if (parts.size() != 3)
        return std::nullopt;
    StatusRange range;
    if (parts[0] == "x")
        range.klass = 0;
    else if (parts[0] == "4" || parts[0] == "5")
        range.klass = parts[0][0] - '0';
    else
        return std::nullopt;
    const auto subject = number(parts[1]);
    const auto bounds = split(parts[2], '-');
    const auto first = number(bounds[0]);
    const auto last = bounds.size() == 2 ? number(bounds[1]) : first;
    if (!subject || !first || !last || bounds.size() > 2 || *last < *first)
        return std::nullopt;
    range.subject = *subject;
    range.first = *first;
    range.last = *last;
    return range;
}

Result<ReplyTable> ReplyTable::parse(std::string_view tsv)
{
    ReplyTable table;
    std::unordered_map<std::string, std::size_t> by_id;
    TsvReader reader(tsv, TsvReader::any_columns);
    while (true) {
        WINNOW_TRY(const TsvRow* line, reader.next());
        if (!line)
            break;
        const auto located = [&](const Error& error) {
            return Error(error.code, "line " + std::to_string(line->line) + ", " + error.context);
        };
        if (line->fields[0] == "family") {
            if (auto read = table.read_family(line->fields); !read)
                return located(read.error());
            continue;
        }
        auto row = table.read_row(line->fields);
        if (!row)
            return located(row.error());
        const auto [at, added] = by_id.try_emplace(row->id, table.rows_.size());
        row->order = table.rows_.size();
        if (added)
            table.rows_.push_back(std::move(*row));
        else
            table.rows_[at->second] = std::move(*row);  // a site's own row replaces the file's
    }
    table.index();
    return table;
}

Result<> ReplyTable::read_family(const std::vector<std::string_view>& fields)
{
    if (fields.size() != 3 || fields[1].empty())
        return bad_field("family", "\"family\", a provider, and the providers that its rows hold for");
    for (const std::string_view member : split(fields[2], ' '))
        if (!member.empty())
            family_[std::string(member)] = fields[1];
    return {};
}

Result<ReplyRow> ReplyTable::read_row(const std::vector<std::string_view>& fields) const
{
    if (fields.size() != row_columns)
        return bad_field("row", std::to_string(row_columns) + " tab-separated fields");
    ReplyRow row;
    for (const std::string_view field : fields)
        row.columns.append(row.columns.empty() ? "" : "\t").append(field);
    row.id = fields[0];
    if (row.id.empty() || row.id.find(' ') != std::string::npos)
        return bad_field("id", "one word");
    if (fields[1] != "*")
        row.provider = fields[1];
    if (!read_codes(fields[2], row))
        return bad_field("code", "*, 4xx, 5xx, or codes from 400 to 599 and none separated by commas");
    const auto status = StatusRange::parse(fields[3]);
    if (!status)
        return bad_field("enhanced", "-, or a status code such as 5.1.1, x.7.26 or 5.7.606-649");
    row.status = *status;
    if (!read_stages(fields[4], row))
        return bad_field("stage", "*, any, early, message, or stages separated by commas");
    const auto klass = from_string<ReplyClass>(fields[6]);
    if (!klass)
        return bad_field("class", "a reply class");
    row.klass = *klass;
    if (!read_marks(fields[7], row))
        return bad_field("marks",
                         "-, or clear, final, weak, edge, shared, subject, cause, temporary separated by commas");
    row.has_phrase = fields[5] != "-" && !fields[5].empty();
    if (!row.has_phrase && !row.status.asked() && row.codes.empty())
        return bad_field("phrase", "a phrase, or a row with an exact code or status");
    if (!row.has_phrase && (row.subject || row.cause || row.temporary))
        return bad_field("marks", "subject, cause and temporary only on a row with a phrase");
    if (row.has_phrase) {
        WINNOW_TRY(row.phrase, ReplyPhrase::parse(fields[5]));
    }
    return row;
}

bool ReplyTable::belongs(std::string_view provider, std::string_view row_provider) const
{
    if (provider.empty())
        return false;
    if (provider == row_provider)
        return true;
    const auto family = family_.find(std::string(provider));
    return family != family_.end() && family->second == row_provider;
}

void ReplyTable::index()
{
    nodes_.assign(1, {});
    for (std::uint32_t at = 0; at < rows_.size(); ++at) {
        if (!rows_[at].has_phrase) {
            status_rows_.push_back(at);
            continue;
        }
        for (ReplyPhrase::Key& key : rows_[at].phrase.keys()) {
            std::uint32_t node = 0;
            for (const char c : key.text) {
                const auto byte = static_cast<unsigned char>(c);
                auto& next = nodes_[node].next;
                auto edge = std::lower_bound(next.begin(), next.end(), std::pair{byte, 0u});
                if (edge == next.end() || edge->first != byte) {
                    const auto made = static_cast<std::uint32_t>(nodes_.size());
                    next.insert(edge, {byte, made});
                    node = made;
                    nodes_.emplace_back();
                } else {
                    node = edge->second;
                }
            }
            nodes_[node].endings.push_back({at, std::move(key)});
        }
    }
    for (const auto& [byte, node] : nodes_[0].next)
        roots_[byte] = node;
}

std::uint32_t ReplyTable::child(std::uint32_t node, unsigned char byte) const noexcept
{
    const auto& next = nodes_[node].next;
    const auto edge = std::lower_bound(next.begin(), next.end(), std::pair{byte, 0u});
    return edge != next.end() && edge->first == byte ? edge->second : 0;
}

std::vector<ReplyTable::Hit> ReplyTable::find(std::string_view folded) const
{
    std::vector<Hit> hits;
    const std::string_view text = folded.substr(0, max_text);
    for (std::size_t begin = 0; begin < text.size(); ++begin) {
        std::uint32_t node = roots_[static_cast<unsigned char>(text[begin])];
        if (node == 0 || !begins_word(text, begin))
            continue;
        for (std::size_t at = begin + 1; node != 0; ++at) {
            for (const Ending& ending : nodes_[node].endings) {
                const ReplyRow& row = rows_[ending.row];
                const bool names_no_ip = subject_of(row.klass) == Subject::address;
                Hit hit{.row = &row, .span = {}};
                if (row.phrase.match(ending.key, text, begin, names_no_ip, hit.span))
                    hits.push_back(hit);
            }
            if (at >= text.size())
                break;
            node = child(node, static_cast<unsigned char>(text[at]));
        }
    }
    return hits;
}

bool part_of_longer(const ReplyTable::Hit& hit, const std::vector<ReplyTable::Hit>& all)
{
    return std::any_of(all.begin(), all.end(), [&hit](const ReplyTable::Hit& other) {
        return other.span.begin <= hit.span.begin && other.span.end >= hit.span.end &&
               other.span.length > hit.span.length;
    });
}

}  // namespace winnow
