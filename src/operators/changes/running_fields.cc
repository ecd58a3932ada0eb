// Amounts are computed in 128 bits; what comes out must fit into the type of its field.
#include "operators/changes/running_fields.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <arrow/type.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "batch/types.h"
#include "operators/support/good_rows.h"

namespace weir {
namespace {

using Int128 = __int128;

Int128 LargestDecimal() {
  Int128 limit = 1;
  for (int i = 0; i < 38; ++i) limit *= 10;
  return limit - 1;
}

/// The type of sums of `type`; null where it is not a number.
TypePtr AmountType(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::INT64:
      return arrow::int64();
    case arrow::Type::DOUBLE:
      return arrow::float64();
    case arrow::Type::DECIMAL128:
      return arrow::decimal128(38, static_cast<const arrow::DecimalType&>(type).scale());
    default:
      return nullptr;
  }
}

bool ReadField(const NodeEntry& entry, const std::string& language, BindContext& context, RunningPlan* plan) {
  const arrow::Schema& schema = *context.inputs()[0].info.schema;
  const std::string& name = entry.key->text();
  if (!entry.value->is_scalar()) {
    context.Error(entry.value, "'fields." + name + "' must be an expression, not " + entry.value->Describe());
    return false;
  }
  ExprSource source{ExprForm::kExpression, entry.value->text(), "", entry.value};
  if (schema.GetFieldIndex(source.text) >= 0) source.text = "`" + source.text + "`";
  RunningPlan::Field field{name, context.Compile(source, language, schema), nullptr};
  if (field.value == nullptr) return false;
  field.type = AmountType(*field.value->type());
  if (field.type == nullptr) {
    context.Error(entry.value, "'fields." + name + "' must be a number, not " + TypeName(*field.value->type()));
    return false;
  }
  for (const auto& other : plan->schema->fields()) {
    if (other->name() != name) continue;
    context.Error(entry.key, "the field '" + name + "' stands there already", "give it another name");
    return false;
  }
  plan->schema = *plan->schema->AddField(plan->schema->num_fields(), arrow::field(name, field.type));
  plan->fields.push_back(std::move(field));
  return true;
}

}  // namespace

bool RunningPlan::Field::is_double() const { return type->id() == arrow::Type::DOUBLE; }

std::shared_ptr<RunningPlan> ReadRunningPlan(const std::vector<std::string>& key, const NodePtr& fields,
                                             const std::string& language, BindContext& context) {
  const CollectionInfo& in = context.inputs()[0].info;
  auto plan = std::make_shared<RunningPlan>();
  bool good = true;
  const NodePtr written = context.step_node()->Find("config")->Find("key");
  arrow::FieldVector outputs;
  for (size_t i = 0; i < key.size(); ++i) {
    const NodePtr at = written->is_sequence() ? written->items()[i] : written;
    const int column = context.FindColumn(*in.schema, key[i], at);
    if (column >= 0 && std::find(plan->keys.begin(), plan->keys.end(), column) != plan->keys.end()) {
      context.Error(at, "the field '" + key[i] + "' is named twice");
      good = false;
    }
    good &= column >= 0;
    if (column < 0) continue;
    plan->keys.push_back(column);
    plan->key_types.push_back(in.schema->field(column)->type());
    outputs.push_back(in.schema->field(column));
  }
  plan->schema = arrow::schema(std::move(outputs));
  if (!fields->is_map() || fields->entries().empty()) {
    context.Error(fields, "'fields' must be a mapping of new fields to amounts, not " + fields->Describe());
    return nullptr;
  }
  for (const NodeEntry& entry : fields->entries()) good &= ReadField(entry, language, context, plan.get());
  if (!in.windowing.is_global() || in.has_window) {
    context.StepError(context.step_name() + " runs over all time, and its input is windowed",
                      "for a sum in each window use Combine; else put 'WindowInto {windowing: {type: global}}' before");
    good = false;
  }
  return good ? plan : nullptr;
}

StepBinding BindRunning(RunningPlanPtr plan, BindContext& context, bool output_changes, std::vector<std::string> notes,
                        std::function<Result<std::unique_ptr<Operator>>(const OperatorContext&)> make) {
  std::vector<int> reads = plan->keys;
  for (const auto& field : plan->fields)
    reads.insert(reads.end(), field.value->columns().begin(), field.value->columns().end());
  const std::vector<int> computed(plan->schema->num_fields(), -1);
  StepBinding binding = RowWiseBinding(context, plan->schema, reads, computed, std::move(make));
  binding.outputs[0].info.changes = output_changes;
  OperatorSpec& spec = binding.operators[0];
  spec.notes = std::move(notes);
  spec.keeps = StateKeeping::kSnapshots;
  if (plan->keys.empty()) {
    spec.inputs = {Exchange{ExchangeKind::kGather, {}}};
    spec.max_lanes = 1;
  } else {
    spec.inputs = {Exchange{ExchangeKind::kHash, plan->keys}};
  }
  return binding;
}

