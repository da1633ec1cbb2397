#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/crypto.hpp"
#include "core/result.hpp"
#include "core/verdict.hpp"
#include "core/vocabulary.hpp"
#include "storage/records.hpp"
#include "storage/records.pb.h"

/// The two halves of record_codec share this; only they include it.
namespace winnow::storage::wire {

/// Stored on disk: never renumber.
enum class Kind : std::uint8_t {
    list = 1,
    row,
    result,
    job,
    verdict,
    evidence,
    catch_all,
    campaign,
    campaign_counts,
    queue_counts,
    message,
    suppression,
    strikes,
    event,
    body,
    value,
    sequence,
    outcome,
    meta,
    domain_strikes,
};

inline constexpr std::size_t envelope_size = 5;  ///< kind, CRC-32C (little-endian) of kind and payload

inline std::uint32_t checksum(char kind, std::string_view payload)
{
    return crypto::crc32c(payload, crypto::crc32c(std::string_view(&kind, 1)));
}

template <class Message>
std::string wrap(Kind kind, const Message& message)
{
    const char tag = static_cast<char>(kind);
    std::string bytes(envelope_size, tag);
    message.AppendToString(&bytes);
    const std::uint32_t sum = checksum(tag, std::string_view(bytes).substr(envelope_size));
    for (int i = 0; i < 4; ++i)
        bytes[static_cast<std::size_t>(1 + i)] = static_cast<char>(static_cast<std::uint8_t>(sum >> (8 * i)));
    return bytes;
}

template <class Message>
Result<Message> unwrap(Kind kind, std::string_view bytes)
{
    const char tag = static_cast<char>(kind);
    if (bytes.size() < envelope_size || bytes.front() != tag)
        return Error(Errc::corrupt, "a stored record is not of the kind that its place asks for");
    std::uint32_t sum = 0;
    for (int i = 3; i >= 0; --i)
        sum = (sum << 8) | static_cast<std::uint8_t>(bytes[static_cast<std::size_t>(1 + i)]);
    const std::string_view payload = bytes.substr(envelope_size);
    if (sum != checksum(tag, payload))
        return Error(Errc::corrupt, "a stored record does not match its checksum");
    Message message;
    if (!message.ParseFromArray(payload.data(), static_cast<int>(payload.size())))
        return Error(Errc::corrupt, "a stored record cannot be parsed");
    return message;
}

template <class Enum>
std::uint32_t number(Enum value)
{
    return static_cast<std::uint32_t>(value);
}

inline std::int64_t ms(TimePoint t)
{
    return to_unix_ms(t);
}

/// Turns numbers into enumerators and remembers whether one was out of the list.
class EnumReader {
public:
    /// Enumerators are 1..last.
    template <class Enum>
    Enum read(std::uint32_t value, Enum last)
    {
        if (value == 0 || value > number(last)) {
            ok_ = false;
            return last;
        }
        return static_cast<Enum>(value);
    }
    Result<> status() const
    {
        if (ok_)
            return {};
        return Error(Errc::corrupt, "a stored record holds a word that this version does not know");
    }

private:
    bool ok_ = true;
};

pb::Evidence to_wire(const Evidence& from);
Evidence from_wire(const pb::Evidence& from, EnumReader& enums);
pb::Verdict to_wire(const VerdictRecord& from);
VerdictRecord from_wire(const pb::Verdict& from, EnumReader& enums);

}  // namespace winnow::storage::wire
