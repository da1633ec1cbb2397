#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "core/address.hpp"
#include "core/gate.hpp"
#include "core/result.hpp"

namespace winnow::relay {

struct AdmissionQuestion {
    std::string workspace;
    std::string list_id;  ///< empty when the mail belongs to no list
    Address recipient;
    GatePolicy policy;
};

/// The gate as the relay needs it: asked when a recipient is queued and again just before each attempt. `app` plugs in
/// the verifier's knowledge; the relay knows nothing of probes.
class Admission {
public:
    virtual ~Admission() = default;
    virtual boost::asio::awaitable<Result<GateAnswer>> ask(AdmissionQuestion question) = 0;
};

}  // namespace winnow::relay
