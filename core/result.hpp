#pragma once

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>
#include <utility>

#include "core/error.hpp"

namespace winnow {

/// A value or our failure to get one. Never default-construct a Result<> in a completion handler: it reads as success;
/// test the exception_ptr first.
template <class T = void>
using Result = boost::system::result<T, Error>;

/// For Result::value() on an error: a broken invariant, hence an exception (std::runtime_error with Error::message()).
[[noreturn]] void throw_exception_from_error(const Error& error, const boost::source_location& where);

}  // namespace winnow

#define WINNOW_CONCAT_2(a, b) a##b
#define WINNOW_CONCAT(a, b) WINNOW_CONCAT_2(a, b)

/// `WINNOW_TRY(auto x, f());` declares x from the value, or returns the error. Its own statement, never an expression:
/// g++ 12.2 miscompiles statement expressions in coroutines.
#define WINNOW_TRY(decl, expr)                                   \
    auto WINNOW_CONCAT(try_, __LINE__) = (expr);                 \
    if (!WINNOW_CONCAT(try_, __LINE__))                          \
        return std::move(WINNOW_CONCAT(try_, __LINE__)).error(); \
    decl = std::move(*WINNOW_CONCAT(try_, __LINE__))

/// `WINNOW_CHECK(f());` returns the error of a Result<>, if any.
#define WINNOW_CHECK(expr)                       \
    auto WINNOW_CONCAT(try_, __LINE__) = (expr); \
    if (!WINNOW_CONCAT(try_, __LINE__))          \
    return std::move(WINNOW_CONCAT(try_, __LINE__)).error()

/// The same two for coroutines: `WINNOW_CO_TRY(auto reply, co_await smtp.command("NOOP"));`
#define WINNOW_CO_TRY(decl, expr)                                   \
    auto WINNOW_CONCAT(try_, __LINE__) = (expr);                    \
    if (!WINNOW_CONCAT(try_, __LINE__))                             \
        co_return std::move(WINNOW_CONCAT(try_, __LINE__)).error(); \
    decl = std::move(*WINNOW_CONCAT(try_, __LINE__))

#define WINNOW_CO_CHECK(expr)                    \
    auto WINNOW_CONCAT(try_, __LINE__) = (expr); \
    if (!WINNOW_CONCAT(try_, __LINE__))          \
    co_return std::move(WINNOW_CONCAT(try_, __LINE__)).error()
