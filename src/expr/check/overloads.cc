// Overload resolution: signatures as text, common types, the cheapest fit. See functions.h.
#include <arrow/array/data.h>
#include <arrow/type.h>

#include <algorithm>
#include <cctype>

#include "base/check.h"
#include "config/diagnostic.h"
#include "expr/check/functions.h"

namespace weir::expr {
namespace {

constexpr int kNoFit = 1000;
constexpr int kIntegerDigits = 19;  // of an int64 as a decimal

// What a conversion costs; an overload that needs less is the better one.
int ConversionCost(const arrow::DataType& from, const arrow::DataType& to) {
  if (from.Equals(to) || from.id() == arrow::Type::NA) return 0;
  if (from.id() == arrow::Type::INT64 && to.id() == arrow::Type::DOUBLE) return 1;
  if (from.id() == arrow::Type::DECIMAL128 && to.id() == arrow::Type::DOUBLE) return 2;
  if (from.id() == arrow::Type::DATE32 && to.id() == arrow::Type::TIMESTAMP) return 1;
  return kNoFit;
}

Param ParseParam(std::string_view text) {
  if (text == "T") return {ParamKind::kT, nullptr};
  if (text == "array<T>") return {ParamKind::kArrayOfT, nullptr};
  if (text == "map<T>") return {ParamKind::kMapOfT, nullptr};
  if (text == "any") return {ParamKind::kAny, nullptr};
  if (text == "array") return {ParamKind::kAnyArray, nullptr};
  if (text == "object") return {ParamKind::kObject, nullptr};
  if (text == "decimal") return {ParamKind::kDecimal, nullptr};
  auto type = TypeFromName(std::string(text));
  WEIR_CHECK(type.ok(), "a function's signature names an unknown type");
  return {ParamKind::kExact, *type};
}

// "(a, b [, c]) -> d"
Signature ParseSignature(std::string_view text) {
  Signature signature;
  size_t arrow = text.find("->");
  bool optional = false;
  std::string word;
  auto flush = [&] {
    if (word.empty()) return;
    if (word.ends_with("...")) {
      signature.variadic = true;
      word.resize(word.size() - 3);
    }
    signature.params.push_back(ParseParam(word));
    if (!optional) signature.required = signature.params.size();
    word.clear();
  };
  for (char c : text.substr(0, arrow)) {
    if (c == ',' || c == '[' || c == ']' || c == '(' || c == ')' || c == ' ') {
      flush();
      optional |= c == '[';
    } else {
      word += c;
    }
  }
  std::string_view result = text.substr(arrow + 2);
  while (!result.empty() && result.front() == ' ') result.remove_prefix(1);
  signature.result = ParseParam(result);
  return signature;
}

const Param& ParamAt(const Signature& signature, size_t k) {
  return signature.params[std::min(k, signature.params.size() - 1)];
}

TypePtr ElementOf(const arrow::DataType& type) {
  if (type.id() == arrow::Type::LIST) return static_cast<const arrow::ListType&>(type).value_type();
  if (type.id() == arrow::Type::MAP) return static_cast<const arrow::MapType&>(type).item_type();
  return nullptr;
}

TypePtr TypeOf(const Param& param, const TypePtr& t) {
  switch (param.kind) {
    case ParamKind::kT:
      return t;
    case ParamKind::kArrayOfT:
      return t ? arrow::list(t) : nullptr;
    case ParamKind::kMapOfT:
      return t ? arrow::map(arrow::utf8(), t) : nullptr;
    default:
      return param.type;
  }
}

// Cost of one argument; adds to `t` what it says of T. kNoFit when it does not fit.
int MatchParam(const Param& param, const TypePtr& type, TypePtr* t) {
  auto unify = [&](const TypePtr& more) {
    TypePtr common = *t == nullptr ? more : CommonType(*t, more);
    if (common == nullptr) return kNoFit;
    *t = common;
    return 0;
  };
  bool null = type->id() == arrow::Type::NA;
  switch (param.kind) {
    case ParamKind::kExact:
      return ConversionCost(*type, *param.type);
    case ParamKind::kDecimal:
      return type->id() == arrow::Type::DECIMAL128 ? 0 : type->id() == arrow::Type::INT64 ? 2 : kNoFit;
    case ParamKind::kT:
      return unify(type);
    case ParamKind::kArrayOfT:
      return null ? 0 : type->id() == arrow::Type::LIST ? unify(ElementOf(*type)) : kNoFit;
    case ParamKind::kMapOfT:
      return null ? 0 : type->id() == arrow::Type::MAP ? unify(ElementOf(*type)) : kNoFit;
    case ParamKind::kAny:
      return 1;
    case ParamKind::kAnyArray:
      return null || type->id() == arrow::Type::LIST ? 0 : kNoFit;
    case ParamKind::kObject:
      return null || type->id() == arrow::Type::STRUCT ? 0 : kNoFit;
  }
  return kNoFit;
}

struct Match {
  int cost = kNoFit;
  TypePtr t;
  int bad_arg = -1;  // the only one that does not fit
};

Match MatchSignature(const Signature& signature, const CallBinding& call) {
  Match match;
  size_t count = call.args.size();
  if (count < signature.required || (count > signature.params.size() && !signature.variadic)) return match;
  int cost = 0, misfits = 0;
  for (size_t k = 0; k < count; ++k) {
    int one = MatchParam(ParamAt(signature, k), call.args[k]->type, &match.t);
    if (one >= kNoFit) {
      ++misfits;
      match.bad_arg = misfits == 1 ? static_cast<int>(k) : -1;
    }
    cost += one;
  }
  if (misfits == 0) match.cost = cost;
  return match;
}

std::string Expectation(const Function& function, const CallBinding& call) {
  std::string takes, given;
  for (const Overload& overload : function.overloads) {
    std::string_view text = overload.signature;
    std::string one(text.substr(0, text.find(" ->")));
    if (takes.find(one) == std::string::npos) takes += (takes.empty() ? "" : " or ") + one;
  }
  for (const Node* arg : call.args) given += (given.empty() ? "" : ", ") + TypeName(*arg->type);
  bool word = std::isalpha(static_cast<unsigned char>(function.name[0]));
  return std::string(word ? "" : "'") + function.name + (word ? "()" : "'") + " takes " + takes + ", not (" + given +
         ")";
}

}  // namespace

const std::string* CallBinding::ConstantText(size_t k) {
  if (k >= args.size() || args[k]->kind != NodeKind::kConstant || args[k]->type->id() != arrow::Type::STRING ||
      !args[k]->constant->IsValid(0)) {
    return nullptr;
  }
  Scratch scratch;
  Vec vec = LoadConstant(&scratch, *args[k]->constant);
  texts_.push_back(std::make_unique<std::string>(vec.data<StringRef>()->view()));
  return texts_.back().get();
}

TypePtr CommonType(const TypePtr& a, const TypePtr& b) {
  if (a->Equals(*b) || b->id() == arrow::Type::NA) return a;
  if (a->id() == arrow::Type::NA) return b;
  auto is = [&](arrow::Type::type x, arrow::Type::type y) {
    return (a->id() == x && b->id() == y) || (a->id() == y && b->id() == x);
  };
  if (is(arrow::Type::INT64, arrow::Type::DOUBLE) || is(arrow::Type::DECIMAL128, arrow::Type::DOUBLE))
    return arrow::float64();
  if (is(arrow::Type::DATE32, arrow::Type::TIMESTAMP)) return TimestampType();
  if (is(arrow::Type::DECIMAL128, arrow::Type::INT64) || is(arrow::Type::DECIMAL128, arrow::Type::DECIMAL128)) {
    auto digits = [](const arrow::DataType& type) {
      if (type.id() != arrow::Type::DECIMAL128) return std::pair<int, int>{kIntegerDigits, 0};
      const auto& decimal = static_cast<const arrow::DecimalType&>(type);
      return std::pair<int, int>{decimal.precision() - decimal.scale(), decimal.scale()};
    };
    auto [a_whole, a_scale] = digits(*a);
    auto [b_whole, b_scale] = digits(*b);
    int scale = std::max(a_scale, b_scale);
    return arrow::decimal128(std::min(38, std::max(a_whole, b_whole) + scale), scale);
  }
  if (a->id() == b->id() && (a->id() == arrow::Type::LIST || a->id() == arrow::Type::MAP)) {
    TypePtr element = CommonType(ElementOf(*a), ElementOf(*b));
    if (element == nullptr) return nullptr;
    return a->id() == arrow::Type::LIST ? arrow::list(element) : arrow::map(arrow::utf8(), element);
  }
  return nullptr;
}

void AddOverloads(FunctionList* list, std::string_view name, std::vector<Overload> overloads) {
  for (Function& function : *list) {
    if (function.name == name) function.overloads.insert(function.overloads.end(), overloads.begin(), overloads.end());
  }
}

FunctionRegistry::FunctionRegistry() {
  AddArithmetic(&functions_);
  AddMath(&functions_);
  AddComparison(&functions_);
  AddStrings(&functions_);
  AddStringParts(&functions_);
  AddPatterns(&functions_);
  AddTimes(&functions_);
  AddTimeParts(&functions_);
  AddLists(&functions_);
  AddMaps(&functions_);
  AddJson(&functions_);
  AddHashes(&functions_);
  for (const Function& function : functions_) {
    Entry entry{&function, {}};
    for (const Overload& overload : function.overloads) entry.signatures.push_back(ParseSignature(overload.signature));
    by_name_[function.name] = std::move(entry);
  }
}

const FunctionRegistry& FunctionRegistry::Get() {
  static const FunctionRegistry registry;
  return registry;
}

const FunctionRegistry::Entry* FunctionRegistry::Find(std::string_view name) const {
  auto found = by_name_.find(std::string(name));
  return found == by_name_.end() ? nullptr : &found->second;
}

std::string FunctionRegistry::Nearest(std::string_view name) const {
  std::vector<std::string> names;
  for (const Function& function : functions_) {
    if (std::isalpha(static_cast<unsigned char>(function.name[0]))) names.push_back(function.name);
  }
  return ClosestMatch(name, names);
}

std::string BindCall(const FunctionRegistry::Entry& entry, CallBinding* call, int* bad_arg) {
  const Function& function = *entry.function;
  Match best;
  size_t chosen = 0;
  *bad_arg = -1;
  for (size_t k = 0; k < entry.signatures.size(); ++k) {
    Match match = MatchSignature(entry.signatures[k], *call);
    if (match.cost < best.cost) {
      best = match;
      chosen = k;
    }
    if (entry.signatures.size() == 1) *bad_arg = match.bad_arg;
  }
  if (best.cost >= kNoFit) return Expectation(function, *call);
  const Overload& overload = function.overloads[chosen];
  const Signature& signature = entry.signatures[chosen];
  call->t = best.t;
  call->kernel = overload.kernel;
  call->flags = overload.flags;
  call->types.clear();
  for (size_t k = 0; k < call->args.size(); ++k) {
    TypePtr type = TypeOf(ParamAt(signature, k), best.t);
    call->types.push_back(type != nullptr ? type : call->args[k]->type);
  }
  call->result = TypeOf(signature.result, best.t);
  std::string message = overload.bind != nullptr ? overload.bind(*call) : "";
  if (!message.empty()) return message;
  WEIR_CHECK(call->kernel != nullptr && call->result != nullptr, "a function was bound without kernel or result type");
  return "";
}

}  // namespace weir::expr
