// The table of combine functions.
#include "state/aggregate/aggregate.h"

#include <arrow/type.h>

namespace weir {

const std::vector<AggregateFunction>& AggregateFunctions() {
  static const std::vector<AggregateFunction> kFunctions = {
      {"sum", "The sum; integers stay integers.", true, true, MakeSum, "sums"},
      {"max", "The greatest value.", true, false, MakeMax},
      {"min", "The least value.", true, false, MakeMin},
      {"all", "Whether every value is true.", true, true, MakeAll},
      {"any", "Whether at least one value is true.", true, true, MakeAny},
      {"mean", "The arithmetic mean, as a number.", true, true, MakeMean, "sums"},
      {"count", "The number of rows, nulls included.", false, true, MakeCount, "counts"},
      {"group", "A list of the values.", true, false, MakeGroup},
      {"concat", "The lists of all rows joined to one.", true, false, MakeConcat},
      {"count_distinct", "The number of different values, nulls left out.", true, false, MakeCountDistinct},
      {"variance", "The variance of the values as a sample (n − 1).", true, false, MakeVariance, "moments"},
      {"stddev", "The standard deviation of the values as a sample (n − 1).", true, false, MakeStddev, "moments"},
  };
  return kFunctions;
}

const AggregateFunction* FindAggregateFunction(const std::string& name) {
  for (const AggregateFunction& function : AggregateFunctions()) {
    if (name == function.name) return &function;
  }
  return nullptr;
}

}  // namespace weir
