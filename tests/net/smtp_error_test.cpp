#include "net/smtp_error.hpp"

#include <gtest/gtest.h>

#include "core/error.hpp"

namespace winnow::net {
namespace {

TEST(SmtpError, SaysWhatHappenedAndWhetherToTryAgain)
{
    const Error error{SmtpErrc::unexpected_eof, "MAIL to mx.example.test"};
    EXPECT_EQ(error.message(), "MAIL to mx.example.test (connection closed before the end of the reply)");
    EXPECT_EQ(error.disposition(), Disposition::transient);
}

TEST(SmtpError, NoFailureOfTheConnectionIsEverPermanent)
{
    for (int value = 0; value < 20; ++value)
        EXPECT_NE(disposition(make_error_code(static_cast<SmtpErrc>(value))), Disposition::permanent) << value;
}

}  // namespace
}  // namespace winnow::net
