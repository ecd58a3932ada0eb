// Records of a chunk log; whoever comes first writes for those that come meanwhile (group commit).
//
//   record = origin, is_end, number of errors, { raw text, message }, rows      as of StateWriter; rows: outbox_file.h
#include "connectors/support/arrival_log.h"

#include <arrow/buffer.h>
#include <arrow/io/memory.h>

#include <cstdio>

#include "base/kill_point.h"
#include "connectors/support/outbox_file.h"
#include "connectors/support/position.h"
#include "env/env.h"
#include "state/snapshot/state_bytes.h"

namespace weir {
namespace {

constexpr uint8_t kArrival = kFirstUserKind;
constexpr int64_t kSegmentBytes = 16 << 20;

Result<std::string> Encode(const ArrivalQueue::Arrival& arrival, const SchemaPtr& schema) {
  std::string payload;
  StateWriter writer(&payload);
  writer.Int(arrival.origin);
  writer.Byte(arrival.is_end);
  writer.Int(static_cast<int64_t>(arrival.errors.size()));
  for (const RawError& error : arrival.errors) {
    writer.Bytes(error.raw);
    writer.Bytes(error.message);
  }
  if (arrival.rows.num_rows() == 0) return payload;
  WEIR_ASSIGN_OR_RETURN(auto stream, arrow::io::BufferOutputStream::Create());
  OutboxEncoder encoder(stream.get(), schema);
  WEIR_RETURN_NOT_OK(encoder.Write(arrival.rows));
  WEIR_RETURN_NOT_OK(encoder.Finish());
  WEIR_ASSIGN_OR_RETURN(const auto rows, stream->Finish());
  writer.Bytes({reinterpret_cast<const char*>(rows->data()), static_cast<size_t>(rows->size())});
  return payload;
}

Result<ArrivalQueue::Arrival> Decode(std::string_view payload) {
  ArrivalQueue::Arrival arrival;
  StateReader reader(payload);
  arrival.origin = reader.Int();
  arrival.is_end = reader.Byte() != 0;
  for (int64_t left = reader.Int(); left > 0 && reader.ok(); --left) {
    RawError& error = arrival.errors.emplace_back();
    error.raw = reader.Bytes();
    error.message = reader.Bytes();
  }
  if (!reader.ok()) return Status::Invalid("a record of what was taken is damaged");
  if (reader.AtEnd()) return arrival;
  WEIR_ASSIGN_OR_RETURN(auto batches, DecodeOutbox(arrow::Buffer::FromString(std::string(reader.Bytes()))));
  WEIR_ASSIGN_OR_RETURN(arrival.rows, JoinBatches(std::move(batches)));
  return arrival;
}

}  // namespace

Result<std::unique_ptr<ArrivalLog>> ArrivalLog::Open(const OperatorContext& context, SchemaPtr schema,
                                                     int64_t max_bytes) {
  char name[40];
  std::snprintf(name, sizeof name, "arrivals-%016llx",
                static_cast<unsigned long long>(StableHash(context.durable_id + "\n" + context.step)));
  std::unique_ptr<ArrivalLog> out(new ArrivalLog(std::move(schema), context.env->files()));
  ChunkLogOptions options;
  options.segment_bytes = kSegmentBytes;
  options.max_bytes = max_bytes + 2 * kSegmentBytes;  // room comes back by whole segments
  options.holder = "step " + context.step;
  WEIR_ASSIGN_OR_RETURN(out->log_, ChunkLog::Open(out->files_, JoinPath(context.state_dir, name), std::move(options)));
  out->epoch_ = out->log_->epoch();
  return out;
}

Result<std::vector<ArrivalQueue::Arrival>> ArrivalLog::After(int64_t position) {
  std::lock_guard lock(log_mutex_);
  std::vector<ArrivalQueue::Arrival> arrivals;
  for (const SegmentFile& file : log_->segments()) {
    WEIR_ASSIGN_OR_RETURN(const auto segment, Segment::Open(files_, file.path));
    const auto visit = [&](const PlacedRecord& record, const std::string& payload) -> Status {
      if (record.header.kind != kArrival || record.header.sequence <= position) return Status::OK();
      WEIR_ASSIGN_OR_RETURN(ArrivalQueue::Arrival arrival, Decode(payload));
      arrival.place = record.header.sequence;
      arrivals.push_back(std::move(arrival));
      return Status::OK();
    };
    WEIR_RETURN_NOT_OK(segment->Walk(log_->next_sequence(), visit).status());
  }
  return arrivals;
}

bool ArrivalLog::full() const { return full_.load(std::memory_order_relaxed); }

void ArrivalLog::WaitForRoom(int64_t ms) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::milliseconds(ms), [&] { return !full(); });
}

Status ArrivalLog::Write(const std::vector<Waiting*>& group) {
  std::lock_guard lock(log_mutex_);
  auto write = [&]() -> Status {
    for (Waiting* waiting : group) {
      WEIR_ASSIGN_OR_RETURN(const ChunkLog::Place place, log_->Append(kArrival, waiting->payload));
      waiting->arrival.place = place.record.header.sequence;
    }
    KillPoint("arrivals.commit.before");
    return log_->Commit(++epoch_, "");
  };
  const Status status = write();
  if (!status.ok()) (void)log_->Abandon();  // of a log that is broken nothing is written any more
  KillPoint("arrivals.commit.after");
  full_ = log_->full();
  return status;
}

Result<bool> ArrivalLog::Accept(ArrivalQueue::Arrival arrival, ArrivalQueue* queue) {
  Waiting mine;
  WEIR_ASSIGN_OR_RETURN(mine.payload, Encode(arrival, schema_));
  mine.arrival = std::move(arrival);
  std::unique_lock lock(mutex_);
  waiting_.push_back(&mine);
  changed_.wait(lock, [&] { return mine.done || !writing_; });
  while (!mine.done) {
    writing_ = true;
    const std::vector<Waiting*> group(waiting_.begin(), waiting_.end());
    waiting_.clear();
    lock.unlock();
    const Status written = Write(group);
    for (Waiting* waiting : group) {
      if (written.ok()) {
        waiting->result = queue->Push(std::move(waiting->arrival));
      } else {
        queue->Release(waiting->arrival.bytes);
        waiting->result = written;
      }
    }
    lock.lock();
    for (Waiting* waiting : group) waiting->done = true;
    writing_ = false;
    changed_.notify_all();
  }
  return mine.result;
}

Status ArrivalLog::Committed(int64_t position) {
  std::lock_guard lock(log_mutex_);
  if (position <= trimmed_) return Status::OK();
  trimmed_ = position;
  log_->TrimBelow(position + 1);
  if (!log_->full()) return Status::OK();  // else it happens with the next arrivals
  WEIR_RETURN_NOT_OK(log_->Commit(++epoch_, ""));
  full_ = log_->full();
  std::lock_guard waiting(mutex_);
  changed_.notify_all();
  return Status::OK();
}

}  // namespace weir
