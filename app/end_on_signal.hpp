#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/signal_set.hpp>
#include <functional>
#include <string>

#include "app/output_file.hpp"

namespace winnow::app {

/// While it lives, SIGINT or SIGTERM calls `tidy`, prints `words` and ends the process with 128 + the signal's number,
/// without running destructors. For commands whose work goes on elsewhere or can be thrown away. The executor's thread
/// must not block meanwhile: a read of standard input would hold the signal up.
class EndOnSignal {
public:
    EndOnSignal(const boost::asio::any_io_executor& executor, std::string words, std::function<void()> tidy);
    /// For a command that writes `output`, which outlives this: what can be taken back is.
    EndOnSignal(const boost::asio::any_io_executor& executor, OutputFile& output);

private:
    boost::asio::signal_set signals_;
};

}  // namespace winnow::app
