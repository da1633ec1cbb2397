#include "api/problem.hpp"

#include <gtest/gtest.h>

#include "tests/support/json.hpp"

namespace winnow::api {
namespace {

TEST(Problem, HasTheMembersOfRfc9457AndOurs)
{
    Problem problem = invalid_request("/subject", "is empty");
    problem.request_id = "R1";
    const net::HttpResponse response = to_response(problem);
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(response.fields.get("Content-Type"), "application/problem+json");
    const auto body = test::parse_json(response.body);
    EXPECT_EQ(body["type"], "/problems/invalid_request");
    EXPECT_EQ(body["title"], "The request is not valid");
    EXPECT_EQ(body["status"], 400);
    EXPECT_EQ(body["detail"], "/subject: is empty");
    EXPECT_EQ(body["code"], "invalid_request");
    EXPECT_EQ(body["request_id"], "R1");
    EXPECT_EQ(body["errors"][0]["pointer"], "/subject");
    EXPECT_EQ(body["errors"][0]["detail"], "is empty");
}

TEST(Problem, ErrorsBecomeTheStatusThatTellsTheCallerWhatToDo)
{
    const std::pair<Errc, int> rows[] = {
        {Errc::invalid_argument, 400}, {Errc::not_found, 404},         {Errc::already_exists, 409},
        {Errc::conflict, 409},         {Errc::permission_denied, 403}, {Errc::limit_exceeded, 413},
        {Errc::disk_full, 507},        {Errc::unavailable, 503},       {Errc::timed_out, 504},
        {Errc::corrupt, 500},          {Errc::internal, 500},          {Errc::io_error, 500}};
    for (const auto& [code, status] : rows)
        EXPECT_EQ(problem_of(Error{code, "why"}).status, status) << static_cast<int>(code);
}

TEST(Problem, WhatTheHttpServerRefusesIsAProblemToo)
{
    const std::pair<int, const char*> rows[] = {
        {400, "malformed_request"}, {408, "timed_out"},       {413, "too_large"},   {417, "expectation_failed"},
        {431, "header_too_large"},  {501, "not_implemented"}, {503, "unavailable"}, {505, "version_not_supported"},
        {418, "malformed_request"}};
    for (const auto& [status, word] : rows) {
        const net::HttpResponse response = refusal(status, "the reason");
        EXPECT_EQ(response.status, status);
        EXPECT_EQ(response.fields.get("Content-Type"), "application/problem+json");
        EXPECT_EQ(response.fields.get("X-Content-Type-Options"), "nosniff");
        const auto body = test::parse_json(response.body);
        EXPECT_EQ(body["status"], status);
        EXPECT_EQ(body["code"], word);
        EXPECT_EQ(body["detail"], "the reason");
        EXPECT_NE(body["title"], "");
    }
    EXPECT_EQ(refusal(503, "full").fields.get("Retry-After"), "5");
    EXPECT_EQ(refusal(500, "/var/lib/secret").body.find("secret"), std::string::npos);
}

TEST(Problem, AnInternalErrorTellsTheLogAndNotTheClient)
{
    const Problem problem = problem_of(Error{Errc::io_error, "cannot write /srv/winnow/000123.sst"});
    EXPECT_NE(problem.cause.find("000123.sst"), std::string::npos);
    EXPECT_EQ(to_response(problem).body.find("000123.sst"), std::string::npos);
}

TEST(Problem, AFullDiskIsToldWithoutTheNamesOfFiles)
{
    const Problem problem = problem_of(Error{Errc::disk_full, "While appending to file: /srv/winnow/000004.log"});
    EXPECT_NE(problem.cause.find("000004.log"), std::string::npos);
    EXPECT_EQ(to_response(problem).body.find("/srv"), std::string::npos);
}

TEST(Problem, FieldsOfTheAnswerSayHowToGoOn)
{
    Problem refused{401, "unauthorized", "A valid API key is needed", "x", {}};
    EXPECT_TRUE(to_response(refused).fields.has("WWW-Authenticate"));
    EXPECT_EQ(to_response(problem_of(Error{Errc::unavailable, "x"})).fields.get("Retry-After"), "5");
    Problem capped{429, "probe_cap_reached", "t", "d", {}};
    capped.retry_after = 77;
    EXPECT_EQ(to_response(capped).fields.get("Retry-After"), "77");
}

TEST(Problem, OctetsThatAreNotUtf8DoNotBreakTheAnswer)
{
    const auto body = test::parse_json(to_response(Error{Errc::invalid_argument, "caf\xe9"}).body);
    EXPECT_EQ(body["detail"], "caf\xef\xbf\xbd");
}

TEST(Problem, ABodyThatCannotBeReadIsNeverOurFault)
{
    EXPECT_EQ(unreadable_body(Error{Errc::limit_exceeded, "x"}).status, 413);
    EXPECT_EQ(unreadable_body(Error{Errc::timed_out, "x"}).status, 408);
    EXPECT_EQ(unreadable_body(Error{Errc::protocol, "x"}).status, 400);
    EXPECT_EQ(unreadable_body(Error{Errc::io_error, "x"}).status, 400);
}

}  // namespace
}  // namespace winnow::api
