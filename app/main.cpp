#include <csignal>
#include <cstdio>
#include <exception>

#include "app/cli.hpp"

int main(int argc, char** argv)
{
    std::signal(SIGPIPE, SIG_IGN);  // a closed pipe or socket is an error code of the write, not the end of the process
    try {
        return winnow::app::run_command_line(argc, argv);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "winnow: internal error: %s\n", e.what());
        return 1;
    }
}
