// Infers one schema over YAML items and builds the columns.
#include "operators/support/literal_rows.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "batch/types.h"

namespace weir {
namespace {

/// What an item is, before Arrow types: a tree that merges.
struct Shape {
  enum Kind { kNull, kBool, kInt, kDouble, kString, kList, kStruct } kind = kNull;
  std::vector<std::pair<std::string, Shape>>
      fields{};  // kStruct, by first appearance; kList: one, named "item". {}: clang asks for it
};

class Inference {
 public:
  explicit Inference(Diagnostics* diagnostics) : diagnostics_(*diagnostics) {}

  Shape Of(const NodePtr& node) {
    Shape out;
    if (node->is_map()) {
      out.kind = Shape::kStruct;
      for (const NodeEntry& entry : node->entries()) out.fields.emplace_back(entry.key->text(), Of(entry.value));
    } else if (node->is_sequence()) {
      out.kind = Shape::kList;
      out.fields.emplace_back("item", Shape{});
      for (const NodePtr& item : node->items()) Merge(&out.fields[0].second, Of(item), item);
    } else if (!node->IsNull()) {
      out.kind = node->AsBool()     ? Shape::kBool
                 : node->AsInt64()  ? Shape::kInt
                 : node->AsDouble() ? Shape::kDouble
                                    : Shape::kString;
    }
    return out;
  }

  void Merge(Shape* into, const Shape& from, const NodePtr& place) {
    if (from.kind == Shape::kNull) return;
    if (into->kind == Shape::kNull) {
      *into = from;
      return;
    }
    const bool numbers = (into->kind == Shape::kInt || into->kind == Shape::kDouble) &&
                         (from.kind == Shape::kInt || from.kind == Shape::kDouble);
    if (numbers) {
      if (from.kind == Shape::kDouble) into->kind = Shape::kDouble;
      return;
    }
    if (into->kind != from.kind) {
      static const char* const kNames[] = {"null",     "a boolean", "an integer", "a number",
                                           "a string", "a list",    "a mapping"};
      good_ = false;
      diagnostics_.Error(place->source(), place->span(),
                         std::string("this is ") + kNames[from.kind] + ", but the same field was " +
                             kNames[into->kind] + " in an earlier element",
                         "give all elements one type, for example by quoting");
      return;
    }
    for (const auto& [name, shape] : from.fields) {
      Shape* known = nullptr;
      for (auto& [other, value] : into->fields) {
        if (other == name) known = &value;
      }
      if (known != nullptr) {
        const NodePtr child = place->is_map() ? place->Find(name) : nullptr;
        Merge(known, shape, child ? child : place);
      } else {
        into->fields.emplace_back(name, shape);
      }
    }
  }

  bool good() const { return good_; }

 private:
  Diagnostics& diagnostics_;
  bool good_ = true;
};

TypePtr TypeOf(const Shape& shape) {
  switch (shape.kind) {
    case Shape::kNull:
      return arrow::null();
    case Shape::kBool:
      return arrow::boolean();
    case Shape::kInt:
      return arrow::int64();
    case Shape::kDouble:
      return arrow::float64();
    case Shape::kString:
      return arrow::utf8();
    case Shape::kList:
      return arrow::list(TypeOf(shape.fields[0].second));
    case Shape::kStruct:
      break;
  }
  arrow::FieldVector fields;
  for (const auto& [name, field] : shape.fields) fields.push_back(arrow::field(name, TypeOf(field)));
  return arrow::struct_(std::move(fields));
}

Status Append(const NodePtr& node, arrow::ArrayBuilder* builder) {
  if (node == nullptr || (node->is_scalar() && node->IsNull())) return builder->AppendNull();
  switch (builder->type()->id()) {
    case arrow::Type::NA:
      return builder->AppendNull();
    case arrow::Type::BOOL:
      return static_cast<arrow::BooleanBuilder*>(builder)->Append(*node->AsBool());
    case arrow::Type::INT64:
      return static_cast<arrow::Int64Builder*>(builder)->Append(*node->AsInt64());
    case arrow::Type::DOUBLE:
      return static_cast<arrow::DoubleBuilder*>(builder)->Append(*node->AsDouble());
    case arrow::Type::STRING:
      return static_cast<arrow::StringBuilder*>(builder)->Append(node->text());
    case arrow::Type::LIST: {
      auto* list = static_cast<arrow::ListBuilder*>(builder);
      WEIR_RETURN_NOT_OK(list->Append());
      for (const NodePtr& item : node->items()) WEIR_RETURN_NOT_OK(Append(item, list->value_builder()));
      return Status::OK();
    }
    case arrow::Type::STRUCT: {
      auto* row = static_cast<arrow::StructBuilder*>(builder);
      WEIR_RETURN_NOT_OK(row->Append());
      for (int i = 0; i < row->num_fields(); ++i) {
        WEIR_RETURN_NOT_OK(Append(node->Find(row->type()->field(i)->name()), row->field_builder(i)));
      }
      return Status::OK();
    }
    default:
      return Status::UnknownError("no literal of type ", builder->type()->ToString());
  }
}

Result<Batch> Build(const NodePtr& elements, const TypePtr& row_type, bool wrapped) {
  const auto rows = static_cast<int64_t>(elements->items().size());
  std::vector<ArrayDataPtr> columns;
  for (const auto& field : row_type->fields()) {
    WEIR_ASSIGN_OR_RETURN(auto builder, arrow::MakeBuilder(field->type()));
    for (const NodePtr& item : elements->items()) {
      WEIR_RETURN_NOT_OK(Append(wrapped ? item : item->Find(field->name()), builder.get()));
    }
    WEIR_ASSIGN_OR_RETURN(auto array, builder->Finish());
    columns.push_back(array->data());
  }
  return Batch(arrow::schema(row_type->fields()), std::move(columns), rows);
}

}  // namespace

bool LiteralRows(const NodePtr& elements, Batch* out, Diagnostics* diagnostics) {
  Inference inference(diagnostics);
  Shape row;
  bool any_map = false, any_other = false;
  for (const NodePtr& item : elements->items()) (item->is_map() ? any_map : any_other) = true;
  const bool wrapped = !any_map;
  for (const NodePtr& item : elements->items()) {
    if (any_map && any_other && !item->is_map()) {
      diagnostics->Error(item->source(), item->span(), "elements must be all mappings or all plain values",
                         "write this one as a mapping too");
      return false;
    }
    Shape shape = inference.Of(item);
    if (wrapped) {
      Shape outer;
      outer.kind = Shape::kStruct;
      outer.fields.emplace_back("element", std::move(shape));
      shape = std::move(outer);
    }
    inference.Merge(&row, shape, item);
  }
  if (!inference.good()) return false;
  if (row.kind == Shape::kNull) row.kind = Shape::kStruct;
  Result<Batch> batch = Build(elements, TypeOf(row), wrapped);
  if (!batch.ok()) {
    diagnostics->Error(elements->source(), elements->span(), batch.status().message());
    return false;
  }
  *out = batch.MoveValueUnsafe();
  return true;
}

}  // namespace weir
