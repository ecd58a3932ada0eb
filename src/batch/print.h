// Text of values, rows and tables for people and tests: the Print step, diagnostics, expected results.
#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <span>
#include <string>

#include "batch/batch.h"

namespace weir {

/// RFC 3339 with the least digits: "2026-03-01T23:50:00Z", "…00.5Z". `micros` since 1970 UTC; years outside of
/// 0000–9999 get a sign, as ISO 8601 has it.
std::string FormatTimestamp(int64_t micros);
/// "2026-03-01".
std::string FormatDate(int32_t days);
/// As PrintDouble (base/print_value.h), always with a point or an exponent: "1.0", "0.1", "1e+22"; but
/// "NaN", "Infinity", "-Infinity".
std::string FormatDouble(double value);

/// Canonical JSON of one value: int64 exact, doubles as FormatDouble (the three that JSON lacks as strings),
/// timestamps, dates and decimals as strings, bytes in base64, structs and maps as objects. Appends to `out`.
void AppendJson(const arrow::ArrayData& column, int64_t row, std::string* out);
/// {"a": 1, "b": "x"}, columns in schema order; pruned columns are left out.
std::string RowToJson(const Batch& batch, int64_t row);
/// Text as JSON string, quoted; UTF-8 as it is, control characters escaped.
void AppendJsonString(std::string_view text, std::string* out);

struct TableOptions {
  int64_t max_rows = 40;        // more are cut, and the last line says how many
  int64_t max_cell_width = 50;  // in terminal columns; longer cells end in "…"
};

/// An aligned table with a header of names, numbers to the right, and a line that counts the rows:
///   carrier | flights | delay
///   --------+---------+------
///   AA      |     120 |   7.5
///   (1 row)
/// `total_rows` is what the collection holds when `batches` are only its beginning; -1: the sum of their rows.
std::string FormatTable(const SchemaPtr& schema, std::span<const Batch> batches, const TableOptions& options = {},
                        int64_t total_rows = -1);

}  // namespace weir
