// The forms of ToChanges that put rows together: what goes waits a little for what takes its place.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "operators/changes/change_forms.h"

namespace weir {

/// What a ToChanges step does, checked. Shared by its lanes.
struct ToPlan {
  ChangesConfig config;
  SchemaPtr schema;
  std::vector<int> keys;  // columns of the input
  std::vector<TypePtr> key_types;
  std::vector<TypePtr> types;  // of the input's columns
};
using ToPlanPtr = std::shared_ptr<const ToPlan>;

/// How long a row that goes waits for its successor, unless the watermark passes it before. Both are given in one go by
/// the steps that make changes; this is for what lies between.
inline constexpr int64_t kWaitUs = 100'000;

inline int64_t ChangeWeight(const Batch& batch, int64_t row) { return batch.has_weight() ? batch.weight().at(row) : 1; }

/// A column of two words: numbers[i] 0 is `insert`, 1 is `remove`.
ArrayDataPtr WordColumn(const std::string& insert, const std::string& remove, std::vector<int32_t> numbers);

/// before_after.
Result<std::unique_ptr<Operator>> MakeToPairs(ToPlanPtr plan, const OperatorContext& lane);
/// upsert.
Result<std::unique_ptr<Operator>> MakeToUpserts(ToPlanPtr plan, const OperatorContext& lane);

}  // namespace weir
