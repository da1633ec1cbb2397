#pragma once

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace winnow::app {

/// One sentence on standard error with the way to the help of the command that was meant, or an overview of its
/// commands when there is no wrong word. `app` has parsed as far as it came. Gives the exit code, 2.
int usage_error(CLI::App& app, const CLI::ParseError& e);

}  // namespace winnow::app
