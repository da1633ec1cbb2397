#pragma once

#include "api/fields.hpp"
#include "api/router.hpp"
#include "verifier/list_ingest.hpp"
#include "verifier/list_preview.hpp"

namespace winnow::api {

/// What comes with an upload, as query parameters or form fields.
struct UploadForm {
    verifier::UploadOptions options;
    bool verify = true;
    bool dry_run = false;      ///< the file is read, nothing is stored
    milliseconds deadline{0};  ///< 0 = the verifier's default

    static Checked<UploadForm> read(const Fields::Pairs& pairs);
};

/// A file whose rows are stored. It is no list yet; of a dry run it never will be.
struct Upload {
    UploadForm form;
    std::unique_ptr<verifier::ListIngest> ingest;
    storage::ListRecord list;                      ///< as it will be
    std::optional<verifier::ListPreview> preview;  ///< of a dry run, which has no `ingest`
};

/// Streams the request's body into a list of the key's workspace: multipart/form-data with one file, or the file as it
/// is. Of a failed upload nothing stays.
awaitable<Checked<Upload>> receive_list(Context& context);
/// Makes it a list, or finds the one that the same upload made before (UploadSummary::repeated).
awaitable<Checked<verifier::UploadSummary>> complete_list(Context& context, Upload& upload);
/// Takes back what was received. A failure is logged: the rest stays, as an incomplete list.
awaitable<void> discard_list(Context& context, Upload& upload);

}  // namespace winnow::api
