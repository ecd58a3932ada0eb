// Flatten: one collection of the rows of several.
#include <arrow/array/data.h>
#include <arrow/compute/cast.h>
#include <arrow/datum.h>
#include <arrow/type.h>

#include "batch/compute_init.h"
#include "batch/gather.h"
#include "batch/types.h"
#include "engine/operator.h"
#include "plan/binding.h"

namespace weir {
namespace {

struct FlattenConfig {};

ComponentSpec Spec() {
  return ComponentSpec::Transform<FlattenConfig>("Flatten")
      .Summary("Put the rows of several collections into one.")
      .Doc(
          "The fields of the result are the fields of all inputs, in order of first appearance; a field that an input "
          "does "
          "not have is null in its rows. A list as `input` of any step is an implicit Flatten.")
      .Example("two lists", R"(pipeline:
  transforms:
  - {type: Create, name: A, config: {elements: [{x: 1}]}}
  - {type: Create, name: B, config: {elements: [{x: 2, y: b}]}}
  - {type: Flatten, input: [A, B]}
  - {type: Print, input: Flatten}
)");
}

Result<ArrayDataPtr> WidenColumn(const ArrayDataPtr& column, const TypePtr& type) {
  EnsureCompute();
  WEIR_ASSIGN_OR_RETURN(arrow::Datum widened, arrow::compute::Cast(column, type));
  return widened.array();
}

/// For each input and output column: the input's column, or -1; and whether it must become a wider type.
struct ColumnSource {
  int column = -1;
  bool widen = false;
};

class Flatten final : public Operator {
 public:
  Flatten(SchemaPtr schema, std::vector<std::vector<ColumnSource>> sources)
      : schema_(std::move(schema)), sources_(std::move(sources)) {}

  Status Open(OperatorContext& context) override {
    needed_ = context.needed_outputs[0];
    return Status::OK();
  }

  Status Process(int port, Batch batch, Emitter& out) override {
    std::vector<int> indices;
    std::vector<ArrayDataPtr> fresh;
    const auto& sources = sources_[port];
    for (int i = 0; i < schema_->num_fields(); ++i) {
      const ColumnSource& from = sources[i];
      if (from.column >= 0 && !from.widen) {
        indices.push_back(from.column);
        continue;
      }
      fresh.emplace_back();
      indices.push_back(-static_cast<int>(fresh.size()));
      if (!needed_.contains(i)) continue;
      if (from.column < 0) {
        WEIR_ASSIGN_OR_RETURN(fresh.back(), NullColumn(schema_->field(i)->type(), batch.num_rows()));
      } else {
        WEIR_ASSIGN_OR_RETURN(fresh.back(), WidenColumn(batch.PlainColumn(from.column), schema_->field(i)->type()));
      }
    }
    return out.Emit(batch.Project(schema_, indices, std::move(fresh)));
  }

