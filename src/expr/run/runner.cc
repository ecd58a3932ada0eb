// Runner: see runner.h. Whole batches here; single nodes in compute.cc.
#include "expr/run/runner.h"

#include <arrow/array/array_base.h>
#include <arrow/array/concatenate.h>
#include <arrow/array/data.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_map>

#include "base/check.h"
#include "batch/gather.h"

namespace weir::expr {

Runner::Runner(const Program& program)
    : program_(program),
      columns_(program.input ? program.input->num_fields() : 0, nullptr),
      memo_(program.nodes.size()),
      remembered_(program.nodes.size(), 0),
      dictionaries_(program.dictionary_nodes.size()) {}

Status Runner::BeginBatch(const Batch& batch, std::vector<RowError>* errors) {
  batch_ = &batch;
  status_ = Status::OK();
  sink_.errors = errors;
  for (int column : program_.columns) {
    const ArrayDataPtr& data = batch.column(column);
    WEIR_CHECK(data != nullptr, "an expression's column was pruned");
    columns_[column] = data.get();
  }
  for (const Node* node : program_.dictionary_nodes) WEIR_RETURN_NOT_OK(BindDictionary(*node, batch.num_rows()));
  sink_.errors = errors;
  return Status::OK();
}

void Runner::BeginChunk(int64_t start, int rows) {
  Forget(0);
  scratch_.EndChunk();
  start_ = start;
  chunk_ = rows;
  sink_.chunk_start = start;
}

// Computes `node` once per entry of the dictionary that its column arrives with, unless that is known from the batch
// before or costs more than it saves. An entry that fails leaves the node to the rows: perhaps no row has that entry.
Status Runner::BindDictionary(const Node& node, int64_t batch_rows) {
  DictionaryResult& result = dictionaries_[node.dictionary_slot];
  const arrow::ArrayData* column = columns_[node.only_column];
  result.active = false;
  if (column->type->id() != arrow::Type::DICTIONARY) return Status::OK();
  if (result.dictionary != column->dictionary) {
    if (column->dictionary->length > 2 * batch_rows) return Status::OK();
    result.dictionary = column->dictionary;
    result.as_column = nullptr;
    result.usable = false;
    WEIR_ASSIGN_OR_RETURN(auto null, NullColumn(column->dictionary->type, 1));
    WEIR_ASSIGN_OR_RETURN(auto entries,
                          arrow::Concatenate({arrow::MakeArray(column->dictionary), arrow::MakeArray(null)}));
    std::vector<RowError> failed;
    sink_.errors = &failed;
    inside_dictionary_ = true;
    columns_[node.only_column] = entries->data().get();
    WEIR_ASSIGN_OR_RETURN(auto writer, ColumnWriter::Make(node.type, entries->length()));
    Status written = WriteChunks(node, entries->length(), &writer);
    columns_[node.only_column] = column;
    inside_dictionary_ = false;
    WEIR_RETURN_NOT_OK(written);
    WEIR_ASSIGN_OR_RETURN(result.values, writer.Finish());
    BeginChunk(0, 0);
    result.usable = failed.empty();
  }
  result.active = result.usable;
  return Status::OK();
}

// A string result of one dictionary column stays dictionary-encoded; its entries are distinct and none is null.
Result<ArrayDataPtr> Runner::DictionaryColumn(const Node& node) {
  DictionaryResult& result = dictionaries_[node.dictionary_slot];
  const arrow::ArrayData& column = *columns_[node.only_column];
  int64_t entries = result.values->length;
  if (result.as_column == nullptr) {
    std::unordered_map<std::string_view, int32_t> seen;
    std::vector<int32_t> first;  // entry of each distinct value
    result.place.assign(entries, -1);
    const auto* offsets = result.values->GetValues<int32_t>(1);
    const char* bytes =
        result.values->buffers[2] ? reinterpret_cast<const char*>(result.values->buffers[2]->data()) : "";
    for (int64_t i = 0; i < entries; ++i) {
      if (result.values->IsNull(i)) continue;
      std::string_view value(bytes + offsets[i], offsets[i + 1] - offsets[i]);
      auto [at, is_new] = seen.try_emplace(value, static_cast<int32_t>(first.size()));
      if (is_new) first.push_back(static_cast<int32_t>(i));
      result.place[i] = at->second;
    }
    WEIR_ASSIGN_OR_RETURN(result.as_column, GatherColumn(result.values, first));
  }
  int64_t rows = column.length;
  WEIR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> indices, arrow::AllocateBuffer(rows * 4));
  auto* out = reinterpret_cast<int32_t*>(indices->mutable_data());
  const auto* in = column.GetValues<int32_t>(1);
  int64_t nulls = 0;
  bool in_nulls = column.GetNullCount() != 0;
  for (int64_t i = 0; i < rows; ++i) {
    out[i] = result.place[in_nulls && column.IsNull(i) ? entries - 1 : in[i]];
    nulls += out[i] < 0;
  }
  BufferPtr valid;
  if (nulls > 0) {
    WEIR_ASSIGN_OR_RETURN(valid, arrow::AllocateBuffer((rows + 7) / 8));
    std::memset(valid->mutable_data(), 0, valid->size());
    for (int64_t i = 0; i < rows; ++i) {
      if (out[i] >= 0) {
        valid->mutable_data()[i / 8] |= static_cast<uint8_t>(1 << (i % 8));
      } else {
        out[i] = 0;
      }
    }
  }
  auto made = arrow::ArrayData::Make(arrow::dictionary(arrow::int32(), arrow::utf8()), rows, {valid, indices}, nulls);
  made->dictionary = result.as_column;
  return made;
}

