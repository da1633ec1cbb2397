#include "verifier/list_reader.hpp"

#include <algorithm>
#include <array>

#include "core/gunzip.hpp"
#include "core/trim.hpp"
#include "core/unicode.hpp"
#include "verifier/row_parsers.hpp"

namespace winnow::verifier {
namespace {

constexpr std::size_t sample_bytes = 64 * 1024;
constexpr std::size_t piece_bytes = 64 * 1024;
constexpr std::size_t magic_bytes = 3;

std::optional<storage::ListFormat> format_of_name(const std::string& file_name)
{
    std::string name = to_lower_ascii(file_name);
    if (name.ends_with(".gz"))
        name.resize(name.size() - 3);
    if (name.ends_with(".ndjson") || name.ends_with(".jsonl"))
        return storage::ListFormat::ndjson;
    return std::nullopt;
}

/// What people upload instead of a list, by its first octets.
std::string other_kind_of_file(std::string_view start)
{
    if (looks_like_gzip(start))
        return "is compressed twice; compress it once";
    if (start.starts_with("PK\3\4"))
        return "is a ZIP archive or an Excel workbook, not a text file; save the sheet as CSV";
    if (start.starts_with("\xD0\xCF\x11\xE0"))
        return "is an old Excel workbook, not a text file; save the sheet as CSV";
    if (start.starts_with("%PDF-"))
        return "is a PDF, not a text file; export the list as CSV";
    return {};
}

}  // namespace

struct ListReader::Impl {
    explicit Impl(ListReading r) : reading(std::move(r)) {}

    ListReading reading;
    std::string input;      ///< as it was fed
    std::size_t at = 0;     ///< of what was not taken yet in `input`
    bool final = false;     ///< nothing is fed any more
    bool opened = false;    ///< whether it is gzip is known
    bool all_text = false;  ///< the parser has everything
    std::optional<Gunzip> gunzip;
    std::string sample;  ///< the beginning, until the format is known
    EncodingGuess guess;
    std::optional<Utf8Converter> utf16;
    std::unique_ptr<RowParser> parser;
    storage::ListFormat format = storage::ListFormat::csv;
    std::uint64_t rows = 0;
    std::uint64_t blank_rows = 0;

