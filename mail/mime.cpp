#include "mail/mime.hpp"

#include <gmime/gmime.h>

#include <algorithm>
#include <memory>
#include <mutex>

#include "core/unicode.hpp"
#include "mail/encoding.hpp"

namespace winnow::mail {
namespace {

struct Unref {
    void operator()(void* object) const { g_object_unref(object); }
};
template <class T>
using Owned = std::unique_ptr<T, Unref>;

struct Free {
    void operator()(void* text) const { g_free(text); }
};
using OwnedText = std::unique_ptr<char, Free>;

void initialise()
{
    static std::once_flag once;
    std::call_once(once, [] { g_mime_init(); });
}

/// `bytes` from `charset` to UTF-8; empty when that is not possible.
std::string converted(std::string_view bytes, const char* charset)
{
    gsize length = 0;
    const OwnedText out(
        g_convert(bytes.data(), static_cast<gssize>(bytes.size()), "UTF-8", charset, nullptr, &length, nullptr));
    return out ? std::string(out.get(), length) : std::string();
}

/// Declared charsets are often wrong. ISO-2022-JP looks like ASCII, so a charset that is not UTF-8 is tried first, but
/// only when its result is needed: ASCII without escapes is the same in all of them.
std::string text_to_utf8(std::string_view bytes, const char* charset)
{
    const bool plain = is_ascii(bytes) && bytes.find('\x1b') == std::string_view::npos;
    if (plain)
        return to_valid_utf8(bytes);
    const auto name = to_lower_ascii(charset != nullptr ? charset : "");
    const bool utf8 = name.empty() || name == "utf-8" || name == "us-ascii" || name == "utf8";
    if (!utf8)
        if (auto out = converted(bytes, g_mime_charset_iconv_name(charset)); !out.empty())
            return to_valid_utf8(out);
    if (auto valid = to_valid_utf8(bytes); valid == bytes)
        return valid;
    if (bytes.find('\x1b') != std::string_view::npos)
        if (auto out = converted(bytes, "ISO-2022-JP"); !out.empty())
            return to_valid_utf8(out);
    if (utf8 && name.empty())
        if (auto out = converted(bytes, "WINDOWS-1252"); !out.empty())
            return to_valid_utf8(out);
    return to_valid_utf8(bytes);
}

std::string content_of(GMimePart* part, std::size_t limit)
{
    auto* wrapper = g_mime_part_get_content(part);
    if (wrapper == nullptr)
        return {};
    const Owned<GMimeStream> out(g_mime_stream_mem_new());
    if (g_mime_data_wrapper_write_to_stream(wrapper, out.get()) < 0)
        return {};
    const auto* array = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(out.get()));
    return {reinterpret_cast<const char*>(array->data), std::min<std::size_t>(array->len, limit)};
}

class Reader {
public:
    explicit Reader(const MimeLimits& limits) : limits_(limits) {}

    MimePart part(GMimeObject* object, int depth)
    {
        MimePart out;
        ++parts_;
        const OwnedText head(g_mime_object_get_headers(object, nullptr));
        if (head)
            out.headers = HeaderBlock::read(head.get());
        auto* type = g_mime_object_get_content_type(object);
        if (type != nullptr) {
            const OwnedText name(g_mime_content_type_get_mime_type(type));
            out.type = to_lower_ascii(name.get());
            if (const auto* report = g_mime_content_type_get_parameter(type, "report-type"))
                out.report_type = to_lower_ascii(report);
        }
        if (out.type.empty())
            out.type = "text/plain";
        if (GMIME_IS_MULTIPART(object))
            multipart(GMIME_MULTIPART(object), depth, out);
        else if (GMIME_IS_MESSAGE_PART(object))
            message(GMIME_MESSAGE_PART(object), depth, out);
        else if (GMIME_IS_PART(object))
            leaf(GMIME_PART(object), type, out);
        return out;
    }

private:
    bool may_descend(int depth) const { return depth < limits_.max_depth && parts_ < limits_.max_parts; }

    void multipart(GMimeMultipart* multipart, int depth, MimePart& out)
    {
        const int count = g_mime_multipart_get_count(multipart);
        for (int i = 0; i < count && may_descend(depth); ++i)
            out.children.push_back(part(g_mime_multipart_get_part(multipart, i), depth + 1));
        // Boundaries that were stripped or mangled on the way: all of it is prologue.
        if (const char* prologue = g_mime_multipart_get_prologue(multipart); count == 0 && prologue != nullptr) {
            out.type = "text/plain";
            out.body = text_to_utf8(std::string_view(prologue).substr(0, limits_.max_text), nullptr);
        }
    }

    void message(GMimeMessagePart* holder, int depth, MimePart& out)
    {
        auto* inner = g_mime_message_part_get_message(holder);
        if (inner == nullptr || !may_descend(depth))
            return;
        auto* top = g_mime_message_get_mime_part(inner);
        MimePart child;
        if (top != nullptr)
            child = part(top, depth + 1);
        // The message's own fields stand beside those of its content.
        const OwnedText head(g_mime_object_get_headers(GMIME_OBJECT(inner), nullptr));
        if (head)
            child.headers = HeaderBlock::read(head.get());
        out.children.push_back(std::move(child));
    }

    void leaf(GMimePart* part, GMimeContentType* type, MimePart& out)
    {
        const auto bytes = content_of(part, limits_.max_text);
        const bool text = out.type.starts_with("text/") || out.type.starts_with("message/");
        const auto* charset = type != nullptr ? g_mime_content_type_get_parameter(type, "charset") : nullptr;
        out.body = text ? text_to_utf8(bytes, charset) : bytes;
    }

    const MimeLimits& limits_;
    std::size_t parts_ = 0;
};

}  // namespace

MimePart read_mime(std::string_view raw, const MimeLimits& limits)
{
    initialise();
    const auto input = raw.substr(0, limits.max_bytes);
    const Owned<GMimeStream> stream(g_mime_stream_mem_new_with_buffer(input.data(), input.size()));
    const Owned<GMimeParser> parser(g_mime_parser_new_with_stream(stream.get()));
    const Owned<GMimeMessage> message(g_mime_parser_construct_message(parser.get(), nullptr));
    MimePart out;
    auto* top = message ? g_mime_message_get_mime_part(message.get()) : nullptr;
    if (top != nullptr) {
        out = Reader(limits).part(top, 0);
        out.headers = HeaderBlock::read(input);
    } else {
        out.headers = HeaderBlock::read(input);
        out.type = "text/plain";
        out.body = to_valid_utf8(input.substr(out.headers.body_offset()).substr(0, limits.max_text));
    }
    return out;
}

std::string decode_header(std::string_view value)
{
    initialise();
    const std::string text(value);
    const OwnedText decoded(g_mime_utils_header_decode_text(nullptr, text.c_str()));
    return to_valid_utf8(decoded ? decoded.get() : text);
}

}  // namespace winnow::mail
