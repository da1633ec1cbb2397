#include "storage/body_segments.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_dir.hpp"

namespace winnow::test {
namespace {

using namespace storage;

std::size_t segments(const TempDir& dir)
{
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir.file("bodies")))
        ++count;
    return count;
}

TEST(BodySegments, BodiesAreReadBackAlsoAfterReopening)
{
    TempDir dir;
    StoredBody first, second;
    {
        auto bodies = BodySegments::open(dir.file("bodies")).value();
        first = bodies->append("one").value();
        second = bodies->append(std::string(100'000, 'z')).value();
        ASSERT_TRUE(bodies->sync());
        EXPECT_EQ(bodies->read(first).value(), "one");
    }
    auto bodies = BodySegments::open(dir.file("bodies")).value();
    const StoredBody third = bodies->append("three").value();
    EXPECT_EQ(bodies->read(first).value(), "one");
    EXPECT_EQ(bodies->read(second).value(), std::string(100'000, 'z'));
    EXPECT_EQ(bodies->read(third).value(), "three");
    EXPECT_EQ(third.segment, first.segment) << "the last segment goes on";
}

TEST(BodySegments, AFullSegmentIsFollowedByTheNext)
{
    TempDir dir;
    auto bodies = BodySegments::open(dir.file("bodies"), 100).value();
    std::vector<StoredBody> stored;
    for (int i = 0; i < 6; ++i)
        stored.push_back(bodies->append(std::string(60, static_cast<char>('a' + i))).value());
    EXPECT_EQ(segments(dir), 3u);
    for (int i = 0; i < 6; ++i)
        EXPECT_EQ(bodies->read(stored[static_cast<std::size_t>(i)]).value(),
                  std::string(60, static_cast<char>('a' + i)));
}

TEST(BodySegments, ATornTailIsNeverReadAndDoesNotShiftWhatFollows)
{
    TempDir dir;
    std::string file;
    StoredBody before;
    {
        auto bodies = BodySegments::open(dir.file("bodies")).value();
        before = bodies->append("kept").value();
    }
    file = dir.file("bodies/00000001.seg");
    std::ofstream(file, std::ios::app | std::ios::binary) << "WBD1\x10";  // a crash in the middle of a frame
    auto bodies = BodySegments::open(dir.file("bodies")).value();
    const StoredBody after = bodies->append("after").value();
    EXPECT_EQ(bodies->read(before).value(), "kept");
    EXPECT_EQ(bodies->read(after).value(), "after");
}

TEST(BodySegments, DamageIsNoticed)
{
    TempDir dir;
    auto bodies = BodySegments::open(dir.file("bodies")).value();
    const StoredBody stored = bodies->append("hello").value();
    const std::string bytes = dir.read("bodies/00000001.seg");
    ASSERT_EQ(bytes.size(), 17u);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        std::string damaged = bytes;
        damaged[i] = static_cast<char>(damaged[i] ^ 0x40);
        dir.write("bodies/00000001.seg", damaged);
        const auto read = bodies->read(stored);
        ASSERT_FALSE(read) << "octet " << i;
        EXPECT_EQ(read.error().code, make_error_code(Errc::corrupt));
    }
    dir.write("bodies/00000001.seg", bytes.substr(0, 12));
    EXPECT_FALSE(bodies->read(stored)) << "cut off";
    std::filesystem::remove(dir.file("bodies/00000001.seg"));
    EXPECT_FALSE(bodies->read(stored)) << "gone";
}

}  // namespace
}  // namespace winnow::test
