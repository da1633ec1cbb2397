#include "core/reply_classifier.hpp"

#include <algorithm>
#include <tuple>

#include "core/reply_diagnostic.hpp"
#include "core/reply_subject.hpp"
#include "core/reply_table.hpp"
#include "core/reply_text.hpp"
#include "core/split.hpp"
#include "core/tsv.hpp"
#include "core/unmatched_replies.hpp"

namespace winnow {
namespace {

/// How much a reading is worth; a higher one wins, within one the longer phrase.
enum class Tier { built_in, weak, weak_provider, status, phrase, provider };

/// What is read: one reply, or one that a diagnostic text quotes.
struct Question {
    int code = 0;
    EnhancedStatus enhanced;
    std::string_view text;  ///< folded
    Stage stage = Stage::rcpt;
    std::string_view provider;
    int recipients = 1;
    bool via_smarthost = false;
    bool temporary = false;  ///< its words take the finality back

    /// 4, 5, or 0 when nothing in the text says which. The code and its status agree (RFC 3463 section 2); where they
    /// do not, the milder one counts.
    int digit() const
    {
        if (temporary || (code / 100 == 5 && enhanced.klass == 4))
            return 4;
        return code != 0 ? code / 100 : enhanced.klass;
    }
};

struct Reading {
    const ReplyRow* row = nullptr;
    Tier tier = Tier::built_in;
    ReplyPhrase::Span span;
    int digit = 0;         ///< of the reply that was read
    bool doubted = false;  ///< something in the text, however weak, is about the sender or says another thing

