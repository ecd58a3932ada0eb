// Combine: keys and values are evaluated, grouped in the lane, exchanged as partial states, merged.
#include "operators/combine/combine_operators.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>
#include <utility>

#include "batch/gather.h"
#include "batch/print.h"
#include "operators/combine/combine_input.h"
#include "operators/support/good_rows.h"

namespace weir {

namespace {

class CombinePartial final : public Operator {
 public:
  CombinePartial(CombinePlanPtr plan, std::unique_ptr<GroupAggregator> groups, const OperatorContext& lane)
      : plan_(plan),
        input_(plan),
        groups_(std::move(groups)),
        reservation_(lane.memory),
        batch_rows_(lane.batch_rows) {}

  Status Process(int, Batch batch, Emitter& out) override {
    if (batch.num_rows() == 0) return Status::OK();
    WEIR_RETURN_NOT_OK(input_.Evaluate(std::move(batch), true, out));
    if (input_.rows == 0) return Status::OK();
    if (pass_rows_ > 0) return PassThrough(out);
    WEIR_RETURN_NOT_OK(groups_->Update(input_.keys, input_.values, input_.weights, input_.rows));
    rows_ += input_.rows;
    const int64_t bytes = groups_->size_bytes();
    reservation_.Set(bytes);
    if (bytes < kMostBytes && !reservation_.ShouldSpill()) return Status::OK();
    return Flush(out);
  }

  Status Finish(Emitter& out) override { return Flush(out); }

  Status Resume(Emitter& out) override {
    while (next_group_ < groups_->num_groups()) {
      if (out.full()) {
        out.Yield();
        return Status::OK();
      }
      const auto end = static_cast<uint32_t>(std::min<int64_t>(next_group_ + batch_rows_, groups_->num_groups()));
      WEIR_ASSIGN_OR_RETURN(auto columns, groups_->Partial(next_group_, end));
      WEIR_RETURN_NOT_OK(out.Emit(Batch(plan_->partial_schema, std::move(columns), end - next_group_)));
      next_group_ = end;
    }
    groups_->Clear();
    next_group_ = 0;
    reservation_.Set(0);
    return Status::OK();
  }
  int64_t state_bytes() const override { return reservation_.bytes(); }

 private:
  static constexpr int64_t kMostBytes = int64_t{16} << 20;  // beyond the caches grouping here costs what it saves
  static constexpr int64_t kPassRows = int64_t{1} << 20;

  Status Flush(Emitter& out) {
    // Grouping that leaves more than two thirds of the rows is not worth it: let the next ones pass.
    if (rows_ > 0 && int64_t{groups_->num_groups()} * 3 > rows_ * 2) pass_rows_ = kPassRows;
    rows_ = 0;
    return Resume(out);
  }

  Status PassThrough(Emitter& out) {
    pass_rows_ -= input_.rows;
    WEIR_ASSIGN_OR_RETURN(auto partial, groups_->RowsAsPartials(input_.values, input_.weights, input_.rows));
    std::vector<ArrayDataPtr> columns = input_.keys;
    for (auto& column : partial) columns.push_back(std::move(column));
    return out.Emit(Batch(plan_->partial_schema, std::move(columns), input_.rows));
  }

  CombinePlanPtr plan_;
  CombineInput input_;
  std::unique_ptr<GroupAggregator> groups_;
  MemoryReservation reservation_;
  const int64_t batch_rows_;
  int64_t rows_ = 0;       // since the last flush
  int64_t pass_rows_ = 0;  // that still pass ungrouped
  uint32_t next_group_ = 0;
};

/// Merges, and gives results. kWhole: the input is rows, not partial states.
template <bool kWhole>
class CombineFinal final : public Operator {
 public:
  CombineFinal(CombinePlanPtr plan, std::unique_ptr<SpillingAggregator> groups)
      : plan_(plan), input_(plan), groups_(std::move(groups)) {
    for (const auto& result : plan_->results) results_.emplace_back(result);
  }

  Status Process(int, Batch batch, Emitter& out) override {
    if (batch.num_rows() == 0) return Status::OK();
    const int64_t spilled = groups_->spilled_bytes();
    if (kWhole) {
      WEIR_RETURN_NOT_OK(input_.Evaluate(std::move(batch), true, out));
      WEIR_RETURN_NOT_OK(groups_->Update(input_.keys, input_.values, input_.weights, input_.rows));
    } else {
      std::vector<ArrayDataPtr> keys, partial;
      for (int i = 0; i < batch.num_columns(); ++i) {
        const bool is_key = i < static_cast<int>(plan_->key_types.size());
        (is_key ? keys : partial).push_back(is_key ? batch.column(i) : batch.PlainColumn(i));
      }
      WEIR_RETURN_NOT_OK(groups_->Merge(keys, partial, batch.num_rows()));
    }
    out.CountSpill(groups_->spilled_bytes() - spilled);
    return Status::OK();
  }

  Status Finish(Emitter& out) override { return Resume(out); }

  Status Resume(Emitter& out) override {
    for (;;) {
      if (out.full()) {
        out.Yield();
        return Status::OK();
      }
      const int64_t spilled = groups_->spilled_bytes();
      std::vector<RowError> errors;
      WEIR_ASSIGN_OR_RETURN(auto groups, groups_->Next(&errors));
      out.CountSpill(groups_->spilled_bytes() - spilled);
      if (!groups) return Status::OK();
      WEIR_RETURN_NOT_OK(EmitGroups(*groups, errors, out));
    }
  }

