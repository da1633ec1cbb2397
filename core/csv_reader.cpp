#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "core/csv.hpp"

namespace winnow {

/// A resumable state machine: all positions are offsets from the start of the current record, so that the buffer may
/// move between chunks and no octet is looked at twice (a record that gives up after its first line excepted: its other
/// lines are read again, which stays linear because the next quote ends such a record).
class CsvReader::Scanner {
public:
    Scanner(const CsvDialect& dialect, CsvLimits limits);
    void feed(std::string_view chunk);
    void finish() noexcept { final_ = true; }
    const CsvRecord* next();

private:
    enum class State : std::uint8_t { record_start, field_start, bare, quoted, after_quote, line, oversize };
    enum class Step : std::uint8_t { again, need_input, ended };
    struct Field {
        std::size_t begin = 0;
        std::size_t end = 0;
        bool escapes = false;
    };

    Step scan();
    Step scan_record_start();
    Step scan_field_start();
    Step scan_bare();
    Step scan_quoted();
    Step scan_after_quote();
    Step scan_line();
    Step scan_oversize();

    Step line_end_in_quotes();
    Step closing_quote();
    Step stray_quote();
    Step end_field(std::size_t end, std::size_t delimiter);
    Step end_record(std::size_t field_end, std::size_t terminator);
    Step end_of_input();
    Step too_large();
    Step give_up_after_first_line();
    Step publish(std::size_t length, std::size_t terminator);
    void consume();
    std::string_view decode(const Field& field);

    /// Length of the terminator at pos_, 0 when there is none; nothing when more input must tell.
    std::optional<std::size_t> terminator_here() const noexcept;
    /// Whether the delimiter stands at pos_; nothing when more input must tell.
    std::optional<bool> delimiter_here() const noexcept;
    /// Whether `text` stands at pos_; nothing when more input must tell.
    std::optional<bool> text_here(std::string_view text) const noexcept;

    char at(std::size_t offset) const noexcept { return buffer_[start_ + offset]; }
    std::size_t available() const noexcept { return buffer_.size() - start_; }
    /// Where scanning must stop: one octet past the cap at most, so that the cap does not depend on the chunks.
    std::size_t limit() const noexcept { return std::min(available(), limits_.max_record_bytes + 1); }
    /// First offset from pos_ up to limit() whose octet is in `stops`.
    std::size_t find(const std::array<bool, 256>& stops) const noexcept;

    CsvDialect dialect_;
    CsvLimits limits_;
    std::array<bool, 256> stops_line_{};
    std::array<bool, 256> stops_bare_{};
    std::array<bool, 256> stops_quoted_{};

    std::string buffer_;
    std::size_t start_ = 0;     // of the current record in buffer_
    std::uint64_t offset_ = 0;  // of the current record in the file
    std::size_t line_ = 1;      // of the current record
    std::size_t skip_;
    bool final_ = false;

    State state_ = State::record_start;
    std::size_t pos_ = 0;
    Field field_;
    std::vector<Field> fields_;
    bool broken_ = false;  // the current field has a line break
    bool stray_ = false;   // and a quote that does not close it
    std::size_t closing_quote_ = 0;
    std::size_t inner_lines_ = 0;
    CsvKind kind_ = CsvKind::record;
    CsvFault fault_ = CsvFault::none;

    struct FirstLine {  // the record as it stood where its first physical line ended inside quotes
        std::size_t terminator = 0;
        std::size_t fields = 0;
        Field field;
    };
    std::optional<FirstLine> first_line_;

    std::size_t kept_ = 0;     // octets of an oversize record that stay
    std::size_t dropped_ = 0;  // octets of it that went

    std::size_t published_ = 0;  // octets that record_ takes; 0 = record_ is not out
    CsvRecord record_;
    std::vector<std::string_view> views_;
    std::string decoded_;
};

namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::size_t index(char c) noexcept
{
    return static_cast<unsigned char>(c);
}

}  // namespace

CsvReader::Scanner::Scanner(const CsvDialect& dialect, CsvLimits limits)
    : dialect_(dialect), limits_(limits), skip_(dialect.skip_lines)
{
    stops_line_[index('\r')] = stops_line_[index('\n')] = true;
    stops_bare_ = stops_quoted_ = stops_line_;
    stops_bare_[index(dialect_.delimiter.front())] = true;
    stops_quoted_[index(dialect_.quote)] = stops_quoted_[index(dialect_.escape)] = true;
}

