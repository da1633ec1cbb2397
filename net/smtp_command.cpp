#include "net/smtp_command.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "core/address.hpp"
#include "core/trim.hpp"
#include "net/xtext.hpp"

namespace winnow::net {
namespace {

constexpr std::size_t max_path = 254;   // RFC 5321 section 4.5.3.1.3, without the angle brackets
constexpr std::size_t max_envid = 100;  // RFC 3461 section 4.4
constexpr std::size_t max_orcpt = 500;  // RFC 3461 section 4.2

char upper(char c) noexcept
{
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

bool same(std::string_view a, std::string_view b) noexcept
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return upper(x) == upper(y); });
}

struct VerbName {
    std::string_view name;
    SmtpVerb verb;
};
constexpr VerbName verbs[] = {
    {"EHLO", SmtpVerb::ehlo},         {"HELO", SmtpVerb::helo},       {"MAIL", SmtpVerb::mail},
    {"RCPT", SmtpVerb::rcpt},         {"DATA", SmtpVerb::data},       {"BDAT", SmtpVerb::bdat},
    {"RSET", SmtpVerb::rset},         {"NOOP", SmtpVerb::noop},       {"QUIT", SmtpVerb::quit},
    {"STARTTLS", SmtpVerb::starttls}, {"AUTH", SmtpVerb::auth},       {"VRFY", SmtpVerb::vrfy},
    {"EXPN", SmtpVerb::expn},         {"HELP", SmtpVerb::help},       {"GET", SmtpVerb::foreign},
    {"POST", SmtpVerb::foreign},      {"HEAD", SmtpVerb::foreign},    {"PUT", SmtpVerb::foreign},
    {"DELETE", SmtpVerb::foreign},    {"CONNECT", SmtpVerb::foreign}, {"OPTIONS", SmtpVerb::foreign},
    {"TRACE", SmtpVerb::foreign},     {"PATCH", SmtpVerb::foreign},   {"PRI", SmtpVerb::foreign},
};

/// A path in angle brackets and what follows it.
struct Path {
    std::string_view path;
    std::string_view rest;
};

/// Nothing when `argument` is not KEYWORD ":" *SP "<" ... ">" [SP ...].
std::optional<Path> split_path(std::string_view argument, std::string_view keyword)
{
    if (argument.size() < keyword.size() || !same(argument.substr(0, keyword.size()), keyword))
        return std::nullopt;
    const std::string_view text = trim(argument.substr(keyword.size()), " ");
    if (!text.starts_with('<'))
        return std::nullopt;
    bool quoted = false;
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (quoted && text[i] == '\\')
            ++i;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && text[i] == '>') {
            const std::string_view rest = text.substr(i + 1);
            if (!rest.empty() && rest.front() != ' ')
                return std::nullopt;
            return Path{text.substr(1, i - 1), trim(rest, " ")};
        }
    }
    return std::nullopt;
}

