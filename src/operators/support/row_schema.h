// RowSchema: a JSON schema (the part of 2020-12 that is about one value) compiled against the type of the rows it
// judges.
#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <string>

#include "batch/batch.h"
#include "config/diagnostic.h"
#include "config/node.h"

namespace weir {

struct SchemaRule;

/// Immutable; shared by lanes. A null field counts as absent, as in Beam: only `required` minds it.
class RowSchema {
 public:
  /// `schema` must be an object schema. Null after diagnostics: unknown keywords, values of the wrong kind, and types
  /// that no row of this type can have.
  static std::shared_ptr<const RowSchema> Compile(const NodePtr& schema, const arrow::Schema& rows,
                                                  Diagnostics* diagnostics);
  ~RowSchema();

  /// What is wrong with row `row` of `batch`, or "". Reads every column; none may be pruned.
  std::string Check(const Batch& batch, int64_t row) const;

 private:
  explicit RowSchema(std::unique_ptr<SchemaRule> root);
  std::unique_ptr<SchemaRule> root_;
};

}  // namespace weir
