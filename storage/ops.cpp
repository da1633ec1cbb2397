#include "storage/ops.hpp"

#include <utility>

namespace winnow::storage {

template <class T>
requires(!std::is_same_v<T, Op>) Op::Op(T alternative) : change(std::move(alternative)) {}

Op::Op(const Op& other) = default;
Op::Op(Op&& other) noexcept = default;
Op& Op::operator=(const Op& other) = default;
Op& Op::operator=(Op&& other) noexcept = default;
Op::~Op() = default;

template Op::Op(PutList);
template Op::Op(PutJob);
template Op::Op(PutCampaign);
template Op::Op(DeleteList);
template Op::Op(PutRows);
template Op::Op(PutRowResults);
template Op::Op(PutVerdict);
template Op::Op(ReviseVerdict);
template Op::Op(PutCatchAll);
template Op::Op(AddSuppression);
template Op::Op(RemoveSuppression);
template Op::Op(PutBody);
template Op::Op(Enqueue);
template Op::Op(RecordAttempt);
template Op::Op(RecordReport);
template Op::Op(UndoOutcome);
template Op::Op(Release);
template Op::Op(CancelMessage);
template Op::Op(CancelCampaign);
template Op::Op(MarkInFlight);
template Op::Op(AppendEvent);
template Op::Op(PutValue);
template Op::Op(AddCounter);

}  // namespace winnow::storage
