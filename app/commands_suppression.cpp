// `winnow suppression ...`: against a running server, or on a data directory that no server holds.
#include <unistd.h>

#include <boost/asio/this_coro.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "api/record_json.hpp"
#include "api/suppressed_before.hpp"
#include "api/suppression_export.hpp"
#include "api/suppression_import.hpp"
#include "api/suppression_page.hpp"
#include "app/either_end.hpp"
#include "app/end_on_signal.hpp"
#include "app/output_file.hpp"
#include "app/report.hpp"
#include "core/duration.hpp"
#include "core/ndjson.hpp"

namespace winnow::app {
namespace {

using boost::asio::awaitable;
using nlohmann::json;

constexpr const char* workspace = "default";
constexpr const char* actor = "cli";
constexpr int found_one = 3;
constexpr std::size_t entries_per_page = 1'000;

/// What the commands need of either end. Errors are in words for people.
class Suppressions {
public:
    virtual ~Suppressions() = default;
    /// The entry that stood there before; null when there was none.
    virtual awaitable<Result<json>> add(const SuppressionCommand& command, std::string address, std::string domain) = 0;
    /// False when there was none.
    /// `confirmed`: also what the person said.
    virtual awaitable<Result<bool>> remove(const SuppressionCommand& command, std::string address, std::string domain,
                                           bool confirmed) = 0;
    /// {"address", "suppressed_by": [...], "entries": [...]}
    virtual awaitable<Result<json>> find(const SuppressionCommand& command, std::string address) = 0;
    /// {"entries": [...], "next": the `after` of the next page, null at the end}
    virtual awaitable<Result<json>> page(const SuppressionListCommand& command, std::string after) = 0;
    /// {"added", "already_there", "malformed", "errors": [{"line", "detail"}], "kind"}
    virtual awaitable<Result<json>> import(const SuppressionCommand& command, InputFile& file) = 0;
    virtual awaitable<Result<>> export_to(const SuppressionCommand& command, OutputFile& file) = 0;
};

class RemoteSuppressions final : public Suppressions {
public:
    explicit RemoteSuppressions(Client& client) : client_(client) {}

    awaitable<Result<json>> add(const SuppressionCommand& command, std::string address, std::string domain) override
    {
        json form{{"reason", command.reason}, {"scope", command.scope}};
        const std::pair<const char*, const std::string*> texts[] = {
            {"address", &address}, {"domain", &domain}, {"list_id", &command.list_id}, {"note", &command.note}};
        for (const auto& [name, text] : texts)
            if (!text->empty())
                form[name] = *text;
        WINNOW_CO_TRY(const auto answer, co_await client_.post("/suppressions", dump_json(form)));
        co_return Result<json>{boost::system::in_place_value, answer.value("before", json(nullptr))};
    }

    awaitable<Result<bool>> remove(const SuppressionCommand& command, std::string address, std::string domain,
                                   bool confirmed) override
    {
        Query query{{"address", address},         {"domain", domain},     {"scope", command.scope},
                    {"list_id", command.list_id}, {"note", command.note}, {"confirm", confirmed ? "true" : ""}};
        const auto removed = co_await client_.del("/suppressions", query);
        if (!removed && removed.error().code == Errc::not_found)
            co_return false;
        if (!removed)
            co_return removed.error();
        co_return true;
    }

    awaitable<Result<json>> find(const SuppressionCommand& command, std::string address) override
    {
        Query query{{"address", address}, {"list_id", command.list_id}};
        co_return co_await client_.get("/suppressions", query);
    }

    awaitable<Result<json>> page(const SuppressionListCommand& command, std::string after) override
    {
        Query query{{"domain", command.domain},
                    {"reason", command.reason},
                    {"scope", command.scope},
                    {"list_id", command.list_id},
                    {"since", command.since},
                    {"after", std::move(after)},
                    {"limit", std::to_string(entries_per_page)}};
        co_return co_await client_.get("/suppressions", query);
    }

    awaitable<Result<json>> import(const SuppressionCommand& command, InputFile& file) override
    {
        Query query{{"reason", command.rows_reason},
                    {"scope", command.scope},
                    {"list_id", command.list_id},
                    {"column", command.column},
                    {"dry_run", command.dry_run ? "true" : ""}};
        auto read = [&file]() -> awaitable<Result<std::string>> { co_return file.read(); };
        std::function<awaitable<Result<std::string>>()> source = read;
        WINNOW_CO_TRY(auto answer, co_await client_.upload("/suppressions/import", query, source));
        co_return Result<json>{boost::system::in_place_value, answer.at("import")};
    }

