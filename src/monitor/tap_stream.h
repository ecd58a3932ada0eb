// TapStream: rows that flow out of a step right now, some of them, as JSON.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/tap.h"
#include "expr/expr.h"

namespace weir {

class Run;

/// One who looks at one output of a running pipeline. Used by one thread.
class TapStream {
 public:
  static constexpr int64_t kRowsAtOnce = 200;  // what a person or a terminal can take; the rest is counted as missed

  /// `name`: "Step", or "Step.output"; for a sink what comes in. `where`: a condition in the generic language over its
  /// fields; empty: every row. Errors: KeyError where there is no such output; Invalid where the condition is wrong or
  /// reads a field that is not made because no step reads it.
  static Result<std::unique_ptr<TapStream>> Open(Run* run, const std::string& name, const std::string& where);
  ~TapStream();

  /// Rows that have come since the last call, each an object; fields that nobody reads are left out.
  Result<std::vector<std::string>> Take();
  /// Rows that were neither shown nor looked at.
  int64_t missed_rows() const { return tap_->missed_rows() + skipped_; }
  /// Nothing more comes.
  bool ended() const;

 private:
  TapStream(Run* run, int node, int port);

  Run* const run_;
  const int node_;
  const std::shared_ptr<Tap> tap_;
  std::optional<ExprEvaluator> where_;
  int64_t skipped_ = 0;
};

}  // namespace weir