    auto rank() const
    {
        const bool status = row->status.asked();
        return std::tuple(tier, span.length, status, !row->codes.empty(), row->order);
    }
    bool definite() const { return tier >= Tier::phrase; }
};

bool about_us(ReplyClass klass)
{
    return subject_of(klass) == Subject::us && klass != ReplyClass::relay_denied;
}
bool about_address(ReplyClass klass)
{
    return subject_of(klass) == Subject::address && klass != ReplyClass::delivered && klass != ReplyClass::suppressed;
}
bool about_recipient(ReplyClass klass)
{
    return about_address(klass) || klass == ReplyClass::domain_invalid;
}
/// Classes that say "no longer there": only a 5xx may.
bool says_dead(ReplyClass klass)
{
    return klass == ReplyClass::mailbox_unknown || klass == ReplyClass::mailbox_moved ||
           klass == ReplyClass::mailbox_disabled || klass == ReplyClass::domain_invalid;
}

/// Code, status and stage of a row against what was said.
bool row_holds(const ReplyRow& row, const Question& question)
{
    const int digit = question.digit();
    if (row.digit != 0 && digit != 0 && row.digit != digit)
        return false;
    if (!row.codes.empty()) {
        const bool listed = std::find(row.codes.begin(), row.codes.end(), question.code) != row.codes.end();
        const bool may_be = question.code == 0 && row.has_phrase && row.codes.front() != 0;
        if (!listed && !may_be)
            return false;
    }
    if (row.status.asked() && !row.status.holds(question.enhanced))
        return false;
    return (row.stages >> static_cast<unsigned>(question.stage)) & 1u;
}

/// Rules that no row can set aside: see the header of data/replies.tsv.
bool stage_allows(const ReplyRow& row, const Question& question)
{
    if (says_dead(row.klass) && question.digit() == 4)
        return false;
    if (!about_recipient(row.klass))
        return true;
    if (question.stage < Stage::rcpt)
        return row.klass == ReplyClass::domain_invalid && row.any_stage;
    // After DATA the reply is about the message, unless its words say otherwise of the only recipient.
    if (question.stage > Stage::rcpt)
        return question.recipients == 1 && row.has_phrase && !row.weak;
    return true;
}

bool within(const ReplyPhrase::Span& span, const Reading& reading)
{
    return reading.row->has_phrase && span.length > 0 && span.begin >= reading.span.begin &&
           span.end <= reading.span.end;
}

/// Does what `us` says about the sender outweigh what `best` says about the recipient? Words about us that are part of
/// a longer phrase about the mailbox ("mailbox ... blocked due to inactivity") do not.
bool outweighs(const Reading& us, const Reading& best)
{
    // What a recipient's own rule says often names the sender too.
    const bool only_named = us.row->klass == ReplyClass::policy || us.row->klass == ReplyClass::sender_rejected;
    if (best.row->klass == ReplyClass::recipient_filtered && only_named && us.span.length <= best.span.length)
        return false;
    if (best.tier == Tier::provider)
        return us.tier == Tier::provider && us.span.length > 0 && us.span.length >= best.span.length;
    if (best.tier == Tier::phrase && !us.definite()) {
        // A status code such as 5.1.7 (bad sender) decides what words like "invalid address" leave open.
        const bool open = us.tier == Tier::status && !best.row->clear;
        if (!open && best.row->klass != ReplyClass::domain_invalid)
            return false;
    }
    return !within(us.span, best) || us.span.length > best.span.length;
}

struct BuiltIn {
    ReplyClass klass;
    std::string_view rule;
};

/// What the code and the stage say when no row does.
BuiltIn built_in(const Question& question)
{
    switch (question.digit()) {
        case 2:
        case 3:
            if (question.code / 100 == 2 && question.stage == Stage::end_of_data)
                return {ReplyClass::delivered, "code:2xx"};
            return {ReplyClass::not_a_bounce, "code:positive"};
        case 4:
            if (question.stage == Stage::starttls)
                return {ReplyClass::tls, "stage:starttls"};
            return {ReplyClass::server_error, "code:4xx"};
        case 5:
            break;
        default:
            return {ReplyClass::unknown, "no-rule"};
    }
    switch (question.stage) {
        // Refused before anything about the message was known: it is us they do not want.
        case Stage::connect:
        case Stage::banner:
            return {ReplyClass::ip_blocked, "stage:banner"};
        case Stage::ehlo:
            return {ReplyClass::ip_blocked, "stage:ehlo"};
        case Stage::starttls:
            return {ReplyClass::tls, "stage:starttls"};
        case Stage::auth:
            return {ReplyClass::policy, "stage:auth"};
        case Stage::mail:
            return {ReplyClass::sender_rejected, "stage:mail"};
        default:
            return {ReplyClass::unknown, "code:5xx"};
    }
}

Classified classified(ReplyClass klass, std::string rule, bool via_smarthost)
{
    Classified made;
    made.klass = klass;
    made.subject = subject_of(klass, via_smarthost);
    made.action = action_of(klass);
    made.rule = std::move(rule);
    return made;
}

Classified classified(const Reading& reading, bool via_smarthost)
{
    const ReplyRow& row = *reading.row;
    auto made = classified(row.klass, row.id, via_smarthost);
    // A text without any code (old bounce mails) is read, but does not count as beyond doubt.
    made.clear = row.clear && !reading.doubted && reading.digit == 5;
    made.final_ = row.final_;
    made.edge = row.edge;
    made.by_row = true;
    return made;
}

}  // namespace

struct ReplyClassifier::Table {
    ReplyTable rows;

    std::optional<Tier> tier_of(const ReplyRow& row, const Question& question) const
    {
        const bool own = !row.provider.empty() && rows.belongs(question.provider, row.provider);
        if (!own && !row.provider.empty() && !row.shared)
            return std::nullopt;
        if (row.weak)
            return own ? Tier::weak_provider : Tier::weak;
        if (own)
            return Tier::provider;
        return row.has_phrase ? Tier::phrase : Tier::status;
    }

    /// Reads one reply, whatever it quotes. One that says both that a mailbox is missing and that this will pass
    /// contradicts itself: it is read as the temporary one that it should have been, and marked so.
    std::optional<Reading> read_one(Question& question) const
    {
        const auto hits = rows.find(question.text);
        const auto best = read_hits(question, hits);
        if (!best || !says_dead(best->row->klass))
            return best;
        const ReplyRow* const words = taken_back(hits);
        if (!words)
            return best;
        question.temporary = true;
        const auto mild = read_hits(question, hits);
        return mild ? mild : Reading{words, Tier::phrase, {}, question.digit(), false};
    }