bool is_ascii(std::string_view text) noexcept
{
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// The refusal of an address; nothing when it is one. `status` is the enhanced status of a wrong syntax.
std::optional<SmtpReply> refuse_address(std::string_view path, bool utf8, const char* status)
{
    const std::string prefix = std::string(status) + ' ';
    if (path.size() > max_path)
        return SmtpReply::make(501, prefix + "Address too long");
    if (path.starts_with('@'))
        return SmtpReply::make(501, prefix + "Source routes are not accepted");
    if (!utf8 && !is_ascii(path))
        return SmtpReply::make(553, "5.6.7 A non-ASCII address needs SMTPUTF8");
    const ParsedAddress parsed = parse_address(path);
    if (parsed.valid)
        return std::nullopt;
    return SmtpReply::make(501, prefix + "Bad address syntax: " + std::string(to_string(parsed.fault)));
}

struct Parameter {
    std::string keyword;  // upper case
    std::string_view value;
    bool has_value = false;
};

SmtpReply syntax_error(const std::string& what)
{
    return SmtpReply::make(501, "5.5.4 " + what);
}

SmtpReply not_offered(const std::string& keyword)
{
    return SmtpReply::make(555, "5.5.4 Unsupported parameter " + keyword);
}

/// esmtp-param of RFC 5321 section 4.1.2: known characters only, no keyword twice.
std::variant<std::vector<Parameter>, SmtpReply> split_parameters(std::string_view text)
{
    std::vector<Parameter> out;
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        text = trim(text.substr(word.size()), " ");
        const auto equals = word.find('=');
        Parameter parameter;
        for (const char c : word.substr(0, equals))
            parameter.keyword += upper(c);
        parameter.has_value = equals != std::string_view::npos;
        if (parameter.has_value)
            parameter.value = word.substr(equals + 1);
        const bool good =
            !parameter.keyword.empty() && parameter.keyword.front() != '-' &&
            parameter.keyword.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == std::string::npos &&
            parameter.has_value != parameter.value.empty() && parameter.value.find('=') == std::string_view::npos;
        if (!good)
            return syntax_error("Malformed parameter");
        for (const Parameter& other : out)
            if (other.keyword == parameter.keyword)
                return syntax_error("Parameter " + parameter.keyword + " given twice");
        out.push_back(std::move(parameter));
    }
    return out;
}

/// What goes into a delivery report must not be able to add a line to it.
std::optional<std::string> decode_printable(std::string_view xtext)
{
    auto text = decode_xtext(xtext);
    const bool control = text && std::any_of(text->begin(), text->end(),
                                             [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    return control ? std::nullopt : text;
}

using Refusal = std::optional<SmtpReply>;

Refusal set_size(MailCommand& command, const Parameter& parameter, std::uint64_t max_size)
{
    const std::string_view value = parameter.value;
    if (value.size() > 20 || value.find_first_not_of("0123456789") != std::string_view::npos)
        return syntax_error("Bad SIZE");
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), command.size);
    const bool overflow = parsed.ec == std::errc::result_out_of_range;
    if (overflow || (max_size != 0 && command.size > max_size))
        return SmtpReply::make(552, "5.3.4 Message size exceeds the limit of " + std::to_string(max_size));
    return std::nullopt;
}

Refusal set_mail_parameter(MailCommand& command, const Parameter& parameter, const SmtpSyntax& syntax)
{
    const std::string& keyword = parameter.keyword;
    const bool flag = keyword == "SMTPUTF8";
    if ((flag && !syntax.smtputf8) || ((keyword == "RET" || keyword == "ENVID") && !syntax.dsn) ||
        (keyword == "AUTH" && !syntax.auth))
        return not_offered(keyword);
    if (parameter.has_value == flag)
        return syntax_error("Bad " + keyword);
    if (keyword == "SIZE")
        return set_size(command, parameter, syntax.max_size);
    if (flag) {
        command.smtputf8 = true;
    } else if (keyword == "BODY") {
        command.eight_bit = same(parameter.value, "8BITMIME");
        if (!command.eight_bit && !same(parameter.value, "7BIT"))
            return syntax_error("Bad BODY");
    } else if (keyword == "RET") {
        if (!same(parameter.value, "FULL") && !same(parameter.value, "HDRS"))
            return syntax_error("Bad RET");
        command.ret = same(parameter.value, "FULL") ? "FULL" : "HDRS";
    } else if (keyword == "ENVID") {
        const auto decoded = decode_printable(parameter.value);
        if (!decoded || parameter.value.size() > max_envid)
            return syntax_error("Bad ENVID");
        command.envid = *decoded;
    } else if (keyword == "AUTH") {
        // RFC 4954 section 5: who submitted it elsewhere. We trust nobody to say so.
        if (parameter.value != "<>" && !decode_xtext(parameter.value))
            return syntax_error("Bad AUTH");
    } else {
        return not_offered(keyword);
    }
    return std::nullopt;
}

