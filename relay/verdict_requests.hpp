#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>

#include "core/clock.hpp"
#include "core/result.hpp"
#include "storage/engine.hpp"

namespace winnow::relay {

/// Recipients of a list that are held until somebody finds a verdict for them.
struct VerdictRequest {
    std::string workspace;
    std::string list_id;
    std::string key_id;      ///< of the API key whose daily cap the probes count against
    std::uint64_t rows = 0;  ///< that are held
    TimePoint until{};       ///< a later verdict is of no use to them
    std::string job_id;      ///< a ULID for the verification
    storage::OpList with;    ///< committed together with it
};

/// How the relay gets verdicts made, as Admission is how it reads them. `app` plugs in the verifier; the relay knows
/// nothing of probes.
class VerdictRequests {
public:
    virtual ~VerdictRequests() = default;
    /// Starts a verification that asks about those recipients and spends nothing on those with a verdict. On an error
    /// nothing was started and nothing committed: Errc::already_exists when the list is being verified, limit_exceeded
    /// when the key may cause no more probes before the next day (UTC), conflict from `with`. The context of any
    /// other, and of limit_exceeded, is a sentence for the campaign's owner.
    virtual boost::asio::awaitable<Result<>> ask_for(VerdictRequest request) = 0;
};

}  // namespace winnow::relay
