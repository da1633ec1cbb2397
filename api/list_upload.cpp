#include "api/list_upload.hpp"

#include "api/idempotency.hpp"
#include "core/duration.hpp"
#include "core/unicode.hpp"
#include "net/multipart.hpp"

namespace winnow::api {
namespace {

constexpr std::size_t max_form_field = 8 * 1024;

/// "text/csv" of "Text/CSV; charset=utf-8".
std::string media_type(std::string_view content_type)
{
    std::string type{content_type.substr(0, content_type.find(';'))};
    while (!type.empty() && type.back() == ' ')
        type.pop_back();
    return to_lower_ascii(type);
}

Problem unsupported(std::string detail)
{
    return {415, "unsupported_media_type", "The body has a form that is not read here", std::move(detail), {}};
}

/// Types that say more than the file's content; text/csv is also what browsers call what they do not know.
std::optional<storage::ListFormat> format_of(std::string_view content_type)
{
    const std::string type = media_type(content_type);
    const bool json_lines = type == "application/x-ndjson" || type == "application/ndjson" ||
                            type == "application/jsonl" || type == "application/x-jsonlines";
    if (json_lines)
        return storage::ListFormat::ndjson;
    return std::nullopt;
}

class Receiver {
public:
    explicit Receiver(Context& context) : context_(context), pairs_(context.request.query) {}

    awaitable<Checked<Upload>> run();

private:
    awaitable<Checked<>> plain();
    awaitable<Checked<>> multipart(std::string boundary);
    awaitable<Checked<>> field(net::MultipartReader& reader, std::string name);
    Checked<> begin_file(const std::string& file_name, std::string_view content_type);
    Checked<> take_late_fields();
    awaitable<Checked<>> feed(std::string piece);
    awaitable<Checked<>> end();
    bool has_file() const noexcept { return upload_.ingest || previewer_; }

