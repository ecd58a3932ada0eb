// Expressions: text in a pipeline file → typed, vectorised program over the columns of a Batch.
//
// Life: CompiledExpr::Compile once at plan time (all mistakes at once, each with its byte range), then one
// ExprEvaluator per lane. The language is described in docs/reference/expressions.md; its functions are rows of
// FunctionTable.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "batch/batch.h"
#include "batch/row_error.h"
#include "batch/types.h"

namespace weir {

/// Front ends of one typed core. kPython is refused for now, with what to write instead.
enum class ExprLanguage { kGeneric, kSql, kPython };

/// A mistake in the text of an expression, at bytes [begin, end) of it.
struct ExprError {
  size_t begin = 0;
  size_t end = 0;
  std::string message;  // what is wrong and what is expected, one sentence, no full stop
  std::string hint;     // what to do; may be empty
};

struct ExprLimits {
  static constexpr size_t kMaxTextBytes = 64 * 1024;
  static constexpr int kMaxNesting = 64;  // parentheses, calls, cases inside one another
};

namespace expr {
struct Program;  // typed tree and kernels (expr/program.h)
}

class CompiledExpr;
using CompiledExprPtr = std::shared_ptr<const CompiledExpr>;

/// A checked expression. Immutable; shared by lanes and threads.
class CompiledExpr {
 public:
  enum class Op { kEq, kNe, kLt, kLe, kGt, kGe };
  /// One `column op constant` term; the constant has the column's type and is never null.
  struct Comparison {
    int column = 0;
    Op op = Op::kEq;
    std::shared_ptr<arrow::Scalar> value;
  };

  /// Null when there are mistakes; all of them are appended to `errors`. `input` holds flowing types (batch/types.h)
  /// only.
  static CompiledExprPtr Compile(std::string_view text, ExprLanguage language, const arrow::Schema& input,
                                 std::vector<ExprError>* errors);
  static CompiledExprPtr Column(const arrow::Schema& input, int index);
  static CompiledExprPtr Literal(const std::shared_ptr<arrow::Scalar>& value);
  /// `inner` converted to `type` as cast(… as …) does; TypeError when there is no such conversion.
  static Result<CompiledExprPtr> Cast(const CompiledExprPtr& inner, const TypePtr& type);

  explicit CompiledExpr(std::shared_ptr<const expr::Program> program);
  ~CompiledExpr();

  const TypePtr& type() const;
  bool nullable() const;
  /// Input columns that it reads, ascending. Eval touches no other.
  const std::vector<int>& columns() const;
  /// Some row may give a row error (overflow, division by zero, a cast that does not fit …).
  bool can_fail() const;
  /// It reads event_time(), window_start() or window_end().
  bool uses_time() const;
  /// Set when the expression is a bare column.
  std::optional<int> as_column() const;
  /// Set when the value is the same for all rows (the literal, or what folding made of it).
  std::shared_ptr<arrow::Scalar> as_constant() const;
  /// Text in the generic language that compiles to the same expression.
  std::string ToString() const;
  /// The terms of the top-level AND that compare a column with a constant: each must hold for a row to pass, so a scan
  /// may skip data where one cannot. Terms of other shapes are left out.
  std::vector<Comparison> Conjuncts() const;
  /// The share of rows for which it is true as a condition, by rule of thumb: a tenth for an equality, a third for any
  /// other term of the top-level AND.
  double ExpectedShare() const;

  const expr::Program& program() const { return *program_; }

 private:
  std::shared_ptr<const expr::Program> program_;
};

/// Runs one expression; owns scratch. Not thread-safe: one per lane. Warm calls allocate only their result.
class ExprEvaluator {
 public:
  explicit ExprEvaluator(CompiledExprPtr expr);
  ~ExprEvaluator();
  ExprEvaluator(ExprEvaluator&&) noexcept;
  ExprEvaluator& operator=(ExprEvaluator&&) noexcept;

  /// batch.num_rows() values of expr.type(). A utf8 result may be dictionary-encoded. Rows with an error are null and
  /// stand in `errors`, ascending, one entry per row. Status: only for what ends a run (memory, 2 GiB of text in one
  /// batch).
  Result<ArrayDataPtr> Eval(const Batch& batch, std::vector<RowError>* errors);

  /// Rows for which the expression is true; false and null drop. A value that is not boolean counts as in Python: 0,
  /// "", an empty list or map and null are false. Rows with an error are not selected. AND evaluates left to right and
  /// stops at the first term that is not true.
  Result<Selection> EvalFilter(const Batch& batch, std::vector<RowError>* errors);

  const CompiledExpr& expr() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir
