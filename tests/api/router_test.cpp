#include "api/router.hpp"

#include <gtest/gtest.h>

namespace winnow::api {
namespace {

constexpr const char* id = "01J00000000000000000000000";

Router sample()
{
    return Router{{{"GET", "/a", nullptr},
                   {"POST", "/a", nullptr},
                   {"GET", "/a/{id}", nullptr},
                   {"POST", "/a/{id}/start", nullptr},
                   {"GET", "/a/export", nullptr}}};
}

TEST(Router, FindsByMethodAndPathAndGivesTheId)
{
    const Router router = sample();
    EXPECT_EQ(router.match("POST", "/a").route, &router.routes()[1]);
    const auto one = router.match("GET", std::string("/a/") + id);
    EXPECT_EQ(one.route, &router.routes()[2]);
    EXPECT_EQ(one.id, id);
    EXPECT_EQ(router.match("GET", "/a/export").route, &router.routes()[4]);
    EXPECT_EQ(router.match("POST", std::string("/a/") + id + "/start").id, id);
}

TEST(Router, HeadIsGet)
{
    const Router router = sample();
    EXPECT_EQ(router.match("HEAD", "/a").route, &router.routes()[0]);
}

TEST(Router, AnotherMethodLearnsWhatThePathKnows)
{
    const auto match = sample().match("DELETE", "/a");
    EXPECT_EQ(match.route, nullptr);
    EXPECT_EQ(match.allow, "GET, HEAD, POST");
}

TEST(Router, WhatCannotBeAnIdNamesNothing)
{
    for (const char* path : {"", "/", "/b", "/a/", "/a/x", "/a//start", "/a/01J0/start", "/ab", "a",
                             "/a/01J00000000000000000000000/", "/a/01J00000000000000000000000/stop"}) {
        const auto match = sample().match("GET", path);
        EXPECT_EQ(match.route, nullptr) << path;
        EXPECT_EQ(match.allow, "") << path;
    }
}

}  // namespace
}  // namespace winnow::api
