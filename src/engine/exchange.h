// ExchangeWriter: the sending end of an exchange. One per upstream lane and edge; it spreads batches over the channels
// of the downstream lanes.
#pragma once

#include <vector>

#include "engine/channel.h"
#include "plan/step_binding.h"
#include "state/hash/hash.h"

namespace weir {

class ExchangeWriter {
 public:
  /// `channels`: one per downstream lane, not owned. `lane`: of the upstream task.
  ExchangeWriter(Exchange exchange, int lane, std::vector<Channel*> channels)
      : exchange_(std::move(exchange)), lane_(lane), channels_(std::move(channels)), next_(lane) {}

  Status Send(Batch batch);
  /// To every lane: a message that is not a batch.
  void SendControl(MessageKind kind, int64_t time);
  bool FullOrNotify();
  bool full() const;
  bool closed() const;

 private:
  Status SendHashed(Batch batch);
  void Push(size_t to, Batch batch);

  const Exchange exchange_;
  const int lane_;
  const std::vector<Channel*> channels_;
  size_t next_;
  KeyHasher hasher_;
  std::vector<uint64_t> hashes_;
  std::vector<int32_t> rows_;
};

}  // namespace weir