    awaitable<Result<>> export_to(const SuppressionCommand& command, OutputFile& file) override
    {
        Query query{{"format", command.format}};
        auto write = [&file](std::string_view piece) { return file.write(piece); };
        std::function<Result<>(std::string_view)> sink = write;
        co_return co_await client_.download("/suppressions/export", query, sink);
    }

private:
    Client& client_;
};

Result<ScopeKind> scope_of(const SuppressionCommand& command)
{
    const ScopeKind scope = from_string<ScopeKind>(command.scope).value_or(ScopeKind::workspace);
    if (scope == ScopeKind::list && command.list_id.empty())
        return Error{Errc::invalid_argument, "--scope list needs --list ID"};
    return scope;
}

class LocalSuppressions final : public Suppressions {
public:
    LocalSuppressions(storage::Engine& engine, Rng& rng) : engine_(engine), rng_(rng) {}

    awaitable<Result<json>> add(const SuppressionCommand& command, std::string address, std::string domain) override
    {
        storage::SuppressionEntry entry;
        WINNOW_CO_TRY(entry.scope, scope_of(command));
        entry.workspace = workspace;
        entry.list_id = command.list_id;
        entry.address = address;
        entry.domain = domain;
        entry.reason = from_string<SuppressionReason>(command.reason).value_or(SuppressionReason::manual);
        entry.note = command.note;
        entry.actor = actor;
        entry.first = entry.last = engine_.now();
        WINNOW_CO_TRY(const auto before, co_await api::suppressed_before(engine_, entry));
        auto ops = storage::OpList::of(storage::AddSuppression{entry});
        WINNOW_CO_CHECK(co_await engine_.commit(std::move(ops)));
        co_return Result<json>{boost::system::in_place_value, before ? api::to_json(*before) : json(nullptr)};
    }

    /// Who asks has seen what goes.
    awaitable<Result<bool>> remove(const SuppressionCommand& command, std::string address, std::string domain,
                                   bool) override
    {
        storage::RemoveSuppression removal;
        WINNOW_CO_TRY(removal.scope, scope_of(command));
        removal.workspace = workspace;
        removal.list_id = command.list_id;
        removal.address = address;
        removal.domain = domain;
        removal.note = command.note;
        removal.actor = actor;
        auto ops = storage::OpList::of(removal);
        WINNOW_CO_TRY(const auto done, co_await engine_.commit(std::move(ops)));
        co_return done.results.front().removed;
    }

    awaitable<Result<json>> find(const SuppressionCommand& command, std::string address) override
    {
        const ParsedAddress parsed = parse_address(address);
        WINNOW_CO_TRY(const auto hits, engine_.check(workspace, command.list_id, parsed.address));
        WINNOW_CO_TRY(const auto found, co_await engine_.find_suppressions(workspace, parsed.address));
        json answer{{"address", address}, {"suppressed_by", json::array()}, {"entries", json::array()}};
        for (const storage::SuppressionHit& hit : hits)
            answer["suppressed_by"].push_back(hit.to_string());
        for (const storage::SuppressionEntry& entry : found)
            answer["entries"].push_back(api::to_json(entry));
        co_return Result<json>{boost::system::in_place_value, std::move(answer)};
    }

    awaitable<Result<json>> page(const SuppressionListCommand& command, std::string after) override
    {
        api::SuppressionQuery query;
        query.workspace = workspace;
        query.filter.domain = command.domain;
        query.filter.reason = from_string<SuppressionReason>(command.reason);
        query.filter.scope = from_string<ScopeKind>(command.scope);
        query.filter.list_id = command.list_id;
        if (!command.since.empty()) {
            WINNOW_CO_TRY(query.filter.since, parse_time(command.since));  // as run_suppression_list wrote it
        }
        query.with_global = true;
        query.after = std::move(after);
        query.limit = entries_per_page;
        co_return co_await api::suppression_page(engine_, std::move(query));
    }

