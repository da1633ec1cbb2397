#pragma once

#include "api/fields.hpp"
#include "api/router.hpp"
#include "verifier/list_ingest.hpp"

namespace winnow::api {

/// What comes with an upload, as query parameters or form fields.
struct UploadForm {
    verifier::UploadOptions options;
    bool verify = true;
    milliseconds deadline{0};  ///< 0 = the verifier's default

    static Checked<UploadForm> read(const Fields::Pairs& pairs);
};

struct Upload {
    UploadForm form;
    verifier::UploadSummary summary;
};

/// Streams the request's body into a list of the key's workspace: multipart/form-data with one file, or the file as it
/// is. Of a failed upload nothing stays.
awaitable<Checked<Upload>> receive_list(Context& context);

}  // namespace winnow::api
