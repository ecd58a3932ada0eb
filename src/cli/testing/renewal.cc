// The state of an operator is the last of each of its cells, as a log of epochs has it.
#include "cli/testing/renewal.h"

#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/operator.h"
#include "state/snapshot/state_cells.h"

namespace weir {
namespace {

using MakeOperator = std::function<Result<std::unique_ptr<Operator>>(const OperatorContext&)>;

/// Hands everything on, and sees who yields.
class WatchedEmitter final : public Emitter {
 public:
  explicit WatchedEmitter(Emitter* out) : out_(out) {}
  Status Emit(int port, Batch batch) override { return out_->Emit(port, std::move(batch)); }
  Status Reject(const Batch& input, const std::vector<RowError>& errors) override {
    return out_->Reject(input, errors);
  }
  Status RejectRaw(const std::vector<RawError>& errors) override { return out_->RejectRaw(errors); }
  bool full() const override { return out_->full(); }
  void Yield() override {
    yielded_ = true;
    out_->Yield();
  }
  void Done() override { out_->Done(); }
  void CountSpill(int64_t bytes) override { out_->CountSpill(bytes); }
  void CountLate(int64_t rows) override { out_->CountLate(rows); }
  int64_t processing_time_us() const override { return out_->processing_time_us(); }
  bool yielded() const { return yielded_; }

 private:
  Emitter* const out_;
  bool yielded_ = false;
};

class Renewed final : public Operator {
 public:
  Renewed(MakeOperator make, int64_t calls, std::unique_ptr<Operator> inner, const OperatorContext& context)
      : make_(std::move(make)), calls_(calls), inner_(std::move(inner)), context_(context) {}

  Status Open(OperatorContext&) override { return inner_->Open(context_); }
  Status Process(int port, Batch batch, Emitter& out) override {
    return Call(out, [&](Emitter& to) { return inner_->Process(port, std::move(batch), to); });
  }
  Status OnWatermark(EventTime watermark, Emitter& out) override {
    watermark_ = watermark;
    return Call(out, [&](Emitter& to) { return inner_->OnWatermark(watermark, to); });
  }
  Status OnPortEnd(int port, Emitter& out) override {
    ended_ports_.push_back(port);
    return Call(out, [&](Emitter& to) { return inner_->OnPortEnd(port, to); });
  }
  Status Finish(Emitter& out) override { return inner_->Finish(out); }
  Status Resume(Emitter& out) override {
    return Call(out, [&](Emitter& to) { return inner_->Resume(to); });
  }
  bool Accepts(int port) const override { return inner_->Accepts(port); }
  EventTime watermark_hold() const override { return inner_->watermark_hold(); }
  int64_t next_timer_us() const override { return inner_->next_timer_us(); }
  Status OnProcessingTime(int64_t now_us, Emitter& out) override {
    return Call(out, [&](Emitter& to) { return inner_->OnProcessingTime(now_us, to); });
  }
  int64_t state_bytes() const override { return inner_->state_bytes(); }

 private:
  template <class F>
  Status Call(Emitter& out, F&& call) {
    WatchedEmitter watched(&out);
    WEIR_RETURN_NOT_OK(call(watched));
    // More seldom as the state grows, or a long test would take the square of its time.
    if (watched.yielded() || ++done_ < calls_ + static_cast<int64_t>(cells_.size()) / 16) return Status::OK();
    done_ = 0;
    return Renew(out);
  }

  Status Renew(Emitter& out) {
    StateCells changed, all;
    WEIR_RETURN_NOT_OK(inner_->Snapshot(&changed));
    for (int64_t i = 0; i < changed.size(); ++i) {
      const StateCell cell = changed.at(i);
      const auto key = std::tuple(cell.table, cell.group, std::string(cell.key));
      if (cell.deleted) {
        cells_.erase(key);
      } else {
        cells_[key] = cell.value;
      }
    }
    for (const auto& [key, value] : cells_) all.Put(std::get<0>(key), std::get<1>(key), std::get<2>(key), value);
    inner_.reset();
    WEIR_ASSIGN_OR_RETURN(inner_, make_(context_));
    WEIR_RETURN_NOT_OK(inner_->Open(context_));
    WEIR_RETURN_NOT_OK(inner_->Restore(all));
    if (watermark_ != kMinEventTime) WEIR_RETURN_NOT_OK(inner_->OnWatermark(watermark_, out));
    for (int port : ended_ports_) WEIR_RETURN_NOT_OK(inner_->OnPortEnd(port, out));
    return Status::OK();
  }

  const MakeOperator make_;
  const int64_t calls_;
  std::unique_ptr<Operator> inner_;
  OperatorContext context_;
  std::map<std::tuple<int, int, std::string>, std::string> cells_;
  std::vector<int> ended_ports_;
  EventTime watermark_ = kMinEventTime;
  int64_t done_ = 0;
};

}  // namespace

void RenewOperators(int64_t calls, PhysicalPlan* plan) {
  for (PhysicalNode& node : plan->nodes) {
    if (node.role != NodeRole::kOperator || node.keeps != StateKeeping::kSnapshots) continue;
    node.make = [calls, make = node.make](const OperatorContext& lane) -> Result<std::unique_ptr<Operator>> {
      OperatorContext context = lane;
      context.durable = true;
      WEIR_ASSIGN_OR_RETURN(std::unique_ptr<Operator> inner, make(context));
      if (context.shared->size() > 0) return inner;
      return std::make_unique<Renewed>(make, calls, std::move(inner), context);
    };
  }
}

}  // namespace weir
