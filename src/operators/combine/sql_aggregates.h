// Aggregates written as SQL text: `sum(price) / count(*)` is two calls of aggregate functions and an expression over
// their results.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "plan/binding.h"
#include "state/aggregate/aggregate.h"

namespace weir {

/// One call of an aggregate function in the text.
struct SqlAggregateCall {
  const AggregateFunction* function = nullptr;
  std::string argument;  // blanks as far as the argument stands from the beginning, then the argument; empty: count(*)
  bool counts_values = false;  // count(x): the rows in which x is not null
  std::string column;          // the name that stands for the call in SqlAggregateText::rest
};

struct SqlAggregateText {
  std::vector<SqlAggregateCall> calls;
  /// The text with each call replaced by the quoted name of its column, as long as the call was: places in messages
  /// stay right. Columns are numbered from `first_column` on.
  std::string rest;
};

/// Splits the text of `node`. A field of `input` outside of a call must be one of `group_by`. Nullopt after errors.
std::optional<SqlAggregateText> SplitSqlAggregates(const NodePtr& node, const arrow::Schema& input,
                                                   const std::vector<std::string>& group_by, size_t first_column,
                                                   BindContext& context);

}  // namespace weir
