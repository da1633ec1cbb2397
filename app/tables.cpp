#include "app/tables.hpp"

#include "app/output_file.hpp"
#include "core/crypto.hpp"

namespace winnow::app {
namespace {

constexpr std::size_t fingerprint_digits = 12;

Result<std::string> text_of(const std::string& path)
{
    WINNOW_TRY(auto file, InputFile::open(path));
    std::string text;
    for (;;) {
        WINNOW_TRY(const auto piece, file.read());
        if (piece.empty())
            return text;
        text += piece;
    }
}

/// These tables bear no number: their octets are their version.
std::string fingerprint(std::string_view text)
{
    return "sha256:" + crypto::hex(crypto::sha256(text)).substr(0, fingerprint_digits);
}

Error in_file(const std::string& file, const Error& error)
{
    return {error.code, file + ": " + error.context};
}

Result<ReplyClassifier> load_replies(const std::string& shipped_path, const std::string& extra,
                                     std::vector<verifier::ListStatus>& status)
{
    WINNOW_TRY(const auto shipped, text_of(shipped_path));
    auto table = ReplyClassifier::parse(shipped);
    if (!table)
        return in_file(shipped_path, table.error());
    status.push_back({"replies", "winnow", fingerprint(shipped), table->rows()});
    if (extra.empty())
        return table;
    const auto own = text_of(extra);
    if (!own)
        return in_file("replies_extra", own.error());
    const auto alone = ReplyClassifier::parse(*own);
    if (!alone)
        return in_file("replies_extra " + extra, alone.error());
    status.push_back({"replies_extra", extra, fingerprint(*own), alone->rows()});
    return ReplyClassifier::parse(shipped + "\n" + *own);
}

Result<ProviderTable> load_providers(const std::string& path, std::vector<verifier::ListStatus>& status)
{
    WINNOW_TRY(const auto text, text_of(path));
    auto table = ProviderTable::parse(text);
    if (!table)
        return in_file(path, table.error());
    status.push_back({"mx-providers", "winnow", fingerprint(text), table->rows()});
    return table;
}

}  // namespace

Result<Tables> Tables::load(const std::string& share_dir, const std::string& extra)
{
    std::vector<verifier::ListStatus> tables;
    WINNOW_TRY(auto replies, load_replies(share_dir + "/replies.tsv", extra, tables));
    WINNOW_TRY(auto providers, load_providers(share_dir + "/mx-providers.tsv", tables));
    auto lists = verifier::AddressLists::load(share_dir + "/lists");
    std::optional<Error> why_built_in;
    if (!lists) {
        why_built_in = lists.error();
        lists = verifier::AddressLists::built_in();
    }
    std::vector<verifier::ListStatus> status = lists->status();
    status.insert(status.end(), tables.begin(), tables.end());
    return Tables{std::move(replies), std::move(providers), std::move(*lists), std::move(why_built_in),
                  std::move(status)};
}

}  // namespace winnow::app
