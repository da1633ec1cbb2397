#include "app/runtime.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <cstdlib>
#include <exception>
#include <filesystem>

#include "app/tables.hpp"

namespace winnow::app {
namespace {

namespace fs = std::filesystem;

constexpr const char* marker = "replies.tsv";

bool holds_tables(const fs::path& dir)
{
    std::error_code ignored;
    return fs::is_regular_file(dir / marker, ignored);
}

}  // namespace

Result<std::string> find_share_dir(const std::string& configured)
{
    if (!configured.empty()) {
        if (holds_tables(configured))
            return configured;
        return Error{Errc::not_found, "share_dir " + configured + " holds no " + marker};
    }
    if (const char* from_environment = std::getenv("WINNOW_SHARE_DIR")) {
        if (holds_tables(from_environment))
            return std::string(from_environment);
        return Error{Errc::not_found, std::string("WINNOW_SHARE_DIR ") + from_environment + " holds no " + marker};
    }
    std::error_code failed;
    const fs::path program = fs::read_symlink("/proc/self/exe", failed);
    if (!failed) {
        const fs::path installed = program.parent_path().parent_path() / "share" / "winnow";
        if (holds_tables(installed))
            return installed.string();
        for (fs::path dir = program.parent_path(); dir.has_relative_path(); dir = dir.parent_path())
            if (holds_tables(dir / "data"))
                return (dir / "data").string();
    }
    return Error{
        Errc::not_found,
        std::string(marker) + " was not found beside the program; set WINNOW_SHARE_DIR to the folder that holds it"};
}

Runtime::Runtime(Log& l) : log(l) {}
Runtime::~Runtime() = default;

Result<std::unique_ptr<Runtime>> Runtime::make(const Config& config, Log& log, bool with_network)
{
    std::unique_ptr<Runtime> runtime{new Runtime(log)};
    WINNOW_TRY(runtime->share_dir, find_share_dir(config.share_dir));

    WINNOW_TRY(Tables tables, Tables::load(runtime->share_dir, config.replies_extra));
    if (tables.why_built_in)
        log.warn("lists.built_in", {{"why", tables.why_built_in->message()}, {"cure", "run scripts/fetch-lists"}});
    runtime->replies = std::make_unique<ReplyClassifier>(std::move(tables.replies));
    runtime->providers = std::make_unique<ProviderTable>(std::move(tables.providers));
    runtime->lists = std::make_unique<verifier::AddressLists>(std::move(tables.lists));
    runtime->tables = std::move(tables.status);

    if (with_network) {
        runtime->connector = net::make_tcp_connector(runtime->io.get_executor());
        WINNOW_TRY(auto upstream, net::make_cares_resolver(runtime->io.get_executor(), config.dns));
        runtime->resolver = net::make_caching_resolver(std::move(upstream), runtime->clock, config.dns_cache);
    }
    return runtime;
}

Result<> Runtime::reload_tables(const Config& config)
{
    WINNOW_TRY(Tables fresh, Tables::load(share_dir, config.replies_extra));
    // Lists that were there a moment ago and cannot be read now are a mishap, no reason to work with less.
    if (fresh.why_built_in && lists->complete())
        return *fresh.why_built_in;
    const auto version_of = [](const std::vector<verifier::ListStatus>& all, std::string_view name) {
        const auto found = std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.name == name; });
        return found == all.end() ? std::string{} : found->version;
    };
    replies->replace_rows(std::move(fresh.replies));
    // Replaced providers are kept in memory: not again for the same ones.
    if (version_of(tables, "mx-providers") != version_of(fresh.status, "mx-providers"))
        providers->replace_rows(std::move(fresh.providers));
    lists->replace(std::move(fresh.lists));
    tables = std::move(fresh.status);
    return {};
}

int run_to_end(Runtime& runtime, boost::asio::awaitable<int> main)
{
    return run_to_end(runtime.io, runtime.log, std::move(main));
}

int run_to_end(boost::asio::io_context& io, Log& log, boost::asio::awaitable<int> main)
{
    int exit_code = 1;
    boost::asio::co_spawn(io, std::move(main), [&](std::exception_ptr failed, int code) {
        if (!failed) {
            exit_code = code;
        } else {
            try {
                std::rethrow_exception(failed);
            } catch (const std::exception& e) {
                log.error("command.failed", {{"what", e.what()}});
            }
        }
        io.stop();
    });
    io.run();
    return exit_code;
}

}  // namespace winnow::app
