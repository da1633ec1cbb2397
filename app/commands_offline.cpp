// `winnow address`, `winnow replies` and `winnow data`: the rules applied to what one has, without a network.
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "app/commands.hpp"
#include "app/report.hpp"
#include "app/runtime.hpp"
#include "core/address.hpp"
#include "core/ndjson.hpp"
#include "core/reply_classifier.hpp"
#include "core/trim.hpp"
#include "core/vocabulary.hpp"

namespace winnow::app {
namespace {

using nlohmann::json;

void print_line(const json& value)
{
    std::cout << dump_json(value) << '\n';
}

/// A member that must be text; `fallback` (when there is one) stands for a member that is absent or null.
Result<std::string> text_member(const json& line, const char* name, std::optional<std::string> fallback = {})
{
    const auto found = line.find(name);
    if (found == line.end() || found->is_null()) {
        if (fallback)
            return *std::move(fallback);
        return Error{Errc::invalid_argument, std::string("\"") + name + "\" is missing"};
    }
    if (!found->is_string())
        return Error{Errc::invalid_argument, std::string("\"") + name + "\" is not a text"};
    return found->get<std::string>();
}

/// A json is made of anything, an Error too: the conversion has to be spelled out.
Result<json> as_result(json value)
{
    return Result<json>(boost::system::in_place_value, std::move(value));
}

/// Ids come back as they came.
json id_of(const json& line)
{
    const auto found = line.find("id");
    return found == line.end() ? json() : *found;
}

/// Calls `take` with every line that is not blank. A line that cannot be read is told on standard error and skipped;
/// then the result is 1.
int for_each_line(std::istream& in, const char* name,
                  const std::function<Result<>(std::size_t, std::string_view)>& take)
{
    NdjsonReader reader;
    int code = 0;
    std::string chunk(64 * 1024, '\0');
    while (in) {
        in.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
        reader.feed(std::string_view(chunk).substr(0, static_cast<std::size_t>(in.gcount())));
        if (!in)
            reader.finish();
        while (const NdjsonLine* line = reader.next()) {
            const Result<> taken =
                line->too_long ? Error{Errc::limit_exceeded, "longer than 1 MiB"} : take(line->line, line->text);
            if (taken)
                continue;
            std::fprintf(stderr, "winnow: %s line %zu: %s\n", name, line->line, taken.error().context.c_str());
            code = 1;
        }
    }
    return code;
}

/// NDJSON from standard input to standard output: `answer` gives a line for a line. `example` is one that can be read.
int answer_each(const std::string& example, const std::function<Result<json>(const json&)>& answer)
{
    const int code = for_each_line(std::cin, "standard input", [&](std::size_t, std::string_view text) -> Result<> {
        auto line = parse_json(text);
        if (!line || !line->is_object())
            return Error{Errc::invalid_argument,
                         (line ? "not a JSON object" : line.error().context) + "; a line looks like this: " + example};
        WINNOW_TRY(const json out, answer(*line));
        print_line(out);
        return {};
    });
    std::cout.flush();
    if (std::cout)
        return code;
    std::fprintf(stderr, "winnow: standard output cannot be written\n");
    return 1;
}

json address_json(const json& id, const ParsedAddress& parsed)
{
    json out{
        {"id", id}, {"valid", parsed.valid}, {"usable", parsed.usable}, {"normalized", nullptr}, {"reason", nullptr}};
    if (parsed.valid)
        out["normalized"] = parsed.address.to_string();
    if (!parsed.usable) {
        out["reason"] = to_string(parsed.fault);
        out["detail"] = parsed.detail;
    }
    return out;
}

struct TextReply {
    std::string text;
    int code = 0;  ///< 0 = whatever the text holds
    Stage stage = Stage::rcpt;
    std::string provider;
};

Result<TextReply> reply_of(const json& line, const ProviderTable& providers)
{
    TextReply reply;
    WINNOW_TRY(reply.text, text_member(line, "text"));
    if (const auto code = line.find("code"); code != line.end() && !code->is_null()) {
        if (!code->is_number_integer() || *code < 200 || *code > 599)
            return Error{Errc::invalid_argument, "\"code\" is not a reply code (200 to 599)"};
        reply.code = code->get<int>();
    }
    WINNOW_TRY(const std::string stage, text_member(line, "stage", "rcpt"));
    const auto known = from_string<Stage>(stage);
    if (!known)
        return Error{Errc::invalid_argument,
                     "\"stage\" is none of connect, banner, ehlo, starttls, auth, mail, rcpt, "
                     "data, end_of_data"};
    reply.stage = *known;
    WINNOW_TRY(reply.provider, text_member(line, "provider", ""));
    if (!reply.provider.empty() && providers.by_name(reply.provider) == nullptr)
        return Error{Errc::invalid_argument,
                     "\"provider\" is \"" + reply.provider + "\", which no row of mx-providers.tsv names"};
    return reply;
}

Classified classify(const ReplyClassifier& replies, const TextReply& reply)
{
    ReplyContext context;
    context.stage = reply.stage;
    context.provider = reply.provider;
    return reply.code == 0 ? replies.classify_text(reply.text, context)
                           : replies.classify(SmtpReply::make(reply.code, reply.text), context);
}

json classified_json(const Classified& c)
{
    return {{"category", to_string(c.klass)},
            {"action", to_string(c.action)},
            {"rule", c.rule},
            {"subject", to_string(c.subject)},
            {"clear", c.clear}};
}

/// One reply of a history: a JSON object as `replies classify` takes it, or the bare text.
Result<TextReply> history_line(std::string_view line, const ProviderTable& providers)
{
    if (line.starts_with('{')) {
        WINNOW_TRY(const json value, parse_json(line));
        return reply_of(value, providers);
    }
    TextReply reply;
    reply.text = line;
    return reply;
}

/// What a history of replies means by the shipped table, and by the installation's rows on top of it.
struct Comparison {
    struct Count {
        std::size_t shipped = 0, now = 0;
    };
    std::map<std::string_view, Count> classes;
    std::size_t replies = 0;
    json changes = json::array();