 private:
  const SchemaPtr schema_;
  const std::vector<std::vector<ColumnSource>> sources_;
  ColumnSet needed_;
};

TypePtr CommonType(const TypePtr& a, const TypePtr& b);

/// The fields of both, in order of first appearance; null where a common one has no common type.
TypePtr CommonRow(const arrow::DataType& a, const arrow::DataType& b) {
  arrow::FieldVector fields = a.fields();
  for (const auto& field : b.fields()) {
    auto known =
        std::find_if(fields.begin(), fields.end(), [&](const auto& other) { return other->name() == field->name(); });
    if (known == fields.end()) {
      fields.push_back(field);
      continue;
    }
    TypePtr common = CommonType((*known)->type(), field->type());
    if (common == nullptr) return nullptr;
    *known = arrow::field(field->name(), common);
  }
  return arrow::struct_(std::move(fields));
}

/// The type of a field that inputs give different types; null where there is none.
TypePtr CommonType(const TypePtr& a, const TypePtr& b) {
  if (a->Equals(*b) || b->id() == arrow::Type::NA) return a;
  if (a->id() == arrow::Type::NA) return b;
  const bool numbers = (a->id() == arrow::Type::INT64 || a->id() == arrow::Type::DOUBLE) &&
                       (b->id() == arrow::Type::INT64 || b->id() == arrow::Type::DOUBLE);
  if (a->id() == arrow::Type::STRUCT && b->id() == arrow::Type::STRUCT) return CommonRow(*a, *b);
  return numbers ? arrow::float64() : nullptr;
}

bool UnionSchema(BindContext& context, SchemaPtr* out) {
  std::vector<std::string> names;
  std::vector<TypePtr> types;
  for (const StepInputInfo& input : context.inputs()) {
    for (const auto& field : input.info.schema->fields()) {
      auto known = std::find(names.begin(), names.end(), field->name());
      if (known == names.end()) {
        names.push_back(field->name());
        types.push_back(field->type());
        continue;
      }
      TypePtr& type = types[known - names.begin()];
      TypePtr common = CommonType(type, field->type());
      if (common == nullptr) {
        context.StepError("field '" + field->name() + "' is " + TypeName(*type) + " in one input and " +
                              TypeName(*field->type()) + " in '" + input.origin + "'",
                          "bring them to one type with MapToFields before");
        return false;
      }
      type = common;
    }
  }
  arrow::FieldVector fields;
  for (size_t i = 0; i < names.size(); ++i) fields.push_back(arrow::field(names[i], types[i]));
  *out = arrow::schema(std::move(fields));
  return true;
}

std::optional<StepBinding> BindFlatten(const FlattenConfig&, BindContext& context) {
  SchemaPtr schema;
  if (!UnionSchema(context, &schema)) return std::nullopt;
  StepBinding binding;
  OperatorSpec op;
  op.name = context.step_name();
  op.outputs = {schema};
  std::vector<std::vector<ColumnSource>> sources;
  std::vector<int> widths;
  CollectionInfo info = context.inputs()[0].info;
  info.schema = schema;
  info.expected_rows = info.unfiltered_rows = 0;
  for (const StepInputInfo& input : context.inputs()) {
    const bool known = info.expected_rows >= 0 && input.info.expected_rows >= 0;
    info.expected_rows = known ? info.expected_rows + input.info.expected_rows : -1;
    info.unfiltered_rows = known ? info.unfiltered_rows + input.info.unfiltered_rows : -1;
    op.inputs.push_back(Exchange{});
    widths.push_back(input.info.schema->num_fields());
    std::vector<ColumnSource> of_input;
    for (const auto& field : schema->fields()) {
      ColumnSource from;
      from.column = input.info.schema->GetFieldIndex(field->name());
      from.widen = from.column >= 0 && !input.info.schema->field(from.column)->type()->Equals(*field->type());
      of_input.push_back(from);
    }
    sources.push_back(std::move(of_input));
    info.bounded = info.bounded && input.info.bounded;
    info.changes = info.changes || input.info.changes;
    if (!(input.info.windowing == info.windowing)) {
      context.StepError("the inputs have different windowings: " + info.windowing.ToString() + " and, in '" +
                            input.origin + "', " + input.info.windowing.ToString(),
                        "window them alike with WindowInto before");
      return std::nullopt;
    }
  }
  op.needs = [sources, widths](const std::vector<ColumnSet>& outputs) {
    std::vector<ColumnSet> needs;
    for (size_t input = 0; input < widths.size(); ++input) {
      ColumnSet needed = ColumnSet::None(widths[input]);
      for (int i : outputs[0].ToIndices()) {
        if (sources[input][i].column >= 0) needed.Add(sources[input][i].column);
      }
      needs.push_back(std::move(needed));
    }
    return needs;
  };
  op.keeps = StateKeeping::kNothing;
  op.make = [schema, sources](const OperatorContext&) -> Result<std::unique_ptr<Operator>> {
    return std::make_unique<Flatten>(schema, sources);
  };
  binding.outputs = {{"", std::move(info)}};
  binding.operators.push_back(std::move(op));
  binding.can_reject = false;
  return binding;
}

}  // namespace

void RegisterFlatten(Registry& registry) { registry.Add<FlattenConfig>(Spec(), {1, -1}, BindFlatten); }

}  // namespace weir
