#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "app/config.hpp"
#include "core/asio_timer.hpp"
#include "core/metrics.hpp"
#include "core/provider_table.hpp"
#include "core/reply_classifier.hpp"
#include "core/rng.hpp"
#include "net/resolver.hpp"
#include "net/stream.hpp"
#include "verifier/recompute.hpp"

namespace winnow::app {

/// Where replies.tsv, mx-providers.tsv and lists/ lie: $WINNOW_SHARE_DIR, else share/winnow beside the program's
/// folder, else data/ of the source tree that the program was built in. Errc::not_found with the cure.
Result<std::string> find_share_dir(const std::string& configured);

/// What every command stands on: one io_context, the clocks, randomness, DNS, connections, tables and lists.
class Runtime {
public:
    /// `with_network` makes resolver and connector. Errors name the file or setting and the cure.
    static Result<std::unique_ptr<Runtime>> make(const Config& config, Log& log, bool with_network = true);
    ~Runtime();

    boost::asio::io_context io{1};
    SystemClock clock;
    SystemRng rng;
    AsioTimerSource timers{io.get_executor(), clock};
    Metrics metrics;
    Log& log;
    std::unique_ptr<net::Connector> connector;
    std::unique_ptr<net::Resolver> resolver;
    std::unique_ptr<ReplyClassifier> replies;
    std::unique_ptr<ProviderTable> providers;
    std::unique_ptr<verifier::AddressLists> lists;
    std::vector<verifier::ListStatus> tables;  ///< what the three were read from
    std::string share_dir;

    /// Reads replies, providers and lists anew, all or none of them: on an error they stay as they were. Who holds one
    /// by reference answers by the new rows from then on. On the io_context's thread, between two coroutines.
    Result<> reload_tables(const Config& config);

private:
    explicit Runtime(Log& l);
};

/// What reads evidence, as the runtime has it now and after a reload.
inline verifier::Rules rules_of(const Runtime& runtime)
{
    return {*runtime.replies, *runtime.providers, *runtime.lists};
}

/// Runs `main` on the runtime's io_context to its end and gives its exit code; an exception is logged and gives 1.
int run_to_end(Runtime& runtime, boost::asio::awaitable<int> main);
int run_to_end(boost::asio::io_context& io, Log& log, boost::asio::awaitable<int> main);

}  // namespace winnow::app