    Context& context_;
    Fields::Pairs pairs_;  ///< query, then form fields in their order
    bool gzip_ = false;    ///< the body is compressed on its way
    Upload upload_;
    std::optional<verifier::ListPreviewer> previewer_;  ///< of a dry run
};

awaitable<Checked<>> Receiver::feed(std::string piece)
{
    if (previewer_) {
        const auto read = previewer_->feed(std::move(piece));
        if (!read)
            co_return problem_of(read.error());
        co_return Checked<>{};
    }
    const auto fed = co_await upload_.ingest->feed(std::move(piece));
    if (!fed)
        co_return problem_of(fed.error());
    co_return Checked<>{};
}

Checked<> Receiver::begin_file(const std::string& file_name, std::string_view content_type)
{
    WINNOW_TRY(upload_.form, UploadForm::read(pairs_));
    verifier::UploadOptions& options = upload_.form.options;
    options.workspace = context_.key.workspace;
    if (options.reading.file_name.empty())
        options.reading.file_name = file_name;
    options.reading.format = format_of(content_type);
    options.reading.gzip = gzip_;
    if (context_.claim) {
        options.idempotency_key = context_.claim->name();
        options.request = context_.request.target;
    }
    if (upload_.form.dry_run) {
        previewer_.emplace(context_.services.engine.digester(), options);
        return {};
    }
    upload_.ingest = std::make_unique<verifier::ListIngest>(context_.services.engine, context_.services.rng, options);
    return {};
}

/// curl and browsers send the fields in the order of the form, perhaps behind the file. What the file was read with is
/// settled by then.
Checked<> Receiver::take_late_fields()
{
    WINNOW_TRY(auto late, UploadForm::read(pairs_));
    const verifier::UploadOptions& used = upload_.form.options;
    if (late.options.reading.column != used.reading.column)
        return invalid_request("column", "has to come before the file");
    if (late.options.reading.header != used.reading.header)
        return invalid_request("header", "has to come before the file");
    if (late.dry_run != upload_.form.dry_run)
        return invalid_request("dry_run", "has to come before the file");
    late.options.workspace = used.workspace;
    if (late.options.reading.file_name.empty())
        late.options.reading.file_name = used.reading.file_name;
    upload_.form = std::move(late);
    if (upload_.ingest)
        upload_.ingest->describe(upload_.form.options);
    return {};
}

awaitable<Checked<>> Receiver::plain()
{
    WINNOW_CO_CHECK(begin_file({}, context_.request.fields.get("Content-Type")));
    for (;;) {
        auto piece = co_await context_.request.body->read_some();
        if (!piece)
            co_return unreadable_body(piece.error());
        if (piece->empty())
            co_return Checked<>{};
        WINNOW_CO_CHECK(co_await feed(std::move(*piece)));
    }
}

awaitable<Checked<>> Receiver::field(net::MultipartReader& reader, std::string name)
{
    std::string value;
    for (;;) {
        const auto event = co_await reader.next();
        if (!event)
            co_return unreadable_body(event.error());
        if (event->kind == net::MultipartEvent::Kind::part_end)
            break;
        value += event->data;
        if (value.size() > max_form_field)
            co_return invalid_request(name, "is longer than " + std::to_string(max_form_field) + " octets");
    }
    pairs_.emplace_back(std::move(name), std::move(value));
    co_return Checked<>{};
}

awaitable<Checked<>> Receiver::multipart(std::string boundary)
{
    net::MultipartReader reader{*context_.request.body, boundary};
    for (;;) {
        auto event = co_await reader.next();
        if (!event)
            co_return unreadable_body(event.error());
        using Kind = net::MultipartEvent::Kind;
        if (event->kind == Kind::part_begin) {
            const net::MultipartPart& part = event->part;
            if (!part.filename && part.name != "file") {
                WINNOW_CO_CHECK(co_await field(reader, part.name));
                continue;
            }
            if (has_file())
                co_return invalid_request(part.name, "is a second file; a list is one file");
            WINNOW_CO_CHECK(begin_file(part.filename.value_or(""), part.content_type));
        } else if (event->kind == Kind::data) {
            WINNOW_CO_CHECK(co_await feed(std::move(event->data)));
        } else if (event->kind == Kind::done) {
            if (!has_file())
                co_return invalid_request("file", "is required: the form has no file field");
            co_return take_late_fields();
        }
    }
}

awaitable<Checked<>> Receiver::end()
{
    if (previewer_) {
        auto preview = previewer_->finish();
        if (!preview)
            co_return problem_of(preview.error());
        upload_.preview = std::move(*preview);
        co_return Checked<>{};
    }
    auto ended = co_await upload_.ingest->end();
    if (!ended)
        co_return problem_of(ended.error());
    upload_.list = std::move(*ended);
    co_return Checked<>{};
}

awaitable<Checked<Upload>> Receiver::run()
{
    const std::string_view content_type = context_.request.fields.get("Content-Type");
    const std::string type = media_type(content_type);
    const bool is_form = type == "multipart/form-data";
    const std::string coding = to_lower_ascii(context_.request.fields.get("Content-Encoding"));
    gzip_ = coding == "gzip" || coding == "x-gzip";  // the same by RFC 9110 section 8.4.1.3
    if (!gzip_ && !coding.empty() && coding != "identity")
        co_return unsupported("Content-Encoding " + coding + " is not read; send the file as it is, or with gzip.");
    if (gzip_ && is_form)
        co_return unsupported("A form is not read with Content-Encoding gzip; compress the file in it instead.");
    if (type == "application/json")
        co_return unsupported(
            "A list is a CSV, TSV, TXT or NDJSON file, sent as multipart/form-data or as the body; NDJSON "
            "(application/x-ndjson) has one object a line.");
    Checked<> received;
    if (is_form) {
        const auto boundary = net::multipart_boundary(content_type);
        if (!boundary)
            co_return unreadable_body(boundary.error());
        received = co_await multipart(*boundary);
    } else {
        received = co_await plain();
    }
    if (received)
        received = co_await end();
    if (received)
        co_return std::move(upload_);
    co_await discard_list(context_, upload_);
    co_return received.error();
}

}  // namespace

Checked<UploadForm> UploadForm::read(const Fields::Pairs& pairs)
{
    Fields fields = Fields::of_texts(pairs);
    UploadForm form;
    form.options.name = fields.text("name");
    form.options.source = fields.text("source");
    form.options.collected_at = fields.text("collected_at");
    if (!form.options.collected_at.empty()) {
        if (const auto time = parse_date_or_time(form.options.collected_at); !time)
            fields.refuse("collected_at", time.error().context);
    }
    form.options.consent_basis = fields.text("consent_basis");
    form.options.reading.column = fields.text("column");
    if (fields.has("header"))
        form.options.reading.header = fields.flag("header", true);
    form.options.reading.file_name = fields.text("filename", {}, 255);
    form.verify = fields.flag("verify", true);
    form.dry_run = fields.flag("dry_run", false);
    form.deadline = fields.duration("deadline", milliseconds{0}, std::chrono::seconds{1}, std::chrono::days{30});
    if (auto problem = fields.problem())
        return *problem;
    return form;
}

awaitable<Checked<Upload>> receive_list(Context& context)
{
    Receiver receiver{context};
    co_return co_await receiver.run();
}

awaitable<Checked<verifier::UploadSummary>> complete_list(Context& context, Upload& upload)
{
    auto summary = co_await upload.ingest->finish();
    if (summary)
        co_return std::move(*summary);
    co_await discard_list(context, upload);
    co_return problem_of(summary.error());
}

awaitable<void> discard_list(Context& context, Upload& upload)
{
    if (!upload.ingest)
        co_return;
    const auto removed = co_await upload.ingest->discard();
    if (!removed)
        context.services.log.warn("upload.not_removed", {{"why", removed.error().message()}});
}

}  // namespace winnow::api
