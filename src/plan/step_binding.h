// StepBinding: what the planner knows of one step: schemas, operators, how rows get to them, what may be pushed into a
// scan.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "expr/expr.h"
#include "plan/column_set.h"
#include "time/windowing.h"

namespace weir {

class Operator;
class Sink;
class StateTable;
class Source;
struct OperatorContext;

/// What is known of a collection before it flows.
struct CollectionInfo {
  SchemaPtr schema;
  WindowingStrategy windowing;
  bool has_window = false;  // rows carry an explicit window: they come from a grouping step
  bool bounded = true;
  bool changes = false;    // rows carry weights
  bool as_stream = false;  // tests: it ends, but is handled as if nobody knew (BindOptions::as_stream)
  /// How many rows are expected, by the sizes of files and rules of thumb for filters; below 0: unknown. Decides what
  /// is faster, never what is right.
  double expected_rows = -1;
  double unfiltered_rows = -1;  // the same without the filters on the way; below 0: unknown
  std::vector<int> sources;     // the bound steps where its rows come from, ascending; the binder fills it in
};

enum class ExchangeKind {
  kForward,    // same lane, no copy
  kHash,       // rows with equal keys (and, if asked, equal windows) meet in one lane
  kBroadcast,  // every lane sees every row
  kRebalance,  // any lane; spreads work
  kGather,     // one lane sees all
};

struct Exchange {
  ExchangeKind kind = ExchangeKind::kForward;
  std::vector<int> keys;  // kHash: columns of the input
};

/// One input of a physical operator: an input of its step, or an operator before it.
struct OperatorInput {
  int step_input = -1;
  int op = -1;   // index in StepBinding::operators; used where step_input is negative
  int port = 0;  // output port of that operator
};

/// What an operator keeps from batch to batch, and whether a durable run can keep it too.
enum class StateKeeping : uint8_t {
  kUndeclared,  // a durable run refuses it while it is endless, and starts again from the beginning where it ends
  kNothing,     // what it gives depends on the batch alone
  kSnapshots,   // Operator::Snapshot and Restore
};

/// How a sink takes part in a durable run.
enum class SinkEpochs : uint8_t {
  kWhole,        // shows everything at the end, at once: such a run has one epoch
  kExactlyOnce,  // every epoch is shown once, whatever happens
  kAtLeastOnce,  // rows go out as they come: after a crash those of the last epoch go out again
};

/// One physical operator of a step. A step is one operator, or a chain with exchanges between (partial → final).
struct OperatorSpec {
  std::string name;              // "Combine (partial)": for explain
  std::vector<Exchange> inputs;  // one per port: how rows get here
  /// Where each port's rows come from. Empty: the first operator of a step takes all inputs of the step, a later one
  /// the operator before it.
  std::vector<OperatorInput> from;
  std::vector<SchemaPtr> outputs;  // schema per output port, without the error port
  int max_lanes = 0;               // 0: as many as the run has
  /// The lane of port 0 runs this operator by direct calls even though other ports are fed by channels. Rows of port 0
  /// wait at their source until the operator accepts them.
  bool follows_port_0 = false;
  bool repeatable = false;   // cheap, and gives the same when it gets the same again
  bool takes_turns = false;  // takes one input whole before it takes the others: a hash join
  StateKeeping keeps = StateKeeping::kUndeclared;
  std::function<Result<std::unique_ptr<Operator>>(const OperatorContext&)> make;
  /// Columns of each input that are needed to make `outputs` (per port). Default: all columns of all inputs.
  std::function<std::vector<ColumnSet>(const std::vector<ColumnSet>& outputs)> needs;
  /// Later operators of a step: they reject rows too. The first one always may. See StepBinding::join_errors.
  bool can_reject = false;
  std::vector<std::string> notes;  // lines for explain
};

/// What the planner asks of a source after it has seen the whole graph.
struct ScanRequest {
  ColumnSet columns;                           // others may stay pruned
  std::shared_ptr<const CompiledExpr> filter;  // rows for which this is not true may be left out; or null
  int64_t limit = -1;                          // no more rows than this are needed; -1: all
};

struct StepOutput {
  std::string name;  // "" = the main output
  CollectionInfo info;
};

struct StepBinding {
  std::vector<StepOutput> outputs;
  /// Exactly one of the three is set.
  std::vector<OperatorSpec> operators;
  std::function<Result<std::shared_ptr<Source>>(const ScanRequest&)> source;
  std::function<Result<std::shared_ptr<Sink>>()> sink;
  int sink_max_lanes = 0;
  bool sink_takes_changes = false;  // it knows what to do with weights
  int source_max_lanes = 0;         // 0: as many as the run has
  bool source_repositions = false;  // Source::Position and Restore
  SinkEpochs sink_epochs = SinkEpochs::kWhole;
  std::string sink_guarantee;  // why not exactly once, for explain: "HTTP has no transactions"
  /// The needs of a sink are all columns of its input.

  /// Sources: what a ScanRequest may use.
  bool can_project = false;
  /// Sources: reading some columns twice costs less than keeping the rows. See Planner::RepeatScan.
  bool repeatable = false;
  /// Whether this source applies this predicate exactly (no row more, no row less). Null: takes no filter.
  std::function<bool(const CompiledExpr&)> can_filter;
  /// Row errors can occur (decides whether a filter may move below the error check).
  bool can_reject = true;
  /// Where several operators of the step reject rows: hands on what comes in at any of its ports, so that the step has
  /// one error output.
  std::function<Result<std::unique_ptr<Operator>>(const OperatorContext&)> join_errors;
  /// A transform that hands on its rows unchanged where this is true: the planner may move it into the scan.
  std::shared_ptr<const CompiledExpr> filter;
  /// What the step's `state:` keeps, for queries while the run lasts.
  std::shared_ptr<StateTable> table;
  std::vector<std::string> notes;  // lines for explain: files, sizes, guarantees
};

}  // namespace weir
