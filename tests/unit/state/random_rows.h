// Random columns of every flowing key type, with nulls, extremes, few or many distinct values: inputs of the state
// tests.
#pragma once

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

#include "batch/batch.h"
#include "batch/gather.h"
#include "batch/json_rows.h"
#include "batch/print.h"
#include "batch/types.h"
#include "unit/test_seed.h"

namespace weir::testing {

class RandomRows {
 public:
  explicit RandomRows(uint64_t seed) : random_(seed) {}

  uint64_t Below(uint64_t n) { return random_() % n; }

  TypePtr KeyType() {
    static const std::vector<TypePtr> kTypes = {
        arrow::int64(),
        arrow::int64(),
        arrow::utf8(),
        arrow::utf8(),
        arrow::date32(),
        TimestampType(),
        arrow::boolean(),
        arrow::float64(),
        arrow::binary(),
        arrow::decimal128(10, 2),
        arrow::list(arrow::int64()),
        arrow::null(),
        arrow::struct_({arrow::field("x", arrow::utf8()), arrow::field("y", arrow::float64())})};
    return kTypes[Below(kTypes.size())];
  }

  /// About `distinct` values; `spread` puts integers far apart.
  ArrayDataPtr Column(const TypePtr& type, int64_t rows, uint64_t distinct, bool nulls, int64_t spread = 1) {
    auto builder = arrow::MakeBuilder(type).ValueOrDie();
    for (int64_t i = 0; i < rows; ++i) {
      if (nulls && Below(5) == 0) {
        EXPECT_TRUE(builder->AppendNull().ok());
      } else {
        Append(*type, static_cast<int64_t>(Below(distinct)), spread, builder.get());
      }
    }
    ArrayDataPtr out = builder->Finish().ValueOrDie()->data();
    if (type->id() == arrow::Type::STRING && Below(2) == 0) {
      Batch one(arrow::schema({arrow::field("s", type)}), {out}, rows);
      out = DictionaryEncode(one, 0).ValueOrDie().column(0);
    }
    const int64_t cut = rows > 3 ? static_cast<int64_t>(Below(3)) : 0;  // offsets other than 0
    return cut == 0 ? out : ConcatAfterCut(out, cut);
  }

 private:
  // The same number of rows, seen through a slice.
  ArrayDataPtr ConcatAfterCut(const ArrayDataPtr& column, int64_t cut) {
    std::vector<int32_t> rows(column->length + cut);
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<int32_t>(i < static_cast<size_t>(cut) ? 0 : i - cut);
    return GatherColumn(column, rows).ValueOrDie()->Slice(cut, column->length);
  }

  void Append(const arrow::DataType& type, int64_t value, int64_t spread, arrow::ArrayBuilder* builder) {
    arrow::Status status;
    const int64_t integer = static_cast<int64_t>(static_cast<uint64_t>(value) * static_cast<uint64_t>(spread));
    switch (type.id()) {
      case arrow::Type::BOOL:
        status = static_cast<arrow::BooleanBuilder*>(builder)->Append((value & 1) != 0);
        break;
      case arrow::Type::INT64:
        status = static_cast<arrow::Int64Builder*>(builder)->Append(integer);
        break;
      case arrow::Type::TIMESTAMP:
        status = static_cast<arrow::TimestampBuilder*>(builder)->Append(
            static_cast<int64_t>(static_cast<uint64_t>(integer) - 5));
        break;
      case arrow::Type::DATE32:
        status = static_cast<arrow::Date32Builder*>(builder)->Append(static_cast<int32_t>(value - 3));
        break;
      case arrow::Type::DOUBLE: {
        static const double kOdd[] = {0.0, -0.0, std::numeric_limits<double>::quiet_NaN(),
                                      -std::numeric_limits<double>::quiet_NaN(),
                                      std::numeric_limits<double>::infinity()};
        const bool odd = Below(4) == 0;
        status = static_cast<arrow::DoubleBuilder*>(builder)->Append(odd ? kOdd[Below(5)]
                                                                         : static_cast<double>(integer) / 4);
        break;
      }
      case arrow::Type::STRING:
      case arrow::Type::BINARY: {
        std::string text = value % 7 == 0 ? "" : std::to_string(value) + std::string(value % 40, 'x');
        status = static_cast<arrow::BinaryBuilder*>(builder)->Append(text);
        break;
      }
      case arrow::Type::DECIMAL128:
        status = static_cast<arrow::Decimal128Builder*>(builder)->Append(arrow::Decimal128(value * 37 - 100));
        break;
      case arrow::Type::LIST: {
        auto* list = static_cast<arrow::ListBuilder*>(builder);
        status = list->Append();
        for (int64_t i = 0; i < value % 3; ++i) Append(arrow::Int64Type(), value + i, spread, list->value_builder());
        break;
      }
      case arrow::Type::STRUCT: {
        auto* fields = static_cast<arrow::StructBuilder*>(builder);
        status = fields->Append();
        for (int i = 0; i < type.num_fields(); ++i)
          Append(*type.field(i)->type(), value, spread, fields->field_builder(i));
        break;
      }
      default:
        status = builder->AppendNull();
    }
    EXPECT_TRUE(status.ok()) << status.ToString();
  }

  std::mt19937_64 random_;
};

}  // namespace weir::testing
