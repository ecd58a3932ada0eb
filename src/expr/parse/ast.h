// Ast: what a front end makes of an expression's text, before any name or type is looked up. Every front end (generic,
// sql, later python) produces this one shape; sugar (between, simple case, not in …) is gone by here.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "batch/types.h"

namespace weir::expr {

enum class AstKind {
  kScalar,    // value (its type is the literal's)
  kInterval,  // months, micros
  kName,      // text: a column
  kField,     // args[0] . text
  kIndex,     // args[0] [ args[1] ]
  kSlice,     // args[0] [ args[1] : args[2] ]; a missing bound is a null pointer
  kCall,      // text(args…); operators under their own names: "+", "=", "like", "is null" …
  kAnd,       // all of args
  kOr,        // any of args
  kNot,       // args[0]
  kCase,      // when, then, when, then …, else (a missing else is a null pointer)
  kCast,      // args[0] as type
  kTryCast,   // the same, null where it does not fit
  kIn,        // args[0] in args[1…]
  kList,      // [args…]
  kMap,       // {key, value, key, value …}
};

struct Ast;
using AstPtr = std::shared_ptr<const Ast>;

struct Ast {
  AstKind kind = AstKind::kScalar;
  size_t begin = 0;  // bytes of the text
  size_t end = 0;
  int height = 1;  // longest path to a leaf
  std::string text;
  std::shared_ptr<arrow::Scalar> value;
  TypePtr type;
  int64_t months = 0;
  int64_t micros = 0;
  std::vector<AstPtr> args;
};

/// Operator chains (a + b + c …) may be this high; parentheses and calls are held to ExprLimits::kMaxNesting before.
inline constexpr int kMaxAstHeight = 500;

/// Text in the generic language: parses back to an equal tree.
std::string PrintAst(const Ast& ast);
/// `name` as it is written in an expression: bare when it can be, else in backticks.
std::string QuoteName(const std::string& name);

}  // namespace weir::expr
