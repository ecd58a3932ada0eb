// What the tests of text formats share: inputs from memory, blocks of any size, batches as JSON rows.
#pragma once

#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "batch/print.h"
#include "formats/text/block_feeder.h"

namespace weir {

inline TextInput MemoryInput(const std::string& text, bool seekable, const std::string& name = "t.csv") {
  auto reader = std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(text));
  return seekable ? TextInput{name, nullptr, reader} : TextInput{name, reader, nullptr};
}

template <class T>
T Must(Result<T> result) {
  EXPECT_TRUE(result.ok()) << result.status().ToString();
  return std::move(result).ValueOrDie();
}

inline void AppendRows(const Batch& batch, std::vector<std::string>* rows) {
  for (int64_t i = 0; i < batch.num_rows(); ++i) rows->push_back(RowToJson(batch, i));
}

}  // namespace weir