    /// The row whose words say that this will pass ("try again later"); null when none does, or only such as ask for
    /// something else ("check the address and try again").
    static const ReplyRow* taken_back(const std::vector<ReplyTable::Hit>& hits)
    {
        auto words = hits;
        std::erase_if(words, [](const ReplyTable::Hit& hit) { return !hit.row->temporary; });
        const ReplyTable::Hit* longest = nullptr;
        for (const ReplyTable::Hit& hit : words)
            if (hit.row->klass != ReplyClass::unknown && !part_of_longer(hit, words) &&
                (!longest || hit.span.length > longest->span.length))
                longest = &hit;
        return longest ? longest->row : nullptr;
    }

    std::optional<Reading> read_hits(const Question& question, const std::vector<ReplyTable::Hit>& hits) const
    {
        std::optional<Reading> best;
        std::vector<Reading> us, others, causes;
        std::vector<ReplyTable::Hit> subjects;
        const auto consider = [&](const ReplyRow& row, const ReplyPhrase::Span& span) {
            const auto tier = tier_of(row, question);
            if (!tier || !row_holds(row, question) || !stage_allows(row, question))
                return;
            const Reading reading{&row, *tier, span, question.digit(), false};
            if (about_us(row.klass))
                us.push_back(reading);
            else if (reading.definite())
                (row.cause ? causes : others).push_back(reading);
            if (!best || reading.rank() > best->rank())
                best = reading;
        };
        for (const ReplyTable::Hit& hit : hits) {
            if (hit.row->subject)
                subjects.push_back(hit);
            else if (!hit.row->temporary)
                consider(*hit.row, hit.span);
        }
        for (const std::uint32_t at : rows.status_rows())
            consider(rows.rows()[at], {});
        if (!best || !(about_recipient(best->row->klass) || best->row->klass == ReplyClass::unknown))
            return best;
        std::optional<Reading> heavier;
        for (const Reading& each : us) {
            if (outweighs(each, *best) && (!heavier || each.rank() > heavier->rank()))
                heavier = each;
            best->doubted |= best->tier != Tier::provider && !within(each.span, *best);
        }
        if (heavier)
            return heavier;
        // What the recipient's own rule says names the sender as a matter of course.
        const bool of_recipient =
            best->row->klass == ReplyClass::recipient_filtered || best->row->klass == ReplyClass::mailbox_busy;
        const SpokenOf spoken = of_recipient ? SpokenOf{} : spoken_of(question.text, best->span, subjects);
        if (spoken.us)
            return Reading{spoken.us, Tier::phrase, best->span, best->digit, false};
        // Of domains DNS says it, and the words are our resolver's or theirs alike.
        const bool looked_up = says_dead(best->row->klass) && best->row->klass != ReplyClass::domain_invalid;
        for (const Reading& each : causes)
            if (looked_up && !within(each.span, *best))
                return each;
        best->doubted |= spoken.us_named;
        for (const Reading& each : others)
            best->doubted |= best->tier != Tier::provider && each.row->has_phrase && !within(each.span, *best) &&
                             action_of(each.row->klass) != action_of(best->row->klass);
        return best;
    }

    /// The row by which a reply that quotes another one is about the sender: "return path check: host mx said: ".
    const ReplyRow* introduces_sender(std::string_view text) const
    {
        auto subjects = rows.find(text);
        std::erase_if(subjects, [](const ReplyTable::Hit& hit) { return !hit.row->subject; });
        return spoken_of(text, {.begin = text.size(), .end = text.size(), .length = 1}, subjects).us;
    }

    struct Answer {
        std::optional<Reading> reading;
        Question innermost;  ///< what built_in() goes by when no row reads the reply; its text is gone
    };

