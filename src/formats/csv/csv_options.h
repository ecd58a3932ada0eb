// How a CSV file is written: its dialect, what means null, and what a reader is asked for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "batch/types.h"

namespace weir {

/// RFC 4180 and its usual variations. All are single bytes below 0x80.
struct CsvDialect {
  char delimiter = ',';
  char quote = '"';             // '\0': no quoting
  std::optional<char> escape;   // makes the next byte ordinary, inside and outside quotes
  std::optional<char> comment;  // the rest of the line is ignored; a whole such line is no record
  /// Quotes alone decide what is structure: the vectorised indexer may be used.
  bool is_plain() const { return !escape && !comment; }
};

struct CsvReadOptions {
  CsvDialect dialect;
  /// The first record names the fields.
  bool header = true;
  /// Names to use: instead of the header's when there is one.
  std::vector<std::string> names;
  /// Texts that mean null in every column. Unset: the usual words (NA, null, NaN …) in columns that are not text.
  std::optional<std::vector<std::string>> null_values;
  /// An empty field (not a quoted "") is null in text columns. In other columns it always is.
  bool empty_is_null = true;
  /// Records with too few fields are filled with nulls instead of rejected.
  bool allow_short_rows = false;
  /// Types of single columns, instead of what the sample says.
  std::vector<std::pair<std::string, TypePtr>> types;
  /// Names and types of all fields, in any order; nothing is then inferred.
  SchemaPtr schema;
  /// How much of the first file is looked at for names and types.
  int64_t sample_bytes = 1 << 20;
};

}  // namespace weir
