#include "net/resolver.hpp"

namespace winnow::net {

std::string_view to_string(DnsStatus status) noexcept
{
    switch (status) {
        case DnsStatus::ok:
            return "ok";
        case DnsStatus::nodata:
            return "nodata";
        case DnsStatus::nxdomain:
            return "nxdomain";
        case DnsStatus::servfail:
            return "servfail";
        case DnsStatus::refused:
            return "refused";
        case DnsStatus::timed_out:
            return "timed_out";
        case DnsStatus::malformed:
            return "malformed";
    }
    return "unknown";
}

std::string_view to_string(DnsType type) noexcept
{
    switch (type) {
        case DnsType::a:
            return "A";
        case DnsType::ns:
            return "NS";
        case DnsType::cname:
            return "CNAME";
        case DnsType::soa:
            return "SOA";
        case DnsType::ptr:
            return "PTR";
        case DnsType::mx:
            return "MX";
        case DnsType::txt:
            return "TXT";
        case DnsType::aaaa:
            return "AAAA";
        case DnsType::tlsa:
            return "TLSA";
        case DnsType::any:
            return "ANY";
    }
    return "unknown";
}

}  // namespace winnow::net
