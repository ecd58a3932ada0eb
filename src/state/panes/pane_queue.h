// What goes into tables of panes, and what comes out of them.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "batch/batch.h"
#include "batch/row_error.h"
#include "state/aggregate/aggregate_states.h"
#include "time/trigger_machine.h"
#include "time/windowing.h"

namespace weir {

/// What all tables of a step have in common. Immutable.
struct PaneRules {
  std::vector<TypePtr> key_types;
  std::vector<AggregateCall> calls;
  WindowingStrategy windowing;
  TriggerMachine trigger;
  bool changes = false;     // rows carry weights: a group whose rows were all taken back is gone
  SchemaPtr output_schema;  // keys, then results
};

/// Rows to be added, evaluated: columns of `rows` rows.
struct PaneRows {
  std::vector<ArrayDataPtr> keys;
  std::vector<ArrayDataPtr> values;  // per call; null where its function needs none
  const int64_t* weights = nullptr;  // null: +1 each
  Int64Column times;                 // event times
  int64_t rows = 0;
};

/// A batch of one pane, and those of its rows that have no result.
struct PaneBatch {
  Batch batch;
  std::vector<RowError> errors;
};

class PaneTable;

/// Panes on their way out, in order. Those of whole windows are made batch by batch, when they are asked for.
class PaneQueue {
 public:
  explicit PaneQueue(int64_t batch_rows) : batch_rows_(batch_rows) {}
  bool empty() const { return items_.empty(); }
  int64_t batch_rows() const { return batch_rows_; }
  /// Cells of one table that give a pane; all share timing.
  void Add(std::shared_ptr<PaneTable> table, std::vector<uint32_t> cells, PaneTiming timing, bool last);
  /// The next batch; nullopt when there is none.
  Result<std::optional<PaneBatch>> Next();

 private:
  struct Item {
    std::shared_ptr<PaneTable> table;
    std::vector<uint32_t> cells;
    size_t next = 0;
    PaneTiming timing = PaneTiming::kUnknown;
    bool last = false;
  };
  const int64_t batch_rows_;
  std::deque<Item> items_;
  std::deque<PaneBatch> ready_;
};

}  // namespace weir
