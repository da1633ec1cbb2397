#include "api/list_upload.hpp"

#include "api/idempotency.hpp"
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

class Receiver {
public:
    explicit Receiver(Context& context) : context_(context), pairs_(context.request.query) {}

    awaitable<Checked<Upload>> run();

private:
    awaitable<Checked<>> plain();
    awaitable<Checked<>> multipart(std::string boundary);
    awaitable<Checked<>> field(net::MultipartReader& reader, std::string name);
    Checked<> begin_file(const std::string& file_name);
    Checked<> take_late_fields();
    awaitable<Checked<>> feed(std::string piece);

    Context& context_;
    Fields::Pairs pairs_;  ///< query, then form fields in their order
    Upload upload_;
};

awaitable<Checked<>> Receiver::feed(std::string piece)
{
    const auto fed = co_await upload_.ingest->feed(std::move(piece));
    if (!fed)
        co_return problem_of(fed.error());
    co_return Checked<>{};
}

Checked<> Receiver::begin_file(const std::string& file_name)
{
    WINNOW_TRY(upload_.form, UploadForm::read(pairs_));
    verifier::UploadOptions& options = upload_.form.options;
    options.workspace = context_.key.workspace;
    if (options.file_name.empty())
        options.file_name = file_name;
    if (context_.claim) {
        options.idempotency_key = context_.claim->name();
        options.request = context_.request.target;
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
    if (late.options.column != used.column)
        return invalid_request("column", "has to come before the file");
    late.options.workspace = used.workspace;
    if (late.options.file_name.empty())
        late.options.file_name = used.file_name;
    upload_.form = std::move(late);
    upload_.ingest->describe(upload_.form.options);
    return {};
}

awaitable<Checked<>> Receiver::plain()
{
    WINNOW_CO_CHECK(begin_file({}));
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
            if (upload_.ingest)
                co_return invalid_request(part.name, "is a second file; a list is one file");
            WINNOW_CO_CHECK(begin_file(part.filename.value_or("")));
        } else if (event->kind == Kind::data) {
            WINNOW_CO_CHECK(co_await feed(std::move(event->data)));
        } else if (event->kind == Kind::done) {
            if (!upload_.ingest)
                co_return invalid_request("file", "is required: the form has no file field");
            co_return take_late_fields();
        }
    }
}

awaitable<Checked<Upload>> Receiver::run()
{
    const std::string_view coding = context_.request.fields.get("Content-Encoding");
    if (!coding.empty() && coding != "identity")
        co_return unsupported("Content-Encoding " + std::string(coding) + " is not read; send the file as it is.");
    const std::string_view content_type = context_.request.fields.get("Content-Type");
    const std::string type = media_type(content_type);
    if (type == "application/json")
        co_return unsupported("A list is a CSV, TSV or TXT file, sent as multipart/form-data or as the body.");
    Checked<> received;
    if (type == "multipart/form-data") {
        const auto boundary = net::multipart_boundary(content_type);
        if (!boundary)
            co_return unreadable_body(boundary.error());
        received = co_await multipart(*boundary);
    } else {
        received = co_await plain();
    }
    if (received) {
        auto ended = co_await upload_.ingest->end();
        if (ended) {
            upload_.list = std::move(*ended);
            co_return std::move(upload_);
        }
        received = problem_of(ended.error());
    }
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
    form.options.consent_basis = fields.text("consent_basis");
    form.options.column = fields.text("column");
    form.options.file_name = fields.text("filename", {}, 255);
    form.verify = fields.flag("verify", true);
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
