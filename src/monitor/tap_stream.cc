// Finding the output that is meant, filtering, printing.
#include "monitor/tap_stream.h"

#include <arrow/type.h>

#include <algorithm>

#include "batch/print.h"
#include "config/diagnostic.h"
#include "engine/run.h"

namespace weir {
namespace {

struct Place {
  int node = -1, port = 0;
};

/// Where the rows called `name` come out; the names that there are in *names.
Place FindOutput(const PhysicalPlan& plan, const std::string& name, std::vector<std::string>* names) {
  Place found;
  for (const PhysicalStep& at : plan.steps) {
    // A filter that is done in its scan gives what the scan gives.
    const PhysicalStep& step = at.scan >= 0 ? plan.steps[at.scan] : at;
    std::vector<PhysicalStep::Output> outputs = step.outputs;
    outputs.push_back(step.errors);
    for (const PhysicalStep::Output& output : outputs) {
      if (output.node < 0) continue;
      const std::string full = output.name.empty() ? at.name : at.name + "." + output.name;
      names->push_back(full);
      if (full != name) continue;
      const PhysicalNode& node = plan.nodes[output.node];
      found = node.role == NodeRole::kSink ? Place{node.inputs[0].node, node.inputs[0].port}
                                           : Place{output.node, output.port};
    }
  }
  return found;
}

Result<CompiledExprPtr> CompileWhere(const PhysicalNode& node, int port, const std::string& where) {
  const arrow::Schema& schema = *node.outputs[port];
  std::vector<ExprError> errors;
  CompiledExprPtr compiled = CompiledExpr::Compile(where, ExprLanguage::kGeneric, schema, &errors);
  if (!errors.empty()) {
    const ExprError& first = errors[0];
    return Status::Invalid("in '", where, "' at character ", first.begin + 1, ": ", first.message,
                           first.hint.empty() ? "" : "\n  = help: " + first.hint);
  }
  for (int column : compiled->columns()) {
    if (node.needed_outputs[port].contains(column)) continue;
    return Status::Invalid("the field '", schema.field(column)->name(),
                           "' is not made: no step reads it, so there is nothing to compare");
  }
  return compiled;
}

}  // namespace

Result<std::unique_ptr<TapStream>> TapStream::Open(Run* run, const std::string& name, const std::string& where) {
  const PhysicalPlan& plan = run->plan();
  std::vector<std::string> names;
  const Place place = FindOutput(plan, name, &names);
  if (place.node < 0) {
    const std::string near = ClosestMatch(name, names);
    std::string list;
    for (size_t i = 0; i < names.size() && i < 20; ++i) list += (i ? ", " : "") + names[i];
    return Status::KeyError("there is no step '", name, "' that gives rows; ",
                            near.empty() ? "there are: " + list : "did you mean '" + near + "'?");
  }
  CompiledExprPtr condition;
  if (!where.empty()) {
    WEIR_ASSIGN_OR_RETURN(condition, CompileWhere(plan.nodes[place.node], place.port, where));
  }
  std::unique_ptr<TapStream> out(new TapStream(run, place.node, place.port));
  if (condition != nullptr) out->where_.emplace(condition);
  return out;
}

TapStream::TapStream(Run* run, int node, int port) : run_(run), node_(node), tap_(std::make_shared<Tap>(port)) {
  run_->tap_point(node_)->Attach(tap_);
}

TapStream::~TapStream() { run_->tap_point(node_)->Detach(tap_.get()); }

bool TapStream::ended() const { return run_->Ended(run_->plan().nodes[node_].step); }

Result<std::vector<std::string>> TapStream::Take() {
  std::vector<std::string> rows;
  for (Batch& batch : tap_->Take()) {
    if (where_) {
      std::vector<RowError> errors;
      WEIR_ASSIGN_OR_RETURN(const Selection chosen, where_->EvalFilter(batch, &errors));
      batch = batch.Select(chosen);
    }
    const int64_t room = kRowsAtOnce - static_cast<int64_t>(rows.size());
    const int64_t count = std::min(batch.num_rows(), room);
    skipped_ += batch.num_rows() - count;
    if (count == 0) continue;
    batch = batch.Slice(0, count);
    for (int64_t row = 0; row < count; ++row) rows.push_back(RowToJson(batch, row));
  }
  return rows;
}

}  // namespace weir
