// Checker: names, fields, literals, conditions, conversions. Calls and comparisons are in calls.cc.
#include "expr/check/checker.h"

#include <arrow/array/array_base.h>
#include <arrow/array/data.h>
#include <arrow/array/util.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include "config/diagnostic.h"
#include "expr/parse/literals.h"

namespace weir::expr {
namespace {

const Node* Scalar(ProgramBuilder* builder, const arrow::Scalar& value) {
  auto array = arrow::MakeArrayFromScalar(value, 1);
  return array.ok() ? builder->Constant((*array)->data()) : builder->Null(value.type);
}

std::vector<std::string> FieldNames(const arrow::FieldVector& fields) {
  std::vector<std::string> names;
  for (const auto& field : fields) names.push_back(field->name());
  return names;
}

std::string Suggest(const std::string& name, const std::vector<std::string>& names) {
  std::string nearest = ClosestMatch(name, names);
  if (!nearest.empty()) return "did you mean '" + nearest + "'?";
  if (names.empty()) return "";
  std::string list;
  for (size_t i = 0; i < names.size() && i < 8; ++i) list += (i > 0 ? ", " : "") + names[i];
  return "there is " + list + (names.size() > 8 ? ", …" : "");
}

}  // namespace

std::nullptr_t Checker::Error(const Ast& at, std::string message, std::string hint) {
  errors_->push_back({at.begin, at.end, std::move(message), std::move(hint)});
  return nullptr;
}

bool Checker::CheckAll(const std::vector<AstPtr>& asts, std::vector<const Node*>* nodes) {
  bool ok = true;
  for (const AstPtr& ast : asts) {
    nodes->push_back(ast == nullptr ? nullptr : Check(*ast));
    ok = ok && (ast == nullptr || nodes->back() != nullptr);
  }
  return ok;
}

const Node* Checker::Check(const Ast& ast) {
  switch (ast.kind) {
    case AstKind::kScalar:
      return Scalar(builder_, *ast.value);
    case AstKind::kInterval:
      return Error(ast, "an interval stands only beside + or - and a timestamp or date");
    case AstKind::kName:
      return Name(ast);
    case AstKind::kField:
      return Field(ast);
    case AstKind::kIndex:
      return Index(ast);
    case AstKind::kSlice:
      return Slice(ast);
    case AstKind::kCall:
      return Call(ast);
    case AstKind::kAnd:
    case AstKind::kOr:
    case AstKind::kNot:
      return Logic(ast);
    case AstKind::kCase:
      return Case(ast);
    case AstKind::kCast:
    case AstKind::kTryCast:
      return Cast(ast);
    case AstKind::kIn:
      return In(ast);
    case AstKind::kList:
      return List(ast);
    case AstKind::kMap:
      return Map(ast);
  }
  return nullptr;
}

const Node* Checker::Name(const Ast& ast) {
  std::vector<int> found = input_.GetAllFieldIndices(ast.text);
  if (found.size() > 1) return Error(ast, "the input has two fields '" + ast.text + "'");
  if (found.size() == 1) return builder_->Column(found[0]);
  std::vector<std::string> names = FieldNames(input_.fields());
  std::string hint = Suggest(ast.text, names);
  if (!hint.starts_with("did you mean") && FunctionRegistry::Get().Find(ast.text) != nullptr) {
    hint = "'" + ast.text + "' is a function: write " + ast.text + "(…)";
  }
  return Error(
      ast,
      names.empty() ? "unknown field '" + ast.text + "': the input has no fields" : "unknown field '" + ast.text + "'",
      hint);
}

const Node* Checker::Field(const Ast& ast) {
  const Node* value = Check(*ast.args[0]);
  if (value == nullptr) return nullptr;
  if (value->type->id() == arrow::Type::STRUCT) {
    const auto& type = static_cast<const arrow::StructType&>(*value->type);
    int child = type.GetFieldIndex(ast.text);
    if (child >= 0) return builder_->Field(value, child);
    return Error(ast, "there is no field '" + ast.text + "' in " + PrintAst(*ast.args[0]),
                 Suggest(ast.text, FieldNames(type.fields())));
  }
  if (value->type->id() == arrow::Type::MAP) {
    return CallFunction(ast, "map_get", {value, Scalar(builder_, arrow::StringScalar(ast.text))});
  }
  return Error(ast, "'." + ast.text + "' needs an object or a map, not " + TypeName(*value->type));
}

const Node* Checker::Index(const Ast& ast) {
  std::vector<const Node*> args;
  if (!CheckAll(ast.args, &args)) return nullptr;
  if (args[0]->type->id() == arrow::Type::STRUCT) {
    const AstPtr& key = ast.args[1];
    if (key->kind != AstKind::kScalar || key->value->type->id() != arrow::Type::STRING) {
      return Error(*key, "the field of an object is a constant string here");
    }
    Ast field = ast;
    field.kind = AstKind::kField;
    field.text = std::string(static_cast<const arrow::StringScalar&>(*key->value).view());
    return Field(field);
  }
  std::string name = args[0]->type->id() == arrow::Type::MAP ? "map_get" : "element_at";
  return CallFunction(ast, name, std::move(args));
}

const Node* Checker::Slice(const Ast& ast) {
  std::vector<const Node*> args;
  if (!CheckAll(ast.args, &args)) return nullptr;
  if (args[1] == nullptr) args[1] = Scalar(builder_, arrow::Int64Scalar(0));
  if (args[2] == nullptr) args[2] = Scalar(builder_, arrow::Int64Scalar(INT64_MAX));
  return CallFunction(ast, "slice", std::move(args));
}

const Node* Checker::AsCondition(const Node* node) {
  if (node->type->id() == arrow::Type::BOOL) return node;
  if (node->type->id() == arrow::Type::NA) return builder_->Null(arrow::boolean());
  return builder_->Call(TruthKernel(node->phys), kNoFlags, arrow::boolean(), {node});
}

const Node* Checker::Condition(const Ast& ast) {
  const Node* node = Check(ast);
  return node == nullptr ? nullptr : AsCondition(node);
}

const Node* Checker::Logic(const Ast& ast) {
  std::vector<const Node*> args;
  bool ok = true;
  for (const AstPtr& arg : ast.args) {
    args.push_back(Condition(*arg));
    ok = ok && args.back() != nullptr;
  }
  if (!ok) return nullptr;
  if (ast.kind == AstKind::kAnd) return builder_->And(std::move(args));
  if (ast.kind == AstKind::kOr) return builder_->Or(std::move(args));
  return builder_->Call(NotKernel(), kDenseSafe, arrow::boolean(), std::move(args));
}

const Node* Checker::Case(const Ast& ast) {
  std::vector<const Node*> args;
  TypePtr type = arrow::null();
  bool ok = true;
  for (size_t k = 0; k < ast.args.size(); ++k) {
    bool is_value = k % 2 == 1 || k + 1 == ast.args.size();
    if (ast.args[k] == nullptr) {
      args.push_back(builder_->Null(arrow::null()));
      continue;
    }
    args.push_back(is_value ? Check(*ast.args[k]) : Condition(*ast.args[k]));
    if (args.back() == nullptr) {
      ok = false;
    } else if (is_value) {
      TypePtr common = CommonType(type, args.back()->type);
      if (common == nullptr) {
        Error(*ast.args[k],
              "the values of a case are of one type: here " + TypeName(*args.back()->type) + ", before " +
                  TypeName(*type),
              "convert one: cast(… as …)");
        ok = false;
      } else {
        type = common;
      }
    }
  }
  if (!ok) return nullptr;
  for (size_t k = 0; k < args.size(); ++k) {
    if (k % 2 == 1 || k + 1 == args.size()) args[k] = Convert(args[k], type);
  }
  return builder_->Case(std::move(args), type);
}

const Node* Checker::Cast(const Ast& ast) {
  const Node* value = Check(*ast.args[0]);
  if (value == nullptr) return nullptr;
  if (value->type->Equals(*ast.type)) return value;
  if (value->type->id() == arrow::Type::NA) return builder_->Null(ast.type);
  Conversion conversion = FindConversion(*value->type, *ast.type, ast.kind == AstKind::kTryCast);
  if (conversion.kernel != nullptr) return builder_->Call(conversion.kernel, conversion.flags, ast.type, {value});
  std::string hint;
  if (value->type->id() == arrow::Type::TIMESTAMP && ast.type->id() == arrow::Type::INT64)
    hint = "write epoch(x), epoch_ms(x) or epoch_us(x)";
  if (value->type->id() == arrow::Type::INT64 && ast.type->id() == arrow::Type::TIMESTAMP)
    hint = "write to_timestamp(seconds)";
  return Error(ast, "no conversion from " + TypeName(*value->type) + " to " + TypeName(*ast.type), hint);
}

const Node* Checker::Convert(const Node* node, const TypePtr& type) {
  if (node->type->Equals(*type)) return node;
  if (node->type->id() == arrow::Type::NA) return builder_->Null(type);
  Conversion conversion = FindConversion(*node->type, *type, false);
  return conversion.kernel == nullptr ? node : builder_->Call(conversion.kernel, conversion.flags, type, {node});
}

const Node* Checker::List(const Ast& ast) {
  std::vector<const Node*> args;
  if (!CheckAll(ast.args, &args)) return nullptr;
  TypePtr type = arrow::null();
  for (size_t k = 0; k < args.size(); ++k) {
    TypePtr common = CommonType(type, args[k]->type);
    if (common == nullptr) {
      return Error(*ast.args[k], "the items of a list are of one type: here " + TypeName(*args[k]->type) + ", before " +
                                     TypeName(*type));
    }
    type = common;
  }
  for (const Node*& arg : args) arg = Convert(arg, type);
  return builder_->Call(MakeListKernel(), kHandlesNulls, arrow::list(type), std::move(args));
}

// {'a': 1, 'b': 'x'} with constant keys is an object; any other keys make a map.
const Node* Checker::Map(const Ast& ast) {
  std::vector<const Node*> args;
  if (!CheckAll(ast.args, &args)) return nullptr;
  bool constant = true;
  for (size_t k = 0; k < args.size(); k += 2) {
    if (args[k]->type->id() != arrow::Type::STRING) {
      return Error(*ast.args[k], "a key is a string, not " + TypeName(*args[k]->type));
    }
    constant = constant && ast.args[k]->kind == AstKind::kScalar;
  }
  if (constant) {
    arrow::FieldVector fields;
    std::vector<const Node*> values;
    for (size_t k = 0; k < args.size(); k += 2) {
      std::string name(static_cast<const arrow::StringScalar&>(*ast.args[k]->value).view());
      for (const auto& field : fields) {
        if (field->name() == name) return Error(*ast.args[k], "the key '" + name + "' stands twice");
      }
      fields.push_back(arrow::field(name, args[k + 1]->type));
      values.push_back(args[k + 1]);
    }
    return builder_->Call(MakeStructKernel(), kHandlesNulls, arrow::struct_(fields), std::move(values));
  }
  TypePtr type = arrow::null();
  for (size_t k = 1; k < args.size(); k += 2) {
    TypePtr common = CommonType(type, args[k]->type);
    if (common == nullptr) {
      return Error(*ast.args[k], "the values of a map are of one type: here " + TypeName(*args[k]->type) + ", before " +
                                     TypeName(*type));
    }
    type = common;
  }
  for (size_t k = 1; k < args.size(); k += 2) args[k] = Convert(args[k], type);
  return builder_->Call(MakeMapKernel(), kHandlesNulls | kCanFail, arrow::map(arrow::utf8(), type), std::move(args));
}

const Node* Checker::TimeOfText(const Node* text, const TypePtr& type) {
  CallBinding binding;
  binding.args = {text};
  const std::string* value = binding.ConstantText(0);
  if (value == nullptr) return nullptr;
  auto parsed = ParseTimeLiteral(*value, type->id() == arrow::Type::DATE32);
  return parsed.ok() ? Scalar(builder_, **parsed) : nullptr;
}

}  // namespace weir::expr
