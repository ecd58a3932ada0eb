// The reader of text columns.
#pragma once

#include <memory>
#include <string>

#include "formats/csv/csv_column.h"

namespace weir {

/// utf8 columns. Columns whose values repeat come out dictionary-encoded (dictionary<int32, utf8>).
std::unique_ptr<CsvColumnReader> MakeCsvTextReader(const std::string& name, const TypePtr& type,
                                                   const CsvDialect& dialect, std::shared_ptr<const CsvNulls> nulls);

}  // namespace weir
