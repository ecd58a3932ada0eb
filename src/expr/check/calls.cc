// Checker: calls, operators, comparisons, membership. See checker.h.
#include <arrow/array/data.h>
#include <arrow/type.h>

#include <array>

#include "expr/check/checker.h"

namespace weir::expr {
namespace {

bool IsNumber(const arrow::DataType& type) {
  return type.id() == arrow::Type::INT64 || type.id() == arrow::Type::DOUBLE || type.id() == arrow::Type::DECIMAL128;
}
bool IsTime(const arrow::DataType& type) {
  return type.id() == arrow::Type::TIMESTAMP || type.id() == arrow::Type::DATE32;
}

CompareOp ComparisonNamed(const std::string& text) {
  static constexpr std::array<std::string_view, 7> kNames = {"", "=", "!=", "<", "<=", ">", ">="};
  for (size_t k = 1; k < kNames.size(); ++k) {
    if (text == kNames[k]) return static_cast<CompareOp>(k);
  }
  return CompareOp::kNone;
}

struct Refused {
  std::string_view name;
  const char* message;
  const char* hint;
};

// Names that people try, and what to write instead.
constexpr std::array<Refused, 23> kRefused = {{
    {"now", "the time of the run is no value of a row", "write event_time()"},
    {"current_timestamp", "the time of the run is no value of a row", "write event_time()"},
    {"current_date", "the time of the run is no value of a row", "write cast(event_time() as date)"},
    {"today", "the time of the run is no value of a row", "write cast(event_time() as date)"},
    {"random", "a random value would differ when a row is processed again", "write hash64(…) of what tells rows apart"},
    {"rand", "a random value would differ when a row is processed again", "write hash64(…) of what tells rows apart"},
    {"uuid", "a random value would differ when a row is processed again", "write hash64(…) of what tells rows apart"},
    {"sum", "an aggregate needs a group of rows", "use the transform Combine; of a list: list_sum(x)"},
    {"count", "an aggregate needs a group of rows", "use the transform Combine; of a list: len(x)"},
    {"avg", "an aggregate needs a group of rows", "use the transform Combine"},
    {"mean", "an aggregate needs a group of rows", "use the transform Combine"},
    {"min", "an aggregate needs a group of rows",
     "use the transform Combine; of values: least(a, b); of a list: list_min(x)"},
    {"max", "an aggregate needs a group of rows",
     "use the transform Combine; of values: greatest(a, b); of a list: list_max(x)"},
    {"int", "there is no function int()", "write cast(x as integer)"},
    {"float", "there is no function float()", "write cast(x as number)"},
    {"str", "there is no function str()", "write cast(x as string)"},
    {"bool", "there is no function bool()", "write cast(x as boolean)"},
    {"timestamp", "there is no function timestamp()", "write cast(x as timestamp) or to_timestamp(seconds)"},
    {"date", "there is no function date()", "write cast(x as date) or make_date(year, month, day)"},
    {"row_number", "a window function needs an order of rows", "use the transform Sql"},
    {"lag", "a window function needs an order of rows", "use the transform Sql"},
    {"lead", "a window function needs an order of rows", "use the transform Sql"},
    {"rank", "a window function needs an order of rows", "use the transform Sql"},
}};

}  // namespace

const Node* Checker::UnknownFunction(const Ast& ast) {
  for (const Refused& refused : kRefused) {
    if (refused.name == ast.text) return Error(ast, refused.message, refused.hint);
  }
  std::string nearest = FunctionRegistry::Get().Nearest(ast.text);
  return Error(ast, "unknown function '" + ast.text + "'",
               nearest.empty() ? "'weir list functions' names them all" : "did you mean '" + nearest + "'?");
}

const Node* Checker::Call(const Ast& ast) {
  if (ast.text == "+" || ast.text == "-") {
    for (const AstPtr& arg : ast.args) {
      if (arg->kind == AstKind::kInterval) return AddInterval(ast);
    }
  }
  std::vector<const Node*> args;
  if (!CheckAll(ast.args, &args)) {
    if (FunctionRegistry::Get().Find(ast.text) == nullptr && ComparisonNamed(ast.text) == CompareOp::kNone) {
      bool handled = false;
      for (const char* name : {"is null", "coalesce", "event_time", "window_start", "window_end"})
        handled |= ast.text == name;
      if (!handled) UnknownFunction(ast);  // the arguments' mistakes do not hide this one
    }
    return nullptr;
  }
  bool handled = true;
  const Node* special = Special(ast, args, &handled);
  if (handled) return special;
  if (FunctionRegistry::Get().Find(ast.text) == nullptr) return UnknownFunction(ast);
  return CallFunction(ast, ast.text, std::move(args));
}

// Calls that are nodes of their own and not functions of the table.
const Node* Checker::Special(const Ast& ast, std::vector<const Node*> args, bool* handled) {
  *handled = true;
  if (CompareOp op = ComparisonNamed(ast.text); op != CompareOp::kNone) return Compare(ast, op, args[0], args[1]);
  if (ast.text == "is null") {
    return builder_->Call(IsNullKernel(), kHandlesNulls, arrow::boolean(), {args[0]});
  }
  if (ast.text == "||" && args[0]->type->id() == arrow::Type::BOOL) {
    return Error(ast, "'||' joins strings or lists, not booleans", "write 'or'");
  }
  if (ast.text == "event_time" && args.empty()) return builder_->Leaf(NodeKind::kEventTime);
  if (ast.text == "window_start" && args.empty()) return builder_->Leaf(NodeKind::kWindowStart);
  if (ast.text == "window_end" && args.empty()) return builder_->Leaf(NodeKind::kWindowEnd);
  bool if_null = ast.text == "ifnull" && args.size() == 2;
  if ((ast.text == "coalesce" && !args.empty()) || if_null) {
    TypePtr type = arrow::null();
    for (size_t k = 0; k < args.size(); ++k) {
      TypePtr common = CommonType(type, args[k]->type);
      if (common == nullptr) {
        return Error(*ast.args[k], ast.text + "() takes values of one type: here " + TypeName(*args[k]->type) +
                                       ", before " + TypeName(*type));
      }
      type = common;
    }
    for (const Node*& arg : args) arg = Convert(arg, type);
    return builder_->Coalesce(std::move(args));
  }
  *handled = false;
  return nullptr;
}

const Node* Checker::CallFunction(const Ast& ast, const std::string& name, std::vector<const Node*> args) {
  CallBinding call;
  call.args = args;
  int bad_arg = -1;
  std::string message = BindCall(*FunctionRegistry::Get().Find(name), &call, &bad_arg);
  if (!message.empty()) {
    const Ast& at =
        bad_arg >= 0 && bad_arg < static_cast<int>(ast.args.size()) && ast.args[bad_arg] ? *ast.args[bad_arg] : ast;
    bool string_and_number = args.size() == 2 && (name == "+" || name == "-" || name == "*") &&
                             (args[0]->phys == Phys::kString || args[1]->phys == Phys::kString);
    return Error(at, std::move(message),
                 name == "+" && string_and_number ? "strings are joined by ||"
                 : string_and_number              ? "convert it: cast(x as number)"
                                                  : "");
  }
  for (size_t k = 0; k < args.size(); ++k) args[k] = Convert(args[k], call.types[k]);
  return builder_->Call(call.kernel, call.flags, call.result, std::move(args), call.state, call.state_key,
                        call.compare);
}

// timestamp ± interval, date ± interval, interval + timestamp. A date stays one when the interval is of whole days.
const Node* Checker::AddInterval(const Ast& ast) {
  bool minus = ast.text == "-";
  bool first = ast.args[0]->kind == AstKind::kInterval;
  if (ast.args.size() != 2 || (first && minus) || (first && ast.args[1]->kind == AstKind::kInterval)) {
    return Error(ast, "an interval is added to, or taken from, a timestamp or date");
  }
  const Ast& interval = first ? *ast.args[0] : *ast.args[1];
  const Ast& other = first ? *ast.args[1] : *ast.args[0];
  const Node* time = Check(other);
  if (time == nullptr) return nullptr;
  if (!IsTime(*time->type)) {
    return Error(other, "an interval is added to a timestamp or date, not to " + TypeName(*time->type));
  }
  constexpr int64_t kDay = int64_t{86'400} * 1'000'000;
  if (time->type->id() == arrow::Type::DATE32 && interval.micros % kDay != 0) time = Convert(time, TimestampType());
  int64_t sign = minus ? -1 : 1;
  std::string key = std::to_string(sign * interval.months) + " " + std::to_string(sign * interval.micros);
  return builder_->Call(AddIntervalKernel(), kCanFail, time->type, {time},
                        MakeInterval(sign * interval.months, sign * interval.micros), key);
}

const Node* Checker::Compare(const Ast& ast, CompareOp op, const Node* left, const Node* right) {
  // A constant string beside a time is that time.
  for (auto [text, time] : {std::pair<const Node**, const Node*>{&left, right}, {&right, left}}) {
    if (!IsTime(*time->type) || (*text)->kind != NodeKind::kConstant || (*text)->type->id() != arrow::Type::STRING)
      continue;
    const Node* parsed = TimeOfText(*text, time->type);
    if (parsed == nullptr && time->type->id() == arrow::Type::DATE32) parsed = TimeOfText(*text, TimestampType());
    if (parsed == nullptr && (*text)->constant->IsValid(0)) {
      return Error(ast, "the string compared with a " + TypeName(*time->type) + " is none",
                   "write it as 2024-05-17 or 2024-05-17T10:30:00Z");
    }
    if (parsed != nullptr) *text = parsed;
  }
  TypePtr type = CommonType(left->type, right->type);
  if (type == nullptr) {
    bool number = (IsNumber(*left->type) && right->phys == Phys::kString) ||
                  (IsNumber(*right->type) && left->phys == Phys::kString);
    return Error(ast, "cannot compare " + TypeName(*left->type) + " with " + TypeName(*right->type),
                 number ? "convert one side: cast(x as number) or cast(x as string)" : "");
  }
  if (PhysOf(*type) == Phys::kNested) {
    return Error(ast, "cannot compare values of type " + TypeName(*type), "compare their fields or items");
  }
  if (type->id() == arrow::Type::NA) return builder_->Null(arrow::boolean());
  left = Convert(left, type);
  right = Convert(right, type);
  uint32_t flags = PhysOf(*type) == Phys::kString ? kNoFlags : kDenseSafe;
  return builder_->Call(CompareKernel(op, PhysOf(*type)), flags, arrow::boolean(), {left, right}, nullptr, "", op);
}

// x in (a, b, …): a set when all members are constants, else a chain of comparisons.
const Node* Checker::In(const Ast& ast) {
  std::vector<const Node*> args;
  if (!CheckAll(ast.args, &args)) return nullptr;
  const Node* value = args[0];
  TypePtr type = value->type;
  bool constants = true;
  for (size_t k = 1; k < args.size(); ++k) {
    if (IsTime(*type) && args[k]->type->id() == arrow::Type::STRING) {
      const Node* parsed = TimeOfText(args[k], type);
      if (parsed != nullptr) args[k] = parsed;
    }
    TypePtr common = CommonType(type, args[k]->type);
    if (common == nullptr) {
      return Error(*ast.args[k], "cannot compare " + TypeName(*value->type) + " with " + TypeName(*args[k]->type));
    }
    type = common;
  }
  Phys phys = PhysOf(*type);
  if (phys == Phys::kNested) return Error(ast, "'in' does not take values of type " + TypeName(*type));
  if (phys == Phys::kNull) return builder_->Null(arrow::boolean());
  std::vector<const Node*> members;
  bool null = false;
  for (size_t k = 1; k < args.size(); ++k) {
    const Node* member = Convert(args[k], type);
    constants = constants && member->kind == NodeKind::kConstant;
    null |= member->kind == NodeKind::kConstant && !member->constant->IsValid(0);
    members.push_back(member);
  }
  value = Convert(value, type);
  if (!constants) {
    std::vector<const Node*> terms;
    for (const Node* member : members) {
      terms.push_back(builder_->Call(CompareKernel(CompareOp::kEq, phys), phys == Phys::kString ? kNoFlags : kDenseSafe,
                                     arrow::boolean(), {value, member}, nullptr, "", CompareOp::kEq));
    }
    return builder_->Or(std::move(terms));
  }
  std::string key;
  auto set = MakeInSet(members, phys, &key);
  return builder_->Call(InKernel(phys), null ? kCanNull : kNoFlags, arrow::boolean(), {value}, std::move(set), key);
}

}  // namespace weir::expr
