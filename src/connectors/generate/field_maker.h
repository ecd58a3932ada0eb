// FieldMaker: one column of Generate. The value of a row is a pure function of seed, column and row number.
#pragma once

#include <memory>
#include <string>

#include "batch/batch.h"
#include "config/component_spec.h"

namespace weir::generate {

enum class FieldKind { kSequence, kInteger, kNumber, kNormal, kChoice, kText, kBoolean, kTime };

/// A field of the config as it is written; which settings count depends on the kind.
struct FieldConfig {
  FieldKind kind = FieldKind::kSequence;
  int64_t start = 0, step = 1;
  std::optional<double> min, max;
  double mean = 0, stddev = 1, share = 0.5, nulls = 0;
  NodePtr values;
  std::vector<double> weights;
  int64_t length = 8;
  std::string from;
  Duration every = Duration::Seconds(1);

  static const FieldSet<FieldConfig>& Fields();
};

class FieldMaker {
 public:
  virtual ~FieldMaker() = default;
  const std::shared_ptr<arrow::DataType>& type() const { return type_; }
  /// Values of rows [first, first + count). Thread-safe.
  virtual Result<ArrayDataPtr> Make(int64_t first, int64_t count) const = 0;

 protected:
  std::shared_ptr<arrow::DataType> type_;
};

/// Mistakes (a range that is empty, weights that do not match) go to `diagnostics` at `place`; null then.
std::unique_ptr<FieldMaker> MakeField(const FieldConfig& config, uint64_t seed, const NodePtr& place,
                                      Diagnostics* diagnostics);

}  // namespace weir::generate
