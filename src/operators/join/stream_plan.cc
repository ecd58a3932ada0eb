// One operator per pair of inputs, fed by the hash of the keys.
#include "operators/join/stream_plan.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/builder.h>
#include <arrow/type.h>

#include <cmath>

#include "base/duration.h"
#include "engine/operator.h"
#include "operators/join/as_of_join.h"
#include "operators/join/interval_join.h"
#include "operators/join/stream_join.h"

namespace weir {
namespace {

std::string WindowState(const StreamJoinOptions& options) {
  const WindowingStrategy& windowing = options.join.windowing;
  if (windowing.is_global()) return "state: all rows of both inputs: nothing bounds it";
  if (windowing.allowed_lateness_us == 0) {
    return "state: rows of open windows; dropped when the watermark passes their end";
  }
  return "state: rows of open windows; dropped when the watermark passes their end + " +
         FormatDuration({windowing.allowed_lateness_us});
}

std::string IntervalState(const JoinShape::Within& within, int64_t lateness_us) {
  return "state: rows of the last " + FormatDuration({within.after_us + lateness_us}) + " and " +
         FormatDuration({within.before_us + lateness_us}) + " before the watermark";
}

/// Columns of each side that are needed: what comes out of it, and its keys; all where late rows are read.
std::vector<ColumnSet> Needs(const StreamJoinOptions& options, const std::vector<ColumnSet>& outputs) {
  const int widths[2] = {options.join.schemas[kLeft]->num_fields(), options.join.schemas[kRight]->num_fields()};
  std::vector<ColumnSet> needed{ColumnSet::None(widths[kLeft]), ColumnSet::None(widths[kRight])};
  for (const int column : outputs[0].ToIndices()) {
    const bool right = column >= widths[kLeft];
    needed[right ? kRight : kLeft].Add(right ? column - widths[kLeft] : column);
  }
  const bool late = !outputs[LateRows::kPort].ToIndices().empty();
  for (int side : {kLeft, kRight}) {
    needed[side].AddAll(options.join.keys[side]);
    if (late && options.aliases[side] >= 0) needed[side] = ColumnSet::All(widths[side]);
  }
  return needed;
}

class WholeNumbers final : public Operator {
 public:
  WholeNumbers(SchemaPtr schema, std::vector<int> numbers) : schema_(std::move(schema)), numbers_(std::move(numbers)) {}

  Status Process(int, Batch batch, Emitter& out) override {
    std::vector<int> indices(batch.num_columns());
    for (size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<int>(i);
    std::vector<ArrayDataPtr> fresh;
    for (const int column : numbers_) {
      WEIR_ASSIGN_OR_RETURN(fresh.emplace_back(), Whole(*batch.column(column)));
      indices.push_back(-static_cast<int>(fresh.size()));
    }
    return out.Emit(batch.Project(schema_, indices, std::move(fresh)));
  }

 private:
  static Result<ArrayDataPtr> Whole(const arrow::ArrayData& column) {
    const auto* values = column.GetValues<double>(1);
    arrow::Int64Builder builder;
    WEIR_RETURN_NOT_OK(builder.Reserve(column.length));
    for (int64_t i = 0; i < column.length; ++i) {
      // Below 2^63, which no integer is.
      const bool whole =
          column.IsValid(i) && values[i] >= -0x1p63 && values[i] < 0x1p63 && std::trunc(values[i]) == values[i];
      if (whole) {
        builder.UnsafeAppend(static_cast<int64_t>(values[i]));
      } else {
        builder.UnsafeAppendNull();
      }
    }
    WEIR_ASSIGN_OR_RETURN(auto array, builder.Finish());
    return array->data();
  }

  const SchemaPtr schema_;
  const std::vector<int> numbers_;
};

}  // namespace

OperatorSpec StreamJoinSpec(const JoinShape& shape, const std::string& step, const StreamJoinOptions& options) {
  OperatorSpec op;
  const int64_t lateness_us = options.join.windowing.allowed_lateness_us;
  if (shape.as_of >= 0) {
    op.name = step + " (as of)";
    op.notes = {"state: rows that wait for the watermark, and of each key the versions since " +
                    (lateness_us > 0 ? FormatDuration({lateness_us}) + " before it" : std::string("it")) +
                    " and the last one before",
                "state: grows with the number of keys: nothing bounds it"};
    op.make = [options = AsOfJoinOptions{options, static_cast<Side>(shape.as_of)}](const OperatorContext& lane) {
      return MakeAsOfJoin(options, lane);
    };
  } else if (shape.within) {
    op.name = step + " (interval join)";
    op.notes = {IntervalState(*shape.within, lateness_us)};
    const IntervalJoinOptions interval{options, shape.within->before_us, shape.within->after_us};
    op.make = [interval](const OperatorContext& lane) { return MakeIntervalJoin(interval, lane); };
  } else {
    op.name = step + " (stream join)";
    op.notes = {WindowState(options)};
    op.make = [options](const OperatorContext& lane) { return MakeStreamJoin(options, lane); };
  }
  op.inputs = {{ExchangeKind::kHash, options.join.keys[kLeft]}, {ExchangeKind::kHash, options.join.keys[kRight]}};
  op.outputs = {options.join.output, options.late_schema};
  op.keeps = StateKeeping::kSnapshots;
  op.needs = [options](const std::vector<ColumnSet>& outputs) { return Needs(options, outputs); };
  return op;
}

SchemaPtr JoinLateSchema(const BindContext& context) {
  arrow::FieldVector fields;
  for (const StepInputInfo& input : context.inputs()) {
    fields.push_back(arrow::field(input.alias, arrow::struct_(input.info.schema->fields())));
  }
  return LateSchema(arrow::schema(std::move(fields)));
}

OperatorSpec WholeNumbersSpec(const std::string& step, const SchemaPtr& schema, const std::vector<int>& numbers) {
  arrow::FieldVector fields = schema->fields();
  for (const int column : numbers) fields.push_back(arrow::field(schema->field(column)->name(), arrow::int64()));
  OperatorSpec op;
  op.name = step + " (keys)";
  op.inputs = {Exchange{}};
  op.outputs = {arrow::schema(std::move(fields))};
  op.needs = [numbers, width = schema->num_fields()](const std::vector<ColumnSet>& outputs) {
    ColumnSet needed = ColumnSet::None(width);
    for (const int column : outputs[0].ToIndices()) {
      if (column < width) needed.Add(column);
    }
    needed.AddAll(numbers);
    return std::vector<ColumnSet>{needed};
  };
  op.keeps = StateKeeping::kNothing;
  op.make = [schema = op.outputs[0], numbers](const OperatorContext&) -> Result<std::unique_ptr<Operator>> {
    return std::make_unique<WholeNumbers>(schema, numbers);
  };
  return op;
}

}  // namespace weir
