// Literals that need more than a token: times, intervals, type names.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace weir::expr {

/// A timestamp (µs, UTC) or date32 scalar from RFC 3339 text; a timestamp without zone is UTC.
Result<std::shared_ptr<arrow::Scalar>> ParseTimeLiteral(std::string_view text, bool date);

/// "year" … "microsecond", singular or plural.
bool IsTimeUnit(std::string_view word);

/// "1 hour", "2 days 3 hours", "-90 minutes", "1 month". Months and years are kept apart from the fixed units.
Status ParseInterval(std::string_view text, int64_t* months, int64_t* micros);

/// The inverse: "14 months 3 seconds".
std::string FormatInterval(int64_t months, int64_t micros);

/// Decimal digits, as they stand: "-12.50" is decimal(4, 2).
Result<std::shared_ptr<arrow::Scalar>> ParseDecimalLiteral(std::string_view text);

}  // namespace weir::expr