/// "NEVER", or SUCCESS, FAILURE and DELAY each at most once; upper case. Empty when malformed.
std::string read_notify(std::string_view value)
{
    if (same(value, "NEVER"))
        return "NEVER";
    std::string out;
    for (;;) {
        const std::string_view word = value.substr(0, value.find(','));
        const auto known = {"SUCCESS", "FAILURE", "DELAY"};
        const auto it = std::find_if(known.begin(), known.end(), [&](const char* k) { return same(word, k); });
        if (it == known.end() || out.find(*it) != std::string::npos)
            return {};
        out += (out.empty() ? "" : ",") + std::string(*it);
        if (word.size() == value.size())
            return out;
        value.remove_prefix(word.size() + 1);
    }
}

Refusal set_rcpt_parameter(RcptCommand& command, const Parameter& parameter, const SmtpSyntax& syntax)
{
    const std::string& keyword = parameter.keyword;
    if (!syntax.dsn || (keyword != "NOTIFY" && keyword != "ORCPT"))
        return not_offered(keyword);
    if (keyword == "NOTIFY") {
        command.notify = read_notify(parameter.value);
        if (command.notify.empty())
            return syntax_error("Bad NOTIFY");
        return std::nullopt;
    }
    const auto semicolon = parameter.value.find(';');
    if (semicolon == std::string_view::npos || semicolon == 0 || parameter.value.size() > max_orcpt)
        return syntax_error("Bad ORCPT");
    const auto type = decode_printable(parameter.value.substr(0, semicolon));
    const auto address = decode_printable(parameter.value.substr(semicolon + 1));
    if (!type || !address || address->empty())
        return syntax_error("Bad ORCPT");
    command.orcpt = *type + ';' + *address;
    return std::nullopt;
}

}  // namespace

SmtpCommand parse_command(std::string_view line)
{
    line = trim(line, " ");
    const std::string_view word = line.substr(0, line.find(' '));
    SmtpCommand command;
    command.argument = std::string(trim(line.substr(word.size()), " "));
    for (const VerbName& known : verbs)
        if (same(word, known.name))
            command.verb = known.verb;
    if (word.starts_with("SSH-"))
        command.verb = SmtpVerb::foreign;
    return command;
}

Parsed<MailCommand> parse_mail(std::string_view argument, const SmtpSyntax& syntax)
{
    const auto path = split_path(argument, "FROM:");
    if (!path)
        return syntax_error("Syntax: MAIL FROM:<address>");
    auto parameters = split_parameters(path->rest);
    if (auto* refusal = std::get_if<SmtpReply>(&parameters))
        return std::move(*refusal);
    MailCommand command;
    for (const Parameter& parameter : std::get<std::vector<Parameter>>(parameters))
        if (auto refusal = set_mail_parameter(command, parameter, syntax))
            return std::move(*refusal);
    if (!path->path.empty())
        if (auto refusal = refuse_address(path->path, command.smtputf8, "5.1.7"))
            return std::move(*refusal);
    command.reverse_path = std::string(path->path);
    return command;
}

Parsed<RcptCommand> parse_rcpt(std::string_view argument, const SmtpSyntax& syntax)
{
    const auto path = split_path(argument, "TO:");
    if (!path)
        return syntax_error("Syntax: RCPT TO:<address>");
    auto parameters = split_parameters(path->rest);
    if (auto* refusal = std::get_if<SmtpReply>(&parameters))
        return std::move(*refusal);
    RcptCommand command;
    for (const Parameter& parameter : std::get<std::vector<Parameter>>(parameters))
        if (auto refusal = set_rcpt_parameter(command, parameter, syntax))
            return std::move(*refusal);
    if (!same(path->path, "postmaster"))
        if (auto refusal = refuse_address(path->path, syntax.smtputf8, "5.1.3"))
            return std::move(*refusal);
    command.recipient = std::string(path->path);
    return command;
}

}  // namespace winnow::net
