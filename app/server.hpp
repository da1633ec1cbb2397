#pragma once

#include <memory>
#include <string>

#include "api/auth.hpp"
#include "app/runtime.hpp"
#include "relay/campaigns.hpp"
#include "storage/engine.hpp"
#include "verifier/jobs.hpp"

namespace winnow::app {

/// The gateway: store, verifier, relay, submission, bounce listener and HTTP in one process, on the runtime's
/// io_context.
class Server {
public:
    /// Opens the store and binds every listener, so that all errors of start-up come at once and before any work.
    static Result<std::unique_ptr<Server>> open(Runtime& runtime, const Config& config);
    ~Server();

    /// Resumes jobs and campaigns and starts serving. Returns at once.
    boost::asio::awaitable<Result<>> start();
    /// Stops accepting, finishes transactions under way, syncs and closes the store. False when `patience` was over
    /// before all had ended: coroutines still hold on to the server then, and the process must be left with
    /// leave_at_once(). What they were doing is as after a crash: still in the store.
    boost::asio::awaitable<bool> stop(milliseconds patience);

    /// Reads http.keys_file anew and gives the number of keys. On an error the keys stay as they were.
    Result<std::size_t> reload_keys();
    /// Reads the reply table with its extra rows, the provider table and the address lists anew
    /// (Runtime::reload_tables) and logs what it has. On an error all stay as they were.
    Result<> reload_tables();

    net::Endpoint http() const;
    net::Endpoint submission() const;  ///< port 0 when off
    net::Endpoint bounce() const;
    storage::Engine& engine();
    verifier::Verifier& verifier();
    verifier::VerificationJobs& jobs();
    relay::Campaigns& campaigns();

private:
    struct Impl;
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace winnow::app
