#pragma once

namespace winnow::app {

/// Parses the command line and runs the chosen command; gives the process's exit code.
int run_command_line(int argc, char** argv);

}  // namespace winnow::app