    Error wrong(const std::string& what) const { return {Errc::invalid_argument, reading.file() + " " + what}; }
    Result<bool> open();
    Result<std::string> unpacked();
    Result<> take(std::string piece);
    Result<> begin(bool complete);
    Result<bool> advance();
};

/// False while too little of the file is known.
Result<bool> ListReader::Impl::open()
{
    if (input.size() < magic_bytes && !final)
        return false;
    opened = true;
    if (looks_like_gzip(input))
        gunzip.emplace();
    else if (reading.gzip)
        return wrong("is not gzip, although it was announced as such");
    return true;
}

/// The next octets of the file as it was before compression; none when it needs more or is at the end.
Result<std::string> ListReader::Impl::unpacked()
{
    if (!gunzip) {
        std::string piece = input.substr(at, piece_bytes);
        at += piece.size();
        if (at == input.size()) {
            input.clear();
            at = 0;
        }
        return piece;
    }
    if (!input.empty()) {
        gunzip->feed(input);
        input.clear();
    }
    if (final)
        gunzip->finish();
    const auto piece = gunzip->next();
    if (!piece)
        return Error{piece.error().code, reading.file() + " " + piece.error().context};
    return std::string(*piece);
}

/// Encoding, format, dialect and e-mail column from the beginning of the file.
Result<> ListReader::Impl::begin(bool complete)
{
    if (const std::string other = other_kind_of_file(sample); !other.empty())
        return wrong(other);
    guess = detect_encoding(sample);
    if (guess.encoding == TextEncoding::utf16le || guess.encoding == TextEncoding::utf16be) {
        utf16.emplace(guess.encoding);
        std::string text;
        utf16->feed(sample, text);
        if (complete)
            utf16->finish(text);
        sample = std::move(text);
    }
    if (sample.find('\0') != std::string::npos)
        return wrong("is not a text file (it holds NUL octets); export the list as CSV");
    const std::string_view text = std::string_view(sample).substr(utf16 ? 0 : guess.bom);
    if (trim(text, " \t\r\n\v\f").empty())
        return wrong("is empty; a list needs a header row or one address per line");
    if (const auto told = reading.format ? reading.format : format_of_name(reading.file_name)) {
        format = *told;
    } else {
        WINNOW_TRY(const bool json, looks_like_ndjson(text, complete, reading.file()));
        format = json ? storage::ListFormat::ndjson : storage::ListFormat::csv;
    }
    if (format == storage::ListFormat::ndjson) {
        WINNOW_TRY(parser, make_ndjson_parser(sample, complete, reading));
    } else {
        WINNOW_TRY(parser, make_csv_parser(sample, complete, reading));
    }
    parser->feed(sample);
    sample = {};
    return {};
}

Result<> ListReader::Impl::take(std::string piece)
{
    if (!parser) {
        sample += piece;
        return sample.size() < sample_bytes ? Result<>{} : begin(false);
    }
    if (utf16) {
        std::string text;
        utf16->feed(piece, text);
        parser->feed(text);
    } else {
        parser->feed(piece);
    }
    return {};
}

/// Gives the parser more, which has to be drained by now. False when there is nothing to give.
Result<bool> ListReader::Impl::advance()
{
    if (!opened) {
        WINNOW_TRY(const bool known, open());
        if (!known)
            return false;
    }
    WINNOW_TRY(std::string piece, unpacked());
    if (!piece.empty()) {
        WINNOW_CHECK(take(std::move(piece)));
        return true;
    }
    if (!final || all_text)
        return false;
    all_text = true;
    if (!parser) {
        WINNOW_CHECK(begin(true));
    } else if (utf16) {
        std::string rest;
        utf16->finish(rest);
        parser->feed(rest);
    }
    parser->finish();
    return true;
}

ListReader::ListReader(ListReading reading) : impl_(std::make_unique<Impl>(std::move(reading))) {}
ListReader::ListReader(ListReader&&) noexcept = default;
ListReader::~ListReader() = default;

void ListReader::feed(std::string piece)
{
    if (impl_->input.empty())
        impl_->input = std::move(piece);
    else
        impl_->input += piece;
}

void ListReader::finish() noexcept
{
    impl_->final = true;
}

Result<storage::ListRow*> ListReader::next()
{
    Impl& self = *impl_;
    for (;;) {
        if (self.parser) {
            WINNOW_TRY(storage::ListRow* const row, self.parser->next());
            if (row) {
                row->number = ++self.rows;
                self.blank_rows += is_blank(*row);
                return row;
            }
        }
        WINNOW_TRY(const bool more, self.advance());
        if (more)
            continue;
        if (self.all_text && self.rows == self.blank_rows)
            return self.wrong("has a header and no rows");
        return nullptr;
    }
}

ListShape ListReader::shape() const
{
    ListShape shape;
    shape.gzip = impl_->gunzip.has_value();
    shape.encoding = impl_->guess.encoding;
    if (impl_->parser)
        shape.column = impl_->parser->column();
    return shape;
}

void ListReader::describe(storage::ListRecord& list) const
{
    if (impl_->parser)
        impl_->parser->describe(list);
}

std::vector<std::string> ListReader::notes() const
{
    std::vector<std::string> notes;
    if (impl_->gunzip)
        notes.push_back("the file was compressed with gzip; its export is plain");
    const std::string encoding{to_string(impl_->guess.encoding)};
    const bool other = impl_->utf16 || impl_->guess.encoding == TextEncoding::windows_1252;
    if (other && (impl_->utf16 || impl_->format == storage::ListFormat::ndjson))
        notes.push_back("read as " + encoding + ", written as UTF-8");
    else if (other)
        notes.push_back("read as " + encoding + "; the rows keep their octets");
    if (impl_->parser)
        impl_->parser->add_notes(notes);
    return notes;
}

}  // namespace winnow::verifier
