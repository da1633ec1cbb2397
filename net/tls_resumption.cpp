#include "net/tls_resumption.hpp"

namespace winnow::net {
namespace {

constexpr std::size_t most_servers = 2'000;  ///< with their certificates about 10 MB

int on_new_session(SSL* ssl, SSL_SESSION* offered)
{
    SslSessionPtr session(offered);
    const char* const server = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (server != nullptr && SSL_SESSION_is_resumable(session.get()) == 1)
        TlsResumption::shared().keep(server, std::move(session));
    return 1;  // it was ours to free
}

}  // namespace

void TlsResumption::keep(const std::string& server, SslSessionPtr session)
{
    const std::lock_guard lock(mutex_);
    if (const auto before = by_server_.find(server); before != by_server_.end()) {
        kept_.erase(before->second);
        by_server_.erase(before);
    }
    kept_.push_back({server, std::move(session)});
    by_server_[server] = std::prev(kept_.end());
    if (kept_.size() > most_) {
        by_server_.erase(kept_.front().server);
        kept_.pop_front();
    }
}

SslSessionPtr TlsResumption::take(const std::string& server)
{
    const std::lock_guard lock(mutex_);
    const auto found = by_server_.find(server);
    if (found == by_server_.end())
        return nullptr;
    SslSessionPtr session = std::move(found->second->session);
    kept_.erase(found->second);
    by_server_.erase(found);
    return session;
}

TlsResumption& TlsResumption::shared()
{
    static TlsResumption sessions{most_servers};
    return sessions;
}

void TlsResumption::enable(SSL_CTX* context)
{
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_new_session);
}

}  // namespace winnow::net
