// Grouping of a log in one pass over its rows.
#include "state/table/table_log.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <algorithm>
#include <cstring>

#include "batch/gather.h"
#include "batch/types.h"

namespace weir {
namespace {

bool IsDouble(const arrow::DataType& type) { return type.id() == arrow::Type::DOUBLE; }
bool IsDecimal(const arrow::DataType& type) { return type.id() == arrow::Type::DECIMAL128; }

bool IsNull(const arrow::ArrayData& column, int64_t row) {
  const auto* valid = column.GetValues<uint8_t>(0, 0);
  return valid != nullptr && !arrow::bit_util::GetBit(valid, column.offset + row);
}

/// Null counts as 0.
Wide WholeAt(const arrow::ArrayData& column, int64_t row) {
  if (IsNull(column, row)) return 0;
  if (!IsDecimal(*column.type)) return column.GetValues<int64_t>(1)[row];
  Wide value;
  std::memcpy(&value, column.GetValues<uint8_t>(1, 0) + (column.offset + row) * 16, sizeof value);
  return value;
}

double DoubleAt(const arrow::ArrayData& column, int64_t row) {
  return IsNull(column, row) ? 0 : column.GetValues<double>(1)[row];
}

ArrayDataPtr WholeColumn(const TypePtr& type, const std::vector<Wide>& values) {
  const auto count = static_cast<int64_t>(values.size());
  if (IsDecimal(*type)) {
    std::vector<Wide> copy = values;
    return arrow::ArrayData::Make(type, count, {nullptr, arrow::Buffer::FromVector(std::move(copy))}, 0);
  }
  std::vector<int64_t> narrow(values.begin(), values.end());  // wraps as the sums did
  return arrow::ArrayData::Make(type, count, {nullptr, arrow::Buffer::FromVector(std::move(narrow))}, 0);
}

ArrayDataPtr DoubleColumn(const TypePtr& type, std::vector<double> values) {
  const auto count = static_cast<int64_t>(values.size());
  return arrow::ArrayData::Make(type, count, {nullptr, arrow::Buffer::FromVector(std::move(values))}, 0);
}

ArrayDataPtr IntegerColumn(const Int64Column& column, int64_t rows) {
  std::vector<int64_t> values(static_cast<size_t>(rows));
  for (int64_t i = 0; i < rows; ++i) values[static_cast<size_t>(i)] = column.at(i);
  return arrow::ArrayData::Make(arrow::int64(), rows, {nullptr, arrow::Buffer::FromVector(std::move(values))}, 0);
}

struct Groups {
  std::vector<uint32_t> of_row;
  uint32_t count = 0;
};

/// Rows with equal `columns` and equal windows.
Result<Groups> GroupRows(const Batch& rows, const std::vector<int>& columns) {
  std::vector<TypePtr> types;
  std::vector<ArrayDataPtr> keys;
  for (int column : columns) {
    types.push_back(rows.schema()->field(column)->type());
    keys.push_back(rows.column(column));
  }
  if (rows.has_window()) {
    for (const Int64Column& bound : {rows.window_start(), rows.window_end()}) {
      types.push_back(arrow::int64());
      keys.push_back(IntegerColumn(bound, rows.num_rows()));
    }
  }
  GroupTable table(types);
  Groups out;
  out.of_row.resize(static_cast<size_t>(rows.num_rows()));
  WEIR_RETURN_NOT_OK(table.Lookup(keys, rows.num_rows(), out.of_row.data()));
  out.count = table.num_groups();
  return out;
}

Result<JoinedLog> Gather(const JoinedLog& log, const std::vector<int32_t>& rows) {
  JoinedLog out;
  WEIR_ASSIGN_OR_RETURN(out.rows, GatherBatch(log.rows, rows));
  for (int32_t row : rows) out.order.push_back(log.order[static_cast<size_t>(row)]);
  return out;
}

Int64Column Values(std::vector<int64_t> values) {
  return Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(values))));
}

}  // namespace

void TableLog::Add(Batch batch) {
  const int64_t count = batch.num_rows();
  pieces.push_back({std::move(batch), {}, next});
  rows += count;
  next += count;
}

Result<JoinedLog> JoinLog(const TableLog& log, const SchemaPtr& schema) {
  JoinedLog out;
  std::vector<Batch> batches;
  for (const TableLog::Piece& piece : log.pieces) {
    batches.push_back(piece.rows);
    for (int64_t i = 0; i < piece.rows.num_rows(); ++i) {
      out.order.push_back(piece.order.empty() ? piece.first + i : piece.order[static_cast<size_t>(i)]);
    }
  }
  if (batches.empty()) {
    std::vector<ArrayDataPtr> columns;
    for (const auto& field : schema->fields()) {
      WEIR_ASSIGN_OR_RETURN(auto column, NullColumn(field->type(), 0));
      columns.push_back(std::move(column));
    }
    out.rows = Batch(schema, std::move(columns), 0);
    return out;
  }
  WEIR_ASSIGN_OR_RETURN(out.rows, ConcatBatches(schema, batches));
  return out;
}

