#include "app/runtime.hpp"

#include <boost/asio/co_spawn.hpp>
#include <cstdlib>
#include <exception>
#include <filesystem>

#include "app/output_file.hpp"

namespace winnow::app {
namespace {

namespace fs = std::filesystem;

constexpr const char* marker = "replies.tsv";

bool holds_tables(const fs::path& dir)
{
    std::error_code ignored;
    return fs::is_regular_file(dir / marker, ignored);
}

Result<std::string> text_of(const std::string& path)
{
    WINNOW_TRY(auto file, InputFile::open(path));
    std::string text;
    for (;;) {
        WINNOW_TRY(const auto piece, file.read());
        if (piece.empty())
            return text;
        text += piece;
    }
}

/// The shipped table, then the installation's own rows: of two rows with one id the later one counts.
Result<ReplyClassifier> load_replies(const std::string& shipped, const std::string& extra)
{
    if (extra.empty())
        return ReplyClassifier::load(shipped);
    WINNOW_TRY(const auto table, text_of(shipped));
    const auto own = text_of(extra);
    if (!own)
        return Error{own.error().code, "replies_extra: " + own.error().context};
    auto both = ReplyClassifier::parse(table + "\n" + *own);
    if (!both)
        return Error{both.error().code,
                     "replies_extra " + extra + " (lines count on from the shipped table's): " + both.error().context};
    return both;
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

    WINNOW_TRY(auto replies, load_replies(runtime->share_dir + "/replies.tsv", config.replies_extra));
    runtime->replies = std::make_unique<const ReplyClassifier>(std::move(replies));
    WINNOW_TRY(auto providers, ProviderTable::load(runtime->share_dir + "/mx-providers.tsv"));
    runtime->providers = std::make_unique<const ProviderTable>(std::move(providers));

    auto lists = verifier::AddressLists::load(runtime->share_dir + "/lists");
    if (lists) {
        runtime->lists = std::make_unique<const verifier::AddressLists>(std::move(*lists));
    } else {
        log.warn("lists.built_in", {{"why", lists.error().message()}, {"cure", "run scripts/fetch-lists"}});
        runtime->lists = std::make_unique<const verifier::AddressLists>(verifier::AddressLists::built_in());
    }

    if (with_network) {
        runtime->connector = net::make_tcp_connector(runtime->io.get_executor());
        WINNOW_TRY(auto upstream, net::make_cares_resolver(runtime->io.get_executor(), config.dns));
        runtime->resolver = net::make_caching_resolver(std::move(upstream), runtime->clock, config.dns_cache);
    }
    return runtime;
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
