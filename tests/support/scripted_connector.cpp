#include "tests/support/scripted_connector.hpp"

namespace winnow::test {
namespace {

/// The caller owns what it connected, the test owns the script.
class Borrowed final : public net::Stream {
public:
    explicit Borrowed(ScriptedStream& dialog) : dialog_(dialog) {}
    ~Borrowed() override { dialog_.close(); }
    void expires_after(milliseconds timeout) override { dialog_.expires_after(timeout); }
    net::awaitable<Result<std::size_t>> read_some(std::span<char> out) override { return dialog_.read_some(out); }
    net::awaitable<Result<>> write(std::string data) override { return dialog_.write(std::move(data)); }
    net::awaitable<Result<>> start_tls_client(net::TlsClientOptions options) override
    {
        return dialog_.start_tls_client(std::move(options));
    }
    net::awaitable<Result<>> start_tls_server(std::shared_ptr<net::TlsServerContext> context) override
    {
        return dialog_.start_tls_server(std::move(context));
    }
    bool encrypted() const noexcept override { return dialog_.encrypted(); }
    net::TlsInfo tls_info() const override { return dialog_.tls_info(); }
    net::Endpoint peer() const override { return dialog_.peer(); }
    net::Endpoint local() const override { return dialog_.local(); }
    void close() override { dialog_.close(); }

    ScriptedStream& dialog_;
};

}  // namespace

ScriptedConnector::ScriptedConnector() = default;
ScriptedConnector::~ScriptedConnector() = default;

void ScriptedConnector::script(const std::string& ip, ScriptedStream& dialog)
{
    serve(ip, [&dialog] { return std::unique_ptr<net::Stream>(std::make_unique<Borrowed>(dialog)); });
}

void ScriptedConnector::fail(const std::string& ip, Error error)
{
    serve(ip, [error = std::move(error)] { return Result<std::unique_ptr<net::Stream>>(error); });
}

void ScriptedConnector::serve(const std::string& ip, MakeStream make)
{
    answers_[ip].push_back(std::move(make));
}

net::awaitable<Result<std::unique_ptr<net::Stream>>> ScriptedConnector::connect(net::Endpoint to,
                                                                                net::ConnectOptions options)
{
    attempts.emplace_back(to, options);
    auto& answers = answers_[to.ip];
    if (answers.empty())
        co_return Error{boost::system::errc::make_error_code(boost::system::errc::connection_refused),
                        "connect to " + to.to_string()};
    const MakeStream make = answers.front();
    if (answers.size() > 1)
        answers.erase(answers.begin());
    co_return make();
}

}  // namespace winnow::test
