// ColumnWriter: see writer.h.
#include "expr/run/writer.h"

#include <arrow/array/array_base.h>
#include <arrow/array/concatenate.h>
#include <arrow/array/data.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>
#include <cstring>

#include "batch/gather.h"

namespace weir::expr {
namespace {

constexpr int64_t kMaxStringBytes = INT32_MAX;

template <class To, class From>
void CopyValues(const Vec& vec, int count, void* to) {
  auto* out = static_cast<To*>(to);
  const auto* in = vec.data<From>();
  if (vec.constant) {
    std::fill_n(out, count, static_cast<To>(in[0]));
  } else if constexpr (std::is_same_v<To, From>) {
    if (static_cast<const void*>(in) != to) std::memcpy(to, in, count * sizeof(To));
  } else {
    for (int i = 0; i < count; ++i) out[i] = static_cast<To>(in[i]);
  }
}

}  // namespace

Result<ColumnWriter> ColumnWriter::Make(const TypePtr& type, int64_t rows) {
  ColumnWriter writer;
  writer.type_ = type;
  writer.phys_ = PhysOf(*type);
  writer.rows_ = rows;
  int64_t bytes = 0;
  switch (writer.phys_) {
    case Phys::kBool:
      bytes = (rows + 7) / 8;
      break;
    case Phys::kInt:
      bytes = rows * (type->id() == arrow::Type::DATE32 ? 4 : 8);
      break;
    case Phys::kDouble:
      bytes = rows * 8;
      break;
    case Phys::kDecimal:
      bytes = rows * 16;
      break;
    case Phys::kString:
      bytes = (rows + 1) * 4;
      break;
    default:
      return writer;
  }
  WEIR_ASSIGN_OR_RETURN(auto values, arrow::AllocateResizableBuffer(bytes));
  writer.values_ = std::move(values);
  if (writer.phys_ == Phys::kString) {
    WEIR_ASSIGN_OR_RETURN(auto data, arrow::AllocateResizableBuffer(0));
    writer.bytes_ = std::move(data);
    reinterpret_cast<int32_t*>(writer.values_->mutable_data())[0] = 0;
  }
  return writer;
}

void* ColumnWriter::direct() const {
  bool wide = phys_ == Phys::kDouble || (phys_ == Phys::kInt && type_->id() != arrow::Type::DATE32);
  return wide ? values_->mutable_data() + done_ * 8 : nullptr;
}

Status ColumnWriter::Append(const Vec& vec, int count) {
  WEIR_RETURN_NOT_OK(AppendValid(vec, count));
  uint8_t* to = values_ ? values_->mutable_data() : nullptr;
  switch (phys_) {
    case Phys::kNull:
      break;
    case Phys::kBool:
      if (vec.constant) {
        std::memset(to + done_ / 8, vec.data<uint8_t>()[0] ? 0xFF : 0, (count + 7) / 8);
      } else {
        PackBits(vec.data<uint8_t>(), count, to + done_ / 8);
      }
      break;
    case Phys::kInt:
      if (type_->id() == arrow::Type::DATE32) {
        CopyValues<int32_t, int64_t>(vec, count, to + done_ * 4);
      } else {
        CopyValues<int64_t, int64_t>(vec, count, to + done_ * 8);
      }
      break;
    case Phys::kDouble:
      CopyValues<double, double>(vec, count, to + done_ * 8);
      break;
    case Phys::kDecimal:
      CopyValues<Int128, Int128>(vec, count, to + done_ * 16);
      break;
    case Phys::kString:
      WEIR_RETURN_NOT_OK(AppendStrings(vec, count));
      break;
    case Phys::kNested:
      WEIR_RETURN_NOT_OK(AppendNested(vec, count));
      break;
  }
  done_ += count;
  return Status::OK();
}

Status ColumnWriter::AppendValid(const Vec& vec, int count) {
  if (vec.valid == nullptr && valid_ == nullptr) return Status::OK();
  if (valid_ == nullptr) {
    WEIR_ASSIGN_OR_RETURN(valid_, arrow::AllocateResizableBuffer((rows_ + 7) / 8));
    std::memset(valid_->mutable_data(), 0xFF, valid_->size());
  }
  if (vec.valid == nullptr) return Status::OK();
  uint8_t* to = valid_->mutable_data() + done_ / 8;
  if (vec.constant) {
    std::memset(to, vec.valid[0] ? 0xFF : 0, (count + 7) / 8);
    nulls_ += vec.valid[0] ? 0 : count;
  } else {
    nulls_ += count - PackBits(vec.valid, count, to);
  }
  return Status::OK();
}

Status ColumnWriter::AppendStrings(const Vec& vec, int count) {
  auto* offsets = reinterpret_cast<int32_t*>(values_->mutable_data()) + done_;
  const auto* in = vec.data<StringRef>();
  int64_t end = bytes_used_;
  for (int i = 0; i < count; ++i) {
    if (vec.IsValid(i)) end += static_cast<int64_t>(in[vec.constant ? 0 : i].size);
    if (end > kMaxStringBytes)
      return Status::CapacityError("more than 2 GiB of text in one batch: use smaller batches");
    offsets[i + 1] = static_cast<int32_t>(end);
  }
  if (end > bytes_->size()) {
    // From what the rows so far needed, a guess at the whole; at least doubling.
    int64_t guess =
        done_ + count == rows_ ? end : static_cast<int64_t>(static_cast<double>(end) / (done_ + count) * rows_ * 1.1);
    WEIR_RETURN_NOT_OK(
        bytes_->Resize(std::max({end, guess, std::min<int64_t>(bytes_->size() * 2, kMaxStringBytes)}), false));
  }
  char* to = reinterpret_cast<char*>(bytes_->mutable_data());
  for (int i = 0; i < count; ++i) {
    if (offsets[i + 1] != offsets[i])
      std::memcpy(to + offsets[i], in[vec.constant ? 0 : i].data, offsets[i + 1] - offsets[i]);
  }
  bytes_used_ = end;
  return Status::OK();
}

Status ColumnWriter::AppendNested(const Vec& vec, int count) {
  std::vector<int32_t> rows(count);
  for (int i = 0; i < count; ++i) rows[i] = vec.IsValid(i) ? vec.data<int32_t>()[vec.constant ? 0 : i] : -1;
  if (vec.array == nullptr) {
    WEIR_ASSIGN_OR_RETURN(auto nulls, NullColumn(type_, count));
    pieces_.push_back(std::move(nulls));
    return Status::OK();
  }
  bool all_in_order = vec.array->length == count;
  for (int i = 0; i < count; ++i) all_in_order &= rows[i] == i;
  if (all_in_order) {
    pieces_.push_back(vec.array->Copy());
    return Status::OK();
  }
  WEIR_ASSIGN_OR_RETURN(auto piece, GatherColumn(vec.array->Copy(), rows));
  pieces_.push_back(std::move(piece));
  return Status::OK();
}

Result<ArrayDataPtr> ColumnWriter::Finish() {
  if (phys_ == Phys::kNull) return NullColumn(type_, rows_);
  if (phys_ == Phys::kNested) {
    if (pieces_.empty()) return NullColumn(type_, 0);
    if (pieces_.size() == 1) return pieces_[0];
    arrow::ArrayVector arrays;
    for (const ArrayDataPtr& piece : pieces_) arrays.push_back(arrow::MakeArray(piece));
    WEIR_ASSIGN_OR_RETURN(auto whole, arrow::Concatenate(arrays));
    return whole->data();
  }
  std::vector<BufferPtr> buffers{nulls_ > 0 ? valid_ : nullptr, values_};
  if (phys_ == Phys::kString) {
    WEIR_RETURN_NOT_OK(bytes_->Resize(bytes_used_, bytes_used_ * 2 < bytes_->size()));
    buffers.push_back(bytes_);
  }
  return arrow::ArrayData::Make(type_, rows_, std::move(buffers), nulls_);
}

Result<ArrayDataPtr> VecToColumn(const Vec& vec, const TypePtr& type, int count) {
  WEIR_ASSIGN_OR_RETURN(auto writer, ColumnWriter::Make(type, count));
  WEIR_RETURN_NOT_OK(writer.Append(vec, count));
  return writer.Finish();
}

}  // namespace weir::expr
