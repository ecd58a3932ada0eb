// TargetSink: a sink over a Target. What every connector to a database or a broker has in common: rows of all lanes are
// gathered into deliveries, sent by a thread of the sink, tried again while the target is away, and in a durable run
// kept in an outbox until the target has them.
//
// A connector writes a Target, lets its config derive from DeliveryConfig, and ends its Bind function with
// BindTargetSink.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "connectors/support/delivery_config.h"
#include "connectors/support/target.h"
#include "plan/binding.h"

namespace weir {

struct TargetSinkOptions {
  BatchConfig batch{10'000, {int64_t{4} << 20}, Duration::Seconds(1)};
  RetryConfig retry;
  double rows_per_s = 0;  // 0: no limit
  int64_t max_outbox_bytes = int64_t{256} << 20;
  SchemaPtr schema;  // of the rows
};

/// The options that `config` says; `batch` where it has none.
TargetSinkOptions DeliveryOptions(const DeliveryConfig& config, const BatchConfig& batch, SchemaPtr schema);

/// Makes the target of a run; called once per run, before anything is opened.
using MakeTarget = std::function<Result<std::unique_ptr<Target>>()>;

/// Fills in sink, sink_epochs, sink_guarantee and notes of `binding`. `why_not_once`: for targets that are not
/// transactional, the reason as explain says it ("Redis answers before it has written to disk").
void BindTargetSink(TargetSinkOptions options, MakeTarget make, bool transactional, std::string why_not_once,
                    StepBinding* binding);

/// The sink itself, for tests. Without epochs: rows go out as they come, and Finish of the last writer waits until all
/// have arrived. With them (OperatorContext::durable): rows of an epoch wait in the outbox from Prepare, and Commit
/// delivers them.
std::shared_ptr<Sink> MakeTargetSink(TargetSinkOptions options, std::unique_ptr<Target> target);

}  // namespace weir
