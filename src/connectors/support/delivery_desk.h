// The two halves behind TargetSink: rows that go out as they come, and rows that wait for their epoch.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connectors/support/courier.h"
#include "connectors/support/target_sink.h"

namespace weir {

/// What the writers of all lanes write to. Thread-safe.
class DeliveryDesk {
 public:
  virtual ~DeliveryDesk() = default;
  virtual Status Write(Batch batch) = 0;
  /// The last writer has finished.
  virtual Status Finish() = 0;
  virtual bool full() const = 0;
  virtual std::vector<RejectedRows> TakeRejected() = 0;
  /// Whether rows are on their way of which nothing is known yet.
  virtual bool busy() const = 0;
  /// Why it does not go on.
  virtual Status status() const = 0;
  virtual Status Recover(int64_t epoch, const std::string& token) = 0;
  virtual Result<std::string> Prepare(int64_t epoch) = 0;
  virtual Status Commit(const std::string& token) = 0;
  virtual Status Abort(int64_t epoch) = 0;
};

/// Both start from a courier that is open.
Result<std::unique_ptr<DeliveryDesk>> MakeQueuedDelivery(const TargetSinkOptions& options, Courier* courier);
Result<std::unique_ptr<DeliveryDesk>> MakeOutboxDelivery(const TargetSinkOptions& options, Courier* courier,
                                                         const OperatorContext& context);

/// Refused rows of `delivery` as a writer hands them on.
std::vector<RejectedRows> ToRejected(const std::vector<Batch>& rows, std::vector<RefusedRows> refused);

}  // namespace weir
