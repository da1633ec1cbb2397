#include "app/end_on_signal.hpp"

#include <csignal>
#include <utility>

#include "app/commands.hpp"

namespace winnow::app {

EndOnSignal::EndOnSignal(const boost::asio::any_io_executor& executor, std::string words, std::function<void()> tidy)
    : signals_(executor, SIGINT, SIGTERM)
{
    signals_.async_wait(
        [words = std::move(words), tidy = std::move(tidy)](const boost::system::error_code& failed, int signal) {
            if (failed)
                return;
            tidy();
            leave_at_once(128 + signal, words.c_str());
        });
}

EndOnSignal::EndOnSignal(const boost::asio::any_io_executor& executor, OutputFile& output)
    : EndOnSignal(executor, output.in_place() ? "interrupted" : "interrupted; nothing was written",
                  [&output] { output.discard(); })
{
}

}  // namespace winnow::app
