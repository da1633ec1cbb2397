#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <exception>

#include "app/cli.hpp"

namespace {

/// The usual soft limit of 1,024 descriptors is less than a busy gateway's connections and RocksDB's files together.
void raise_descriptor_limit()
{
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv)
{
    raise_descriptor_limit();
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