    /// Reads a reply and what it quotes: the innermost reply is what was said about the recipient, whatever the servers
    /// around it made of that. What they say about the sender stands: "sender address rejected: undeliverable address:
    /// host mx said: 550 no such user".
    Answer read(const Question& question) const
    {
        const auto chain = quoted_chain({question.code, question.enhanced, std::string(question.text), {}});
        if (chain.size() == 1) {
            Question single = question;
            const auto reading = read_one(single);
            return {reading, single};
        }
        std::vector<std::optional<Reading>> readings;
        Question layer = question;
        for (const QuotedReply& reply : chain) {
            layer.code = reply.code;
            layer.enhanced = reply.enhanced;
            layer.text = reply.text;
            layer.stage = reply.stage.value_or(question.stage);
            layer.temporary = false;
            readings.push_back(read_one(layer));
        }
        layer.text = {};
        const auto innermost = readings.back();
        if (innermost && !about_recipient(innermost->row->klass))
            return {innermost, layer};
        for (std::size_t outer = 0; outer + 1 < chain.size(); ++outer) {
            const auto& reading = readings[outer];
            if (reading && reading->definite() && about_us(reading->row->klass))
                return {reading, layer};
            if (const ReplyRow* sender = introduces_sender(chain[outer].text))
                return {Reading{sender, Tier::phrase, {}, layer.digit(), false}, layer};
        }
        // A cause that no row reads is not known; that the address was refused for it says nothing.
        return {innermost, layer};
    }
};

ReplyClassifier::ReplyClassifier(std::shared_ptr<const Table> table) : table_(std::move(table)) {}
ReplyClassifier::ReplyClassifier(ReplyClassifier&&) noexcept = default;
ReplyClassifier& ReplyClassifier::operator=(ReplyClassifier&&) noexcept = default;
ReplyClassifier::~ReplyClassifier() = default;

Result<ReplyClassifier> ReplyClassifier::parse(std::string_view tsv)
{
    WINNOW_TRY(ReplyTable rows, ReplyTable::parse(tsv));
    return ReplyClassifier(std::make_shared<const Table>(Table{std::move(rows)}));
}

Result<ReplyClassifier> ReplyClassifier::load(const std::string& path)
{
    WINNOW_TRY(const std::string text, read_text_file(path));
    auto made = parse(text);
    if (!made)
        return Error{made.error().code, path + ": " + made.error().context};
    return made;
}

std::size_t ReplyClassifier::rows() const noexcept
{
    return table_->rows.rows().size();
}

std::optional<ReplyRowText> ReplyClassifier::row(std::string_view id) const
{
    for (const ReplyRow& row : table_->rows.rows()) {
        if (row.id != id)
            continue;
        const auto columns = split(row.columns, '\t');
        const auto column = [&columns](std::size_t i) {
            return i < columns.size() ? std::string(columns[i]) : std::string{};
        };
        return ReplyRowText{column(1), column(2), column(3), column(4), column(5), column(6), column(7), column(8)};
    }
    return std::nullopt;
}

void ReplyClassifier::replace_rows(ReplyClassifier other) noexcept
{
    table_ = std::move(other.table_);
}

ReplyClassifier ReplyClassifier::snapshot() const
{
    return ReplyClassifier(table_);
}

Classified ReplyClassifier::classify(const SmtpReply& reply, const ReplyContext& context) const
{
    const std::string text = fold_reply_text(reply.text());
    Question question;
    question.code = reply.code;
    question.enhanced =
        reply.enhanced.present() ? reply.enhanced : find_enhanced_status(text).value_or(EnhancedStatus{});
    question.text = text;
    question.stage = context.stage;
    question.provider = context.provider;
    question.recipients = context.recipients;
    question.via_smarthost = context.via_smarthost;
    if (reply.code < 400 || reply.code > 599) {
        const BuiltIn rule = built_in(question);
        return classified(rule.klass, std::string(rule.rule), context.via_smarthost);
    }
    const auto answer = table_->read(question);
    if (reply.about_dialogue() && answer.reading && about_address(answer.reading->row->klass))
        return classified(ReplyClass::protocol, "code:dialogue", context.via_smarthost);
    if (answer.reading)
        return classified(*answer.reading, context.via_smarthost);
    if (unmatched_)
        unmatched_->note({.code = reply.code,
                          .status = question.enhanced.to_string(),
                          .folded = text,
                          .stage = context.stage,
                          .provider = context.provider,
                          .recipient = context.recipient});
    const BuiltIn rule = built_in(answer.innermost);
    return classified(rule.klass, std::string(rule.rule), context.via_smarthost);
}

Classified ReplyClassifier::classify_text(std::string_view text, const ReplyContext& context) const
{
    const Diagnostic diagnostic = read_diagnostic(text);
    Question whole;
    whole.text = diagnostic.whole;
    whole.stage = diagnostic.stage.value_or(context.stage);
    whole.provider = context.provider;
    whole.recipients = context.recipients;
    whole.via_smarthost = context.via_smarthost;
    if (diagnostic.replies.empty()) {
        whole.enhanced = find_enhanced_status(diagnostic.whole).value_or(EnhancedStatus{});
    } else {
        const auto innermost = quoted_chain(diagnostic.replies.front()).back();
        whole.code = innermost.code;
        whole.enhanced = innermost.enhanced;
    }

    // A transcript quotes several replies ("450 busy ... 551 not our user ... 503 need RCPT"). The one that says
    // something definite counts, a final one before a temporary one; then what is said around them; then the rest.
    struct Candidate {
        Reading reading;
        int worth = 0;
    };
    std::optional<Candidate> best;
    const auto offer = [&](const Question& question, int base) {
        const auto reading = table_->read(question).reading;
        if (!reading)
            return;
        const int worth = (reading->definite() ? 100 : 0) + base + (reading->digit == 5 ? 2 : 0);
        if (!best || worth > best->worth)
            best = Candidate{*reading, worth};
    };
    for (const QuotedReply& reply : diagnostic.replies) {
        if (reply.code / 100 == 2)
            continue;
        Question question = whole;
        question.code = reply.code;
        question.enhanced = reply.enhanced;
        question.text = reply.text;
        offer(question, 10);
    }
    Question around = whole;
    if (!diagnostic.replies.empty())
        around.text = around.text.substr(0, diagnostic.preface_length);
    offer(around, 0);
    if (best)
        return classified(best->reading, context.via_smarthost);
    // "250 2.0.0 Ok: queued" as the diagnostic of a success report.
    if (!diagnostic.replies.empty() && diagnostic.replies.front().code / 100 == 2)
        return classified(ReplyClass::delivered, "code:2xx", context.via_smarthost);
    const BuiltIn rule = built_in(whole);
    return classified(rule.klass, std::string(rule.rule), context.via_smarthost);
}

Classified ReplyClassifier::classify_error(const Error& error, Stage stage) const
{
    const std::string_view category = error.code.category().name();
    const auto says = [&](std::string_view word) { return category.find(word) != category.npos; };
    if (error.code == Errc::timed_out || error.code == boost::system::errc::timed_out)
        return classified(ReplyClass::network, "error:timeout", false);
    // TLS and SMTP causes live in rooms above this one; their categories name them.
    if (says("ssl") || says("tls") || says("x509"))
        return classified(ReplyClass::tls, "error:tls", false);
    if (says("netdb") || says("addrinfo") || says("dns") || says("resolver"))
        return classified(ReplyClass::dns_failure, "error:dns", false);
    if (error.code == Errc::protocol || says("smtp")) {
        const std::string what = fold_reply_text(error.code.message());
        if (stage == Stage::starttls || what.find("tls") != what.npos || what.find("certificate") != what.npos)
            return classified(ReplyClass::tls, "error:tls", false);
        if (what.find("closed") != what.npos || what.find("eof") != what.npos || what.find("end of") != what.npos)
            return classified(ReplyClass::network, "error:closed", false);
        return classified(ReplyClass::protocol, "error:protocol", false);
    }
    if (error.code == Errc::cancelled || error.code == Errc::internal || error.code == Errc::invalid_argument ||
        error.code == Errc::limit_exceeded || error.code == Errc::refused_target)
        return classified(ReplyClass::unknown, "error:ours", false);
    return classified(ReplyClass::network, "error:network", false);
}

}  // namespace winnow
