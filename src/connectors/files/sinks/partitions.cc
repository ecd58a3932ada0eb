// Values to names of folders, rows to folders.
#include "connectors/files/sinks/partitions.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>
#include <unordered_map>

#include "batch/print.h"

namespace weir {
namespace {

/// The text of a partition value as Hive writes it: bytes that mean something in a path become %XX, null has a name.
void AppendPartitionValue(const arrow::ArrayData& column, int64_t row, std::string* out) {
  if (column.IsNull(row)) {
    *out += "__HIVE_DEFAULT_PARTITION__";
    return;
  }
  std::string text;
  AppendJson(column, row, &text);
  if (column.type->id() == arrow::Type::STRING || column.type->id() == arrow::Type::DICTIONARY) {
    const arrow::ArrayData& values = column.dictionary ? *column.dictionary : column;
    int64_t at = column.dictionary ? column.GetValues<int32_t>(1)[row] : row;
    const int32_t* offsets = values.GetValues<int32_t>(1);
    text.assign(reinterpret_cast<const char*>(values.buffers[2]->data()) + offsets[at], offsets[at + 1] - offsets[at]);
  } else if (text.size() >= 2 && text.front() == '"') {
    text = text.substr(1, text.size() - 2);  // dates and times: nothing in them is escaped
  }
  static constexpr char kHex[] = "0123456789ABCDEF";
  for (char c : text) {
    bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
                 c == '.' || c == ',' || c == ' ' || static_cast<unsigned char>(c) >= 0x80;
    if (plain && !(c == '.' && text.find_first_not_of('.') == std::string::npos)) {
      *out += c;
    } else {
      *out += {'%', kHex[static_cast<unsigned char>(c) >> 4], kHex[c & 15]};
    }
  }
}

}  // namespace

Partitioning::Partitioning(SchemaPtr schema, std::vector<int> keys) : keys_(std::move(keys)) {
  arrow::FieldVector fields;
  for (int i = 0; i < schema->num_fields(); ++i) {
    if (std::find(keys_.begin(), keys_.end(), i) != keys_.end()) continue;
    kept_columns_.push_back(i);
    fields.push_back(schema->field(i));
  }
  file_schema_ = keys_.empty() ? std::move(schema) : arrow::schema(std::move(fields));
}

std::vector<std::pair<std::string, Batch>> Partitioning::Split(const Batch& batch) const {
  if (keys_.empty()) return {{"", batch}};
  std::unordered_map<std::string, size_t> places;
  std::vector<std::pair<std::string, std::vector<int32_t>>> rows_of;
  std::string partition, last;
  size_t place = 0;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    partition.clear();
    for (int key : keys_) {
      partition += batch.schema()->field(key)->name() + "=";
      AppendPartitionValue(*batch.column(key), row, &partition);
      partition += '/';
    }
    if (row == 0 || partition != last) {
      place = places.emplace(partition, rows_of.size()).first->second;
      if (place == rows_of.size()) rows_of.emplace_back(partition, std::vector<int32_t>());
      last = partition;
    }
    rows_of[place].second.push_back(static_cast<int32_t>(row));
  }
  const Batch payload = batch.Project(file_schema_, kept_columns_);
  std::vector<std::pair<std::string, Batch>> parts;
  for (auto& [name, rows] : rows_of) {
    auto buffer = arrow::Buffer::FromString(
        std::string(reinterpret_cast<const char*>(rows.data()), rows.size() * sizeof(int32_t)));
    parts.emplace_back(name, payload.Select({std::move(buffer), static_cast<int64_t>(rows.size())}));
  }
  return parts;
}

}  // namespace weir