Result<JoinedLog> RowsUntil(const JoinedLog& log, EventTime time, bool after) {
  std::vector<int32_t> rows;
  const Int64Column& times = log.rows.event_time();
  for (int64_t i = 0; i < log.rows.num_rows(); ++i) {
    if ((times.at(i) > time) == after) rows.push_back(static_cast<int32_t>(i));
  }
  return Gather(log, rows);
}

Result<JoinedLog> LatestRows(const JoinedLog& log, const std::vector<int>& keys, bool keep_removals) {
  WEIR_ASSIGN_OR_RETURN(const Groups groups, GroupRows(log.rows, keys));
  std::vector<int32_t> last(groups.count, -1);
  for (size_t row = 0; row < log.order.size(); ++row) {
    int32_t& best = last[groups.of_row[row]];
    if (best < 0 || log.order[static_cast<size_t>(best)] < log.order[row]) best = static_cast<int32_t>(row);
  }
  std::vector<int32_t> rows;
  const Int64Column weight = log.rows.weight();
  for (const int32_t row : last) {
    if (keep_removals || weight.at(row) > 0) rows.push_back(row);
  }
  return Gather(log, rows);
}

Result<JoinedLog> NetRows(const JoinedLog& log, bool only_present) {
  std::vector<int> all(static_cast<size_t>(log.rows.num_columns()));
  for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i);
  WEIR_ASSIGN_OR_RETURN(const Groups groups, GroupRows(log.rows, all));
  std::vector<int64_t> net(groups.count, 0);
  std::vector<int32_t> first(groups.count, -1);
  const Int64Column weight = log.rows.weight();
  for (size_t row = 0; row < log.order.size(); ++row) {
    const uint32_t group = groups.of_row[row];
    net[group] += weight.at(static_cast<int64_t>(row));
    if (first[group] < 0) first[group] = static_cast<int32_t>(row);
  }
  std::vector<int32_t> rows;
  std::vector<int64_t> weights;
  for (uint32_t group = 0; group < groups.count; ++group) {
    const int64_t copies = only_present ? std::max<int64_t>(net[group], 0) : (net[group] != 0 ? 1 : 0);
    for (int64_t i = 0; i < copies; ++i) {
      rows.push_back(first[group]);
      weights.push_back(only_present ? 1 : net[group]);
    }
  }
  WEIR_ASSIGN_OR_RETURN(JoinedLog out, Gather(log, rows));
  out.rows.set_weight(Values(std::move(weights)));
  return out;
}

Result<JoinedLog> SummedRows(const JoinedLog& log, const std::vector<int>& keys) {
  const Batch& in = log.rows;
  WEIR_ASSIGN_OR_RETURN(const Groups groups, GroupRows(in, keys));
  std::vector<int64_t> weights(groups.count, 0);
  std::vector<int32_t> first(groups.count, -1);
  std::vector<bool> present(groups.count, false);
  const Int64Column weight = in.weight();
  for (size_t row = 0; row < log.order.size(); ++row) {
    const uint32_t group = groups.of_row[row];
    weights[group] += weight.at(static_cast<int64_t>(row));
    if (first[group] < 0) first[group] = static_cast<int32_t>(row);
  }
  for (uint32_t group = 0; group < groups.count; ++group) present[group] = weights[group] != 0;
  std::vector<ArrayDataPtr> columns(static_cast<size_t>(in.num_columns()));
  for (int i = 0; i < in.num_columns(); ++i) {
    if (std::find(keys.begin(), keys.end(), i) != keys.end()) {
      WEIR_ASSIGN_OR_RETURN(columns[i], GatherColumn(in.column(i), first));
      continue;
    }
    const ArrayDataPtr& column = in.PlainColumn(i);
    std::vector<double> doubles(IsDouble(*column->type) ? groups.count : 0, 0);
    std::vector<Wide> wholes(doubles.empty() ? groups.count : 0, 0);
    for (size_t row = 0; row < log.order.size(); ++row) {
      const uint32_t group = groups.of_row[row];
      const auto at = static_cast<int64_t>(row);
      if (doubles.empty()) {
        wholes[group] += WholeAt(*column, at);
      } else {
        doubles[group] += DoubleAt(*column, at);
      }
    }
    for (uint32_t group = 0; group < groups.count; ++group) {
      if (doubles.empty() ? wholes[group] != 0 : doubles[group] != 0) present[group] = true;
    }
    columns[i] = doubles.empty() ? WholeColumn(column->type, wholes) : DoubleColumn(column->type, std::move(doubles));
  }
  JoinedLog summed{Batch(in.schema(), std::move(columns), groups.count), std::vector<int64_t>(groups.count, 0)};
  summed.rows.set_weight(Values(std::move(weights)));
  std::vector<int32_t> kept;
  for (uint32_t group = 0; group < groups.count; ++group) {
    if (present[group]) kept.push_back(static_cast<int32_t>(group));
  }
  return Gather(summed, kept);
}

