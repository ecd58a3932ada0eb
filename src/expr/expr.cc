// CompiledExpr and ExprEvaluator: the public face over parser, checker and runner.
#include "expr/expr.h"

#include <arrow/array/array_base.h>
#include <arrow/array/data.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include <algorithm>

#include "base/check.h"
#include "expr/check/checker.h"
#include "expr/parse/parser.h"
#include "expr/program.h"
#include "expr/run/runner.h"

namespace weir {

using expr::Node;
using expr::NodeKind;
using expr::Program;

namespace {

CompiledExprPtr CompileAst(expr::AstPtr ast, std::shared_ptr<arrow::Schema> input, std::vector<ExprError>* errors) {
  auto program = std::make_shared<Program>();
  program->input = std::move(input);
  expr::ProgramBuilder builder(program.get());
  expr::Checker checker(*program->input, &builder, errors);
  const Node* root = checker.Check(*ast);
  if (root == nullptr) return nullptr;
  builder.Finish(root, checker.AsCondition(root));
  program->ast = std::move(ast);
  return std::make_shared<CompiledExpr>(std::move(program));
}

std::string_view TrimmedText(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

expr::AstPtr NameAst(const std::string& name) {
  auto ast = std::make_shared<expr::Ast>();
  ast->kind = expr::AstKind::kName;
  ast->text = name;
  ast->end = name.size();
  return ast;
}

CompiledExpr::Op OpOf(expr::CompareOp op, bool swapped) {
  using expr::CompareOp;
  switch (op) {
    case CompareOp::kEq:
      return CompiledExpr::Op::kEq;
    case CompareOp::kNe:
      return CompiledExpr::Op::kNe;
    case CompareOp::kLt:
      return swapped ? CompiledExpr::Op::kGt : CompiledExpr::Op::kLt;
    case CompareOp::kLe:
      return swapped ? CompiledExpr::Op::kGe : CompiledExpr::Op::kLe;
    case CompareOp::kGt:
      return swapped ? CompiledExpr::Op::kLt : CompiledExpr::Op::kGt;
    default:
      return swapped ? CompiledExpr::Op::kLe : CompiledExpr::Op::kGe;
  }
}

}  // namespace

CompiledExpr::CompiledExpr(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
CompiledExpr::~CompiledExpr() = default;

CompiledExprPtr CompiledExpr::Compile(std::string_view text, ExprLanguage language, const arrow::Schema& input,
                                      std::vector<ExprError>* errors) {
  if (language == ExprLanguage::kPython) {
    errors->push_back(
        {0, text.size(), "this version does not compile Python expressions",
         "write it in the generic language, which reads much the same: 'a if c else b', 'and', 'in', lower(x)"});
    return nullptr;
  }
  auto schema = std::make_shared<arrow::Schema>(input);
  // The name of a field is that field, whatever characters it has.
  std::string whole(TrimmedText(text));
  if (input.GetAllFieldIndices(whole).size() == 1) return CompileAst(NameAst(whole), std::move(schema), errors);
  expr::AstPtr ast = expr::ParseExpression(text, language, errors);
  return ast == nullptr ? nullptr : CompileAst(std::move(ast), std::move(schema), errors);
}

CompiledExprPtr CompiledExpr::Column(const arrow::Schema& input, int index) {
  auto program = std::make_shared<Program>();
  program->input = std::make_shared<arrow::Schema>(input);
  expr::ProgramBuilder builder(program.get());
  std::vector<ExprError> errors;
  const Node* root = builder.Column(index);
  builder.Finish(root, expr::Checker(input, &builder, &errors).AsCondition(root));
  program->ast = NameAst(input.field(index)->name());
  return std::make_shared<CompiledExpr>(std::move(program));
}

CompiledExprPtr CompiledExpr::Literal(const std::shared_ptr<arrow::Scalar>& value) {
  auto ast = std::make_shared<expr::Ast>();
  ast->value = value;
  std::vector<ExprError> errors;
  return CompileAst(std::move(ast), arrow::schema({}), &errors);
}

Result<CompiledExprPtr> CompiledExpr::Cast(const CompiledExprPtr& inner, const TypePtr& type) {
  auto ast = std::make_shared<expr::Ast>();
  ast->kind = expr::AstKind::kCast;
  ast->args = {inner->program().ast};
  ast->type = type;
  std::vector<ExprError> errors;
  CompiledExprPtr made = CompileAst(std::move(ast), inner->program().input, &errors);
  if (made == nullptr) return Status::TypeError(errors[0].message);
  return made;
}

const TypePtr& CompiledExpr::type() const { return program_->root->type; }
bool CompiledExpr::nullable() const { return program_->root->nullable; }
const std::vector<int>& CompiledExpr::columns() const { return program_->columns; }
bool CompiledExpr::can_fail() const { return program_->root->can_fail; }
bool CompiledExpr::uses_time() const { return program_->uses_time; }
std::string CompiledExpr::ToString() const { return expr::PrintAst(*program_->ast); }

std::optional<int> CompiledExpr::as_column() const {
  if (program_->root->kind != NodeKind::kColumn) return std::nullopt;
  return program_->root->column;
}

std::shared_ptr<arrow::Scalar> CompiledExpr::as_constant() const {
  if (program_->root->kind != NodeKind::kConstant) return nullptr;
  return arrow::MakeArray(program_->root->constant)->GetScalar(0).ValueOr(nullptr);
}

std::vector<CompiledExpr::Comparison> CompiledExpr::Conjuncts() const {
  std::vector<Comparison> found;
  for (const Node* term : program_->filter_terms) {
    if (term->compare == expr::CompareOp::kNone) continue;
    const Node* left = term->args[0];
    const Node* right = term->args[1];
    bool swapped = left->kind == NodeKind::kConstant;
    if (swapped) std::swap(left, right);
    if (left->kind != NodeKind::kColumn || right->kind != NodeKind::kConstant || !right->constant->IsValid(0)) continue;
    auto value = arrow::MakeArray(right->constant)->GetScalar(0);
    if (value.ok()) found.push_back({left->column, OpOf(term->compare, swapped), *value});
  }
  return found;
}

double CompiledExpr::ExpectedShare() const {
  double share = 1;
  for (const Node* term : program_->filter_terms) {
    if (term->kind == NodeKind::kConstant) continue;
    share *= term->compare == expr::CompareOp::kEq ? 0.1 : 1.0 / 3;
  }
  return share;
}

class ExprEvaluator::Impl {
 public:
  explicit Impl(CompiledExprPtr expr) : expr_(std::move(expr)), runner_(expr_->program()) {}

  // Orders what the rows of this call said, the first thing of each row.
  void Tidy(std::vector<RowError>* errors, size_t from) {
    if (errors->size() == from) return;
    std::stable_sort(errors->begin() + from, errors->end(),
                     [](const RowError& a, const RowError& b) { return a.row < b.row; });
    auto last = std::unique(errors->begin() + from, errors->end(),
                            [](const RowError& a, const RowError& b) { return a.row == b.row; });
    errors->erase(last, errors->end());
  }

  CompiledExprPtr expr_;
  expr::Runner runner_;
};

ExprEvaluator::ExprEvaluator(CompiledExprPtr expr) : impl_(std::make_unique<Impl>(std::move(expr))) {}
ExprEvaluator::~ExprEvaluator() = default;
ExprEvaluator::ExprEvaluator(ExprEvaluator&&) noexcept = default;
ExprEvaluator& ExprEvaluator::operator=(ExprEvaluator&&) noexcept = default;

const CompiledExpr& ExprEvaluator::expr() const { return *impl_->expr_; }

Result<ArrayDataPtr> ExprEvaluator::Eval(const Batch& batch, std::vector<RowError>* errors) {
  size_t from = errors->size();
  WEIR_ASSIGN_OR_RETURN(auto values, impl_->runner_.Values(batch, *impl_->expr_->program().root, errors));
  impl_->Tidy(errors, from);
  return values;
}

Result<Selection> ExprEvaluator::EvalFilter(const Batch& batch, std::vector<RowError>* errors) {
  size_t from = errors->size();
  WEIR_ASSIGN_OR_RETURN(auto rows, arrow::AllocateResizableBuffer(std::max<int64_t>(batch.num_rows(), 1) * 4));
  auto* out = reinterpret_cast<int32_t*>(rows->mutable_data());
  WEIR_ASSIGN_OR_RETURN(int64_t count, impl_->runner_.Select(batch, impl_->expr_->program().filter_terms, errors, out));
  impl_->Tidy(errors, from);
  WEIR_RETURN_NOT_OK(rows->Resize(count * 4, false));
  return Selection{std::move(rows), count};
}

}  // namespace weir
