// Durable edges: what one stage writes into a chunk log for another to read, in the same process or another.
//
//   FOLDER/log        records, in this order for each epoch of the writing stage:
//                       chunk   epoch:i64, rows (connectors/support/outbox_file.h)     as they come
//                       shown   epoch:i64 watermark:i64 ended:i64                      the epoch is committed
//                     forget    epoch:i64    the writer has started anew: chunks of later epochs that came before count
//                     not
//   FOLDER/consumed   the record that the reader wants next, in decimal: what is before it may go
//
// Chunks are in the log before the writing stage's own record is; they count only when `shown` follows. So a stage that
// is killed between leaves nothing that its next start does not finish or forget.
#pragma once

#include <memory>
#include <string>

#include "engine/operator.h"
#include "log/log_format.h"
#include "plan/stages/stage_split.h"

namespace weir {

struct EdgeOptions {
  std::string folder;
  Durability durability = Durability::kPower;
  int64_t max_bytes = int64_t{1} << 30;  // beyond it the writing stage waits for the reading one
};

/// The two ends. Errors of opening: IOError where another process writes the edge.
Result<std::shared_ptr<Sink>> MakeEdgeSink(const StageEdge& edge, EdgeOptions options);
Result<std::shared_ptr<Source>> MakeEdgeSource(const StageEdge& edge, EdgeOptions options);

/// Columns of an edge as they are in its chunks, without those that nobody reads.
SchemaPtr ChunkSchema(const StageEdge& edge);

inline constexpr uint8_t kChunkRecord = kFirstUserKind;
inline constexpr uint8_t kShownRecord = kFirstUserKind + 1;
inline constexpr uint8_t kForgetRecord = kFirstUserKind + 2;

}  // namespace weir
