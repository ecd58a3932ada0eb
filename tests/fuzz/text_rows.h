// What the fuzz targets of text formats share: an input from memory, and what a parser made of it, to compare.
#pragma once

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/io/memory.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "batch/print.h"
#include "formats/text/block_feeder.h"

namespace weir {

inline TextInput FuzzInput(std::string_view text) {
  auto reader = std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(std::string(text)));
  return {"fuzz", nullptr, reader};
}

/// Rows as JSON, then the errors, and whether the text was refused from some place on.
struct TextRows {
  std::vector<std::string> rows;
  std::vector<std::string> errors;
  bool refused = false;
};

/// Reads all of `feeder` with `parser`; every column must be valid Arrow, every text valid UTF-8.
template <class Parser>
TextRows ReadAll(BlockFeeder& feeder, Parser& parser) {
  TextRows out;
  std::vector<RecordError> errors;
  TextBlock block;
  while (!out.refused) {
    const Result<bool> more = feeder.Next(&block);
    out.refused = !more.ok();
    if (!more.ok() || !*more) break;
    const Result<Batch> batch = parser.Parse(block, &errors);
    out.refused = !batch.ok();
    if (!batch.ok()) break;
    for (int i = 0; i < batch->num_columns(); ++i) {
      if (batch->column(i) == nullptr) continue;
      WEIR_CHECK(arrow::MakeArray(batch->column(i))->ValidateFull().ok(), "a parser makes valid columns");
    }
    for (int64_t row = 0; row < batch->num_rows(); ++row) out.rows.push_back(RowToJson(*batch, row));
  }
  for (const RecordError& error : errors) out.errors.push_back(error.record + "\n" + error.message);
  return out;
}

/// The same text cut into blocks of other sizes gives the same rows and errors; up to the place where it is refused.
inline void CheckSame(const TextRows& whole, const TextRows& cut) {
  WEIR_CHECK(whole.refused == cut.refused, "text is refused at any block size or at none");
  if (whole.refused) return;
  WEIR_CHECK(whole.rows == cut.rows, "rows do not depend on block sizes");
  WEIR_CHECK(whole.errors == cut.errors, "errors do not depend on block sizes");
}

}  // namespace weir
