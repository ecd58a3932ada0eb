// MapToFields: rows of new fields, each a field or an expression of the input.
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>

#include "engine/operator.h"
#include "operators/support/good_rows.h"
#include "plan/binding.h"
#include "plan/declared_type.h"

namespace weir {
namespace {

struct MapToFieldsConfig {
  std::vector<std::pair<std::string, NodePtr>> fields;
  bool append = false;
  std::vector<std::string> drop;
  std::string language;
  std::vector<std::string> dependencies;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<MapToFieldsConfig>("MapToFields")
      .Summary("Make rows of new fields, each a field or an expression of the input.")
      .Doc(
          "A field is an expression, or `{expression: …, output_type: …}` to convert its value. With `append` the "
          "fields of the input stay, except those that `drop` names; a field that is there already must be dropped to "
          "be given anew. A row for which a field cannot be computed is a row error.")
      .Field(
          "fields", &MapToFieldsConfig::fields,
          FieldDoc("Names of the new fields, each with its expression.").Required().Example("{total: price * amount}"))
      .Field("append", &MapToFieldsConfig::append, FieldDoc("Keep the fields of the input.").Default("false"))
      .Field("drop", &MapToFieldsConfig::drop,
             FieldDoc("Fields of the input that `append` leaves out.").OrSingle().Example("[internal_id]"))
      .Field("language", &MapToFieldsConfig::language,
             FieldDoc("The language of the expressions.").Default("generic").OneOf({"generic", "sql", "python"}))
      .Field("dependencies", &MapToFieldsConfig::dependencies,
             FieldDoc("Packages of Python callables; accepted as Beam has it.").Advanced())
      .Example("totals", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements: [{name: apple, price: 3, amount: 2}, {name: pear, price: 4, amount: 1}]
  - type: MapToFields
    config:
      append: true
      drop: [price]
      fields:
        total: price * amount
        label: upper(name)
  - type: Print
)");
}

/// One field of the result: a column of the input that passes through, or a computed one.
struct OutputField {
  std::string name;
  int column = -1;
  CompiledExprPtr expr;
};

class MapToFields final : public Operator {
 public:
  MapToFields(std::vector<OutputField> fields, SchemaPtr schema)
      : fields_(std::move(fields)), schema_(std::move(schema)) {}

  Status Open(OperatorContext& context) override {
    const ColumnSet& needed = context.needed_outputs[0];
    for (size_t i = 0; i < fields_.size(); ++i) {
      const OutputField& field = fields_[i];
      if (field.column >= 0) {
        indices_.push_back(field.column);
        continue;
      }
      computed_.emplace_back();
      // What may fail is computed even if nobody reads it: which rows are rejected does not depend on the readers.
      if (needed.contains(static_cast<int>(i)) || field.expr->can_fail()) computed_.back().emplace(field.expr);
      indices_.push_back(-static_cast<int>(computed_.size()));
    }
    return Status::OK();
  }

  Status Process(int, Batch batch, Emitter& out) override {
    errors_.clear();
    std::vector<ArrayDataPtr> fresh(computed_.size());
    for (size_t k = 0; k < computed_.size(); ++k) {
      if (!computed_[k]) continue;
      WEIR_ASSIGN_OR_RETURN(fresh[k], computed_[k]->Eval(batch, &errors_));
    }
    Batch made = batch.Project(schema_, indices_, std::move(fresh));
    if (errors_.empty()) return out.Emit(std::move(made));
    SortRowErrors(&errors_);
    WEIR_RETURN_NOT_OK(out.Reject(batch, errors_));
    WEIR_ASSIGN_OR_RETURN(Selection good, GoodRows(batch.num_rows(), errors_));
    return out.Emit(made.Select(good));
  }

 private:
  const std::vector<OutputField> fields_;
  const SchemaPtr schema_;
  std::vector<int> indices_;
  std::vector<std::optional<ExprEvaluator>> computed_;
  std::vector<RowError> errors_;
};

/// Reads `fields:` entries; everything that is wrong with them is said.
class FieldReader {
 public:
  FieldReader(const MapToFieldsConfig& config, BindContext& context)
      : config_(config), context_(context), input_(*context.inputs()[0].info.schema) {}

  bool Read(const std::string& name, const NodePtr& node, OutputField* out) {
    ExprSource source{ExprForm::kExpression, "", "", node};
    TypePtr type;
    if (node->is_map()) {
      if (!ReadMap(name, node, &source, &type)) return false;
    } else if (!node->is_scalar() || node->IsNull()) {
      context_.Error(node, "'fields." + name + "' must be an expression, not " + node->Describe(),
                     "write a list as an expression in quotes: \"[1, 2]\"");
      return false;
    }
    source.text = source.node->text();
    out->name = name;
    out->expr = context_.Compile(source, config_.language, input_);
    if (out->expr == nullptr) return false;
    if (type != nullptr) {
      auto cast = CompiledExpr::Cast(out->expr, type);
      if (!cast.ok()) {
        context_.Error(source.node, cast.status().message());
        return false;
      }
      out->expr = *cast;
    }
    if (auto column = out->expr->as_column()) out->column = *column;
    return true;
  }

