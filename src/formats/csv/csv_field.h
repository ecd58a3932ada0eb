// Loops over the fields of a CSV column; inline because each reader's body is compiled into its own loop.
#pragma once

#include "formats/csv/csv_column.h"

namespace weir {

/// body(index, begin, end) for each row to read; a '\r' before the line break is not part of the last field.
template <bool kSelected, bool kLast, class Body>
inline void ForEachCsvField(const CsvColumnRequest& request, Body&& body) {
  const CsvFields& f = request.fields;
  for (int64_t i = 0; i < request.num_rows; ++i) {
    const int64_t row = kSelected ? request.rows[i] : i;
    // 32-bit arithmetic: the byte before position 0 is UINT32_MAX.
    const char* begin = f.text + static_cast<uint32_t>(f.before[row * f.before_stride] + 1);
    const char* end = f.text + f.end[row * f.end_stride];
    if constexpr (kLast) end -= end > begin && end[-1] == '\r';
    body(i, begin, end);
  }
}

template <class Body>
inline void ForEachCsvField(const CsvColumnRequest& request, Body&& body) {
  if (request.rows) {
    request.fields.last_column ? ForEachCsvField<true, true>(request, body)
                               : ForEachCsvField<true, false>(request, body);
  } else {
    request.fields.last_column ? ForEachCsvField<false, true>(request, body)
                               : ForEachCsvField<false, false>(request, body);
  }
}

}  // namespace weir
