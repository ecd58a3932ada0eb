// Partitions of files: rows by the values of some columns, named as folders are (Hive's key=value).
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "batch/batch.h"

namespace weir {

/// Columns that become folders, and what is left for the files.
class Partitioning {
 public:
  Partitioning(SchemaPtr schema, std::vector<int> keys);

  bool empty() const { return keys_.empty(); }
  const SchemaPtr& file_schema() const { return file_schema_; }
  /// Rows of `batch` by folder ("day=2026-03-01/", with a slash at the end), in the order in which they came; bytes
  /// that mean something in a path become %XX, null is __HIVE_DEFAULT_PARTITION__. Without keys: all rows, in "".
  std::vector<std::pair<std::string, Batch>> Split(const Batch& batch) const;

 private:
  const std::vector<int> keys_;
  std::vector<int> kept_columns_;
  SchemaPtr file_schema_;
};

}  // namespace weir
