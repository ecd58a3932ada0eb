// Figures of steps out of those of their operators; the ring of messages.
#include "engine/run_facts.h"

#include <algorithm>

namespace weir {

std::vector<StepFacts> FactsOfSteps(const PhysicalPlan& plan, const std::vector<NodeStats>& nodes) {
  std::vector<StepFacts> out(plan.steps.size());
  std::vector<bool> seen(plan.steps.size(), false);
  std::vector<double> most_busy_s(plan.steps.size(), 0);
  for (const PhysicalNode& node : plan.nodes) {
    if (node.step < 0 || node.id >= static_cast<int>(nodes.size())) continue;
    const NodeStats& from = nodes[node.id];
    StepFacts& to = out[node.step];
    const bool outer_input = std::any_of(node.inputs.begin(), node.inputs.end(), [&](const PhysicalInput& input) {
      return plan.nodes[input.node].step != node.step;
    });
    if (outer_input) {
      to.rows_in += from.rows_in;
      to.bytes_in += from.bytes_in;
    }
    if (outer_input || node.role == NodeRole::kSource) to.watermark = std::min(to.watermark, from.watermark);
    to.errors += from.rejected;
    to.late_rows += from.late_rows;
    to.spilled_bytes += from.spilled_bytes;
    to.queue_bytes += from.queue_bytes;
    to.state_bytes += from.state_bytes;
    to.busy_s += from.busy_s;
    if (!seen[node.step] || from.busy_s > most_busy_s[node.step]) {
      most_busy_s[node.step] = from.busy_s;
      to.idle_s = from.idle_s;
      to.blocked_s = from.blocked_s;
    }
    to.lanes = std::max(to.lanes, from.lanes);
    to.ended = from.ended && (to.ended || !seen[node.step]);
    seen[node.step] = true;
  }
  for (size_t step = 0; step < plan.steps.size(); ++step) {
    const auto& outputs = plan.steps[step].outputs;
    if (outputs.empty() || outputs[0].node < 0 || outputs[0].node >= static_cast<int>(nodes.size())) continue;
    const NodeStats& last = nodes[outputs[0].node];
    if (plan.nodes[outputs[0].node].role == NodeRole::kSink) continue;
    out[step].rows_out = last.rows_out;
    out[step].bytes_out = last.bytes_out;
  }
  return out;
}

const char* MessageLevelName(MessageLevel level) {
  switch (level) {
    case MessageLevel::kInfo:
      return "info";
    case MessageLevel::kWarning:
      return "warning";
    case MessageLevel::kError:
      return "error";
  }
  return "";
}

void MessageLog::Add(int step, MessageLevel level, std::string text, int64_t time_us) {
  std::lock_guard lock(mutex_);
  StepMessage message{next_, time_us, step, level, std::move(text)};
  if (ring_.size() < kCapacity) {
    ring_.push_back(std::move(message));
  } else {
    ring_[static_cast<size_t>(next_) % kCapacity] = std::move(message);
  }
  ++next_;
}

std::vector<StepMessage> MessageLog::Since(int64_t number, int step) const {
  std::lock_guard lock(mutex_);
  std::vector<StepMessage> out;
  for (int64_t i = std::max(number, next_ - static_cast<int64_t>(ring_.size())); i < next_; ++i) {
    const StepMessage& message = ring_[static_cast<size_t>(i) % kCapacity];
    if (step < 0 || message.step == step) out.push_back(message);
  }
  return out;
}

int64_t MessageLog::next() const {
  std::lock_guard lock(mutex_);
  return next_;
}

}  // namespace weir
