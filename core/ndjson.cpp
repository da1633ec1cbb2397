#include "core/ndjson.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

namespace winnow {
namespace {

/// Walks a text without building anything, to find out whether building is safe.
class Inspector final : public nlohmann::json_sax<nlohmann::json> {
public:
    explicit Inspector(std::size_t max_depth) : max_depth_(max_depth) {}

    bool too_deep() const noexcept { return too_deep_; }
    const std::string& fault() const noexcept { return fault_; }

    bool null() override { return true; }
    bool boolean(bool) override { return true; }
    bool number_integer(number_integer_t) override { return true; }
    bool number_unsigned(number_unsigned_t) override { return true; }
    bool number_float(number_float_t, const string_t&) override { return true; }
    bool string(string_t&) override { return true; }
    bool binary(binary_t&) override { return true; }
    bool key(string_t& name) override
    {
        if (names_.back().insert(name).second)
            return true;
        fault_ = "the member \"" + name + "\" is given twice";
        return false;
    }
    bool start_object(std::size_t) override
    {
        names_.emplace_back();
        return enter();
    }
    bool start_array(std::size_t) override { return enter(); }
    bool end_object() override
    {
        names_.pop_back();
        return leave();
    }
    bool end_array() override { return leave(); }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override
    {
        fault_ = "the text is not JSON at octet " + std::to_string(position);
        return false;
    }

private:
    bool enter() noexcept
    {
        too_deep_ = too_deep_ || ++depth_ > max_depth_;
        return !too_deep_;
    }
    bool leave() noexcept
    {
        --depth_;
        return true;
    }

    std::size_t max_depth_;
    std::size_t depth_ = 0;
    bool too_deep_ = false;
    std::vector<std::set<std::string>> names_;  ///< of the objects that are open
    std::string fault_;
};

}  // namespace

void NdjsonReader::feed(std::string_view chunk)
{
    buffer_.erase(0, start_);
    start_ = 0;
    buffer_.append(chunk);
}

const NdjsonLine* NdjsonReader::next()
{
    for (;;) {
        const std::size_t feed = buffer_.find('\n', start_ + scanned_);
        const bool found = feed != std::string::npos;
        if (!found && !final_) {
            scanned_ = buffer_.size() - start_;
            // Of a line that is too long only the beginning stays; the octet beyond the cap may be the CR of a CRLF.
            if (scanned_ > max_line_bytes_ + 1) {
                too_long_ = true;
                buffer_.resize(start_ + max_line_bytes_ + 1);
                scanned_ = max_line_bytes_ + 1;
            }
            return nullptr;
        }
        const std::size_t length = (found ? feed : buffer_.size()) - start_;
        if (!found && length == 0)
            return nullptr;
        if (take_line(length, found ? 1 : 0))
            return &line_;
    }
}

/// Moves past a line; false when it is blank.
bool NdjsonReader::take_line(std::size_t length, std::size_t terminator)
{
    std::string_view text = std::string_view(buffer_).substr(start_, length);
    start_ += length + terminator;
    scanned_ = 0;
    ++line_number_;
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (line_number_ == 1 && text.starts_with(byte_order_mark))
        text.remove_prefix(byte_order_mark.size());
    if (!too_long_ && text.ends_with('\r'))
        text.remove_suffix(1);
    line_ = {text.substr(0, max_line_bytes_), line_number_, too_long_ || text.size() > max_line_bytes_};
    too_long_ = false;
    return text.find_first_not_of(" \t\r") != std::string_view::npos;
}

Result<nlohmann::json> parse_json(std::string_view text, JsonLimits limits)
{
    if (text.size() > limits.max_bytes)
        return Error{Errc::limit_exceeded, "the JSON text has " + std::to_string(text.size()) + " octets; " +
                                               std::to_string(limits.max_bytes) + " are allowed"};
    Inspector inspector(limits.max_depth);
    if (!nlohmann::json::sax_parse(text.begin(), text.end(), &inspector)) {
        if (inspector.too_deep())
            return Error{Errc::limit_exceeded,
                         "the JSON text nests deeper than " + std::to_string(limits.max_depth) + " levels"};
        return Error{Errc::invalid_argument, inspector.fault()};
    }
    // In place, because a json converts to too many types for Result to choose.
    return Result<nlohmann::json>(boost::system::in_place_value,
                                  nlohmann::json::parse(text.begin(), text.end(), nullptr, false));
}

std::string dump_json(const nlohmann::json& value)
{
    return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace winnow
