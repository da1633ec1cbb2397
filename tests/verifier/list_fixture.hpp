#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/json.hpp"
#include "tests/verifier/job_lab.hpp"
#include "verifier/verdict_rules.hpp"

namespace winnow::verifier {

/// Uploads and exports over a store in memory.
class ListTest : public testing::Test {
protected:
    Result<UploadSummary> try_upload(const std::string& file, UploadOptions options = {}, std::size_t piece = 7'000)
    {
        options.workspace = ProbeLab::ws;
        return lab.run(pieces(*lab.engine, lab.rng, std::move(options), file, piece));
    }
    static awaitable<Result<UploadSummary>> pieces(storage::Engine& engine, Rng& rng, UploadOptions options,
                                                   std::string file, std::size_t size)
    {
        ListIngest ingest{engine, rng, std::move(options)};
        for (std::size_t at = 0; at < file.size(); at += size) {
            std::string piece = file.substr(at, size);
            const auto fed = co_await ingest.feed(std::move(piece));
            if (!fed) {
                (void)co_await ingest.discard();
                co_return fed.error();
            }
        }
        auto summary = co_await ingest.finish();
        if (!summary)
            (void)co_await ingest.discard();
        co_return summary;
    }
    UploadSummary upload(const std::string& file, UploadOptions options = {})
    {
        auto summary = try_upload(file, std::move(options));
        EXPECT_TRUE(summary) << summary.error().message();
        return summary ? *summary : UploadSummary{};
    }
    Error refusal(const std::string& file, UploadOptions options = {})
    {
        auto summary = try_upload(file, std::move(options));
        EXPECT_FALSE(summary);
        return summary ? Error{} : summary.error();
    }
    /// So many rows "p0@x.test,".
    static std::string people(int count)
    {
        std::string out;
        for (int i = 0; i < count; ++i)
            out += "p" + std::to_string(i) + "@x.test,\n";
        return out;
    }
    std::vector<storage::ListRow> rows(const storage::ListRecord& list)
    {
        return lab.run(lab.engine->rows(ProbeLab::ws, list.id, 1, 1'000'000)).value();
    }
    std::vector<std::string> addresses(const std::string& file, UploadOptions options = {})
    {
        std::vector<std::string> out;
        for (const auto& row : rows(upload(file, std::move(options)).list))
            if (row.malformed.empty())
                out.push_back(row.address);
        return out;
    }
    /// Gives every row that has an address this verdict.
    void conclude_rows(const storage::ListRecord& list, Reason reason)
    {
        storage::PutRowResults put{ProbeLab::ws, list.id, {}};
        for (const auto& row : rows(list)) {
            if (row.duplicate_of != 0 || !row.malformed.empty())
                continue;
            storage::RowResult result;
            result.number = row.number;
            result.state = storage::RowState::done;
            conclude(result.verdict, reason, lab.clock.now());
            put.results.push_back(std::move(result));
        }
        auto ops = storage::OpList::of(std::move(put));
        ASSERT_TRUE(lab.run(lab.engine->commit(std::move(ops))));
    }
    std::string exported(const storage::ListRecord& list, ExportOptions options = {})
    {
        std::string out;
        auto append = [&out, this](std::string piece) -> awaitable<Result<>> {
            largest = std::max(largest, piece.size());
            out += piece;
            co_return Result<>{};
        };
        std::function<awaitable<Result<>>(std::string)> sink = append;
        EXPECT_TRUE(lab.run(export_list(*lab.engine, ProbeLab::ws, list.id, options, sink)));
        return out;
    }
    std::size_t stored_lists() { return lab.run(lab.engine->lists(ProbeLab::ws, "", 100)).value().size(); }

    JobLab lab;
    std::size_t largest = 0;  ///< piece of an export
};

}  // namespace winnow::verifier
