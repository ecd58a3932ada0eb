// Pruning of row groups by their statistics.
#include "formats/parquet/row_group_statistics.h"

#include <arrow/scalar.h>
#include <arrow/type.h>
#include <parquet/metadata.h>
#include <parquet/statistics.h>

#include <cmath>
#include <optional>
#include <string_view>

namespace weir {
namespace {

using Op = CompiledExpr::Op;

/// No x in [min, max] fulfils `x op value`. Correct also when the bounds are wider than the data.
template <class T>
bool RangeExcludes(const T& min, const T& max, Op op, const T& value) {
  switch (op) {
    case Op::kEq:
      return value < min || max < value;
    case Op::kNe:
      return false;  // would need exact bounds
    case Op::kLt:
      return !(min < value);
    case Op::kLe:
      return value < min;
    case Op::kGt:
      return !(value < max);
    case Op::kGe:
      return max < value;
  }
  return false;
}

struct Int64Range {
  int64_t min, max;
};

/// Stored integers in the unit that flows: timestamps become µs, rounded outwards.
std::optional<Int64Range> ToFlowing(Int64Range stored, const arrow::DataType& type) {
  if (type.id() == arrow::Type::UINT64 || type.id() == arrow::Type::UINT32) {
    return stored.min < 0 || stored.max < stored.min ? std::nullopt : std::optional(stored);
  }
  if (type.id() != arrow::Type::TIMESTAMP) return stored;
  switch (static_cast<const arrow::TimestampType&>(type).unit()) {
    case arrow::TimeUnit::MICRO:
      return stored;
    case arrow::TimeUnit::NANO:
      return Int64Range{stored.min / 1000 - 1, stored.max / 1000 + 1};
    case arrow::TimeUnit::MILLI: {
      Int64Range out;
      if (__builtin_mul_overflow(stored.min, int64_t{1000}, &out.min)) return std::nullopt;
      if (__builtin_mul_overflow(stored.max, int64_t{1000}, &out.max)) return std::nullopt;
      return out;
    }
    default:
      return std::nullopt;
  }
}

std::optional<int64_t> IntegerOf(const arrow::Scalar& scalar) {
  switch (scalar.type->id()) {
    case arrow::Type::INT64:
      return static_cast<const arrow::Int64Scalar&>(scalar).value;
    case arrow::Type::TIMESTAMP:
      return static_cast<const arrow::TimestampScalar&>(scalar).value;
    case arrow::Type::DATE32:
      return static_cast<const arrow::Date32Scalar&>(scalar).value;
    default:
      return std::nullopt;
  }
}

template <class DType>
bool IntegersExclude(const parquet::Statistics& statistics, const arrow::DataType& type,
                     const CompiledExpr::Comparison& term) {
  const auto& typed = static_cast<const parquet::TypedStatistics<DType>&>(statistics);
  auto range = ToFlowing({typed.min(), typed.max()}, type);
  auto value = IntegerOf(*term.value);
  return range && value && RangeExcludes(range->min, range->max, term.op, *value);
}

template <class DType>
bool FloatsExclude(const parquet::Statistics& statistics, const CompiledExpr::Comparison& term) {
  const auto& typed = static_cast<const parquet::TypedStatistics<DType>&>(statistics);
  if (term.value->type->id() != arrow::Type::DOUBLE) return false;
  double min = typed.min(), max = typed.max(), value = static_cast<const arrow::DoubleScalar&>(*term.value).value;
  if (std::isnan(min) || std::isnan(max) || std::isnan(value)) return false;
  // NaN is left out of statistics; where it orders above all numbers it can fulfil > and >=.
  if (term.op == Op::kGt || term.op == Op::kGe) return false;
  return RangeExcludes(min, max, term.op, value);
}

bool StringsExclude(const parquet::Statistics& statistics, const CompiledExpr::Comparison& term) {
  const auto& typed = static_cast<const parquet::TypedStatistics<parquet::ByteArrayType>&>(statistics);
  if (term.value->type->id() != arrow::Type::STRING) return false;
  auto view = [](const parquet::ByteArray& b) { return std::string_view(reinterpret_cast<const char*>(b.ptr), b.len); };
  std::string_view value = static_cast<const arrow::StringScalar&>(*term.value).view();
  return RangeExcludes(view(typed.min()), view(typed.max()), term.op, value);
}

}  // namespace

bool ProvesNoRow(const parquet::ColumnChunkMetaData& chunk, const arrow::DataType& stored_type,
                 const CompiledExpr::Comparison& term) {
  if (!chunk.is_stats_set()) return false;
  std::shared_ptr<parquet::Statistics> statistics = chunk.statistics();
  if (!statistics) return false;
  if (statistics->HasNullCount() && chunk.num_values() > 0 && statistics->null_count() == chunk.num_values())
    return true;
  if (!statistics->HasMinMax()) return false;
  switch (statistics->physical_type()) {
    case parquet::Type::INT32:
      return IntegersExclude<parquet::Int32Type>(*statistics, stored_type, term);
    case parquet::Type::INT64:
      return IntegersExclude<parquet::Int64Type>(*statistics, stored_type, term);
    case parquet::Type::FLOAT:
      return FloatsExclude<parquet::FloatType>(*statistics, term);
    case parquet::Type::DOUBLE:
      return FloatsExclude<parquet::DoubleType>(*statistics, term);
    case parquet::Type::BYTE_ARRAY:
      return StringsExclude(*statistics, term);
    default:
      return false;
  }
}

}  // namespace weir
