#include "core/error.hpp"

#include <gtest/gtest.h>

#include <boost/asio/error.hpp>

#include "core/result.hpp"

namespace winnow {
namespace {

Result<int> twice(Result<int> input)
{
    WINNOW_TRY(int value, std::move(input));
    return value * 2;
}

TEST(Error, TryPassesTheValueOnAndReturnsTheError)
{
    EXPECT_EQ(twice(21).value(), 42);
    const auto failed = twice(Error{Errc::timed_out, "asked ns.example.test"});
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().code, Errc::timed_out);
    EXPECT_EQ(failed.error().message(), "asked ns.example.test (timed out)");
}

TEST(Error, ValueOfAnErrorThrowsItsMessage)
{
    EXPECT_THROW((void)twice(Error{Errc::internal}).value(), std::runtime_error);
}

TEST(Error, DispositionKnowsOurCodesTheSystemsAndNeverGuessesPermanent)
{
    EXPECT_EQ(disposition(make_error_code(Errc::timed_out)), Disposition::transient);
    EXPECT_EQ(disposition(make_error_code(Errc::invalid_argument)), Disposition::permanent);
    EXPECT_EQ(disposition(boost::asio::error::connection_refused), Disposition::transient);
    EXPECT_EQ(disposition(boost::asio::error::eof), Disposition::transient);
    EXPECT_EQ(disposition(boost::system::errc::make_error_code(boost::system::errc::bad_message)),
              Disposition::unknown);
}

}  // namespace
}  // namespace winnow
