#include "core/json_members.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace winnow {
namespace {

constexpr std::size_t most_members = 1'000;

class Flattener final : public nlohmann::json_sax<nlohmann::json> {
public:
    Flattener(std::size_t max_depth, JsonLine& out) : max_depth_(max_depth), out_(out) {}

    bool too_deep() const noexcept { return too_deep_; }
    const std::string& fault() const noexcept { return fault_; }

    bool null() override { return scalar({}); }
    bool boolean(bool value) override { return scalar(value ? "true" : "false"); }
    bool number_integer(number_integer_t value) override { return scalar(std::to_string(value)); }
    bool number_unsigned(number_unsigned_t value) override { return scalar(std::to_string(value)); }
    bool number_float(number_float_t, const string_t& written) override { return scalar(written); }
    bool string(string_t& value) override
    {
        if (open_.empty())
            out_.kind = JsonLine::Kind::text;
        return scalar(std::move(value));
    }
    bool binary(binary_t&) override { return false; }
    bool key(string_t& name) override
    {
        path_.resize(open_.back().path_length);
        append(name);
        return true;
    }
    bool start_object(std::size_t) override
    {
        if (open_.empty())
            out_.kind = JsonLine::Kind::object;
        return enter(false);
    }
    bool start_array(std::size_t) override { return enter(true); }
    bool end_object() override { return leave(); }
    bool end_array() override { return leave(); }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception&) override
    {
        fault_ = "the text is not JSON at octet " + std::to_string(position);
        return false;
    }

private:
    struct Open {
        std::size_t path_length = 0;  ///< of the container itself
        std::size_t next = 0;         ///< place of the next element
        bool array = false;
    };

    void append(std::string_view name)
    {
        if (!path_.empty())
            path_ += '.';
        path_ += name;
    }
    /// An element of an array is named by its place; a member of an object has its name by now.
    void name_element()
    {
        if (open_.empty() || !open_.back().array)
            return;
        path_.resize(open_.back().path_length);
        append(std::to_string(open_.back().next++));
    }
    bool scalar(std::string value)
    {
        name_element();
        if (out_.members.size() < most_members)
            out_.members.push_back({path_, std::move(value)});
        return true;
    }
    bool enter(bool array)
    {
        name_element();
        too_deep_ = open_.size() >= max_depth_;
        open_.push_back({path_.size(), 0, array});
        return !too_deep_;
    }
    bool leave()
    {
        path_.resize(open_.back().path_length);
        open_.pop_back();
        return true;
    }

    std::size_t max_depth_;
    JsonLine& out_;
    std::string path_;
    std::vector<Open> open_;
    bool too_deep_ = false;
    std::string fault_;
};

}  // namespace

Result<JsonLine> read_json_line(std::string_view text, JsonLimits limits)
{
    if (text.size() > limits.max_bytes)
        return Error{Errc::limit_exceeded, "the JSON text has " + std::to_string(text.size()) + " octets; " +
                                               std::to_string(limits.max_bytes) + " are allowed"};
    JsonLine line;
    Flattener flattener(limits.max_depth, line);
    if (nlohmann::json::sax_parse(text.begin(), text.end(), &flattener))
        return line;
    if (flattener.too_deep())
        return Error{Errc::limit_exceeded,
                     "the JSON text nests deeper than " + std::to_string(limits.max_depth) + " levels"};
    return Error{Errc::invalid_argument, flattener.fault()};
}

const JsonMember* find_member(const JsonLine& line, std::string_view path) noexcept
{
    const auto found = std::find_if(line.members.rbegin(), line.members.rend(),
                                    [path](const JsonMember& member) { return member.path == path; });
    return found == line.members.rend() ? nullptr : &*found;
}

}  // namespace winnow
