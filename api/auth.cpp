#include "api/auth.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <map>
#include <set>
#include <vector>

#include "core/crypto.hpp"
#include "core/duration.hpp"
#include "core/join.hpp"
#include "core/split.hpp"

namespace winnow::api {
namespace {

constexpr std::string_view prefix = "wnw_";
constexpr std::size_t id_length = 12;
constexpr std::size_t secret_bytes = 32;

/// The file keeps a digest only: a random secret of 256 bits needs no slow hash.
std::string digest_of(std::string_view id, std::string_view secret)
{
    const auto mac = crypto::hmac_sha256(id, secret);
    return crypto::hex(mac);
}

std::string checksum_of(std::string_view text)
{
    char out[8];
    std::snprintf(out, sizeof out, "%06x", crypto::crc32c(text) & 0xffffffu);
    return out;
}

struct Parts {
    std::string_view id, secret;
};

/// wnw_<id>_<secret><6 hex digits of CRC-32C>; the checksum lets secret scanners and people tell a key from a typo.
std::optional<Parts> parts_of(std::string_view text)
{
    if (text.size() < prefix.size() + id_length + 1 + 6 || text.substr(0, prefix.size()) != prefix)
        return std::nullopt;
    const auto body = text.substr(0, text.size() - 6);
    if (checksum_of(body) != text.substr(text.size() - 6))
        return std::nullopt;
    Parts parts;
    parts.id = body.substr(prefix.size(), id_length);
    if (body[prefix.size() + id_length] != '_')
        return std::nullopt;
    parts.secret = body.substr(prefix.size() + id_length + 1);
    return parts;
}

struct Stored {
    ApiKey key;
    std::string digest;
};

/// "id digest workspace probes_per_day expires name", separated by TABs; expires is "-" or RFC 3339. A seventh field
/// holds the sender domains, separated by commas; keys that may use any have six, as those of older versions.
Result<Stored> parse_line(const std::string& line)
{
    const std::vector<std::string_view> fields = split(line, '\t');
    if (fields.size() != 6 && fields.size() != 7)
        return Error{Errc::invalid_argument,
                     "expected 6 or 7 fields separated by TAB, found " + std::to_string(fields.size())};
    Stored stored;
    stored.key.id = fields[0];
    stored.digest = fields[1];
    stored.key.workspace = fields[2];
    const char* const end = fields[3].data() + fields[3].size();
    const auto [stop, failed] = std::from_chars(fields[3].data(), end, stored.key.probes_per_day);
    if (failed != std::errc{} || stop != end)
        return Error{Errc::invalid_argument, "probes_per_day \"" + std::string(fields[3]) + "\" is not a number"};
    if (fields[4] != "-") {
        WINNOW_TRY(stored.key.expires, parse_time(fields[4]));
    }
    stored.key.name = fields[5];
    if (fields.size() == 7) {
        const auto domains = split(fields[6], ',');
        WINNOW_TRY(stored.key.from, relay::SenderDomains::parse({domains.begin(), domains.end()}));
        // An empty list must not turn a bound key into one that may send as anybody.
        if (stored.key.from.any())
            return Error{Errc::invalid_argument, "the list of sender domains is empty"};
    }
    return stored;
}

Error system_error(const std::string& what)
{
    return {errno == EACCES   ? Errc::permission_denied
            : errno == ENOENT ? Errc::not_found
            : errno == ENOSPC ? Errc::disk_full
                              : Errc::io_error,
            what + ": " + std::strerror(errno)};
}

std::string without_separators(std::string text)
{
    for (char& c : text)
        if (c == '\t' || c == '\n' || c == '\r')
            c = ' ';
    return text;
}

}  // namespace

struct KeyRing::Impl {
    std::map<std::string, Stored, std::less<>> keys;
};

KeyRing::KeyRing(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KeyRing::KeyRing(KeyRing&&) noexcept = default;
KeyRing& KeyRing::operator=(KeyRing&&) noexcept = default;
KeyRing::~KeyRing() = default;

Result<KeyRing> KeyRing::load(const std::string& path, Missing missing)
{
    auto impl = std::make_unique<Impl>();
    std::ifstream file{path};
    if (!file) {
        if (errno == ENOENT && missing == Missing::is_empty)
            return KeyRing{std::move(impl)};
        return system_error("cannot read the API keys in " + path);
    }
    int number = 0;
    for (std::string line; std::getline(file, line);) {
        ++number;
        if (line.empty() || line.front() == '#')
            continue;
        auto stored = parse_line(line);
        if (!stored)
            return Error{stored.error().code, path + ":" + std::to_string(number) + ": " + stored.error().context};
        impl->keys[stored->key.id] = std::move(*stored);
    }
    return KeyRing{std::move(impl)};
}

Result<NewApiKey> KeyRing::create(const std::string& path, ApiKey properties, Rng& rng)
{
    NewApiKey made;
    made.key = std::move(properties);
    made.key.id = rng.token(8).substr(0, id_length);
    made.key.name = without_separators(made.key.name);
    made.key.workspace = without_separators(made.key.workspace);
    const std::string secret = rng.token(secret_bytes);
    const std::string body = std::string(prefix) + made.key.id + "_" + secret;
    made.text = body + checksum_of(body);

    const std::string expires = made.key.expires ? format_time(*made.key.expires) : "-";
    const std::string line = made.key.id + "\t" + digest_of(made.key.id, secret) + "\t" + made.key.workspace + "\t" +
                             std::to_string(made.key.probes_per_day) + "\t" + expires + "\t" + made.key.name +
                             (made.key.from.any() ? "" : "\t" + joined(made.key.from.domains(), ",")) + "\n";
    const int fd = ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return system_error("cannot write the API keys to " + path +
                            " (http.keys_file; its folder has to be there and writable)");
    const bool written = ::write(fd, line.data(), line.size()) == static_cast<ssize_t>(line.size()) && ::fsync(fd) == 0;
    const Error failure = written ? Error{} : system_error("cannot write the API keys to " + path);
    ::close(fd);
    if (!written)
        return failure;
    return made;
}

std::optional<ApiKey> KeyRing::verify(std::string_view text, TimePoint now) const
{
    const auto parts = parts_of(text);
    if (!parts)
        return std::nullopt;
    const auto found = impl_->keys.find(parts->id);
    // The digest is computed for unknown ids too: how long a refusal takes says nothing about which ids exist.
    const std::string digest = digest_of(parts->id, parts->secret);
    const std::string expected = found != impl_->keys.end() ? found->second.digest : std::string(digest.size(), '0');
    if (!crypto::equal(digest, expected) || found == impl_->keys.end())
        return std::nullopt;
    return find(parts->id, now);
}

std::optional<ApiKey> KeyRing::find(std::string_view id, TimePoint now) const
{
    const auto found = impl_->keys.find(id);
    if (found == impl_->keys.end())
        return std::nullopt;
    const ApiKey& key = found->second.key;
    if (key.expires && now >= *key.expires)
        return std::nullopt;
    return key;
}

std::size_t KeyRing::size() const noexcept
{
    return impl_->keys.size();
}

std::vector<std::string> KeyRing::workspaces() const
{
    std::set<std::string> names;
    for (const auto& [id, stored] : impl_->keys)
        names.insert(stored.key.workspace);
    return {names.begin(), names.end()};
}

}  // namespace winnow::api
