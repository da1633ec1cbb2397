#include "sandbox/receiver_log.hpp"

#include <algorithm>

namespace winnow::sandbox {
namespace {

std::string key_of(std::string_view address)
{
    std::string out(address);
    const auto at = out.rfind('@');
    if (at != std::string::npos)
        std::transform(out.begin() + static_cast<std::ptrdiff_t>(at), out.end(),
                       out.begin() + static_cast<std::ptrdiff_t>(at),
                       [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

}  // namespace

void ReceiverLog::connection(bool refused)
{
    const std::lock_guard lock(mutex_);
    ++totals_.connections;
    totals_.refused_connections += refused ? 1 : 0;
}

void ReceiverLog::rcpt(std::string_view address, bool accepted)
{
    const std::lock_guard lock(mutex_);
    ++totals_.rcpts;
    totals_.accepted += accepted ? 1 : 0;
    if (!count_addresses_)
        return;
    auto& count = counts_[key_of(address)];
    ++count.rcpts;
    count.accepted += accepted ? 1 : 0;
}

void ReceiverLog::message(ReceivedMessage message)
{
    const std::lock_guard lock(mutex_);
    if (observer_)
        observer_(message);
    ++totals_.messages;
    totals_.deliveries += message.recipients.size();
    if (count_addresses_)
        for (const auto& recipient : message.recipients)
            ++counts_[key_of(recipient)].messages;
    if (keep_messages_)
        messages_.push_back(std::move(message));
}

void ReceiverLog::dsn_sent()
{
    const std::lock_guard lock(mutex_);
    ++totals_.dsns_sent;
}

void ReceiverLog::complaint_sent()
{
    const std::lock_guard lock(mutex_);
    ++totals_.complaints_sent;
}

void ReceiverLog::report_failed()
{
    const std::lock_guard lock(mutex_);
    ++totals_.reports_failed;
}

ReceiverTotals ReceiverLog::totals() const
{
    const std::lock_guard lock(mutex_);
    return totals_;
}

AddressCount ReceiverLog::count(std::string_view address) const
{
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(key_of(address));
    return found == counts_.end() ? AddressCount{} : found->second;
}

std::map<std::string, AddressCount> ReceiverLog::counts() const
{
    const std::lock_guard lock(mutex_);
    return {counts_.begin(), counts_.end()};
}

std::vector<ReceivedMessage> ReceiverLog::messages() const
{
    const std::lock_guard lock(mutex_);
    return messages_;
}

}  // namespace winnow::sandbox
