#include "verifier/list_preview.hpp"

namespace winnow::verifier {

ListPreviewer::ListPreviewer(const storage::AddressDigester& digester, UploadOptions options)
    : options_(std::move(options)), reader_(options_.reading), duplicates_(digester)
{
}

Result<> ListPreviewer::drain()
{
    storage::ListRecord& list = preview_.list;
    for (;;) {
        WINNOW_TRY(storage::ListRow* const row, reader_.next());
        if (!row)
            return {};
        list.rows = row->number;
        if (!row->malformed.empty()) {
            ++list.malformed;
        } else {
            row->duplicate_of = duplicates_.show(row->address, row->number).duplicate_of;
            list.duplicates += row->duplicate_of != 0;
        }
        if (preview_.first.size() < previewed_rows)
            preview_.first.push_back(std::move(*row));
    }
}

Result<> ListPreviewer::feed(std::string piece)
{
    preview_.bytes += piece.size();
    reader_.feed(std::move(piece));
    return drain();
}

Result<ListPreview> ListPreviewer::finish()
{
    reader_.finish();
    WINNOW_CHECK(drain());
    preview_.list.name = options_.name.empty() ? options_.reading.file() : options_.name;
    reader_.describe(preview_.list);
    preview_.shape = reader_.shape();
    preview_.notes = reader_.notes();
    return std::move(preview_);
}

}  // namespace winnow::verifier
