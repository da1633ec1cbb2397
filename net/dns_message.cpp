#include "net/dns_message.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>
#include <map>

#include "core/crypto.hpp"
#include "net/dns_name.hpp"

namespace winnow::net {

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint16_t class_in = 1;
constexpr std::uint16_t type_opt = 41;
constexpr std::size_t max_cname_chain = 16;

Error broken(const char* what)
{
    return {Errc::protocol, std::string("a DNS message is broken: ") + what};
}

bool is_known(std::uint16_t type) noexcept
{
    switch (static_cast<DnsType>(type)) {
        case DnsType::a:
        case DnsType::ns:
        case DnsType::cname:
        case DnsType::soa:
        case DnsType::ptr:
        case DnsType::mx:
        case DnsType::txt:
        case DnsType::aaaa:
        case DnsType::tlsa:
            return true;
        case DnsType::any:
            break;
    }
    return false;
}

// ---------------------------------------------------------------------------------------------------- reading

class Reader {
public:
    explicit Reader(Bytes wire) : wire_(wire) {}

    std::size_t at() const noexcept { return at_; }
    void seek(std::size_t at) noexcept { at_ = at; }

    Result<std::uint8_t> u8()
    {
        if (at_ >= wire_.size())
            return broken("it ends too early");
        return wire_[at_++];
    }
    Result<std::uint16_t> u16()
    {
        WINNOW_TRY(const unsigned high, u8());
        WINNOW_TRY(const unsigned low, u8());
        return static_cast<std::uint16_t>(high << 8 | low);
    }
    Result<std::uint32_t> u32()
    {
        WINNOW_TRY(const std::uint32_t high, u16());
        WINNOW_TRY(const std::uint32_t low, u16());
        return high << 16 | low;
    }
    Result<Bytes> take(std::size_t count)
    {
        if (wire_.size() - at_ < count)
            return broken("a record runs past the end");
        const Bytes out = wire_.subspan(at_, count);
        at_ += count;
        return out;
    }
    Result<std::string> name() { return read_dns_name(wire_, at_); }
    Result<std::string> lower_name()
    {
        WINNOW_TRY(const std::string text, name());
        return dns_lower(text);
    }

private:
    Bytes wire_;
    std::size_t at_ = 0;
};

template <class Address>
Result<std::string> read_address(Bytes data)
{
    typename Address::bytes_type bytes{};
    if (data.size() != bytes.size())
        return broken("an address record has the wrong length");
    std::copy(data.begin(), data.end(), bytes.begin());
    return Address(bytes).to_string();
}

/// One or more <character-string>s, joined (RFC 1035 section 3.3.14).
Result<std::string> read_text(Bytes data)
{
    std::string out;
    while (!data.empty()) {
        const std::size_t length = data[0];
        if (data.size() - 1 < length)
            return broken("a TXT string runs past its record");
        out.append(data.begin() + 1, data.begin() + 1 + static_cast<std::ptrdiff_t>(length));
        data = data.subspan(1 + length);
    }
    return out;
}

Result<std::string> read_soa(Reader& in)
{
    WINNOW_TRY(std::string out, in.lower_name());
    WINNOW_TRY(const std::string mailbox, in.lower_name());
    out += ' ' + mailbox;
    for (int i = 0; i < 5; ++i) {
        WINNOW_TRY(const std::uint32_t number, in.u32());
        out += ' ' + std::to_string(number);
    }
    return out;
}

Result<std::string> read_tlsa(Bytes data)
{
    if (data.size() < 4)
        return broken("a TLSA record is too short");
    std::string out;
    for (const std::uint8_t field : data.first(3))
        out += std::to_string(field) + ' ';
    return out + crypto::hex(data.subspan(3));
}

/// Data of a known type, whose octets start at the reader's place and are `length` long. Names may point anywhere
/// before, but must end where the record ends.
Result<> read_data(Reader& in, std::size_t length, DnsRecord& record)
{
    const std::size_t end = in.at() + length;
    switch (record.type) {
        case DnsType::a: {
            WINNOW_TRY(const Bytes data, in.take(length));
            WINNOW_TRY(record.data, read_address<boost::asio::ip::address_v4>(data));
            break;
        }
        case DnsType::aaaa: {
            WINNOW_TRY(const Bytes data, in.take(length));
            WINNOW_TRY(record.data, read_address<boost::asio::ip::address_v6>(data));
            break;
        }
        case DnsType::txt: {
            WINNOW_TRY(const Bytes data, in.take(length));
            WINNOW_TRY(record.data, read_text(data));
            break;
        }
        case DnsType::tlsa: {
            WINNOW_TRY(const Bytes data, in.take(length));
            WINNOW_TRY(record.data, read_tlsa(data));
            break;
        }
        case DnsType::mx: {
            MxData mx;
            WINNOW_TRY(mx.preference, in.u16());
            WINNOW_TRY(mx.host, in.lower_name());
            record.data = std::move(mx);
            break;
        }
        case DnsType::soa: {
            WINNOW_TRY(record.data, read_soa(in));
            break;
        }
        case DnsType::ns:
        case DnsType::cname:
        case DnsType::ptr: {
            WINNOW_TRY(record.data, in.lower_name());
            break;
        }
        case DnsType::any:
            return broken("a record of type ANY");
    }
    if (in.at() != end)
        return broken("a record's length does not match its data");
    return {};
}

Result<> read_record(Reader& in, std::vector<DnsRecord>& section, DnsMessage& message)
{
    DnsRecord record;
    WINNOW_TRY(record.name, in.lower_name());
    WINNOW_TRY(const std::uint16_t type, in.u16());
    WINNOW_TRY(const std::uint16_t klass, in.u16());
    WINNOW_TRY(record.ttl, in.u32());
    WINNOW_TRY(const std::uint16_t length, in.u16());
    if (type == type_opt)
        message.udp_size = klass;
    if (!is_known(type) || klass != class_in) {
        WINNOW_CHECK(in.take(length));
        return {};
    }
    if (record.ttl > 0x7fff'ffff)
        record.ttl = 0;  // RFC 2181 section 8
    record.type = static_cast<DnsType>(type);
    WINNOW_CHECK(read_data(in, length, record));
    section.push_back(std::move(record));
    return {};
}

// ---------------------------------------------------------------------------------------------------- writing

class Writer {
public:
    std::vector<std::uint8_t>& bytes() noexcept { return bytes_; }

    void u8(unsigned value) { bytes_.push_back(static_cast<std::uint8_t>(value)); }
    void u16(unsigned value)
    {
        u8(value >> 8);
        u8(value & 0xff);
    }
    void u32(std::uint32_t value)
    {
        u16(value >> 16);
        u16(value & 0xffff);
    }
    void raw(std::string_view data) { bytes_.insert(bytes_.end(), data.begin(), data.end()); }

    /// With compression: each suffix that was written before becomes a pointer. Case is kept, so a suffix is only
    /// shared with one of the same case (a 0x20 question is echoed exactly).
    Result<> name(std::string_view text)
    {
        WINNOW_TRY(const std::vector<std::string> labels, dns_labels(text));
        for (std::size_t i = 0; i < labels.size(); ++i) {
            const std::string suffix = dns_name_text(std::span(labels).subspan(i));
            const auto [known, fresh] = places_.try_emplace(suffix, bytes_.size());
            if (!fresh) {
                u16(static_cast<unsigned>(0xc000 | known->second));
                return {};
            }
            if (bytes_.size() > 0x3fff)
                places_.erase(known);  // a pointer has 14 bits
            u8(static_cast<unsigned>(labels[i].size()));
            raw(labels[i]);
        }
        u8(0);
        return {};
    }

    void patch_u16(std::size_t at, std::size_t value)
    {
        bytes_[at] = static_cast<std::uint8_t>(value >> 8);
        bytes_[at + 1] = static_cast<std::uint8_t>(value & 0xff);
    }

private:
    std::vector<std::uint8_t> bytes_;
    std::map<std::string, std::size_t> places_;
};

Error unwritable(const DnsRecord& record)
{
    return {Errc::invalid_argument, "the data of a " + std::string(to_string(record.type)) + " record of " +
                                        record.name + " cannot be written as DNS"};
}

template <class Address>
Result<> write_address(Writer& out, const Address& address, const boost::system::error_code& code,
                       const DnsRecord& record)
{
    if (code)
        return unwritable(record);
    const auto bytes = address.to_bytes();
    out.bytes().insert(out.bytes().end(), bytes.begin(), bytes.end());
    return {};
}

void write_text(Writer& out, std::string_view text)
{
    do {
        const std::string_view part = text.substr(0, 255);
        out.u8(static_cast<unsigned>(part.size()));
        out.raw(part);
        text.remove_prefix(part.size());
    } while (!text.empty());
}

std::vector<std::string_view> words(std::string_view text)
{
    std::vector<std::string_view> out;
    while (!text.empty()) {
        const auto end = text.find(' ');
        out.push_back(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return out;
}

std::optional<std::uint32_t> number(std::string_view word)
{
    std::uint32_t value = 0;
    const auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (word.empty() || code != std::errc{} || end != word.data() + word.size())
        return std::nullopt;
    return value;
}

Result<> write_soa(Writer& out, std::string_view text, const DnsRecord& record)
{
    const auto fields = words(text);
    if (fields.size() != 7)
        return unwritable(record);
    WINNOW_CHECK(out.name(fields[0]));
    WINNOW_CHECK(out.name(fields[1]));
    for (std::size_t i = 2; i < fields.size(); ++i) {
        const auto value = number(fields[i]);
        if (!value)
            return unwritable(record);
        out.u32(*value);
    }
    return {};
}

Result<> write_tlsa(Writer& out, std::string_view text, const DnsRecord& record)
{
    const auto fields = words(text);
    if (fields.size() != 4)
        return unwritable(record);
    for (std::size_t i = 0; i < 3; ++i) {
        const auto value = number(fields[i]);
        if (!value || *value > 255)
            return unwritable(record);
        out.u8(*value);
    }
    const auto data = crypto::unhex(fields[3]);
    if (!data || data->empty())
        return unwritable(record);
    out.raw(*data);
    return {};
}

Result<> write_data(Writer& out, const DnsRecord& record)
{
    if (record.type == DnsType::mx) {
        const auto* mx = std::get_if<MxData>(&record.data);
        if (!mx)
            return unwritable(record);
        out.u16(mx->preference);
        return out.name(mx->host);
    }
    const auto* text = std::get_if<std::string>(&record.data);
    if (!text)
        return unwritable(record);
    boost::system::error_code code;
    switch (record.type) {
        case DnsType::a: {
            const auto address = boost::asio::ip::make_address_v4(*text, code);
            return write_address(out, address, code, record);
        }
        case DnsType::aaaa: {
            const auto address = boost::asio::ip::make_address_v6(*text, code);
            return write_address(out, address, code, record);
        }
        case DnsType::ns:
        case DnsType::cname:
        case DnsType::ptr:
            return out.name(*text);
        case DnsType::soa:
            return write_soa(out, *text, record);
        case DnsType::tlsa:
            return write_tlsa(out, *text, record);
        case DnsType::txt:
            write_text(out, *text);
            return {};
        case DnsType::mx:
        case DnsType::any:
            break;
    }
    return unwritable(record);
}

Result<> write_record(Writer& out, const DnsRecord& record)
{
    WINNOW_CHECK(out.name(record.name));
    out.u16(static_cast<unsigned>(record.type));
    out.u16(class_in);
    out.u32(record.ttl);
    const std::size_t length_at = out.bytes().size();
    out.u16(0);
    WINNOW_CHECK(write_data(out, record));
    const std::size_t length = out.bytes().size() - length_at - 2;
    if (length > 0xffff)
        return unwritable(record);
    out.patch_u16(length_at, length);
    return {};
}

unsigned flags_of(const DnsMessage& m) noexcept
{
    const auto bit = [](bool on, unsigned place) { return on ? 1u << place : 0u; };
    return bit(m.response, 15) | (m.opcode & 0xfu) << 11 | bit(m.authoritative, 10) | bit(m.truncated, 9) |
           bit(m.recursion_desired, 8) | bit(m.recursion_available, 7) | bit(m.authenticated, 5) |
           bit(m.checking_disabled, 4) | (static_cast<unsigned>(m.rcode) & 0xfu);
}

/// "mname rname serial refresh retry expire minimum" -> minimum.
std::optional<std::uint32_t> soa_minimum(const DnsRecord& soa)
{
    const auto* text = std::get_if<std::string>(&soa.data);
    return text ? number(std::string_view(*text).substr(text->rfind(' ') + 1)) : std::nullopt;
}

DnsStatus failure_of(DnsRcode rcode) noexcept
{
    return rcode == DnsRcode::refused ? DnsStatus::refused : DnsStatus::servfail;
}

bool has_authority(const DnsMessage& reply, DnsType type)
{
    return std::any_of(reply.authority.begin(), reply.authority.end(),
                       [type](const DnsRecord& record) { return record.type == type; });
}

/// Why a reply without the records asked for is no denial (RFC 2308 section 2.2): a server that does not resolve for us
/// says nothing about names that are not its own. Empty when it is one. AA speaks for the name of the question (RFC
/// 1035 section 4.1.1), so where a CNAME led elsewhere the SOA has to be there too.
std::string no_denial(const DnsMessage& reply, bool aliased)
{
    const bool soa = has_authority(reply, DnsType::soa);
    const char* what = nullptr;
    if (reply.rcode == DnsRcode::no_error && !reply.authoritative && !soa && has_authority(reply, DnsType::ns))
        what = "the server answers with a referral";
    else if (!reply.recursion_available && !(reply.authoritative && (soa || !aliased)))
        what = "the server answers without recursion for a name that is not its own";
    return what ? std::string(what) + ": it is not a recursive resolver; name one in net.dns_servers" : std::string();
}

}  // namespace

std::string_view to_string(DnsRcode rcode) noexcept
{
    switch (rcode) {
        case DnsRcode::no_error:
            return "NOERROR";
        case DnsRcode::form_error:
            return "FORMERR";
        case DnsRcode::server_failure:
            return "SERVFAIL";
        case DnsRcode::name_error:
            return "NXDOMAIN";
        case DnsRcode::not_implemented:
            return "NOTIMP";
        case DnsRcode::refused:
            return "REFUSED";
    }
    return "an unknown response code";
}

Result<DnsMessage> decode_dns(Bytes wire)
{
    Reader in(wire);
    DnsMessage message;
    WINNOW_TRY(message.id, in.u16());
    WINNOW_TRY(const unsigned flags, in.u16());
    message.response = flags >> 15 & 1;
    message.opcode = static_cast<std::uint8_t>(flags >> 11 & 0xf);
    message.authoritative = flags >> 10 & 1;
    message.truncated = flags >> 9 & 1;
    message.recursion_desired = flags >> 8 & 1;
    message.recursion_available = flags >> 7 & 1;
    message.authenticated = flags >> 5 & 1;
    message.checking_disabled = flags >> 4 & 1;
    message.rcode = static_cast<DnsRcode>(flags & 0xf);
    WINNOW_TRY(const unsigned questions, in.u16());
    WINNOW_TRY(const unsigned answers, in.u16());
    WINNOW_TRY(const unsigned authority, in.u16());
    WINNOW_TRY(const unsigned additional, in.u16());
    for (unsigned i = 0; i < questions; ++i) {
        DnsQuestion question;
        WINNOW_TRY(question.name, in.name());
        WINNOW_TRY(const std::uint16_t type, in.u16());
        WINNOW_TRY(question.klass, in.u16());
        question.type = static_cast<DnsType>(type);
        message.questions.push_back(std::move(question));
    }
    const std::pair<unsigned, std::vector<DnsRecord>*> sections[] = {
        {answers, &message.answers}, {authority, &message.authority}, {additional, &message.additional}};
    for (const auto& [count, section] : sections) {
        for (unsigned i = 0; i < count; ++i) {
            WINNOW_CHECK(read_record(in, *section, message));
        }
    }
    return message;
}

Result<std::vector<std::uint8_t>> encode_dns(const DnsMessage& message, std::size_t max_size)
{
    Writer out;
    out.u16(message.id);
    out.u16(flags_of(message));
    out.u16(static_cast<unsigned>(message.questions.size()));
    out.u16(static_cast<unsigned>(message.answers.size()));
    out.u16(static_cast<unsigned>(message.authority.size()));
    out.u16(static_cast<unsigned>(message.additional.size() + (message.udp_size ? 1 : 0)));
    for (const DnsQuestion& question : message.questions) {
        WINNOW_CHECK(out.name(question.name));
        out.u16(static_cast<unsigned>(question.type));
        out.u16(question.klass);
    }
    for (const auto* section : {&message.answers, &message.authority, &message.additional}) {
        for (const DnsRecord& record : *section) {
            WINNOW_CHECK(write_record(out, record));
        }
    }
    if (message.udp_size) {
        out.u8(0);  // the root
        out.u16(type_opt);
        out.u16(*message.udp_size);
        out.u32(0);  // extended response code, version, DO
        out.u16(0);
    }
    if (out.bytes().size() <= max_size)
        return std::move(out.bytes());
    if (message.answers.empty() && message.authority.empty() && message.additional.empty())
        return Error(Errc::limit_exceeded, "a DNS message is longer than allowed even without records");
    DnsMessage shorter = message;
    shorter.truncated = true;
    shorter.answers.clear();
    shorter.authority.clear();
    shorter.additional.clear();
    return encode_dns(shorter, max_size);
}

DnsMessage make_dns_query(std::uint16_t id, std::string name, DnsType type)
{
    DnsMessage query;
    query.id = id;
    query.recursion_desired = true;
    query.authenticated = true;
    query.questions.push_back({std::move(name), type, class_in});
    query.udp_size = 1232;  // the payload that fits every path without fragments (DNS flag day 2020)
    return query;
}

DnsAnswer answer_from(const DnsMessage& reply, std::string_view name, DnsType type)
{
    DnsAnswer out;
    out.authenticated = reply.authenticated;
    if (reply.rcode != DnsRcode::no_error && reply.rcode != DnsRcode::name_error) {
        out.status = failure_of(reply.rcode);
        out.detail = "the resolver answered " + std::string(to_string(reply.rcode));
        return out;
    }

    std::string owner = dns_canonical(name);
    std::uint32_t ttl = UINT32_MAX;
    for (std::size_t hops = 0;; ++hops) {
        if (hops > max_cname_chain) {
            out.status = DnsStatus::servfail;
            out.detail = "the CNAME chain does not end";
            return out;
        }
        const DnsRecord* alias = nullptr;
        for (const DnsRecord& record : reply.answers) {
            if (record.name != owner)
                continue;
            if (record.type == type) {
                ttl = std::min(ttl, record.ttl);
                out.records.push_back(record);
            } else if (record.type == DnsType::cname) {
                alias = &record;
            }
        }
        if (!out.records.empty() || !alias)
            break;
        ttl = std::min(ttl, alias->ttl);
        owner = std::get<std::string>(alias->data);
    }

    if (!out.records.empty()) {
        out.status = DnsStatus::ok;
        out.ttl = ttl;
        return out;
    }
    out.detail = no_denial(reply, owner != dns_canonical(name));
    if (!out.detail.empty()) {
        out.status = DnsStatus::servfail;
        return out;
    }
    out.status = reply.rcode == DnsRcode::name_error ? DnsStatus::nxdomain : DnsStatus::nodata;
    // A resolver that returns one link at a time looks the same as one that cached a denial without its SOA.
    if (owner != dns_canonical(name) && !has_authority(reply, DnsType::soa))
        out.alias = owner;
    for (const DnsRecord& record : reply.authority)
        if (const auto minimum = record.type == DnsType::soa ? soa_minimum(record) : std::nullopt)
            out.ttl = std::min({ttl, record.ttl, *minimum});
    return out;
}

}  // namespace winnow::net
