#include "core/email_column.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <set>

#include "core/trim.hpp"
#include "core/unicode.hpp"

namespace winnow {
namespace {

/// Header names, as simplify() leaves them: lower case, composed, letters and digits only.
constexpr std::array exact_names = {
    // English and what exports call it
    "email", "emails", "mail", "emailaddress", "emailaddresses", "mailaddress", "emailid", "emailaddr", "primaryemail",
    "useremail", "customeremail", "contactemail", "subscriberemail", "subscriberaddress", "recipient", "recipientemail",
    "toemail", "workemail", "personalemail", "businessemail", "internetaddress", "smtpaddress", "primarysmtpaddress",
    // German, Dutch, Scandinavian, Finnish, Baltic
    "emailadresse", "mailadresse", "elektronischepost", "emailadres", "epost", "epostadress", "epostadresse",
    "mailadress", "sähköposti", "sähköpostiosoite", "epasts", "elpaštas", "meil",
    // French, Spanish, Catalan, Galician, Portuguese, Italian, Romanian
    "courriel", "courrielélectronique", "adresseemail", "adressemail", "adressecourriel", "adresseélectronique",
    "adresseelectronique", "mél", "correo", "correoelectrónico", "correoelectronico", "direccióndecorreo",
    "direccióndecorreoelectrónico", "direcciondecorreoelectronico", "direccióndeemail", "correu", "correuelectrònic",
    "correoe", "endereçodeemail", "enderecodeemail", "correioeletrônico", "correioeletrónico", "correioeletronico",
    "indirizzoemail", "indirizzomail", "postaelettronica", "indirizzodipostaelettronica", "adresăemail",
    "adresădeemail",
    // Slavic, Hungarian, Greek, Turkish
    "adresemail", "adrese", "emailová", "emailováadresa", "emailadresa", "poczta", "pocztaelektroniczna", "почта",
    "элпочта", "эпочта", "электроннаяпочта", "адресэлектроннойпочты", "имейл", "емейл", "емайл", "пошта",
    "електроннапошта", "emailcím", "drótposta", "ηλεκτρονικόταχυδρομείο", "ηλταχυδρομείο", "eposta", "epostaadresi",
    // Hebrew, Arabic, East Asian, Vietnamese, Indonesian
    "דואל", "דואראלקטרוני", "מייל", "البريدالإلكتروني", "بريدإلكتروني", "ایمیل", "メール", "メールアドレス",
    "電子メール", "eメール", "邮箱", "邮箱地址", "电子邮件", "电子邮箱", "電子郵件", "電郵", "이메일", "이메일주소",
    "메일", "thưđiệntử", "surel", "alamatemail", "इमेल", "ईमेल", "อีเมล"};

/// A name that contains one of these probably means e-mail ...
constexpr std::array hint_words = {"email",      "courriel", "correoelectr", "epost",
                                   "sähköposti", "メール",   "邮箱",         "почт"};

/// ... unless it says that it is about e-mail, not an address.
constexpr std::array other_words = {"status", "optin",  "optout", "consent", "count", "date",     "sent",
                                    "open",   "click",  "bounce", "verif",   "valid", "hash",     "md5",
                                    "sha",    "domain", "type",   "subject", "body",  "template", "subscribed",
                                    "format", "time",   "last",   "score",   "flag",  "id"};

std::string simplify(std::string_view header)
{
    const std::string lower = is_utf8(header) ? to_lower_nfc(header) : to_lower_ascii(header);
    std::string plain;
    for (const char c : lower)
        if (static_cast<unsigned char>(c) >= 0x80 || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
            plain += c;
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (plain.starts_with(byte_order_mark))
        plain.erase(0, byte_order_mark.size());
    return plain;
}

template <class Words>
bool contains_any(std::string_view text, const Words& words)
{
    return std::any_of(words.begin(), words.end(),
                       [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

/// 2 = a known name, 1 = probably, 0 = no.
int name_score(std::string_view header)
{
    const std::string plain = simplify(header);
    if (std::find(exact_names.begin(), exact_names.end(), plain) != exact_names.end())
        return 2;
    std::string without_hint = plain;
    for (const std::string_view hint : hint_words)
        if (const std::size_t at = without_hint.find(hint); at != std::string::npos)
            without_hint.erase(at, hint.size());
    return without_hint != plain && !contains_any(without_hint, other_words) ? 1 : 0;
}

struct Candidate {
    std::size_t index = 0;
    int name = 0;
    double share = 0;        ///< of the filled cells below the header that look like addresses
    std::size_t filled = 0;  ///< number of those cells
};

std::vector<Candidate> survey(std::span<const std::vector<std::string>> rows, bool has_header)
{
    std::size_t columns = 0;
    for (const auto& row : rows)
        columns = std::max(columns, row.size());
    std::vector<Candidate> candidates(columns);
    const auto data = rows.subspan(has_header ? 1 : 0);
    for (std::size_t i = 0; i < columns; ++i) {
        Candidate& candidate = candidates[i];
        candidate.index = i;
        if (has_header && i < rows[0].size())
            candidate.name = name_score(rows[0][i]);
        std::size_t addresses = 0;
        for (const auto& row : data) {
            if (i >= row.size() || trim(row[i], white_space).empty())
                continue;
            ++candidate.filled;
            addresses += looks_like_address(row[i]) ? 1 : 0;
        }
        if (candidate.filled > 0)
            candidate.share = static_cast<double>(addresses) / static_cast<double>(candidate.filled);
    }
    return candidates;
}

std::string list_columns(const std::vector<std::string>& header)
{
    constexpr std::size_t most = 12;
    std::string text;
    for (std::size_t i = 0; i < header.size() && i < most; ++i)
        text += (i == 0 ? "" : ", ") + std::string(trim(header[i], white_space));
    return header.size() > most ? text + ", ..." : text;
}

std::string known_columns(std::span<const std::vector<std::string>> rows, bool has_header)
{
    if (has_header)
        return "the columns are: " + list_columns(rows[0]);
    return "the file has no header and " + std::to_string(rows[0].size()) + " column(s)";
}

std::vector<std::size_t> columns_named(const std::vector<std::string>& header, std::string_view wanted)
{
    const std::string plain = simplify(wanted);
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < header.size() && !plain.empty(); ++i)
        if (simplify(header[i]) == plain)
            found.push_back(i);
    return found;
}

std::optional<std::size_t> number_in(std::string_view text)
{
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size() ? std::optional{number} : std::nullopt;
}

Error several_columns(std::string_view wanted, const std::vector<std::size_t>& found)
{
    std::string numbers;
    for (std::size_t i = 0; i < found.size(); ++i)
        numbers += (i == 0 ? "" : i + 1 == found.size() ? " and " : ", ") + std::to_string(found[i] + 1);
    return {Errc::invalid_argument, std::to_string(found.size()) + " columns are named \"" + std::string(wanted) +
                                        "\": " + numbers + "; use --column NUMBER"};
}

/// A header holds no address; only who asks for a column by a name that is in it knows better.
bool is_header(const std::vector<std::string>& first, std::string_view wanted)
{
    return std::none_of(first.begin(), first.end(), looks_like_address) ||
           (!number_in(wanted) && !columns_named(first, wanted).empty());
}

Result<std::size_t> requested_column(std::span<const std::vector<std::string>> rows, bool has_header,
                                     std::string_view wanted)
{
    if (has_header) {
        auto found = columns_named(rows[0], wanted);
        if (found.empty())
            found = columns_named(column_names(rows[0]), wanted);
        if (found.size() > 1)
            return several_columns(wanted, found);
        if (!found.empty())
            return found.front();
    }
    std::size_t columns = 0;
    for (const auto& row : rows)
        columns = std::max(columns, row.size());
    if (const auto number = number_in(wanted); number && *number >= 1 && *number <= columns)
        return *number - 1;
    return Error{Errc::invalid_argument, "there is no column \"" + std::string(wanted) + "\"; " +
                                             known_columns(rows, has_header) +
                                             "; use --column NAME or --column NUMBER, counted from 1"};
}

bool is_better(const Candidate& a, const Candidate& b) noexcept
{
    if (a.name != b.name)
        return a.name > b.name;
    return a.share > b.share;
}

/// The column to take, or none when no name and no content speaks for one.
std::optional<Candidate> choose(const std::vector<Candidate>& candidates)
{
    constexpr double convincing = 0.5;  // real lists hold many broken addresses, so less than all
    constexpr double enough = 0.3;
    const auto first_best = [&](auto better) {
        std::optional<Candidate> best;
        for (const Candidate& candidate : candidates)
            if (!best || better(candidate, *best))
                best = candidate;
        return best;
    };
    const auto by_name = first_best(is_better);
    const auto by_content = first_best([](const Candidate& a, const Candidate& b) { return a.share > b.share; });
    if (!by_name)
        return std::nullopt;
    if (by_name->name > 0) {
        const bool contradicted = by_name->filled > 0 && by_name->share == 0 && by_content->share >= convincing;
        return contradicted ? by_content : by_name;
    }
    return by_content->share >= enough ? by_content : std::nullopt;
}

}  // namespace

std::string_view to_string(EmailColumn::FoundBy found_by) noexcept
{
    switch (found_by) {
        case EmailColumn::FoundBy::request:
            return "request";
        case EmailColumn::FoundBy::name:
            return "name";
        case EmailColumn::FoundBy::content:
            return "content";
    }
    return "content";
}

std::vector<std::string> column_names(std::span<const std::string> header)
{
    std::vector<std::string> names;
    std::set<std::string, std::less<>> taken;
    for (const std::string& cell : header)
        taken.emplace(trim_wide(cell));
    std::set<std::string, std::less<>> used;
    for (const std::string& cell : header) {
        std::string name{trim_wide(cell)};
        if (name.empty())
            name = "column_" + std::to_string(names.size() + 1);
        const std::string base = name;
        for (std::size_t n = 2; used.contains(name) || (name != trim_wide(cell) && taken.contains(name)); ++n)
            name = base + "_" + std::to_string(n);
        used.insert(name);
        names.push_back(std::move(name));
    }
    return names;
}

std::string_view address_in_cell(std::string_view cell) noexcept
{
    cell = trim_wide(cell);
    if (cell.ends_with('>'))
        if (const std::size_t open = cell.rfind('<'); open != std::string_view::npos)
            cell = trim_wide(cell.substr(open + 1, cell.size() - open - 2));
    constexpr std::string_view scheme = "mailto:";
    const bool is_link = cell.size() >= scheme.size() &&
                         std::equal(scheme.begin(), scheme.end(), cell.begin(),
                                    [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); });
    if (!is_link)
        return cell;
    cell.remove_prefix(scheme.size());
    return trim_wide(cell.substr(0, cell.find('?')));
}

bool looks_like_address(std::string_view cell) noexcept
{
    cell = address_in_cell(cell);
    const std::size_t at = cell.rfind('@');
    if (at == std::string_view::npos || at == 0 || at + 1 == cell.size())
        return false;
    // "@handle" of a social network is no address, and neither is a sentence with an @ in it.
    return cell.find_first_of(" \t\r\n", at) == std::string_view::npos &&
           (cell.front() == '"' || cell.find_first_of(" \t\r\n") == std::string_view::npos);
}

Result<EmailColumn> find_email_column(std::span<const std::vector<std::string>> rows, std::string_view wanted,
                                      std::optional<bool> has_header)
{
    if (rows.empty())
        return Error{Errc::invalid_argument, "the file has no records; it must hold at least one address"};
    EmailColumn column;
    wanted = trim(wanted, white_space);
    column.has_header = has_header.value_or(is_header(rows[0], wanted));
    if (!wanted.empty()) {
        WINNOW_TRY(column.index, requested_column(rows, column.has_header, wanted));
        column.found_by = EmailColumn::FoundBy::request;
    } else {
        const auto chosen = choose(survey(rows, column.has_header));
        if (!chosen)
            return Error{Errc::invalid_argument, "no column looks like e-mail addresses; " +
                                                     known_columns(rows, column.has_header) +
                                                     "; use --column NAME or --column NUMBER, counted from 1"};
        column.index = chosen->index;
        column.found_by = chosen->name > 0 ? EmailColumn::FoundBy::name : EmailColumn::FoundBy::content;
    }
    if (column.has_header && column.index < rows[0].size())
        column.name = trim(rows[0][column.index], white_space);
    return column;
}

}  // namespace winnow
