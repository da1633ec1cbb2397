#include <csignal>
#include <cstdio>
#include <exception>

#include "app/cli.hpp"

int main(int argc, char** argv)
{
    // A closed pipe or socket, or a file-size limit, is an error code of the write, not the end of the process.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    try {
        return winnow::app::run_command_line(argc, argv);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "winnow: internal error: %s\n", e.what());
        return 1;
    }
}
