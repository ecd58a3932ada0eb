// Runner: runs a Program over a batch, chunk by chunk. Owned by one evaluator; not thread-safe.
//
// A node is computed for the rows that need it: the later terms of AND and OR, and the branches of case and coalesce
// see only the rows that reach them, so a guarded division never fails. A shared node is computed once per chunk; what
// was computed for fewer rows is forgotten when its branch ends.
//
// A subexpression over one string column that arrives dictionary-encoded is computed once per distinct value and looked
// up per row. Results are kept as long as batches bring the same dictionary.
#pragma once

#include <vector>

#include "expr/program.h"
#include "expr/run/writer.h"

namespace weir::expr {

class Runner {
 public:
  explicit Runner(const Program& program);

  /// Values of `node` for all rows of `batch`. Errors are appended in no order, a row maybe twice.
  Result<ArrayDataPtr> Values(const Batch& batch, const Node& node, std::vector<RowError>* errors);
  /// Rows of `batch` for which every term is true and no error stands in `errors`; written to `out`, which has room for
  /// all.
  Result<int64_t> Select(const Batch& batch, const std::vector<const Node*>& terms, std::vector<RowError>* errors,
                         int32_t* out);

 private:
  struct DictionaryResult {
    ArrayDataPtr dictionary;     // what the values are of; holds it alive, so that its address is not used again
    ArrayDataPtr values;         // one for each entry, then one for null
    ArrayDataPtr as_column;      // string results: distinct values, and for each entry its place among them
    std::vector<int32_t> place;  // -1 = null
    bool usable = false;
    bool active = false;  // in this batch
  };

  Status BeginBatch(const Batch& batch, std::vector<RowError>* errors);
  Status BindDictionary(const Node& node, int64_t batch_rows);
  Result<ArrayDataPtr> DictionaryColumn(const Node& node);
  void BeginChunk(int64_t start, int rows);
  Vec Eval(const Node& node, const Rows& rows, void* direct = nullptr);
  Vec Compute(const Node& node, const Rows& rows, void* direct);
  Vec LookUp(const Node& node, const Rows& rows);
  Vec Time(const Node& node);
  Vec Field(const Node& node, const Rows& rows);
  Vec Call(const Node& node, const Rows& rows, void* direct);
  Vec Logic(const Node& node, const Rows& rows);
  Vec Case(const Node& node, const Rows& rows);
  Vec Coalesce(const Node& node, const Rows& rows);
  void Forget(size_t mark);
  void DropFailed(size_t first_error, Vec* vec, int rows);
  Status WriteChunks(const Node& node, int64_t rows, ColumnWriter* writer);

  const Program& program_;
  Scratch scratch_;
  ErrorSink sink_;
  Status status_;
  std::vector<const arrow::ArrayData*> columns_;  // of the batch, by input column
  const Batch* batch_ = nullptr;
  int64_t start_ = 0;  // of the chunk
  int chunk_ = 0;
  std::vector<Vec> memo_;  // by node id
  std::vector<uint8_t> remembered_;
  std::vector<int> remembered_order_;
  std::vector<DictionaryResult> dictionaries_;  // by slot
  bool inside_dictionary_ = false;
};

}  // namespace weir::expr
