// The types that flow. Sources map what they read onto these few, so that operators and kernels need know no others:
//   null · bool · int64 · float64 · utf8 · binary · timestamp[us, UTC] · date32 · decimal128(p, s)
//   list<T> · struct<…> · map<utf8, T>
// Narrow integers and floats widen to int64 and float64; unsigned 64 bit is checked; other time units become µs;
// large_utf8, string_view become utf8. Physically a utf8 column may be dictionary<int32, utf8> (see batch.h).
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <string>

#include "base/status.h"

namespace weir {

using TypePtr = std::shared_ptr<arrow::DataType>;

/// timestamp[us, UTC], the only timestamp type that flows.
const TypePtr& TimestampType();

/// dictionary<int32, utf8>, the physical form that a utf8 column may take.
const TypePtr& DictionaryType();

/// The flowing type for any Arrow type, or TypeError when there is none (intervals, unions, half floats …).
Result<TypePtr> NormalizedType(const arrow::DataType& type);

/// `column` as its flowing type: widened, rescaled, checked. A dictionary of strings stays one (as DictionaryType())
/// unless its dictionary holds nulls. Errors: TypeError as NormalizedType; Invalid when a value does not fit (uint64 ≥
/// 2^63, timestamps outside of µs).
Result<std::shared_ptr<arrow::ArrayData>> NormalizeColumn(const std::shared_ptr<arrow::ArrayData>& column);

/// "integer", "number", "string", "boolean", "bytes", "timestamp", "date", "decimal(p, s)", "array<…>", "map<…>",
/// "object{a: integer, …}": the names of pipeline files, used in every message.
std::string TypeName(const arrow::DataType& type);

/// The inverse for a plain name or a JSON-schema-like spelling ("integer", "int64", "double", "array<string>" …).
Result<TypePtr> TypeFromName(const std::string& name);

}  // namespace weir
