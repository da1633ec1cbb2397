#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/system/result.hpp>
#include <utility>
#include <variant>

#include "api/problem.hpp"
#include "core/result.hpp"

namespace winnow::api {

template <class T>
using awaitable = boost::asio::awaitable<T>;

/// A value, or what is wrong with the request. For functions that read requests: WINNOW_CO_TRY hands the problem on.
template <class T = void>
using Checked = boost::system::result<T, Problem>;

/// How a handler ends: a response, or a problem. Made from both and from errors implicitly, so that handlers just
/// co_return what they have.
class Answer {
public:
    Answer(net::HttpResponse response) : end_(std::move(response)) {}
    Answer(Problem problem) : end_(std::move(problem)) {}
    Answer(const Error& error) : end_(problem_of(error)) {}

    net::HttpResponse* response() noexcept { return std::get_if<net::HttpResponse>(&end_); }
    Problem* problem() noexcept { return std::get_if<Problem>(&end_); }

private:
    std::variant<net::HttpResponse, Problem> end_;
};

}  // namespace winnow::api