 private:
  Status EmitGroups(const Batch& groups, std::vector<RowError> errors, Emitter& out) {
    const size_t num_keys = plan_->keys.size(), num_windows = plan_->num_window_keys();
    std::vector<ArrayDataPtr> columns, windows;
    for (int i = 0; i < groups.num_columns(); ++i) {
      const auto at = static_cast<size_t>(i);
      (at >= num_keys && at < num_keys + num_windows ? windows : columns).push_back(groups.column(i));
    }
    Batch batch(plan_->group_schema, std::move(columns), groups.num_rows());
    plan_->windows.SetWindows(windows, &batch);
    batch.set_pane({PaneTiming::kOnTime, 0, true, true});
    if (!plan_->results.empty()) {
      WEIR_ASSIGN_OR_RETURN(batch, EvaluateResults(batch, &errors));
    }
    if (errors.empty()) return out.Emit(std::move(batch));
    WEIR_RETURN_NOT_OK(RejectGroups(*plan_, batch, errors, out));
    WEIR_ASSIGN_OR_RETURN(Selection good, GoodRows(batch.num_rows(), errors));
    return out.Emit(batch.Select(good));
  }

  Result<Batch> EvaluateResults(const Batch& groups, std::vector<RowError>* errors) {
    std::vector<ArrayDataPtr> columns;
    for (size_t i = 0; i < plan_->keys.size(); ++i) columns.push_back(groups.column(static_cast<int>(i)));
    for (ExprEvaluator& result : results_) {
      const size_t first = errors->size();
      WEIR_ASSIGN_OR_RETURN(auto column, result.Eval(groups, errors));
      const std::string& name = plan_->output_schema->field(static_cast<int>(columns.size()))->name();
      for (size_t i = first; i < errors->size(); ++i) (*errors)[i].message = "'" + name + "': " + (*errors)[i].message;
      columns.push_back(std::move(column));
    }
    SortRowErrors(errors);
    return groups.WithColumns(plan_->output_schema, std::move(columns));
  }

  CombinePlanPtr plan_;
  CombineInput input_;
  std::unique_ptr<SpillingAggregator> groups_;
  std::vector<ExprEvaluator> results_;
};

Result<std::unique_ptr<SpillingAggregator>> MakeGroups(const CombinePlanPtr& plan, const OperatorContext& lane) {
  SpillingAggregator::Options options;
  options.temp_dir = lane.temp_dir;
  options.memory = lane.memory;
  options.batch_rows = lane.batch_rows;
  if (plan->windows.needs_regroup()) {
    options.partition_keys = static_cast<int>(plan->keys.size());
    options.regroup = [plan](const GroupAggregator& groups) {
      return plan->windows.Regroup(groups, plan->keys.size(), plan->calls);
    };
  }
  return SpillingAggregator::Make(plan->key_types, plan->calls, std::move(options));
}

}  // namespace

Status RejectGroups(const CombinePlan& plan, const Batch& groups, std::vector<RowError> errors, Emitter& out) {
  const int num_keys = static_cast<int>(plan.keys.size());
  std::vector<ArrayDataPtr> columns(plan.input_schema->num_fields()), keys;
  arrow::FieldVector key_fields;
  for (int key = 0; key < num_keys; ++key) {
    columns[plan.keys[key]] = groups.column(key);
    keys.push_back(groups.column(key));
    key_fields.push_back(plan.output_schema->field(key));
  }
  const Batch named(arrow::schema(std::move(key_fields)), std::move(keys), groups.num_rows());
  for (RowError& error : errors) {
    if (num_keys > 0) error.message += ", in the group " + RowToJson(named, error.row);
  }
  for (int i = 0; i < plan.input_schema->num_fields(); ++i) {
    if (columns[i] != nullptr) continue;
    WEIR_ASSIGN_OR_RETURN(columns[i], NullColumn(plan.input_schema->field(i)->type(), groups.num_rows()));
  }
  Batch rows(plan.input_schema, std::move(columns), groups.num_rows());
  rows.CopyTimeFrom(groups);
  if (!plan.windows_given) rows.clear_window();
  return out.Reject(rows, errors);
}

Result<std::unique_ptr<Operator>> MakeCombinePartial(CombinePlanPtr plan, const OperatorContext& lane) {
  WEIR_ASSIGN_OR_RETURN(auto groups, GroupAggregator::Make(plan->key_types, plan->calls));
  return std::make_unique<CombinePartial>(std::move(plan), std::move(groups), lane);
}

Result<std::unique_ptr<Operator>> MakeCombineFinal(CombinePlanPtr plan, const OperatorContext& lane) {
  WEIR_ASSIGN_OR_RETURN(auto groups, MakeGroups(plan, lane));
  return std::make_unique<CombineFinal<false>>(std::move(plan), std::move(groups));
}

Result<std::unique_ptr<Operator>> MakeCombineWhole(CombinePlanPtr plan, const OperatorContext& lane) {
  WEIR_ASSIGN_OR_RETURN(auto groups, MakeGroups(plan, lane));
  return std::make_unique<CombineFinal<true>>(std::move(plan), std::move(groups));
}

}  // namespace weir
