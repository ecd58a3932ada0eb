// Target: a system that takes rows by deliveries. What a connector for a database or a broker implements; TargetSink
// (connectors/support/target_sink) makes a sink of it: batches, retries, epochs.
//
// A durable run gives each epoch's rows as one delivery, with the epoch's number. The rows are kept in the stage's
// state folder from Prepare until the target has them, so that nothing is lost where the target is away, and a target
// that writes the number in the same transaction as the rows gets everything exactly once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "batch/row_error.h"
#include "engine/operator.h"

namespace weir {

/// Rows of a delivery that the target cannot take, whatever happens: they go to the step's error output.
struct RefusedRows {
  size_t batch = 0;  // index in Delivery::rows
  std::vector<RowError> errors;
};

/// Rows that go out together.
struct Delivery {
  int64_t number = 0;  // ascending; of a durable run it stands for the epoch
  std::vector<Batch> rows;
  /// Where it is set, a transactional() target calls it with all that it refuses (mostly nothing) just before it
  /// commits, and does not commit after an error: so the refused rows are kept before the others are visible.
  std::function<Status(const std::vector<RefusedRows>&)> before_commit;
  int64_t num_rows() const;
};

/// One per step. Called by one thread at a time, not always the same.
class Target {
 public:
  virtual ~Target() = default;
  /// Connects. `writer_id`: names this step of this pipeline in the target, the same at every start; empty where the
  /// run is not durable. Errors: IOError where trying again may help (no connection), others where it does not.
  virtual Status Open(const OperatorContext& context, const std::string& writer_id) = 0;
  /// The number of the last delivery of this writer that is in the target; 0: none. Only for targets that are
  /// transactional().
  virtual Result<int64_t> LastDelivered() { return 0; }
  /// Makes all rows visible in the target, or none, together with the number where it is transactional(). Rows that can
  /// never go in are added to `refused`, the others go in. Errors: IOError is tried again (with the whole delivery,
  /// after Reopen), others end the run.
  virtual Status Deliver(const Delivery& delivery, std::vector<RefusedRows>* refused) = 0;
  /// After an IOError: connects anew.
  virtual Status Reopen() = 0;
  /// Rows and number come in one transaction: a delivery that has been made is known, and not made again.
  virtual bool transactional() const = 0;
};

}  // namespace weir
