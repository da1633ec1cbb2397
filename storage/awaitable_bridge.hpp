#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/execution/outstanding_work.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <memory>
#include <utility>

#include "core/result.hpp"

/// From a thread of the storage room back to the coroutine that waits, on its own executor.
namespace winnow::storage {

template <class T>
using Completion = std::function<void(Result<T>)>;

/// Waits for what `start` promises: start(Completion<T>) is called on the caller's thread, the completion once, on any
/// thread. While it is pending the caller's io_context has work. Not a coroutine: no lambda of ours lives in a
/// coroutine frame, which g++ 12 miscompiles.
template <class T, class Start>
boost::asio::awaitable<Result<T>> await_completion(Start start)
{
    namespace asio = boost::asio;
    auto initiation = [](auto handler, Start begin) {
        auto executor = asio::get_associated_executor(handler);
        auto work = asio::prefer(executor, asio::execution::outstanding_work.tracked);
        // Handlers move only, std::function copies: one shared place for both.
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        // Posting through the tracked executor itself loses count of the work in Boost 1.81, so that is only held. It
        // travels with the posted handler: nothing of ours touches the caller's context once the coroutine goes on.
        begin(Completion<T>([shared, executor, work](Result<T> result) mutable {
            asio::post(executor, [shared = std::move(shared), outcome = std::move(result),
                                  held = std::move(work)]() mutable { (*shared)(std::move(outcome)); });
        }));
    };
    return asio::async_initiate<const asio::use_awaitable_t<>&, void(Result<T>)>(std::move(initiation),
                                                                                 asio::use_awaitable, std::move(start));
}

}  // namespace winnow::storage