bool AddAmount(const RunningPlan::Field& field, Amount b, int64_t weight, Amount* a) {
  if (field.is_double()) {
    a->number += b.number * static_cast<double>(weight);
    return true;
  }
  static const Int128 kDecimal = LargestDecimal();
  Int128 product, sum;
  if (__builtin_mul_overflow(b.exact, Int128{weight}, &product)) return false;
  if (__builtin_add_overflow(a->exact, product, &sum)) return false;
  const bool integer = field.type->id() == arrow::Type::INT64;
  const Int128 most = integer ? Int128{std::numeric_limits<int64_t>::max()} : kDecimal;
  if (sum > most || sum < -most - (integer ? 1 : 0)) return false;
  a->exact = sum;
  return true;
}

bool IsZero(const RunningPlan::Field& field, Amount a) { return field.is_double() ? a.number == 0 : a.exact == 0; }

void AppendAmount(const RunningPlan::Field& field, const Amount& amount, StateWriter* out) {
  if (field.is_double()) return out->Double(amount.number);
  out->Int(static_cast<int64_t>(amount.exact >> 64));
  out->Int(static_cast<int64_t>(amount.exact));
}

Amount ReadAmount(const RunningPlan::Field& field, StateReader* in) {
  Amount amount{};
  if (field.is_double()) {
    amount.number = in->Double();
    return amount;
  }
  const int64_t high = in->Int();
  const auto low = static_cast<uint64_t>(in->Int());
  amount.exact = static_cast<Int128>(static_cast<unsigned __int128>(static_cast<uint64_t>(high)) << 64 | low);
  return amount;
}

RunningInput::RunningInput(RunningPlanPtr plan) : plan_(std::move(plan)) {
  for (const auto& field : plan_->fields) evaluators_.emplace_back(field.value);
}

Status RunningInput::Evaluate(Batch in, Emitter& out) {
  batch = std::move(in);
  std::vector<RowError> errors;
  std::vector<ArrayDataPtr> values;
  for (auto& evaluator : evaluators_) {
    WEIR_ASSIGN_OR_RETURN(ArrayDataPtr column, evaluator.Eval(batch, &errors));
    values.push_back(std::move(column));
  }
  std::vector<int32_t> rows;
  if (!errors.empty()) {
    SortRowErrors(&errors);
    WEIR_RETURN_NOT_OK(out.Reject(batch, errors));
    WEIR_ASSIGN_OR_RETURN(Selection good, GoodRows(batch.num_rows(), errors));
    rows.assign(good.span().begin(), good.span().end());
    batch = batch.Select(good);
  }
  FillAmounts(values, errors.empty() ? nullptr : &rows);
  keys.clear();
  for (int key : plan_->keys) keys.push_back(batch.column(key));
  return Status::OK();
}

void RunningInput::FillAmounts(const std::vector<ArrayDataPtr>& values, const std::vector<int32_t>* rows) {
  const auto count = static_cast<size_t>(batch.num_rows());
  const size_t width = values.size();
  amounts.assign(count * width, Amount{});
  for (size_t f = 0; f < width; ++f) {
    const arrow::ArrayData& column = *values[f];
    const bool nulls = column.MayHaveNulls();
    const auto fill = [&](auto read) {
      for (size_t i = 0; i < count; ++i) {
        const int64_t row = rows == nullptr ? static_cast<int64_t>(i) : (*rows)[i];
        Amount& amount = amounts[i * width + f];
        if (nulls && column.IsNull(row)) {
          if (plan_->fields[f].is_double()) amount.number = 0;
          continue;
        }
        read(row, &amount);
      }
    };
    if (column.type->id() == arrow::Type::INT64) {
      const auto* from = column.GetValues<int64_t>(1);
      fill([from](int64_t row, Amount* to) { to->exact = from[row]; });
    } else if (column.type->id() == arrow::Type::DOUBLE) {
      const auto* from = column.GetValues<double>(1);
      fill([from](int64_t row, Amount* to) { to->number = from[row]; });
    } else {
      const uint8_t* from = column.buffers[1]->data() + column.offset * 16;
      fill([from](int64_t row, Amount* to) { std::memcpy(&to->exact, from + row * 16, 16); });
    }
  }
}

Result<std::vector<ArrayDataPtr>> AmountColumns(const RunningPlan& plan, const std::vector<Amount>& amounts,
                                                int64_t rows) {
  std::vector<ArrayDataPtr> out;
  const size_t width = plan.fields.size();
  for (size_t f = 0; f < width; ++f) {
    const auto& field = plan.fields[f];
    const int64_t bytes = field.type->id() == arrow::Type::DECIMAL128 ? 16 : 8;
    WEIR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> values, arrow::AllocateBuffer(rows * bytes));
    uint8_t* to = values->mutable_data();
    for (int64_t i = 0; i < rows; ++i, to += bytes) {
      const Amount& amount = amounts[static_cast<size_t>(i) * width + f];
      const auto integer = static_cast<int64_t>(amount.exact);
      const void* from = &amount.exact;
      if (field.is_double()) from = &amount.number;
      if (field.type->id() == arrow::Type::INT64) from = &integer;
      std::memcpy(to, from, static_cast<size_t>(bytes));
    }
    out.push_back(arrow::ArrayData::Make(field.type, rows, {nullptr, std::move(values)}, 0));
  }
  return out;
}

}  // namespace weir