Result<ArrayDataPtr> TimesWeight(const ArrayDataPtr& column, const Int64Column& weight, int64_t rows) {
  const bool is_double = IsDouble(*column->type);
  std::vector<double> doubles(is_double ? static_cast<size_t>(rows) : 0);
  std::vector<Wide> wholes(is_double ? 0 : static_cast<size_t>(rows));
  for (int64_t row = 0; row < rows; ++row) {
    if (is_double) {
      doubles[static_cast<size_t>(row)] = DoubleAt(*column, row) * static_cast<double>(weight.at(row));
    } else {
      wholes[static_cast<size_t>(row)] = WholeAt(*column, row) * weight.at(row);
    }
  }
  return is_double ? DoubleColumn(column->type, std::move(doubles)) : WholeColumn(column->type, wholes);
}

ArrayDataPtr TimestampsOf(const Int64Column& times, int64_t rows) {
  ArrayDataPtr column = IntegerColumn(times, rows);
  column->type = TimestampType();
  return column;
}

namespace {

std::vector<TypePtr> KeyTypes(const SchemaPtr& schema, const std::vector<int>& keys) {
  std::vector<TypePtr> types;
  for (int key : keys) types.push_back(schema->field(key)->type());
  return types;
}

}  // namespace

SumDeltas::SumDeltas(const SchemaPtr& schema, std::vector<int> keys)
    : keys_(std::move(keys)),
      groups_(KeyTypes(schema, keys_)),
      last_whole_(static_cast<size_t>(schema->num_fields())),
      last_double_(static_cast<size_t>(schema->num_fields())) {}

Result<Batch> SumDeltas::Convert(const Batch& batch) {
  const int64_t rows = batch.num_rows();
  std::vector<ArrayDataPtr> keys;
  for (int key : keys_) keys.push_back(batch.column(key));
  std::vector<uint32_t> groups(static_cast<size_t>(rows));
  WEIR_RETURN_NOT_OK(groups_.Lookup(keys, rows, groups.data()));
  known_.resize(groups_.num_groups(), false);
  std::vector<int64_t> weights(static_cast<size_t>(rows), 0);
  for (size_t row = 0; row < groups.size(); ++row) {
    if (!known_[groups[row]]) weights[row] = 1;
    known_[groups[row]] = true;
  }
  std::vector<ArrayDataPtr> columns(static_cast<size_t>(batch.num_columns()));
  for (int i = 0; i < batch.num_columns(); ++i) {
    if (std::find(keys_.begin(), keys_.end(), i) != keys_.end()) {
      columns[i] = batch.column(i);
      continue;
    }
    const ArrayDataPtr& column = batch.PlainColumn(i);
    const bool is_double = IsDouble(*column->type);
    last_double_[i].resize(is_double ? groups_.num_groups() : 0, 0);
    last_whole_[i].resize(is_double ? 0 : groups_.num_groups(), 0);
    std::vector<double> doubles(is_double ? groups.size() : 0);
    std::vector<Wide> wholes(is_double ? 0 : groups.size());
    for (size_t row = 0; row < groups.size(); ++row) {
      const auto at = static_cast<int64_t>(row);
      if (is_double) {
        doubles[row] = DoubleAt(*column, at) - last_double_[i][groups[row]];
        last_double_[i][groups[row]] = DoubleAt(*column, at);
      } else {
        wholes[row] = WholeAt(*column, at) - last_whole_[i][groups[row]];
        last_whole_[i][groups[row]] = WholeAt(*column, at);
      }
    }
    columns[i] = is_double ? DoubleColumn(column->type, std::move(doubles)) : WholeColumn(column->type, wholes);
  }
  Batch out = batch.WithColumns(batch.schema(), std::move(columns));
  out.set_weight(Values(std::move(weights)));
  return out;
}

}  // namespace weir
