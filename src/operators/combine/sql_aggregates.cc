// Finds calls of aggregate functions by tokens: names, parentheses.
#include "operators/combine/sql_aggregates.h"

#include <arrow/type.h>

#include <algorithm>
#include <utility>

#include "expr/parse/lexer.h"

namespace weir {
namespace {

using expr::Token;
using expr::TokenKind;

/// SQL's name of an aggregate function, and ours.
constexpr std::pair<const char*, const char*> kNames[] = {
    {"sum", "sum"},
    {"count", "count"},
    {"min", "min"},
    {"max", "max"},
    {"avg", "mean"},
    {"mean", "mean"},
    {"every", "all"},
    {"bool_and", "all"},
    {"bool_or", "any"},
    {"variance", "variance"},
    {"stddev", "stddev"},
    {"var_samp", "variance"},
    {"stddev_samp", "stddev"},
    {"array_agg", "group"},
};

const AggregateFunction* FunctionOf(const Token& name) {
  if (name.kind != TokenKind::kName) return nullptr;
  for (const auto& [sql, ours] : kNames) {
    if (name.lower == sql) return FindAggregateFunction(ours);
  }
  return nullptr;
}

bool IsSymbol(const Token& token, const char* symbol) {
  return token.kind == TokenKind::kSymbol && token.text == symbol;
}

class Splitter {
 public:
  Splitter(const NodePtr& node, std::vector<Token> tokens, size_t first_column, BindContext& context)
      : node_(node), tokens_(std::move(tokens)), first_column_(first_column), context_(context) {
    out_.rest = node->text();
  }

  bool Run(const arrow::Schema& input, const std::vector<std::string>& group_by) {
    for (size_t at = 0; at < tokens_.size(); ++at) {
      const Token& token = tokens_[at];
      if (FunctionOf(token) != nullptr && at + 1 < tokens_.size() && IsSymbol(tokens_[at + 1], "(")) {
        const size_t close = Closing(at + 1);
        if (close == 0) return true;  // the expression's own check says that a parenthesis is missing
        if (!HasComma(at + 1, close)) {
          if (!AddCall(at, close)) return false;
          at = close;
          continue;
        }
      }
      if (!CheckName(at, input, group_by)) good_ = false;
    }
    return good_;
  }
  SqlAggregateText Take() { return std::move(out_); }

 private:
  /// The token that closes the parenthesis at `open`, or 0.
  size_t Closing(size_t open) const {
    int depth = 0;
    for (size_t at = open; at < tokens_.size(); ++at) {
      if (IsSymbol(tokens_[at], "(")) ++depth;
      if (IsSymbol(tokens_[at], ")") && --depth == 0) return at;
    }
    return 0;
  }

  /// min(a, b) is no aggregate.
  bool HasComma(size_t open, size_t close) const {
    int depth = 0;
    for (size_t at = open; at < close; ++at) {
      if (IsSymbol(tokens_[at], "(") || IsSymbol(tokens_[at], "[")) ++depth;
      if (IsSymbol(tokens_[at], ")") || IsSymbol(tokens_[at], "]")) --depth;
      if (depth == 1 && IsSymbol(tokens_[at], ",")) return true;
    }
    return false;
  }

  void Error(const Token& at, std::string message, std::string hint) {
    context_.diagnostics().Error(node_->source(), node_->SpanOfText(at.begin, at.end), std::move(message),
                                 std::move(hint));
  }

  bool AddCall(size_t name, size_t close) {
    SqlAggregateCall call;
    call.function = FunctionOf(tokens_[name]);
    const bool counts = !call.function->needs_value;
    size_t first = name + 2;
    const Token& begin = tokens_[first];
    if (begin.kind == TokenKind::kName && begin.lower == "distinct") {
      if (!counts) {
        Error(begin, "only count takes 'distinct'", "leave it out, or use the Sql step");
        return false;
      }
      call.function = FindAggregateFunction("count_distinct");
      ++first;
    } else {
      call.counts_values = counts;
    }
    const bool star = counts && first + 1 == close && IsSymbol(tokens_[first], "*");
    if (star) {
      call.counts_values = false;
    } else {
      const size_t from = tokens_[first].begin, to = tokens_[close].begin;
      call.argument = std::string(from, ' ') + node_->text().substr(from, to - from);
    }
    const size_t from = tokens_[name].begin, to = tokens_[close].end;
    call.column = "#" + std::to_string(first_column_ + out_.calls.size());
    call.column.resize(std::max(call.column.size(), to - from - 2), ' ');
    out_.rest.replace(from, to - from, "\"" + call.column + "\"");
    if (out_.rest.size() != node_->text().size()) {
      Error(tokens_[name], "there are too many aggregates", "use the Sql step");
      return false;
    }
    out_.calls.push_back(std::move(call));
    return true;
  }

  bool CheckName(size_t at, const arrow::Schema& input, const std::vector<std::string>& group_by) {
    const Token& token = tokens_[at];
    if (token.kind != TokenKind::kName && token.kind != TokenKind::kQuotedName) return true;
    if (at > 0 && IsSymbol(tokens_[at - 1], ".")) return true;
    if (at + 1 < tokens_.size() && IsSymbol(tokens_[at + 1], "(")) return true;
    if (input.GetFieldIndex(token.text) < 0) return true;
    if (std::find(group_by.begin(), group_by.end(), token.text) != group_by.end()) return true;
    Error(token, "'" + token.text + "' stands outside of an aggregate function",
          "add it to group_by, or take one value of each group, for example max(" + token.text + ")");
    return false;
  }

  const NodePtr& node_;
  const std::vector<Token> tokens_;
  const size_t first_column_;
  BindContext& context_;
  SqlAggregateText out_;
  bool good_ = true;
};

}  // namespace

std::optional<SqlAggregateText> SplitSqlAggregates(const NodePtr& node, const arrow::Schema& input,
                                                   const std::vector<std::string>& group_by, size_t first_column,
                                                   BindContext& context) {
  std::vector<Token> tokens;
  std::vector<ExprError> errors;
  if (!expr::Tokenize(node->text(), ExprLanguage::kSql, &tokens, &errors)) {
    for (const ExprError& error : errors) {
      context.diagnostics().Error(node->source(), node->SpanOfText(error.begin, error.end), error.message, error.hint);
    }
    return std::nullopt;
  }
  Splitter splitter(node, std::move(tokens), first_column, context);
  if (!splitter.Run(input, group_by)) return std::nullopt;
  return splitter.Take();
}

}  // namespace weir
