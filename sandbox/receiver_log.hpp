#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace winnow::sandbox {

/// What reached one address.
struct AddressCount {
    std::uint64_t rcpts = 0;     ///< RCPT commands, probes and real mail alike
    std::uint64_t accepted = 0;  ///< of them, answered 2xx
    std::uint64_t messages = 0;  ///< complete messages taken for it
    bool operator==(const AddressCount&) const = default;
};

/// A message as it was taken, once per transaction.
struct ReceivedMessage {
    std::string reverse_path;
    std::vector<std::string> recipients;  ///< those that were accepted
    std::string content;                  ///< CRLF line ends
    std::string client_ip;
    std::string helo;
    bool encrypted = false;
};

struct ReceiverTotals {
    std::uint64_t connections = 0;
    std::uint64_t refused_connections = 0;  ///< ipblock at connect
    std::uint64_t rcpts = 0;
    std::uint64_t accepted = 0;
    std::uint64_t messages = 0;    ///< transactions
    std::uint64_t deliveries = 0;  ///< recipients of those messages
    std::uint64_t dsns_sent = 0;
    std::uint64_t complaints_sent = 0;
    std::uint64_t reports_failed = 0;  ///< no bounce listener, or it did not take the report
};

/// What the receivers saw, for counting at the far end. Thread-safe. Addresses are kept with a lower-case domain.
class ReceiverLog {
public:
    explicit ReceiverLog(bool keep_messages, bool count_addresses = true)
        : keep_messages_(keep_messages), count_addresses_(count_addresses)
    {
    }

    /// `observer` sees each message before its sender gets the 250. Set before the first one.
    void observe(std::function<void(const ReceivedMessage&)> observer) { observer_ = std::move(observer); }

    void connection(bool refused);
    void rcpt(std::string_view address, bool accepted);
    void message(ReceivedMessage message);
    void dsn_sent();
    void complaint_sent();
    void report_failed();

    ReceiverTotals totals() const;
    AddressCount count(std::string_view address) const;
    std::map<std::string, AddressCount> counts() const;
    /// Empty unless messages are kept.
    std::vector<ReceivedMessage> messages() const;

private:
    mutable std::mutex mutex_;
    bool keep_messages_;
    bool count_addresses_;
    ReceiverTotals totals_;
    std::map<std::string, AddressCount, std::less<>> counts_;
    std::vector<ReceivedMessage> messages_;
    std::function<void(const ReceivedMessage&)> observer_;
};

}  // namespace winnow::sandbox
