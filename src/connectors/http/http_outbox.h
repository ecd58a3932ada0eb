// HttpOutbox: the requests of a durable run, from the moment they are made until they are answered.
//
//   gathered ──the epoch ends, and they are in its record──▶ recorded ──the next one ends──▶ ready ──▶ sender
//
// A request goes out when the record of its epoch is on the medium: then it is made of the same rows and carries the
// same key, however often the process dies.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "batch/batch.h"
#include "connectors/http/http_sender.h"
#include "state/snapshot/state_cells.h"

namespace weir {

/// Not thread-safe.
class HttpOutbox {
 public:
  /// The body of a request of these rows.
  using MakeBody = std::function<Result<std::string>(const std::vector<Batch>& rows)>;
  HttpOutbox(SchemaPtr schema, std::string key_prefix) : schema_(std::move(schema)), prefix_(std::move(key_prefix)) {}

  /// A request of the epoch at hand. It gets its number and its key.
  void Add(std::unique_ptr<HttpDelivery> delivery);
  /// The epoch at hand ends, the one before it is committed. Puts what has changed: new requests, and those of `sender`
  /// that are over.
  Status EndEpoch(HttpSender* sender, StateCells* cells);
  /// What an earlier run has put.
  Status Restore(const StateCells& cells, const MakeBody& make_body);
  /// Gives the sender as many as it has room for.
  void Send(HttpSender* sender);
  /// The rows have ended: everything may go out.
  void ReleaseAll();

  bool has_ready() const { return !ready_.empty(); }
  /// So many wait for the sender that no more should be made.
  bool full() const { return ready_.size() >= kMaxReady; }

 private:
  static constexpr size_t kMaxReady = 64;
  using Deliveries = std::deque<std::unique_ptr<HttpDelivery>>;
  static void MoveTo(Deliveries* from, Deliveries* to);
  void SetKey(HttpDelivery* delivery) const;

  const SchemaPtr schema_;
  const std::string prefix_;
  int64_t last_number_ = 0;
  Deliveries gathered_, recorded_, ready_;
};

}  // namespace weir