    awaitable<Result<json>> import(const SuppressionCommand& command, InputFile& file) override
    {
        api::SuppressionImportOptions options;
        WINNOW_CO_TRY(options.scope, scope_of(command));
        options.workspace = workspace;
        options.list_id = command.list_id;
        options.reason = from_string<SuppressionReason>(command.rows_reason);
        options.column = command.column;
        options.dry_run = command.dry_run;
        options.actor = actor;
        api::SuppressionImport import{engine_, rng_, options};
        for (;;) {
            WINNOW_CO_TRY(auto piece, file.read());
            if (piece.empty())
                break;
            WINNOW_CO_CHECK(co_await import.feed(std::move(piece)));
        }
        WINNOW_CO_TRY(const auto summary, co_await import.finish());
        co_return Result<json>{boost::system::in_place_value, api::to_json(summary)};
    }

    awaitable<Result<>> export_to(const SuppressionCommand& command, OutputFile& file) override
    {
        const auto format = api::suppression_format(command.format);
        if (!format)
            co_return Error{Errc::invalid_argument, "--format " + command.format + " is not known"};
        storage::SuppressionFilter all;
        WINNOW_CO_TRY(const auto cursor, co_await engine_.open_suppressions(workspace, all));
        auto write = [&file](std::string piece) -> awaitable<Result<>> { co_return file.write(piece); };
        std::function<awaitable<Result<>>(std::string)> sink = write;
        co_return co_await api::export_suppressions(*cursor, *format, false, sink);
    }

private:
    storage::Engine& engine_;
    Rng& rng_;
};

using Story = std::function<awaitable<Result<int>>(Suppressions&)>;

int with_suppressions(const Globals& globals, const Story& story, NewData new_data = NewData::refused)
{
    EitherEnd ends;
    ends.remote = [&story](Client& client) -> awaitable<Result<int>> {
        RemoteSuppressions suppressions{client};
        co_return co_await story(suppressions);
    };
    ends.local = [&story](Runtime& runtime, const Config&, storage::Engine& engine) -> awaitable<Result<int>> {
        LocalSuppressions suppressions{engine, runtime.rng};
        co_return co_await story(suppressions);
    };
    return at_either_end(globals, ends, new_data);
}

/// The addresses of the command line, or the domain; one call for each.
std::vector<std::pair<std::string, std::string>> subjects_of(const SuppressionCommand& command)
{
    std::vector<std::pair<std::string, std::string>> subjects;
    for (const std::string& address : command.addresses)
        subjects.emplace_back(address, "");
    if (!command.domain.empty())
        subjects.emplace_back("", command.domain);
    return subjects;
}

/// All of them before the first is written: a mistyped one must not leave the others half done.
Result<> check_addresses(const SuppressionCommand& command)
{
    for (const std::string& address : command.addresses) {
        const ParsedAddress parsed = parse_address(address);
        if (!parsed.valid)
            return Error{Errc::invalid_argument, "\"" + address + "\" is not an address: " + parsed.detail};
    }
    return {};
}

Error nobody_named()
{
    return {Errc::invalid_argument, "no address given; name addresses, or a domain with --domain"};
}

/// {"address" or "domain": what was named, `done`: whether it was}
void print_subject(const std::string& address, const std::string& domain, const char* done, bool was)
{
    const json line{{address.empty() ? "domain" : "address", address + domain}, {done, was}};
    std::printf("%s\n", dump_json(line).c_str());
}

void print_added(const Globals& globals, const std::string& address, const std::string& domain, const json& before)
{
    if (globals.json) {
        const json line{{address.empty() ? "domain" : "address", address + domain},
                        {"added", true},
                        {"already", !before.is_null()},
                        {"before", before}};
        std::printf("%s\n", dump_json(line).c_str());
    } else if (!globals.quiet && before.is_null()) {
        std::fprintf(stderr, "%s added\n", (address + domain).c_str());
    } else if (!globals.quiet) {
        std::fprintf(stderr, "%s already suppressed since %s (%s)\n", (address + domain).c_str(),
                     before.at("first").get<std::string>().c_str(), before.at("reason").get<std::string>().c_str());
    }
}

void print_entries(const json& answer)
{
    std::string text = answer.at("address").get<std::string>() + ": ";
    if (answer.at("suppressed_by").empty())
        text += "may be mailed";
    for (const auto& hit : answer.at("suppressed_by"))
        text += (&hit == &answer.at("suppressed_by").front() ? "suppressed by " : ", ") + hit.get<std::string>();
    text += "\n";
    for (const auto& entry : answer.at("entries")) {
        text += "  " + entry.at("reason").get<std::string>() + " (" + entry.at("origin").get<std::string>() +
                ") since " + entry.at("first").get<std::string>();
        if (!entry.at("expires").is_null())
            text += ", until " + entry.at("expires").get<std::string>();
        if (!entry.at("rule").is_null())
            text += ", rule " + entry.at("rule").get<std::string>();
        if (!entry.at("note").is_null())
            text += ": " + entry.at("note").get<std::string>();
        text += "\n";
    }
    std::fputs(text.c_str(), stdout);
}

/// The address, @domain, or the digest of an entry of which only that is known.
std::string subject_of(const json& entry)
{
    if (entry.at("address").is_string())
        return entry.at("address").get<std::string>();
    if (entry.at("domain").is_string())
        return "@" + entry.at("domain").get<std::string>();
    return "digest " + entry.at("digest").get<std::string>();
}

/// Whether a flag chooses among the entries.
bool narrowed(const SuppressionListCommand& c)
{
    return !(c.domain.empty() && c.reason.empty() && c.scope.empty() && c.list_id.empty() && c.since.empty());
}

/// One line of the overview: day, reason, scope, subject.
void print_entry_row(const json& entry)
{
    std::printf("%-10s  %-11s  %-9s  %s\n", entry.at("first").get<std::string>().substr(0, 10).c_str(),
                entry.at("reason").get<std::string>().c_str(), entry.at("scope").get<std::string>().c_str(),
                subject_of(entry).c_str());
}

}  // namespace

int run_suppression_add(const Globals& globals, const SuppressionCommand& command)
{
    const auto subjects = subjects_of(command);
    if (subjects.empty())
        return fail(nobody_named());
    if (const auto good = check_addresses(command); !good)
        return fail(good.error());
    const Story story = [&](Suppressions& suppressions) -> awaitable<Result<int>> {
        std::vector<json> before;
        for (const auto& [address, domain] : subjects) {
            WINNOW_CO_TRY(auto stood, co_await suppressions.add(command, address, domain));
            before.push_back(std::move(stood));
        }
        for (std::size_t i = 0; i < subjects.size(); ++i)
            print_added(globals, subjects[i].first, subjects[i].second, before[i]);
        co_return 0;
    };
    return with_suppressions(globals, story, NewData::made);
}

/// Of what is known about an address, the entry of this scope that is the person's own word.
const json* own_word(const json& known, const SuppressionCommand& command)
{
    for (const json& entry : known.at("entries")) {
        const std::string reason = entry.value("reason", "");
        const std::string list = entry["list_id"].is_string() ? entry["list_id"].get<std::string>() : "";
        if ((reason == "complaint" || reason == "unsubscribe") && entry.value("scope", "") == command.scope &&
            list == command.list_id)
            return &entry;
    }
    return nullptr;
}

/// Shows what the person said and asks whether it is to go; where nobody can answer, that takes --yes.
Result<bool> may_lift(const SuppressionCommand& command, const std::string& address, const json& entry)
{
    // As JSON: a note may hold what a terminal obeys.
    const std::string word = address + ": " + entry.value("reason", "") + " of " + entry.value("first", "") +
                             ", note " + dump_json(entry["note"]);
    if (!command.yes && isatty(STDIN_FILENO) != 1)
        return Error{Errc::invalid_argument, word + ": that is the person's own word; to lift it, add --yes"};
    std::fprintf(stderr, "%s\n", word.c_str());
    if (command.yes)
        return true;
    std::fputs("The person said so. Lift it all the same? [y/N] ", stderr);
    const int answer = std::getchar();
    for (int c = answer; c != '\n' && c != EOF;)
        c = std::getchar();
    return answer == 'y' || answer == 'Y';
}

int run_suppression_remove(const Globals& globals, const SuppressionCommand& command)
{
    const auto subjects = subjects_of(command);
    if (subjects.empty())
        return fail(nobody_named());
    if (const auto good = check_addresses(command); !good)
        return fail(good.error());
    const Story story = [&](Suppressions& suppressions) -> awaitable<Result<int>> {
        // All are asked about before the first is lifted: a refusal must not leave the others half done.
        std::vector<bool> own_words;
        for (const auto& [address, domain] : subjects) {
            own_words.push_back(false);
            if (address.empty())
                continue;
            WINNOW_CO_TRY(const json known, co_await suppressions.find(command, address));
            const json* const entry = own_word(known, command);
            if (entry == nullptr)
                continue;
            WINNOW_CO_TRY(own_words.back(), may_lift(command, address, *entry));
            if (!own_words.back())
                co_return 1;
        }
        int code = 0;
        for (std::size_t i = 0; i < subjects.size(); ++i) {
            const auto& [address, domain] = subjects[i];
            const bool confirmed = own_words[i];
            WINNOW_CO_TRY(const bool removed, co_await suppressions.remove(command, address, domain, confirmed));
            if (globals.json)
                print_subject(address, domain, "removed", removed);
            else if (removed && !globals.quiet)
                std::fprintf(stderr, "%s removed\n", (address + domain).c_str());
            if (removed)
                continue;
            std::fprintf(stderr, "winnow: %s is not suppressed in this scope\n", (address + domain).c_str());
            code = 1;
        }
        co_return code;
    };
    return with_suppressions(globals, story);
}

int run_suppression_check(const Globals& globals, const SuppressionCommand& command)
{
    if (command.addresses.empty())
        return fail(nobody_named());
    if (const auto good = check_addresses(command); !good)
        return fail(good.error());
    const Story story = [&](Suppressions& suppressions) -> awaitable<Result<int>> {
        int code = 0;
        for (const std::string& address : command.addresses) {
            WINNOW_CO_TRY(const auto answer, co_await suppressions.find(command, address));
            if (!answer.at("suppressed_by").empty())
                code = found_one;
            if (globals.json)
                std::printf("%s\n", dump_json(answer).c_str());
            else
                print_entries(answer);
        }
        co_return code;
    };
    return with_suppressions(globals, story);
}

int run_suppression_list(const Globals& globals, const SuppressionListCommand& given)
{
    SuppressionListCommand command = given;
    if (!command.since.empty()) {
        const auto since = since_of(command.since, SystemClock{}.now());
        if (!since)
            return fail(since.error());
        command.since = format_time(*since);
    }
    const Story story = [&](Suppressions& suppressions) -> awaitable<Result<int>> {
        std::string after;
        bool any = false;
        for (;;) {
            WINNOW_CO_TRY(const auto page, co_await suppressions.page(command, after));
            for (const json& entry : page.at("entries")) {
                any = true;
                if (globals.json)
                    std::printf("%s\n", dump_json(entry).c_str());
                else if (globals.quiet)
                    std::printf("%s\n", subject_of(entry).c_str());
                else
                    print_entry_row(entry);
            }
            if (!page.at("next").is_string())
                break;
            after = page.at("next").get<std::string>();
        }
        if (!any && !globals.quiet && !globals.json)
            say(narrowed(command) ? "no suppression fits the flags" : "nobody is suppressed");
        co_return 0;
    };
    return with_suppressions(globals, story);
}

int run_suppression_import(const Globals& globals, const SuppressionCommand& command)
{
    auto file = InputFile::open(command.file);
    if (!file)
        return fail(file.error());
    const Story story = [&](Suppressions& suppressions) -> awaitable<Result<int>> {
        WINNOW_CO_TRY(const auto answer, co_await suppressions.import(command, *file));
        if (globals.json) {
            std::printf("%s\n", dump_json(answer).c_str());
        } else if (!globals.quiet) {
            const auto count = [&answer](const char* name) {
                return with_commas(answer.at(name).get<std::uint64_t>());
            };
            if (answer.at("kind").is_string())
                std::fprintf(stderr, "read as %s\n", answer.at("kind").get<std::string>().c_str());
            std::fprintf(stderr, "%s %s, %s already there, %s malformed%s\n", count("added").c_str(),
                         command.dry_run ? "new" : "added", count("already_there").c_str(), count("malformed").c_str(),
                         command.dry_run ? "; nothing was stored" : "");
            for (const auto& fault : answer.at("errors"))
                std::fprintf(stderr, "  line %s: %s\n", with_commas(fault.at("line").get<std::uint64_t>()).c_str(),
                             fault.at("detail").get<std::string>().c_str());
        }
        co_return 0;
    };
    return with_suppressions(globals, story, command.dry_run ? NewData::refused : NewData::made);
}

int run_suppression_export(const Globals& globals, const SuppressionCommand& command)
{
    auto file = OutputFile::open(command.file);
    if (!file)
        return fail(file.error());
    const Story story = [&](Suppressions& suppressions) -> awaitable<Result<int>> {
        const auto executor = co_await boost::asio::this_coro::executor;
        const EndOnSignal guard{executor, *file};
        WINNOW_CO_CHECK(co_await suppressions.export_to(command, *file));
        WINNOW_CO_CHECK(file->commit());
        co_return 0;
    };
    return with_suppressions(globals, story);
}

}  // namespace winnow::app