    void add(std::size_t line, const TextReply& reply, const Classified& shipped, const Classified& now)
    {
        ++replies;
        ++classes[to_string(shipped.klass)].shipped;
        ++classes[to_string(now.klass)].now;
        if (shipped.klass != now.klass || shipped.rule != now.rule)
            changes.push_back({{"line", line},
                               {"text", reply.text},
                               {"before", classified_json(shipped)},
                               {"now", classified_json(now)}});
    }

    json to_json() const
    {
        json counts = json::object();
        for (const auto& [name, count] : classes)
            counts[std::string(name)] = {{"shipped", count.shipped}, {"now", count.now}};
        return {{"replies", replies}, {"classes", counts}, {"changes", changes}};
    }

    std::string to_text() const
    {
        char line[120];
        std::string out;
        std::snprintf(line, sizeof line, "%-20s %9s %9s\n", "class", "shipped", "now");
        out += line;
        for (const auto& [name, count] : classes) {
            std::snprintf(line, sizeof line, "%-20s %9zu %9zu\n", std::string(name).c_str(), count.shipped, count.now);
            out += line;
        }
        std::snprintf(line, sizeof line, "%-20s %9zu %9zu\n\n", "all", replies, replies);
        out += line;
        if (changes.empty())
            return out + "replies_extra changes none of them\n";
        out += "replies_extra changes " + std::to_string(changes.size()) + ":\n";
        for (const json& change : changes) {
            const auto what = [&](const char* side) {
                return change[side]["category"].get<std::string>() + " (" + change[side]["rule"].get<std::string>() +
                       ")";
            };
            out += "  line " + std::to_string(change["line"].get<std::size_t>()) + ": " + what("before") + " -> " +
                   what("now") + "\n    " + change["text"].get<std::string>() + "\n";
        }
        return out;
    }
};

int test_replies(const Globals& globals, const std::string& path, const Runtime& runtime)
{
    const auto shipped = ReplyClassifier::load(runtime.share_dir + "/replies.tsv");
    if (!shipped)
        return fail(shipped.error());
    std::ifstream file;
    if (path != "-") {
        file.open(path, std::ios::binary);
        if (!file)
            return fail({Errc::not_found, path + " cannot be read"});
    }
    Comparison comparison;
    const int code =
        for_each_line(path == "-" ? std::cin : file, path == "-" ? "standard input" : path.c_str(),
                      [&](std::size_t number, std::string_view line) -> Result<> {
                          WINNOW_TRY(const TextReply reply, history_line(line, *runtime.providers));
                          comparison.add(number, reply, classify(*shipped, reply), classify(*runtime.replies, reply));
                          return {};
                      });
    if (globals.json)
        print_line(comparison.to_json());
    else
        std::cout << comparison.to_text();
    return code;
}

int show_data_status(const Globals& globals, const Runtime& runtime)
{
    if (globals.json) {
        json out = json::array();
        for (const auto& list : runtime.tables)
            out.push_back(
                {{"name", list.name}, {"entries", list.count}, {"version", list.version}, {"source", list.source}});
        print_line({{"complete", runtime.lists->complete()}, {"share_dir", runtime.share_dir}, {"lists", out}});
        return 0;
    }
    std::printf("%-16s %9s  %-26s %s\n", "list", "entries", "version", "source");
    for (const auto& list : runtime.tables)
        std::printf("%-16s %9s  %-26s %s\n", list.name.c_str(), with_commas(list.count).c_str(), list.version.c_str(),
                    list.source.c_str());
    if (!runtime.lists->complete())
        std::printf("\nthe address lists are the small built-in ones; scripts/fetch-lists makes the full ones\n");
    return 0;
}

/// Calls `run` with the tables that the configuration names, without a network.
int with_tables(const Globals& globals, const std::function<int(const Config&, const Runtime&)>& run)
{
    const auto config = configured(globals);
    if (!config)
        return 78;
    const SystemClock clock;
    const auto log = make_stderr_log(LogLevel::error, clock);
    const auto runtime = Runtime::make(*config, *log, false);
    if (!runtime)
        return fail_setup(runtime.error());
    return run(*config, **runtime);
}

}  // namespace

int run_address(const Globals& globals, const AddressCommand& command)
{
    if (command.ndjson)
        return answer_each(R"({"id":1,"address":"jane@example.com"})", [](const json& line) -> Result<json> {
            WINNOW_TRY(const std::string address, text_member(line, "address"));
            return as_result(address_json(id_of(line), parse_address(address)));
        });
    std::vector<std::string> addresses = command.addresses;
    if (addresses.empty() || (addresses.size() == 1 && addresses.front() == "-"))
        addresses = addresses_from_input();
    if (addresses.empty())
        return fail({Errc::invalid_argument, "no address given"});
    int code = 0;
    for (const std::string& given : addresses) {
        const std::string text{trim(given, white_space)};
        const ParsedAddress parsed = parse_address(text);
        if (!parsed.usable)
            code = 1;
        if (globals.json)
            print_line(address_json(text, parsed));
        else if (parsed.usable)
            std::printf("%s: usable, written %s\n", text.c_str(), parsed.address.to_string().c_str());
        else
            std::printf("%s: %s, %s\n", text.c_str(), parsed.valid ? "valid by the RFC but not usable" : "not valid",
                        parsed.detail.c_str());
    }
    return code;
}

int run_replies_classify(const Globals& globals)
{
    return with_tables(globals, [](const Config&, const Runtime& runtime) {
        return answer_each(R"({"id":1,"text":"550 5.1.1 User unknown"})", [&runtime](const json& line) -> Result<json> {
            WINNOW_TRY(const TextReply reply, reply_of(line, *runtime.providers));
            json out = classified_json(classify(*runtime.replies, reply));
            out["id"] = id_of(line);
            return as_result(std::move(out));
        });
    });
}

int run_replies_test(const Globals& globals, const std::string& path)
{
    return with_tables(globals,
                       [&](const Config&, const Runtime& runtime) { return test_replies(globals, path, runtime); });
}

int run_data_status(const Globals& globals)
{
    return with_tables(globals,
                       [&](const Config&, const Runtime& runtime) { return show_data_status(globals, runtime); });
}

}  // namespace winnow::app
