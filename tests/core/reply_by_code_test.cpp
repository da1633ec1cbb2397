#include "core/reply_by_code.hpp"

#include <gtest/gtest.h>

#include <string>

namespace winnow {
namespace {

const ReplyClassifier& table()
{
    static const ReplyClassifier replies =
        std::move(ReplyClassifier::load(std::string(WINNOW_DATA_DIR) + "/replies.tsv").value());
    return replies;
}

Classified at_rcpt(int code, std::string_view text)
{
    return read_by_code(table(), SmtpReply::make(code, text), ReplyContext{});
}

TEST(ReplyByCode, AReplyAboutTheDialogueIsNeverAboutTheAddressWhateverItsWords)
{
    for (const char* words : {"5.1.1 user unknown, need MAIL", "5.1.1 no such user", "mailbox is full",
                              "5.2.1 this account has been disabled", "5.2.2 over quota"}) {
        for (int code = 500; code <= 504; ++code) {
            const Classified meaning = at_rcpt(code, words);
            EXPECT_NE(meaning.subject, Subject::address) << code << ' ' << words;
            EXPECT_EQ(meaning.rule, "code:dialogue") << code << ' ' << words;
        }
        EXPECT_EQ(at_rcpt(550, words).subject, Subject::address) << words;
    }
}

TEST(ReplyByCode, WhatASequenceErrorSaysAboutUsIsHeardAllTheSame)
{
    EXPECT_EQ(at_rcpt(503, "5.7.1 your IP address is blocked by our policy").subject, Subject::us);
}

TEST(ReplyByCode, AYesToRcptIsOneOfThreeCodesAndDoesNotSayNo)
{
    for (const int code : {250, 251, 252})
        EXPECT_EQ(at_rcpt(code, "2.1.5 ok").klass, ReplyClass::delivered) << code;
    EXPECT_EQ(at_rcpt(250, "ok").klass, ReplyClass::delivered);
    for (const int code : {200, 211, 214, 220, 221, 235, 253, 299, 354})
        EXPECT_EQ(at_rcpt(code, "2.1.5 ok").klass, ReplyClass::protocol) << code;
    for (const char* words : {"5.1.1 user unknown", "4.2.1 come back"}) {
        const Classified meaning = at_rcpt(250, words);
        EXPECT_EQ(meaning.klass, ReplyClass::protocol) << words;
        EXPECT_EQ(meaning.subject, Subject::nobody) << words;
        EXPECT_EQ(meaning.rule, "code:no_answer") << words;
    }
}

TEST(ReplyByCode, TheReplyToTheFinalDotIsADeliveryWithAnyPositiveCode)
{
    ReplyContext context;
    context.stage = Stage::end_of_data;
    EXPECT_EQ(read_by_code(table(), SmtpReply::make(250, "queued"), context).klass, ReplyClass::delivered);
}

}  // namespace
}  // namespace winnow
