#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "verifier/duplicates.hpp"
#include "verifier/list_ingest.hpp"
#include "verifier/list_reader.hpp"

namespace winnow::verifier {

constexpr std::size_t previewed_rows = 20;

/// What an upload would make of a file.
struct ListPreview {
    storage::ListRecord list;  ///< as it would be, without id
    ListShape shape;
    std::uint64_t bytes = 0;              ///< of the file as it came
    std::vector<storage::ListRow> first;  ///< rows, at most previewed_rows
    std::vector<std::string> notes;       ///< what was repaired or guessed, one sentence each
};

/// Reads a whole list as ListIngest does, with the same errors, and stores nothing. Memory: that of Duplicates.
class ListPreviewer {
public:
    /// `digester` outlives this.
    ListPreviewer(const storage::AddressDigester& digester, UploadOptions options);

    Result<> feed(std::string piece);
    /// The file is over.
    Result<ListPreview> finish();

private:
    Result<> drain();

    UploadOptions options_;
    ListReader reader_;
    Duplicates duplicates_;
    ListPreview preview_;
};

}  // namespace winnow::verifier
