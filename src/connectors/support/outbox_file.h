// Rows as bytes, for the outbox of a durable run: they wait there for their target.
//
//   outbox = "WEIRBOX1" frame* end        numbers are little endian
//   frame  = size:u32 rows:u32 checksum:u64 payload[size]       checksum: XXH3, 64 bit, of the payload
//   end    = 0:u32 0:u32 0:u64
//   first payload: the schema, an Arrow IPC message
//   others: flags:u32 0:u32 constants:i64[4] column* message
//     of event_time, weight, window_start, window_end: flags bit i: i is there; bit 8 + i: i is a constant; else
//     column i = i64[rows]
//     message: the columns, an Arrow IPC record batch
#pragma once

#include <arrow/io/type_fwd.h>

#include <memory>
#include <vector>

#include "batch/batch.h"

namespace weir {

/// Not thread-safe. The stream must outlive it.
class OutboxEncoder {
 public:
  OutboxEncoder(arrow::io::OutputStream* out, SchemaPtr schema) : out_(out), schema_(std::move(schema)) {}
  /// `batch` has the schema's columns, none of them pruned.
  Status Write(const Batch& batch);
  /// Without it the file is not complete, and reading it is an error.
  Status Finish();

 private:
  Status Begin();
  Status Frame(uint32_t rows, const std::vector<BufferPtr>& parts);

  arrow::io::OutputStream* const out_;
  const SchemaPtr schema_;
  bool begun_ = false;
};

/// All rows of an outbox. Errors: Invalid with the offset where the bytes are not what was written.
Result<std::vector<Batch>> DecodeOutbox(const BufferPtr& bytes);

}  // namespace weir
