// Growth, roll-back and completion of columns; the memory of keys.
#include "formats/json/json_column.h"

#include <arrow/array/data.h>
#include <arrow/type.h>

#include <algorithm>
#include <cstring>

#include "formats/json/json_options.h"
#include "formats/text/array_build.h"

namespace weir {
namespace {

/// Unknown keys beyond these are looked up in vain each time: data whose keys are values must not fill the memory.
constexpr size_t kMaxFields = 4096;

/// Resizes to `bytes`, keeping what is there; at least half as large again as before, so that growing is linear.
Status Grow(std::shared_ptr<arrow::ResizableBuffer>* buffer, int64_t bytes) {
  if (!*buffer) {
    WEIR_ASSIGN_OR_RETURN(*buffer, AllocatePadded(bytes));
    return Status::OK();
  }
  return (*buffer)->Resize(std::max(bytes, (*buffer)->size() * 3 / 2) + 64, /*shrink_to_fit=*/false);
}

}  // namespace

uint64_t JsonFields::Hash(std::string_view name) {
  uint64_t first = 0, last = 0;
  const size_t n = std::min<size_t>(8, name.size());
  std::memcpy(&first, name.data(), n);
  std::memcpy(&last, name.data() + name.size() - n, n);
  uint64_t hash = (first ^ (last << 1) ^ name.size()) * 0x9E3779B97F4A7C15u;
  return hash ^ (hash >> 32);
}

void JsonFields::Rehash(size_t size) {
  table_.assign(size, 0);
  for (size_t f = 0; f < names_.size(); ++f) {
    size_t at = Hash(names_[f]) & (size - 1);
    while (table_[at]) at = (at + 1) & (size - 1);
    table_[at] = static_cast<int32_t>(f + 1);
  }
}

int JsonFields::Add(const std::string& name, JsonColumn* column) {
  names_.push_back(name);
  columns_.push_back(column);
  num_columns_ += column != nullptr;
  guesses_.resize(names_.size() + 1);
  if (table_.size() < names_.size() * 4) {
    Rehash(std::max<size_t>(16, table_.size() * 2));
  } else {
    size_t at = Hash(name) & (table_.size() - 1);
    while (table_[at]) at = (at + 1) & (table_.size() - 1);
    table_[at] = static_cast<int32_t>(names_.size());
  }
  return static_cast<int>(names_.size()) - 1;
}

int JsonFields::Find(std::string_view name) {
  if (!table_.empty()) {
    for (size_t at = Hash(name) & (table_.size() - 1); table_[at]; at = (at + 1) & (table_.size() - 1)) {
      if (names_[table_[at] - 1] == name) return table_[at] - 1;
    }
  }
  return names_.size() < kMaxFields ? Add(std::string(name), nullptr) : kUnknown;
}

void JsonFields::Learn(int slot, const char* begin, const char* end, int field) {
  const int64_t length = end - begin;
  if (length > 32) return;
  Guess guess;
  std::memcpy(guess.literal.data(), begin, length);
  guess.mask = length == 32 ? ~uint32_t{0} : (uint32_t{1} << length) - 1;
  guess.length = static_cast<int32_t>(length);
  guess.field = field;
  auto& known = guesses_[slot];
  known[1] = known[0].length ? known[0] : guess;
  known[0] = guess;
}

Result<std::unique_ptr<JsonColumn>> JsonColumn::Make(const std::string& path, const TypePtr& type, bool any_value) {
  auto column = std::make_unique<JsonColumn>();
  column->path = path;
  column->type = WithoutJsonMarks(type);
  auto add_child = [&](const arrow::Field& field, const std::string& child_path) -> Status {
    WEIR_ASSIGN_OR_RETURN(auto child, Make(child_path, field.type(), IsJsonTextField(field)));
    column->children.push_back(std::move(child));
    return Status::OK();
  };
  switch (type->id()) {
    case arrow::Type::NA:
      column->kind = JsonKind::kNull;
      break;
    case arrow::Type::INT64:
      column->kind = JsonKind::kInt64;
      break;
    case arrow::Type::DOUBLE:
      column->kind = JsonKind::kDouble;
      break;
    case arrow::Type::BOOL:
      column->kind = JsonKind::kBool;
      break;
    case arrow::Type::STRING:
      column->kind = any_value ? JsonKind::kText : JsonKind::kString;
      break;
    case arrow::Type::BINARY:
      column->kind = JsonKind::kBinary;
      break;
    case arrow::Type::TIMESTAMP:
      column->kind = JsonKind::kTimestamp;
      break;
    case arrow::Type::DATE32:
      column->kind = JsonKind::kDate;
      break;
    case arrow::Type::DECIMAL128:
      column->kind = JsonKind::kDecimal;
      break;
    case arrow::Type::LIST:
      column->kind = JsonKind::kList;
      WEIR_RETURN_NOT_OK(add_child(*type->field(0), path + "[]"));
      break;
    case arrow::Type::MAP: {
      column->kind = JsonKind::kMap;
      const auto& map = static_cast<const arrow::MapType&>(*type);
      WEIR_RETURN_NOT_OK(add_child(*map.key_field(), path + " (key)"));
      WEIR_RETURN_NOT_OK(add_child(*map.item_field(), path + "[…]"));
      break;
    }
    case arrow::Type::STRUCT:
      column->kind = JsonKind::kStruct;
      for (const auto& field : type->fields()) {
        WEIR_RETURN_NOT_OK(add_child(*field, path.empty() ? field->name() : path + "." + field->name()));
        column->fields.Add(field->name(), column->children.back().get());
      }
      break;
    default:
      return Status::TypeError("field '", path, "': JSON cannot hold ", TypeName(*type));
  }
  WEIR_RETURN_NOT_OK(column->ReserveRows(0));
  return column;
}

int JsonColumn::value_width() const {
  switch (kind) {
    case JsonKind::kBool:
      return 1;
    case JsonKind::kDecimal:
      return 16;
    case JsonKind::kInt64:
    case JsonKind::kDouble:
    case JsonKind::kTimestamp:
      return 8;
    case JsonKind::kStruct:
    case JsonKind::kNull:
      return 0;
    default:
      return 4;  // dates and offsets
  }
}

void JsonColumn::AppendNull() {
  nulls.push_back(static_cast<uint32_t>(length));
  switch (kind) {
    case JsonKind::kString:
    case JsonKind::kText:
    case JsonKind::kBinary:
    case JsonKind::kList:
    case JsonKind::kMap:
      offsets()[length + 1] = offsets()[length];
      break;
    case JsonKind::kStruct:
      for (auto& child : children) child->AppendNull();
      break;
    default:
      std::memset(data + length * value_width(), 0, value_width());
  }
  ++length;
}

void JsonColumn::Truncate(int64_t rows) {
  if (length < rows) return;
  length = rows;
  while (!nulls.empty() && nulls.back() >= rows) nulls.pop_back();
  if (kind == JsonKind::kStruct) {
    for (auto& child : children) child->Truncate(rows);
  } else if (kind == JsonKind::kList || kind == JsonKind::kMap) {
    for (auto& child : children) child->Truncate(last_offset());
  }
}

Status JsonColumn::ReserveRows(int64_t rows) {
  if (length + rows <= capacity && data) return Status::OK();
  const bool first = data_buffer_ == nullptr;
  int64_t wanted = std::max(length + rows, first ? last_rows_ + last_rows_ / 16 : length + length / 2);
  wanted = std::max<int64_t>(wanted, 1024);
  // One row more than counts: offsets have one, and a row that fails may be half written.
  WEIR_RETURN_NOT_OK(Grow(&data_buffer_, (wanted + 2) * value_width()));
  data = data_buffer_->mutable_data();
  if (first && value_width() == 4) offsets()[0] = 0;
  capacity = wanted;
  return Status::OK();
}

Status JsonColumn::ReserveInput(int64_t bytes) {
  if (has_text()) {
    const int64_t used = last_offset();
    if (used + bytes + 64 > text_capacity) {
      const int64_t first = text_buffer_ ? 0 : last_text_ + last_text_ / 16;
      WEIR_RETURN_NOT_OK(Grow(&text_buffer_, std::max(used + bytes + 64, first)));
      text = reinterpret_cast<char*>(text_buffer_->mutable_data());
      text_capacity = text_buffer_->size();
    }
  }
  for (auto& child : children) {
    // Every element takes at least two bytes of input; a null object gives its fields one row each.
    WEIR_RETURN_NOT_OK(child->ReserveRows(bytes / 2 + 2));
    WEIR_RETURN_NOT_OK(child->ReserveInput(bytes));
  }
  return Status::OK();
}

Result<ArrayDataPtr> JsonColumn::Finish() {
  last_rows_ = length;
  const int64_t rows = length;
  std::vector<BufferPtr> buffers;
  std::vector<ArrayDataPtr> parts;
  // Capacity is guessed from the block before; what was guessed far too high is given back.
  auto take = [](std::shared_ptr<arrow::ResizableBuffer>* buffer, int64_t bytes) -> Result<BufferPtr> {
    WEIR_RETURN_NOT_OK((*buffer)->Resize(bytes, /*shrink_to_fit=*/(*buffer)->capacity() > bytes * 2 + 4096));
    return BufferPtr(std::move(*buffer));
  };
  if (kind == JsonKind::kBool) {
    WEIR_ASSIGN_OR_RETURN(auto bits, AllocatePadded((rows + 7) / 8));
    std::memset(bits->mutable_data(), 0, bits->size());
    for (int64_t i = 0; i < rows; ++i) bits->mutable_data()[i / 8] |= static_cast<uint8_t>(data[i] << (i % 8));
    buffers = {std::move(bits)};
  } else if (kind != JsonKind::kStruct && kind != JsonKind::kNull) {
    const bool has_offsets = has_text() || kind == JsonKind::kList || kind == JsonKind::kMap;
    const int64_t used = has_offsets ? last_offset() : 0;
    WEIR_ASSIGN_OR_RETURN(auto values, take(&data_buffer_, (rows + has_offsets) * value_width()));
    buffers = {std::move(values)};
    if (has_text()) {
      last_text_ = used;
      if (!text_buffer_) WEIR_RETURN_NOT_OK(Grow(&text_buffer_, 0));
      WEIR_ASSIGN_OR_RETURN(auto bytes, take(&text_buffer_, used));
      buffers.push_back(std::move(bytes));
    }
  }
  for (auto& child : children) {
    WEIR_ASSIGN_OR_RETURN(auto part, child->Finish());
    parts.push_back(std::move(part));
  }
  std::vector<uint32_t> null_rows = std::move(nulls);
  nulls.clear();
  length = text_capacity = 0;
  text = nullptr;
  if (kind != JsonKind::kBool) {  // whose bytes were packed into another buffer
    data_buffer_.reset();
    data = nullptr;
    capacity = 0;
  }
  WEIR_RETURN_NOT_OK(ReserveRows(0));
  if (kind == JsonKind::kNull) return arrow::ArrayData::Make(type, rows, {BufferPtr{}}, rows);
  WEIR_ASSIGN_OR_RETURN(auto column, MakeColumn(type, rows, std::move(buffers), null_rows));
  if (kind == JsonKind::kMap) {
    const int64_t entries = parts[0]->length;
    parts = {arrow::ArrayData::Make(type->field(0)->type(), entries, {BufferPtr{}}, std::move(parts), 0)};
  }
  column->child_data = std::move(parts);
  return column;
}

}  // namespace weir
