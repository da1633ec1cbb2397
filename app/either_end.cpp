#include "app/either_end.hpp"

namespace winnow::app {
namespace {

using boost::asio::awaitable;

awaitable<int> told(const EitherEnd& story, Runtime& runtime, const Config& config, storage::Engine& engine)
{
    const auto done = co_await story.local(runtime, config, engine);
    co_return done ? *done : fail(done.error());
}

int on_data_dir(const Globals& globals, const EitherEnd& story, NewData new_data)
{
    auto config = configured(globals);
    if (!config)
        return 78;
    const SystemClock clock;
    const auto log = make_stderr_log(LogLevel::error, clock);
    auto runtime = Runtime::make(*config, *log, false);
    if (!runtime)
        return fail_setup(runtime.error());
    auto engine = open_data_dir(**runtime, *config, globals, new_data);
    if (!engine)
        return fail(engine.error());
    return run_to_end(**runtime, told(story, **runtime, *config, **engine));
}

}  // namespace

int at_either_end(const Globals& globals, const EitherEnd& story, NewData new_data)
{
    if (!globals.data_dir.empty() && globals.server.empty())
        return on_data_dir(globals, story, new_data);
    const auto remote = [&story](Client& client, Runtime&) -> awaitable<Result<int>> {
        co_return co_await story.remote(client);
    };
    return with_client(globals, remote);
}

}  // namespace winnow::app
