#include "storage/records.hpp"

namespace winnow::storage {

std::string SuppressionHit::to_string() const
{
    std::string text(winnow::to_string(scope));
    text += ':';
    text += winnow::to_string(reason);
    return text;
}

}  // namespace winnow::storage
