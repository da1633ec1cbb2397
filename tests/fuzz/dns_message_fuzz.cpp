#include "net/dns_message.hpp"
#include "net/dns_name.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace winnow::net;

namespace {

bool same(const std::vector<DnsRecord>& a, const std::vector<DnsRecord>& b)
{
    if (a.size() != b.size())
        return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (a[i].name != b[i].name || a[i].type != b[i].type || a[i].ttl != b[i].ttl ||
            a[i].data.index() != b[i].data.index())
            return false;
    return true;
}

}  // namespace

/// What was accepted can be written and reads the same again; an answer never holds records of another type.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const auto message = decode_dns({data, size});
    if (!message)
        return 0;
    if (const auto wire = encode_dns(*message, 1 << 24)) {
        const auto again = decode_dns(*wire);
        FUZZ_REQUIRE(again);
        FUZZ_REQUIRE(again->questions == message->questions);
        FUZZ_REQUIRE(same(again->answers, message->answers));
        FUZZ_REQUIRE(same(again->authority, message->authority));
    }
    if (!message->questions.empty()) {
        const DnsQuestion& question = message->questions.front();
        const DnsAnswer answer = answer_from(*message, question.name, question.type);
        FUZZ_REQUIRE((answer.status == DnsStatus::ok) == !answer.records.empty());
        for (const DnsRecord& record : answer.records)
            FUZZ_REQUIRE(record.type == question.type);
    }
    return 0;
}
