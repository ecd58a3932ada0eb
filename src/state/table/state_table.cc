// Appending, folding what is old, answering.
#include "state/table/state_table.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>

#include "batch/print.h"
#include "batch/types.h"

namespace weir {
namespace {

SchemaPtr WithWindows(const StateTableOptions& options) {
  arrow::FieldVector fields = options.schema->fields();
  if (options.has_window) {
    for (const char* name : {"window_start", "window_end"}) {
      if (options.schema->GetFieldIndex(name) < 0) fields.push_back(arrow::field(name, TimestampType()));
    }
  }
  return arrow::schema(std::move(fields));
}

bool IsSum(TableForm form) { return form == TableForm::kSums || form == TableForm::kLatestSums; }

/// Values times weight: what a row adds to its key.
Result<Batch> Weighted(const Batch& batch, const std::vector<int>& keys) {
  if (!batch.has_weight()) return batch;
  std::vector<ArrayDataPtr> columns;
  const int64_t rows = batch.num_rows();
  for (int i = 0; i < batch.num_columns(); ++i) {
    if (std::find(keys.begin(), keys.end(), i) != keys.end()) {
      columns.push_back(batch.column(i));
      continue;
    }
    WEIR_ASSIGN_OR_RETURN(auto weighted, TimesWeight(batch.PlainColumn(i), batch.weight(), rows));
    columns.push_back(std::move(weighted));
  }
  return batch.WithColumns(batch.schema(), std::move(columns));
}

/// Rows of the log that stand for `log` in it.
Result<JoinedLog> Folded(const JoinedLog& log, const StateTableOptions& options) {
  switch (options.form) {
    case TableForm::kLatest:
      return LatestRows(log, options.keys, true);
    case TableForm::kChanges:
      return NetRows(log, false);
    case TableForm::kSums:
    case TableForm::kLatestSums:
      return SummedRows(log, options.keys);
  }
  return Status::UnknownError("a table of no form");
}

}  // namespace

StateTable::StateTable(StateTableOptions options)
    : options_(std::move(options)), result_schema_(WithWindows(options_)) {
  if (options_.form == TableForm::kLatestSums) deltas_ = std::make_unique<SumDeltas>(options_.schema, options_.keys);
}

StateTable::~StateTable() = default;

Status StateTable::Append(const Batch& batch) {
  if (batch.num_rows() == 0) return Status::OK();
  Batch rows = batch.Compact();
  if (options_.form == TableForm::kSums) {
    WEIR_ASSIGN_OR_RETURN(rows, Weighted(rows, options_.keys));
  }
  std::lock_guard lock(mutex_);
  if (deltas_ != nullptr) {
    WEIR_ASSIGN_OR_RETURN(rows, deltas_->Convert(rows));
  }
  log_.Add(std::move(rows));
  return FoldIfDue();
}

void StateTable::SetWatermark(EventTime watermark) {
  std::lock_guard lock(mutex_);
  watermark_ = std::max(watermark_, watermark);
}

Status StateTable::FoldIfDue() {
  if (log_.rows < options_.min_fold_rows + 2 * rows_after_fold_) return Status::OK();
  const bool known = watermark_ > kMinEventTime + options_.history_us && watermark_ < kEndOfGlobalWindow;
  const EventTime until = known ? watermark_ - options_.history_us : folded_until_;
  WEIR_ASSIGN_OR_RETURN(const JoinedLog all, JoinLog(log_, options_.schema));
  WEIR_ASSIGN_OR_RETURN(const JoinedLog old, RowsUntil(all, until));
  WEIR_ASSIGN_OR_RETURN(JoinedLog folded, Folded(old, options_));
  // What a fold stands for is older than any question that can still be asked.
  if (IsSum(options_.form)) folded.rows.set_event_time(Int64Column(kMinEventTime));
  WEIR_ASSIGN_OR_RETURN(JoinedLog young, RowsUntil(all, until, true));
  log_.pieces.clear();
  log_.rows = 0;
  put_pieces_ = 0;
  for (JoinedLog* part : {&folded, &young}) {
    const int64_t rows = part->rows.num_rows();
    if (rows == 0) continue;
    log_.rows += rows;
    log_.pieces.push_back({part->rows.Compact(), std::move(part->order), 0});
  }
  rows_after_fold_ = log_.rows;
  folded_until_ = until;
  return Status::OK();
}

Result<StateTable::Snapshot> StateTable::Read(std::optional<EventTime> as_of) const {
  TableLog log;
  Snapshot out;
  {
    std::lock_guard lock(mutex_);
    log = log_;
    out.watermark = watermark_;
    if (as_of && *as_of < folded_until_) {
      return Status::Invalid("the table '", options_.name, "' is kept back to ", FormatTimestamp(folded_until_),
                             "; set a longer 'history'");
    }
  }
  WEIR_ASSIGN_OR_RETURN(JoinedLog rows, JoinLog(log, options_.schema));
  if (as_of) {
    WEIR_ASSIGN_OR_RETURN(rows, RowsUntil(rows, *as_of));
  }
  switch (options_.form) {
    case TableForm::kLatest: {
      WEIR_ASSIGN_OR_RETURN(rows, LatestRows(rows, options_.keys, false));
      break;
    }
    case TableForm::kChanges: {
      WEIR_ASSIGN_OR_RETURN(rows, NetRows(rows, true));
      break;
    }
    default: {
      WEIR_ASSIGN_OR_RETURN(rows, SummedRows(rows, options_.keys));
      break;
    }
  }
  std::vector<ArrayDataPtr> columns;
  const int64_t count = rows.rows.num_rows();
  for (int i = 0; i < rows.rows.num_columns(); ++i) columns.push_back(rows.rows.PlainColumn(i));
  for (int i = rows.rows.num_columns(); i < result_schema_->num_fields(); ++i) {
    const bool start = result_schema_->field(i)->name() == "window_start";
    columns.push_back(TimestampsOf(start ? rows.rows.window_start() : rows.rows.window_end(), count));
  }
  out.rows = Batch(result_schema_, std::move(columns), count);
  return out;
}

int64_t StateTable::size_bytes() const {
  std::lock_guard lock(mutex_);
  int64_t bytes = 0;
  for (const TableLog::Piece& piece : log_.pieces) {
    bytes += piece.rows.size_bytes() + static_cast<int64_t>(piece.order.size() * sizeof(int64_t));
  }
  return bytes;
}

}  // namespace weir
