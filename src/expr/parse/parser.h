// Parser of the generic and sql languages: tokens → Ast.
#pragma once

#include <string_view>
#include <vector>

#include "expr/expr.h"
#include "expr/parse/ast.h"

namespace weir::expr {

/// Null after appending the first syntax mistake to `errors`.
AstPtr ParseExpression(std::string_view text, ExprLanguage language, std::vector<ExprError>* errors);

/// Types as cast() names them, from the tokens' text: "integer", "decimal(10, 2)", "array<string>", and SQL's names for
/// them.
Result<TypePtr> TypeOfCast(std::string_view name);

}  // namespace weir::expr
