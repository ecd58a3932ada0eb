// Building nested values: see nested.h. The kernels of list, object and map literals.
#include "expr/functions/nested.h"

#include <arrow/array/array_base.h>
#include <arrow/array/concatenate.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>

#include "batch/gather.h"
#include "expr/functions/kernels.h"

namespace weir::expr {
namespace {

Result<BufferPtr> Offsets(const std::vector<int32_t>& offsets) {
  WEIR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> buffer, arrow::AllocateBuffer(offsets.size() * 4));
  std::memcpy(buffer->mutable_data(), offsets.data(), offsets.size() * 4);
  return buffer;
}

// Arguments `first`, `first + step` … of the alive rows, row by row: the items of list literals.
Result<ArrayDataPtr> Interleave(Frame* f, int first, int step, const TypePtr& type) {
  arrow::ArrayVector arrays;
  for (int k = first; k < f->num_args; k += step) {
    WEIR_ASSIGN_OR_RETURN(auto column, AliveColumn(f->scratch, f->args[k], type, f->rows));
    arrays.push_back(arrow::MakeArray(column));
  }
  if (arrays.empty()) return NullColumn(type, 0);
  WEIR_ASSIGN_OR_RETURN(auto whole, arrow::Concatenate(arrays));
  std::vector<int32_t> order;
  for (int row = 0; row < f->rows.count; ++row) {
    for (size_t k = 0; k < arrays.size(); ++k) order.push_back(static_cast<int32_t>(k * f->rows.count + row));
  }
  return GatherColumn(whole->data(), order);
}

std::vector<int32_t> EvenOffsets(int rows, int items) {
  std::vector<int32_t> offsets;
  for (int k = 0; k <= rows; ++k) offsets.push_back(k * items);
  return offsets;
}

Status ListLiteral(Frame* f) {
  const TypePtr& item = static_cast<const arrow::ListType&>(**f->type).value_type();
  WEIR_ASSIGN_OR_RETURN(auto items, Interleave(f, 0, 1, item));
  WEIR_ASSIGN_OR_RETURN(auto offsets, Offsets(EvenOffsets(f->rows.count, f->num_args)));
  SetNested(f, arrow::ArrayData::Make(*f->type, f->rows.count, {nullptr, offsets}, {items}, 0));
  return Status::OK();
}

Status StructLiteral(Frame* f) {
  std::vector<ArrayDataPtr> children;
  for (int k = 0; k < f->num_args; ++k) {
    WEIR_ASSIGN_OR_RETURN(auto child, AliveColumn(f->scratch, f->args[k], f->arg_types[k], f->rows));
    children.push_back(std::move(child));
  }
  SetNested(f, arrow::ArrayData::Make(*f->type, f->rows.count, {nullptr}, std::move(children), 0));
  return Status::OK();
}

// A key may be null: that row fails.
Status MapLiteral(Frame* f) {
  const auto& type = static_cast<const arrow::MapType&>(**f->type);
  int pairs = f->num_args / 2;
  WEIR_ASSIGN_OR_RETURN(auto keys, Interleave(f, 0, 2, arrow::utf8()));
  WEIR_ASSIGN_OR_RETURN(auto values, Interleave(f, 1, 2, type.item_type()));
  for (int k = 0; k < f->rows.count && keys->GetNullCount() != 0; ++k) {
    for (int p = 0; p < pairs; ++p) {
      if (!keys->IsValid(k * pairs + p)) {
        f->Fail(f->rows.at(k), "a key of a map is null");
        break;
      }
    }
  }
  keys->buffers[0] = nullptr;
  keys->SetNullCount(0);
  WEIR_ASSIGN_OR_RETURN(auto offsets, Offsets(EvenOffsets(f->rows.count, pairs)));
  auto entries = arrow::ArrayData::Make(type.value_type(), keys->length, {nullptr}, {keys, values}, 0);
  SetNested(f, arrow::ArrayData::Make(*f->type, f->rows.count, {nullptr, offsets}, {entries}, 0));
  return Status::OK();
}

template <Status (*Fn)(Frame*)>
void Literal(Frame& f) {
  f.status = Fn(&f);
}

template <class T>
void Compact(const Vec& vec, const Rows& rows, void* to) {
  auto* out = static_cast<T*>(to);
  for (int k = 0; k < rows.count; ++k) out[k] = vec.data<T>()[vec.constant ? 0 : rows.index[k]];
}

}  // namespace

Result<ArrayDataPtr> AliveColumn(Scratch* scratch, const Vec& vec, const TypePtr& type, const Rows& rows) {
  if (rows.dense() || vec.constant) return VecToColumn(vec, type, rows.count);
  Vec alive = NewVec(scratch, vec.phys);
  alive.array = vec.array;
  switch (WidthOf(vec.phys)) {
    case 1:
      Compact<uint8_t>(vec, rows, alive.own_values.data());
      break;
    case 4:
      Compact<int32_t>(vec, rows, alive.own_values.data());
      break;
    case 8:
      Compact<int64_t>(vec, rows, alive.own_values.data());
      break;
    default:
      Compact<Int128>(vec, rows, alive.own_values.data());
  }
  if (vec.valid != nullptr) {
    uint8_t* valid = MutableValid(scratch, &alive, rows.count);
    for (int k = 0; k < rows.count; ++k) valid[k] = vec.valid[rows.index[k]];
  }
  return VecToColumn(alive, type, rows.count);
}

void SetNested(Frame* f, ArrayDataPtr array) {
  auto* out = f->values<int32_t>();
  for (int k = 0; k < f->rows.count; ++k) out[f->rows.at(k)] = k;
  f->out->array = array.get();
  f->scratch->Keep(std::move(array));
}

void ReplaceOut(Frame* f, Vec vec) {
  // Nulls of the arguments stay nulls; rows that were not computed have no value to be looked at.
  if (f->out->valid != nullptr && !vec.constant) {
    uint8_t* valid = MutableValid(f->scratch, f->out, f->rows.chunk);
    ForRows(f->rows, [&](int i) { valid[i] = vec.IsValid(i); });
    vec.own_valid = std::move(f->out->own_valid);
    vec.valid = vec.own_valid.data();
  }
  *f->out = std::move(vec);
}

Status SetLists(Frame* f, const ArrayDataPtr& items, const std::vector<int32_t>& offsets,
                const std::vector<int32_t>& rows) {
  WEIR_ASSIGN_OR_RETURN(auto gathered, GatherColumn(items, rows));
  WEIR_ASSIGN_OR_RETURN(auto buffer, Offsets(offsets));
  SetNested(f, arrow::ArrayData::Make(*f->type, f->rows.count, {nullptr, buffer}, {gathered}, 0));
  return Status::OK();
}

KernelFn MakeListKernel() { return Literal<ListLiteral>; }
KernelFn MakeStructKernel() { return Literal<StructLiteral>; }
KernelFn MakeMapKernel() { return Literal<MapLiteral>; }

}  // namespace weir::expr
