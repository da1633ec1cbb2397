#include "app/cli_usage.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "app/report.hpp"
#include "core/edit_distance.hpp"

namespace winnow::app {
namespace {

/// The command that most resembles `word`, or nothing.
std::string nearest_command(CLI::App& app, const std::string& word)
{
    std::string nearest;
    std::size_t best = 3;  // edits; more is another word
    for (const CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) {
        const std::size_t distance = edit_distance(word, command->get_name(), best);
        if (distance < best) {
            best = distance;
            nearest = command->get_name();
        }
    }
    return nearest;
}

/// For a command that was named without what it should do: what there is.
std::string overview(const CLI::App& command, const std::string& name)
{
    std::string text = name + ": " + command.get_description() + "\n\ncommands:\n";
    for (const CLI::App* sub : command.get_subcommands({})) {
        std::string line = "  " + sub->get_name();
        line.resize(std::max<std::size_t>(line.size() + 1, 16), ' ');
        text += line + sub->get_description() + "\n";
    }
    return text + "\n" + command.get_footer() + "\n";
}

}  // namespace

int usage_error(CLI::App& app, const CLI::ParseError& e)
{
    CLI::App* command = &app;
    std::string name = "winnow";
    while (!command->get_subcommands().empty()) {
        command = command->get_subcommands().front();
        name += " " + command->get_name();
    }
    const std::vector<std::string> left = app.remaining(true);
    const bool has_commands = !command->get_subcommands({}).empty();
    if (has_commands && left.empty() && e.get_name() == "RequiredError") {
        std::fputs(overview(*command, name).c_str(), stderr);
        return 2;
    }
    std::string what = e.what();
    if (!left.empty() && left.front().front() != '-' && has_commands) {
        what = "there is no command '" + left.front() + "'";
        const std::string meant = nearest_command(*command, left.front());
        if (!meant.empty())
            what += "; did you mean '" + meant + "'?";
    }
    say(what + " (" + name + " --help tells more)");
    return 2;
}

}  // namespace winnow::app