void CsvReader::Scanner::feed(std::string_view chunk)
{
    consume();
    buffer_.erase(0, start_);
    start_ = 0;
    buffer_.append(chunk);
}

const CsvRecord* CsvReader::Scanner::next()
{
    consume();
    for (;;) {
        Step step = scan();
        if (state_ != State::oversize && step != Step::ended && pos_ > limits_.max_record_bytes)
            step = too_large();
        if (step == Step::need_input && final_)
            step = end_of_input();
        if (step == Step::ended)
            return &record_;
        if (step == Step::need_input)
            return nullptr;
    }
}

CsvReader::Scanner::Step CsvReader::Scanner::scan()
{
    switch (state_) {
        case State::record_start:
            return scan_record_start();
        case State::field_start:
            return scan_field_start();
        case State::bare:
            return scan_bare();
        case State::quoted:
            return scan_quoted();
        case State::after_quote:
            return scan_after_quote();
        case State::line:
            return scan_line();
        case State::oversize:
            return scan_oversize();
    }
    return Step::need_input;
}

CsvReader::Scanner::Step CsvReader::Scanner::scan_record_start()
{
    if (offset_ == 0 && pos_ == 0) {
        const auto mark = text_here(byte_order_mark);
        if (!mark)
            return Step::need_input;
        if (*mark)
            pos_ = byte_order_mark.size();
    }
    if (pos_ == available())
        return Step::need_input;
    if (skip_ > 0) {
        kind_ = CsvKind::skipped;
        state_ = State::line;
        return Step::again;
    }
    const auto terminator = terminator_here();
    const auto comment = dialect_.comment.empty() ? std::optional(false) : text_here(dialect_.comment);
    if (!terminator || !comment)
        return Step::need_input;
    if (*terminator > 0) {
        kind_ = CsvKind::blank;
        return publish(pos_, *terminator);
    }
    if (*comment) {
        kind_ = CsvKind::comment;
        state_ = State::line;
        return Step::again;
    }
    state_ = State::field_start;
    return Step::again;
}

CsvReader::Scanner::Step CsvReader::Scanner::scan_field_start()
{
    if (pos_ == available())
        return Step::need_input;
    const bool opens = dialect_.quote != '\0' && at(pos_) == dialect_.quote;
    pos_ += opens ? 1 : 0;
    field_ = {pos_, pos_, false};
    broken_ = stray_ = false;
    state_ = opens ? State::quoted : State::bare;
    return Step::again;
}

CsvReader::Scanner::Step CsvReader::Scanner::scan_bare()
{
    pos_ = find(stops_bare_);
    if (pos_ == limit())
        return Step::need_input;
    const auto delimiter = delimiter_here();
    if (delimiter && *delimiter)
        return end_field(pos_, dialect_.delimiter.size());
    const auto terminator = terminator_here();
    if (!delimiter || !terminator)
        return Step::need_input;
    if (*terminator > 0)
        return end_record(pos_, *terminator);
    ++pos_;  // a lone CR, or the beginning of a delimiter, that is data
    return Step::again;
}

CsvReader::Scanner::Step CsvReader::Scanner::scan_quoted()
{
    pos_ = find(stops_quoted_);
    if (pos_ == limit())
        return Step::need_input;
    const char c = at(pos_);
    if (stops_line_[index(c)])
        return line_end_in_quotes();
    if (c == dialect_.escape) {
        const bool last = pos_ + 1 == available();
        if (last && !final_)
            return Step::need_input;
        if (!last && at(pos_ + 1) == dialect_.quote) {
            field_.escapes = true;
            pos_ += 2;
            return Step::again;
        }
    }
    if (c == dialect_.quote)
        return closing_quote();
    ++pos_;  // an escape character that escapes nothing
    return Step::again;
}

CsvReader::Scanner::Step CsvReader::Scanner::line_end_in_quotes()
{
    const auto terminator = terminator_here();
    if (!terminator)
        return Step::need_input;
    if (*terminator == 0) {
        ++pos_;
        return Step::again;
    }
    if (!first_line_) {
        first_line_ = FirstLine{*terminator, fields_.size(), field_};
        first_line_->field.end = pos_;
    }
    broken_ = true;
    if (stray_ && limits_.recover_at_next_line)
        return give_up_after_first_line();
    ++inner_lines_;
    pos_ += *terminator;
    return Step::again;
}

