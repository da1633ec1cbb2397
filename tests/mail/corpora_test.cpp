#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include "core/unicode.hpp"
#include "mail/mime.hpp"
#include "mail/report.hpp"
#include "mail/report_class.hpp"
#include "tests/support/corpus.hpp"

namespace winnow::mail {
namespace {

using test::Score;

std::string slurp(const std::filesystem::path& file)
{
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// What the labels say about one recipient of a bounce.
struct Label {
    std::string reason, status, reply_code, feedback_type, alternative, recipient;
};

/// Rows of the bounce labels by file, in order; the shared reader keeps one row per file only.
std::map<std::string, std::vector<Label>> bounce_labels(const std::filesystem::path& file)
{
    std::map<std::string, std::vector<Label>> out;
    std::istringstream in(slurp(file));
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
        std::vector<std::string> cells(1);
        for (const char c : line) {
            if (c == '\t')
                cells.emplace_back();
            else
                cells.back() += c;
        }
        cells.resize(10);
        out[cells[0]].push_back({cells[2], cells[3], cells[4], cells[6], cells[7], cells[9]});
    }
    return out;
}

ReportKind expected_kind(const std::string& reason)
{
    if (reason == "not-a-bounce")
        return ReportKind::not_a_bounce;
    if (reason == "vacation")
        return ReportKind::auto_reply;
    if (reason == "feedback")
        return ReportKind::arf;
    return ReportKind::dsn;
}

/// Upstream's pseudo statuses stand for "the mail holds none".
bool is_pseudo_status(const std::string& status)
{
    return status.find(".0.9") != std::string::npos;
}

TEST(BounceCorpus, KindCountRecipientStatusAndCodeScoreAboveTheirFloors)
{
    WINNOW_CORPUS_OR_SKIP(dir, "sisimai-bounces");
    const bool verbose = std::getenv("WINNOW_CORPUS_VERBOSE") != nullptr;
    Score kind("sisimai-bounces/kind"), count("sisimai-bounces/count"), recipient("sisimai-bounces/recipient"),
        status("sisimai-bounces/status"), code("sisimai-bounces/replycode");
    for (const auto& [file, labels] : bounce_labels(dir / "labels.tsv")) {
        const auto report = read_report(slurp(dir / "data" / file));
        const auto wanted_kind = expected_kind(labels.front().reason);
        kind.add(report.kind == wanted_kind, file);
        if (wanted_kind == ReportKind::not_a_bounce || wanted_kind == ReportKind::auto_reply)
            continue;
        count.add(report.recipients.size() == labels.size(), file);
        for (std::size_t i = 0; i < labels.size(); ++i) {
            const auto& label = labels[i];
            const auto got = i < report.recipients.size() ? report.recipients[i] : ReportedRecipient{};
            const auto id = file + "#" + std::to_string(i + 1);
            const bool same = to_lower_ascii(got.final_recipient) == to_lower_ascii(label.recipient);
            if (!label.recipient.empty())
                recipient.add(same, id);
            const bool has_status = !label.status.empty() && !is_pseudo_status(label.status);
            if (has_status)
                status.add(got.status == label.status, id);
            if (!label.reply_code.empty())
                code.add(std::to_string(got.reply_code) == label.reply_code, id);
            if (verbose)
                std::cout << id << " kind=" << to_string(report.kind) << (report.structured ? "/s" : "")
                          << " n=" << report.recipients.size() << '/' << labels.size()
                          << " rcpt=" << got.final_recipient << '|' << label.recipient << " status=" << got.status
                          << '|' << label.status << " code=" << got.reply_code << '|' << label.reply_code
                          << " reason=" << label.reason << "\n    " << got.diagnostic.substr(0, 300) << '\n';
        }
    }
    EXPECT_GE(kind.report(), 0.97);
    EXPECT_GE(count.report(), 0.97);
    EXPECT_GE(recipient.report(), 0.95);
    EXPECT_GE(status.report(), 0.97);
    EXPECT_GE(code.report(), 0.96);
}

/// Upstream's word for a reason -> our class.
std::map<std::string, std::string> reason_classes(const std::filesystem::path& map_file)
{
    std::map<std::string, std::string> out;
    for (const auto& [reason, row] : test::read_labels(map_file))
        out[reason] = row.at("category");
    return out;
}

TEST(BounceCorpus, ReasonsScoreAboveTheirFloor)
{
    WINNOW_CORPUS_OR_SKIP(dir, "sisimai-bounces");
    auto replies = ReplyClassifier::load(WINNOW_DATA_DIR "/replies.tsv");
    ASSERT_TRUE(replies) << replies.error().message();
    auto providers = ProviderTable::load(WINNOW_DATA_DIR "/mx-providers.tsv");
    ASSERT_TRUE(providers) << providers.error().message();
    const auto classes = reason_classes(dir.parent_path() / "reason_map.tsv");
    Score klass("sisimai-bounces/class"), action("sisimai-bounces/action");
    for (const auto& [file, labels] : bounce_labels(dir / "labels.tsv")) {
        const auto report = read_report(slurp(dir / "data" / file));
        for (std::size_t i = 0; i < labels.size(); ++i) {
            const auto got = classify_report(report, i, *replies, &*providers);
            const std::string_view word = to_string(got.klass);
            const auto& wanted = classes.at(labels[i].reason);
            const auto other = labels[i].alternative.empty() ? wanted : classes.at(labels[i].alternative);
            const auto id = file + "#" + std::to_string(i + 1);
            // A feedback report of type opt-out or auth-failure is a "feedback" upstream; ours are finer.
            const bool fine_feedback = wanted == "complaint" && report.kind == ReportKind::arf;
            klass.add(word == wanted || word == other || fine_feedback, id);
            const auto acts = [&](const std::string& name) {
                const auto c = from_string<ReplyClass>(name);
                return c && action_of(*c) == got.action;
            };
            action.add(acts(wanted) || acts(other) || fine_feedback, id);
            if (std::getenv("WINNOW_CORPUS_VERBOSE") != nullptr && word != wanted && word != other)
                std::cout << id << " got " << word << " by " << got.rule << ", wanted " << labels[i].reason << '='
                          << wanted << "\n    "
                          << (i < report.recipients.size() ? report.recipients[i].diagnostic.substr(0, 300) : "")
                          << '\n';
        }
    }
    EXPECT_GE(klass.report(), 0.78);
    EXPECT_GE(action.report(), 0.85);
}

TEST(ArfCorpus, FieldsAreFoundAsLabelled)
{
    WINNOW_CORPUS_OR_SKIP(dir, "reports");
    Score score("reports/arf");
    for (const auto& [file, label] : test::read_labels(dir / "labels.tsv")) {
        if (label.at("kind") != "arf")
            continue;
        const auto wanted = test::parse_json(label.at("expected_json"));
        const auto report = read_report(slurp(dir / "data" / file));
        score.add(report.kind == ReportKind::arf, file + ":kind");
        if (!report.feedback)
            continue;
        const auto& got = *report.feedback;
        const auto text = [&](const char* field, const std::string& value) {
            std::string want = wanted.at(field).is_null() ? "" : wanted.at(field).get<std::string>();
            if (want.size() > 2 && want.front() == '<')
                want = want.substr(1, want.size() - 2);
            score.add(want == value, file + ':' + field);
        };
        std::string type = got.feedback_type;
        std::erase(type, '-');
        score.add(to_lower_ascii(wanted.at("feedback_type").get<std::string>()) == type, file + ":feedback_type");
        text("user_agent", got.user_agent);
        text("source_ip", got.source_ip);
        text("original_mail_from", got.original_mail_from);
        text("original_rcpt_to", got.original_rcpt_to.empty() ? "" : got.original_rcpt_to.front());
        text("original_envelope_id", got.envelope_id);
        text("reporting_mta", got.reporting_mta);
        text("dkim_domain", std::string(got.fields.get("dkim-domain")));
        text("dkim_selector", std::string(got.fields.get("dkim-selector")));
        text("dkim_identity", std::string(got.fields.get("dkim-identity")));
        score.add(wanted.at("reported_domain") == nlohmann::json(got.reported_domains), file + ":reported_domain");
        score.add(wanted.at("reported_uri") == nlohmann::json(got.reported_uris), file + ":reported_uri");
        score.add(wanted.at("arrival_date").is_null() == got.arrival_date.empty(), file + ":arrival_date");
        score.add(wanted.at("authentication_results").size() == got.fields.count("authentication-results"),
                  file + ":authentication_results");
    }
    EXPECT_GE(score.report(), 0.9);
}

TEST(UnlabelledReports, AreReadWithoutHarmAndArfIsRecognised)
{
    WINNOW_CORPUS_OR_SKIP(dir, "reports-unlabelled");
    Score score("reports-unlabelled/kind");
    for (const auto& entry : std::filesystem::directory_iterator(dir / "data")) {
        const auto raw = slurp(entry.path());
        const auto report = read_report(raw);
        const bool arf = raw.find("message/feedback-report") != std::string::npos;
        score.add((report.kind == ReportKind::arf) == arf, entry.path().filename());
    }
    EXPECT_GE(score.report(), 0.9);
}

TEST(EncodedWordCorpus, HeadersDecodeAsLabelled)
{
    WINNOW_CORPUS_OR_SKIP(dir, "rfc2047");
    Score score("rfc2047");
    const auto labels = test::read_labels(dir / "labels.tsv");
    for (const auto& row : test::read_jsonl(dir / "cases.jsonl")) {
        const std::string id = row.at("id");
        const auto wanted = test::parse_json(labels.at(id).at("expected_json")).get<std::string>();
        const auto got = decode_header(row.at("header").get<std::string>());
        if (got != wanted && std::getenv("WINNOW_CORPUS_VERBOSE") != nullptr)
            std::cout << id << ": '" << got << "' instead of '" << wanted << "'\n";
        score.add(got == wanted, id);
    }
    EXPECT_GE(score.report(), 0.8);
}

}  // namespace
}  // namespace winnow::mail
