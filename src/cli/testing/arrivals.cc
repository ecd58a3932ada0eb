// Keeps rows with everything that a transcript can ask about them.
#include "cli/testing/arrivals.h"

#include <utility>

#include "batch/print.h"

namespace weir {
namespace {

class ArrivalWriter final : public SinkWriter {
 public:
  ArrivalWriter(const Script* script, const WindowingStrategy& windowing, std::vector<Arrival>* arrivals)
      : script_(*script), windowing_(windowing), arrivals_(*arrivals) {}

  Status Write(Batch batch) override {
    const size_t position = script_.position();
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      Arrival& arrival = arrivals_.emplace_back();
      arrival.position = position;
      arrival.row = RowToJson(batch, row);
      arrival.at = batch.event_time().at(row);
      if (batch.has_window()) {
        arrival.windows = {{batch.window_start().at(row), batch.window_end().at(row)}};
      } else if (windowing_.is_global() || arrival.at != kMinEventTime) {
        AssignWindows(windowing_, arrival.at, &arrival.windows);
      }
      arrival.pane = batch.pane();
      if (batch.has_weight()) arrival.weight = batch.weight().at(row);
    }
    return Status::OK();
  }
  Status Finish() override { return Status::OK(); }

 private:
  const Script& script_;
  const WindowingStrategy& windowing_;
  std::vector<Arrival>& arrivals_;
};

class ArrivalSink final : public Sink {
 public:
  ArrivalSink(std::shared_ptr<const Script> script, const WindowingStrategy& windowing,
              std::shared_ptr<std::vector<Arrival>> arrivals)
      : script_(std::move(script)), windowing_(windowing), arrivals_(std::move(arrivals)) {}

  Result<std::unique_ptr<SinkWriter>> OpenWriter(const OperatorContext&) override {
    return std::make_unique<ArrivalWriter>(script_.get(), windowing_, arrivals_.get());
  }
  Result<std::string> Prepare(int64_t) override { return std::string(); }
  Status Commit(const std::string&) override { return Status::OK(); }
  Status Abort(int64_t) override { return Status::OK(); }

 private:
  const std::shared_ptr<const Script> script_;
  const WindowingStrategy windowing_;
  const std::shared_ptr<std::vector<Arrival>> arrivals_;
};

}  // namespace

std::shared_ptr<Sink> MakeArrivalSink(std::shared_ptr<const Script> script, const WindowingStrategy& windowing,
                                      std::shared_ptr<std::vector<Arrival>> arrivals) {
  return std::make_shared<ArrivalSink>(std::move(script), windowing, std::move(arrivals));
}

}  // namespace weir