CsvReader::Scanner::Step CsvReader::Scanner::closing_quote()
{
    closing_quote_ = pos_++;
    state_ = State::after_quote;
    return Step::again;
}

CsvReader::Scanner::Step CsvReader::Scanner::scan_after_quote()
{
    while (pos_ < limit()) {
        const auto delimiter = delimiter_here();
        const auto terminator = terminator_here();
        if (!delimiter || !terminator)
            return Step::need_input;
        if (*delimiter)
            return end_field(closing_quote_, dialect_.delimiter.size());
        if (*terminator > 0)
            return end_record(closing_quote_, *terminator);
        if (at(pos_) != ' ' && at(pos_) != '\t')
            return stray_quote();
        ++pos_;
    }
    return Step::need_input;
}

CsvReader::Scanner::Step CsvReader::Scanner::stray_quote()
{
    fault_ = CsvFault::text_after_closing_quote;
    stray_ = true;
    if (broken_ && limits_.recover_at_next_line)
        return give_up_after_first_line();
    pos_ = closing_quote_ + 1;
    state_ = State::quoted;
    return Step::again;
}

CsvReader::Scanner::Step CsvReader::Scanner::scan_line()
{
    pos_ = find(stops_line_);
    if (pos_ == limit())
        return Step::need_input;
    const auto terminator = terminator_here();
    if (!terminator)
        return Step::need_input;
    if (*terminator > 0)
        return publish(pos_, *terminator);
    ++pos_;
    return Step::again;
}

/// Looks for the line end that closes an oversize record, and forgets what it passed.
CsvReader::Scanner::Step CsvReader::Scanner::scan_oversize()
{
    const auto passed = [this] { return pos_ - kept_; };
    std::optional<std::size_t> terminator = 0;
    while (pos_ < available()) {
        if (stops_line_[index(at(pos_))])
            terminator = terminator_here();
        if (!terminator || *terminator > 0)
            break;
        ++pos_;
    }
    buffer_.erase(start_ + kept_, passed());
    dropped_ += passed();
    pos_ = kept_;
    if (!terminator || *terminator == 0)
        return Step::need_input;
    return publish(kept_, *terminator);
}

CsvReader::Scanner::Step CsvReader::Scanner::end_field(std::size_t end, std::size_t delimiter)
{
    field_.end = end;
    fields_.push_back(field_);
    pos_ += delimiter;
    field_ = {pos_, pos_, false};
    state_ = State::field_start;
    return Step::again;
}

CsvReader::Scanner::Step CsvReader::Scanner::end_record(std::size_t field_end, std::size_t terminator)
{
    field_.end = field_end;
    fields_.push_back(field_);
    return publish(pos_, terminator);
}

/// No more input will come: whatever stands in the buffer ends here.
CsvReader::Scanner::Step CsvReader::Scanner::end_of_input()
{
    switch (state_) {
        case State::record_start:
            if (pos_ == 0)
                return Step::need_input;  // nothing left
            kind_ = CsvKind::blank;       // a byte order mark and nothing else
            return publish(pos_, 0);
        case State::field_start:
        case State::bare:
            return end_record(pos_, 0);
        case State::after_quote:
            return end_record(closing_quote_, 0);
        case State::quoted:
            if (first_line_ && limits_.recover_at_next_line)
                return give_up_after_first_line();
            fault_ = CsvFault::unterminated_quote;
            return end_record(pos_, 0);
        case State::line:
            return publish(pos_, 0);
        case State::oversize:
            return publish(kept_, 0);
    }
    return Step::need_input;
}

CsvReader::Scanner::Step CsvReader::Scanner::too_large()
{
    if (first_line_ && limits_.recover_at_next_line)
        return give_up_after_first_line();
    if (kind_ == CsvKind::record) {
        field_.end = state_ == State::after_quote ? closing_quote_ : pos_;
        fields_.push_back(field_);
        for (Field& field : fields_)
            field = {std::min(field.begin, limits_.max_record_bytes), std::min(field.end, limits_.max_record_bytes),
                     field.escapes};
    }
    fault_ = CsvFault::record_too_large;
    kept_ = limits_.max_record_bytes;
    state_ = State::oversize;
    return Step::again;
}