 private:
  bool ReadMap(const std::string& name, const NodePtr& node, ExprSource* source, TypePtr* type) {
    bool good = true;
    bool has_expression = false;
    for (const NodeEntry& entry : node->entries()) {
      const std::string& key = entry.key->text();
      if (key == "expression") {
        has_expression = entry.value->is_scalar() && !entry.value->IsNull();
        if (!has_expression) {
          context_.Error(entry.value, "'expression' must be text, not " + entry.value->Describe());
          return false;
        }
        source->node = entry.value;
      } else if (key == "output_type") {
        good &= ReadOutputType(name, entry.value, type);
      } else if (key == "callable" || key == "path" || key == "name") {
        context_.Error(
            entry.key, "this version runs no Python or JavaScript functions",
            "write the function as an expression: {expression: \"…\"}; 'weir list functions' names what there is");
        return false;
      } else {
        const std::string near = ClosestMatch(key, {"expression", "output_type", "callable"});
        context_.Error(
            entry.key, "unknown field '" + key + "' of 'fields." + name + "'",
            near.empty() ? "an expression has 'expression' and 'output_type'" : "did you mean '" + near + "'?");
        good = false;
      }
    }
    if (!has_expression) {
      if (good) context_.Error(node, "'fields." + name + "' has no 'expression'");
      return false;
    }
    return good;
  }

  bool ReadOutputType(const std::string& name, const NodePtr& node, TypePtr* type) {
    const FieldInfo field{"output_type", ConfigType<TypeDecl>::Info(), FieldDoc(""), nullptr};
    TypeDecl decl;
    if (!ConfigType<TypeDecl>::Read(node, {field, "'fields." + name + ".output_type'", &context_.diagnostics()},
                                    &decl)) {
      return false;
    }
    *type = DeclaredType(decl, &context_.diagnostics());
    return *type != nullptr;
  }

  const MapToFieldsConfig& config_;
  BindContext& context_;
  const arrow::Schema& input_;
};

/// The place of an item of `config.drop` or key of `config.fields`, for messages.
NodePtr PlaceOf(BindContext& context, const std::string& setting, const std::string& word) {
  const NodePtr config = context.step_node()->Find("config");
  const NodePtr value = config ? config->Find(setting) : nullptr;
  if (value == nullptr) return context.step_node();
  if (value->is_map()) {
    const NodeEntry* entry = value->FindEntry(word);
    return entry ? entry->key : value;
  }
  for (const NodePtr& item : value->items()) {
    if (item->is_scalar() && item->text() == word) return item;
  }
  return value;
}

bool CheckAppend(const MapToFieldsConfig& config, BindContext& context, std::vector<OutputField>* fields) {
  const arrow::Schema& input = *context.inputs()[0].info.schema;
  bool good = true;
  if (!config.drop.empty() && !config.append) {
    context.Error(PlaceOf(context, "drop", config.drop[0]), "'drop' needs 'append: true'",
                  "without 'append' the result has only the fields that 'fields' names");
    good = false;
  }
  for (const std::string& name : config.drop)
    good &= context.FindColumn(input, name, PlaceOf(context, "drop", name)) >= 0;
  if (!config.append) return good;
  auto dropped = [&](const std::string& name) {
    return std::find(config.drop.begin(), config.drop.end(), name) != config.drop.end();
  };
  for (int i = 0; i < input.num_fields(); ++i) {
    const std::string& name = input.field(i)->name();
    if (!dropped(name)) fields->push_back({name, i, CompiledExpr::Column(input, i)});
  }
  for (const auto& [name, node] : config.fields) {
    if (input.GetFieldIndex(name) < 0 || dropped(name)) continue;
    context.Error(PlaceOf(context, "fields", name), "the input has a field '" + name + "' already",
                  "add it to 'drop' to give it anew");
    good = false;
  }
  return good;
}

/// The schema of the result as far as it is known; a field with a mistake has type null.
SchemaPtr KnownFields(const std::vector<OutputField>& fields) {
  arrow::FieldVector known;
  for (const OutputField& field : fields) {
    known.push_back(arrow::field(field.name, field.expr ? field.expr->type() : arrow::null()));
  }
  return arrow::schema(std::move(known));
}

std::optional<StepBinding> BindMapToFields(const MapToFieldsConfig& config, BindContext& context) {
  const int input_columns = context.inputs()[0].info.schema->num_fields();
  std::vector<OutputField> fields;
  bool good = CheckAppend(config, context, &fields);
  FieldReader reader(config, context);
  for (const auto& [name, node] : config.fields) {
    OutputField field;
    if (!reader.Read(name, node, &field)) {
      field = OutputField{name, -1, nullptr};
      good = false;
    }
    fields.push_back(std::move(field));
  }
  if (!good) return OutputOnlyBinding(context, KnownFields(fields));

  arrow::FieldVector schema_fields;
  std::vector<std::string> notes;
  for (const OutputField& field : fields) {
    schema_fields.push_back(arrow::field(field.name, field.expr->type(), field.expr->nullable()));
    if (field.column < 0) notes.push_back(field.name + ": " + field.expr->ToString());
  }
  SchemaPtr schema = arrow::schema(std::move(schema_fields));
  StepBinding binding = RowWiseBinding(context, schema, {}, {},
                                       [fields, schema](const OperatorContext&) -> Result<std::unique_ptr<Operator>> {
                                         return std::make_unique<MapToFields>(fields, schema);
                                       });
  binding.operators[0].needs = [fields, input_columns](const std::vector<ColumnSet>& outputs) {
    ColumnSet needed = ColumnSet::None(input_columns);
    for (size_t i = 0; i < fields.size(); ++i) {
      if (outputs[0].contains(static_cast<int>(i)) || fields[i].expr->can_fail())
        needed.AddAll(fields[i].expr->columns());
    }
    return std::vector<ColumnSet>{needed};
  };
  binding.can_reject =
      std::any_of(fields.begin(), fields.end(), [](const OutputField& f) { return f.expr->can_fail(); });
  binding.operators[0].notes = std::move(notes);
  return binding;
}

}  // namespace

void RegisterMapToFields(Registry& registry) { registry.Add<MapToFieldsConfig>(Spec(), {1, 1}, BindMapToFields); }

}  // namespace weir
