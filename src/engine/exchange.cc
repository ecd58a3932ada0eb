// Spreads batches over lanes. Hash: one counting sort of row numbers, one gather of the whole batch in lane order, then
// slices that share its buffers; never row by row.
#include "engine/exchange.h"

#include "batch/gather.h"

namespace weir {

void ExchangeWriter::Push(size_t to, Batch batch) {
  Message message;
  message.producer = lane_;
  message.batch = std::move(batch);
  channels_[to]->Push(std::move(message));
}

Status ExchangeWriter::Send(Batch batch) {
  if (channels_.size() == 1) {
    // Gathered here, in the lane that has the rows in its cache.
    Push(0, batch.Compact());
    return Status::OK();
  }
  switch (exchange_.kind) {
    case ExchangeKind::kHash:
      return SendHashed(std::move(batch));
    case ExchangeKind::kBroadcast: {
      const Batch compact = batch.Compact();
      for (size_t i = 0; i < channels_.size(); ++i) Push(i, compact);
      return Status::OK();
    }
    case ExchangeKind::kForward:
    case ExchangeKind::kRebalance:
    case ExchangeKind::kGather:
      break;
  }
  size_t to = 0;
  if (exchange_.kind == ExchangeKind::kForward) to = static_cast<size_t>(lane_) % channels_.size();
  if (exchange_.kind == ExchangeKind::kRebalance) to = next_++ % channels_.size();
  Push(to, batch.Compact());
  return Status::OK();
}

Status ExchangeWriter::SendHashed(Batch batch) {
  const int64_t rows = batch.num_rows();
  const size_t lanes = channels_.size();
  hashes_.resize(rows);
  std::vector<ArrayDataPtr> keys;
  for (int key : exchange_.keys) keys.push_back(batch.column(key));
  WEIR_RETURN_NOT_OK(hasher_.Hash(keys, rows, hashes_.data()));
  std::vector<int64_t> starts(lanes + 1, 0);
  for (int64_t i = 0; i < rows; ++i) {
    hashes_[i] = static_cast<uint64_t>(LaneOfHash(hashes_[i], static_cast<int>(lanes)));
    ++starts[hashes_[i] + 1];
  }
  for (size_t lane = 0; lane < lanes; ++lane) {
    if (starts[lane + 1] == rows) {  // all rows go one way: nothing to reorder
      Push(lane, batch.Compact());
      return Status::OK();
    }
  }
  for (size_t lane = 0; lane < lanes; ++lane) starts[lane + 1] += starts[lane];
  rows_.resize(rows);
  std::vector<int64_t> next(starts.begin(), starts.end() - 1);
  for (int64_t i = 0; i < rows; ++i) rows_[next[hashes_[i]]++] = static_cast<int32_t>(i);
  WEIR_ASSIGN_OR_RETURN(Batch sorted, GatherBatch(batch, rows_));
  for (size_t lane = 0; lane < lanes; ++lane) {
    if (starts[lane + 1] > starts[lane]) Push(lane, sorted.Slice(starts[lane], starts[lane + 1] - starts[lane]));
  }
  return Status::OK();
}

void ExchangeWriter::SendControl(MessageKind kind, int64_t time) {
  for (Channel* channel : channels_) {
    Message message;
    message.kind = kind;
    message.producer = lane_;
    message.time = time;
    channel->Push(std::move(message));
  }
}

bool ExchangeWriter::FullOrNotify() {
  for (Channel* channel : channels_) {
    if (channel->FullOrNotify()) return true;
  }
  return false;
}

bool ExchangeWriter::full() const {
  for (Channel* channel : channels_) {
    if (channel->full()) return true;
  }
  return false;
}

bool ExchangeWriter::closed() const {
  for (Channel* channel : channels_) {
    if (!channel->closed()) return false;
  }
  return true;
}

}  // namespace weir
