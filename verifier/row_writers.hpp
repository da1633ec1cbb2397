#pragma once

#include <memory>
#include <string>

#include "verifier/list_export.hpp"

namespace winnow::verifier {

/// One form of an export. Writes at the end of a string that the caller drains.
class RowWriter {
public:
    virtual ~RowWriter() = default;
    virtual void header(std::string&) {}
    /// `result` is nullptr for a row that has none: malformed, or not verified yet.
    virtual void row(std::string& out, const storage::ListRow& row, const storage::RowResult* result) = 0;
};

/// `list` outlives the writer.
std::unique_ptr<RowWriter> make_csv_writer(const storage::ListRecord& list, bool spreadsheet_safe);
/// ExportFormat::ndjson.
std::unique_ptr<RowWriter> make_verdict_writer(const storage::ListRecord& list, bool evidence);
/// The objects of an NDJSON list with our members. A text becomes an object with the member of the addresses, "email"
/// where that is no member of its own.
std::unique_ptr<RowWriter> make_member_writer(const storage::ListRecord& list);

/// What stands in the place of a reason when a row could not be read.
std::string malformed_reason(const storage::ListRow& row);

}  // namespace winnow::verifier
