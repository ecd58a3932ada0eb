// Checker: names and types. Ast → nodes of a Program, or every mistake with its place.
#pragma once

#include <arrow/type_fwd.h>

#include <string>
#include <vector>

#include "expr/check/functions.h"
#include "expr/expr.h"
#include "expr/parse/ast.h"
#include "expr/program.h"

namespace weir::expr {

class Checker {
 public:
  Checker(const arrow::Schema& input, ProgramBuilder* builder, std::vector<ExprError>* errors)
      : input_(input), builder_(builder), errors_(errors) {}

  /// Null when something in `ast` is wrong; everything that is has then been appended to the errors.
  const Node* Check(const Ast& ast);
  /// The same as a condition: a value that is not boolean counts as in Python.
  const Node* Condition(const Ast& ast);
  const Node* AsCondition(const Node* node);
  /// `node` converted to `type`, which some conversion leads to.
  const Node* Convert(const Node* node, const TypePtr& type);

 private:
  std::nullptr_t Error(const Ast& at, std::string message, std::string hint = "");
  bool CheckAll(const std::vector<AstPtr>& asts, std::vector<const Node*>* nodes);
  const Node* Name(const Ast& ast);
  const Node* Field(const Ast& ast);
  const Node* Index(const Ast& ast);
  const Node* Slice(const Ast& ast);
  const Node* Call(const Ast& ast);
  const Node* CallFunction(const Ast& ast, const std::string& name, std::vector<const Node*> args);
  const Node* UnknownFunction(const Ast& ast);
  const Node* AddInterval(const Ast& ast);
  const Node* Special(const Ast& ast, std::vector<const Node*> args, bool* handled);
  const Node* Compare(const Ast& ast, CompareOp op, const Node* left, const Node* right);
  const Node* Logic(const Ast& ast);
  const Node* Case(const Ast& ast);
  const Node* Cast(const Ast& ast);
  const Node* In(const Ast& ast);
  const Node* List(const Ast& ast);
  const Node* Map(const Ast& ast);
  const Node* TimeOfText(const Node* text, const TypePtr& type);

  const arrow::Schema& input_;
  ProgramBuilder* builder_;
  std::vector<ExprError>* errors_;
};

}  // namespace weir::expr