CsvReader::Scanner::Step CsvReader::Scanner::give_up_after_first_line()
{
    if (fault_ == CsvFault::none)
        fault_ = CsvFault::unterminated_quote;
    fields_.resize(first_line_->fields);
    fields_.push_back(first_line_->field);
    inner_lines_ = 0;
    return publish(first_line_->field.end, first_line_->terminator);
}

CsvReader::Scanner::Step CsvReader::Scanner::publish(std::size_t length, std::size_t terminator)
{
    const std::string_view all(buffer_);
    record_.raw = all.substr(start_, length);
    record_.terminator = all.substr(start_ + length, terminator);
    record_.line = line_;
    record_.offset = offset_;
    record_.kind = kind_;
    record_.fault = fault_;
    published_ = length + terminator;

    views_.clear();
    decoded_.clear();
    if (std::any_of(fields_.begin(), fields_.end(), [](const Field& f) { return f.escapes; }))
        decoded_.reserve(length);  // views into decoded_ must not move
    for (const Field& field : fields_)
        views_.push_back(decode(field));
    record_.fields = views_;
    return Step::ended;
}

/// Passes over the record that is out and gets ready for the one after it.
void CsvReader::Scanner::consume()
{
    if (published_ == 0)
        return;
    start_ += published_;
    offset_ += published_ + dropped_;
    line_ += 1 + inner_lines_;
    if (kind_ == CsvKind::skipped)
        --skip_;
    state_ = State::record_start;
    pos_ = inner_lines_ = published_ = dropped_ = 0;
    field_ = {};
    fields_.clear();
    kind_ = CsvKind::record;
    fault_ = CsvFault::none;
    first_line_.reset();
}

std::string_view CsvReader::Scanner::decode(const Field& field)
{
    const std::string_view raw = std::string_view(buffer_).substr(start_ + field.begin, field.end - field.begin);
    if (!field.escapes)
        return raw;
    const std::size_t begin = decoded_.size();
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (raw[i] == dialect_.escape && i + 1 < raw.size() && raw[i + 1] == dialect_.quote)
            ++i;
        decoded_ += raw[i];
    }
    return std::string_view(decoded_).substr(begin);
}

std::optional<std::size_t> CsvReader::Scanner::terminator_here() const noexcept
{
    const char c = at(pos_);
    if (c == '\n')
        return dialect_.newline == CsvNewline::any || dialect_.newline == CsvNewline::lf ? 1 : 0;
    if (c != '\r')
        return 0;
    if (dialect_.newline == CsvNewline::cr)
        return 1;
    if (pos_ + 1 == available() && !final_)
        return std::nullopt;
    if (pos_ + 1 < available() && at(pos_ + 1) == '\n')
        return 2;
    return dialect_.newline == CsvNewline::any ? 1 : 0;
}

std::optional<bool> CsvReader::Scanner::delimiter_here() const noexcept
{
    if (at(pos_) != dialect_.delimiter.front())
        return false;
    return dialect_.delimiter.size() == 1 ? true : text_here(dialect_.delimiter);
}

std::optional<bool> CsvReader::Scanner::text_here(std::string_view text) const noexcept
{
    const std::string_view here = std::string_view(buffer_).substr(start_ + pos_, text.size());
    if (here == text)
        return true;
    if (!final_ && text.starts_with(here))
        return std::nullopt;
    return false;
}

std::size_t CsvReader::Scanner::find(const std::array<bool, 256>& stops) const noexcept
{
    const char* const begin = buffer_.data() + start_;
    const std::size_t end = limit();
    std::size_t pos = pos_;
    while (pos < end && !stops[index(begin[pos])])
        ++pos;
    return pos;
}

CsvReader::CsvReader(const CsvDialect& dialect, CsvLimits limits) : scanner_(std::make_unique<Scanner>(dialect, limits))
{
}
CsvReader::CsvReader(CsvReader&&) noexcept = default;
CsvReader& CsvReader::operator=(CsvReader&&) noexcept = default;
CsvReader::~CsvReader() = default;

void CsvReader::feed(std::string_view chunk)
{
    scanner_->feed(chunk);
}

void CsvReader::finish() noexcept
{
    scanner_->finish();
}

const CsvRecord* CsvReader::next()
{
    return scanner_->next();
}

}  // namespace winnow