// Rows that failed in this chunk are null whatever the functions above made of them.
void Runner::DropFailed(size_t first_error, Vec* vec, int rows) {
  if (first_error == sink_.errors->size()) return;
  if (vec->constant) {  // one value for all, but not for those that failed
    Vec whole = NewVec(&scratch_, vec->phys);
    size_t width = WidthOf(vec->phys);
    for (int i = 0; i < rows; ++i) std::memcpy(whole.own_values.data() + i * width, vec->values, width);
    whole.array = vec->array;
    if (vec->valid != nullptr) std::memset(MutableValid(&scratch_, &whole, rows), vec->valid[0], rows);
    *vec = std::move(whole);
  }
  uint8_t* valid = MutableValid(&scratch_, vec, rows);
  for (size_t k = first_error; k < sink_.errors->size(); ++k) valid[(*sink_.errors)[k].row - start_] = 0;
}

Status Runner::WriteChunks(const Node& node, int64_t rows, ColumnWriter* writer) {
  for (int64_t start = 0; start < rows; start += kChunkRows) {
    BeginChunk(start, static_cast<int>(std::min<int64_t>(kChunkRows, rows - start)));
    size_t first_error = sink_.errors->size();
    {
      Vec vec = Eval(node, {nullptr, chunk_, chunk_}, writer->direct());
      WEIR_RETURN_NOT_OK(status_);
      DropFailed(first_error, &vec, chunk_);
      WEIR_RETURN_NOT_OK(writer->Append(vec, chunk_));
    }
  }
  Forget(0);
  return Status::OK();
}

Result<ArrayDataPtr> Runner::Values(const Batch& batch, const Node& node, std::vector<RowError>* errors) {
  WEIR_RETURN_NOT_OK(BeginBatch(batch, errors));
  if (node.kind == NodeKind::kColumn) return batch.column(node.column);
  if (node.dictionary_slot >= 0 && node.phys == Phys::kString && dictionaries_[node.dictionary_slot].active &&
      node.type->id() == arrow::Type::STRING) {
    return DictionaryColumn(node);
  }
  WEIR_ASSIGN_OR_RETURN(auto writer, ColumnWriter::Make(node.type, batch.num_rows()));
  WEIR_RETURN_NOT_OK(WriteChunks(node, batch.num_rows(), &writer));
  return writer.Finish();
}

Result<int64_t> Runner::Select(const Batch& batch, const std::vector<const Node*>& terms, std::vector<RowError>* errors,
                               int32_t* out) {
  WEIR_RETURN_NOT_OK(BeginBatch(batch, errors));
  int64_t selected = 0;
  for (int64_t start = 0; start < batch.num_rows(); start += kChunkRows) {
    BeginChunk(start, static_cast<int>(std::min<int64_t>(kChunkRows, batch.num_rows() - start)));
    size_t first_error = errors->size();
    Slab slabs[2] = {scratch_.Take(4), scratch_.Take(4)};
    int turn = 0;
    Rows rows{nullptr, chunk_, chunk_};
    for (const Node* term : terms) {
      if (rows.count == 0) break;
      Vec vec = Eval(*term, rows);
      WEIR_RETURN_NOT_OK(status_);
      if (vec.constant) {
        if (!vec.IsValid(0) || vec.data<uint8_t>()[0] == 0) rows.count = 0;
        continue;
      }
      auto* index = slabs[turn].as<int32_t>();
      rows.count = SelectRows(vec.data<uint8_t>(), vec.valid, rows, index);
      if (rows.count < chunk_) rows.index = index;
      turn ^= 1;
    }
    for (size_t k = first_error; k < errors->size(); ++k) {  // rare: a row that failed is not selected
      auto failed = static_cast<int32_t>((*errors)[k].row - start);
      auto* index = slabs[turn].as<int32_t>();
      int n = 0;
      ForRows(rows, [&](int i) {
        if (i != failed) index[n++] = i;
      });
      rows = {index, n, chunk_};
      turn ^= 1;
    }
    auto base = static_cast<int32_t>(start);
    int32_t* to = out + selected;
    if (rows.dense()) {
      for (int i = 0; i < rows.count; ++i) to[i] = base + i;
    } else {
      for (int k = 0; k < rows.count; ++k) to[k] = base + rows.index[k];
    }
    selected += rows.count;
  }
  Forget(0);
  return selected;
}

}  // namespace weir::expr
