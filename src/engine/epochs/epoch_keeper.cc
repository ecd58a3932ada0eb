// The thread that wishes for epochs, the capture at rest, the commit behind it, and the way back.
#include "engine/epochs/epoch_keeper.h"

#include <algorithm>
#include <chrono>

#include "base/kill_point.h"
#include "env/env.h"
#include "env/system_error.h"
#include "plan/stages/epoch_plan.h"

namespace weir {
namespace {

constexpr std::chrono::microseconds kLookEvery{2000}, kLookEveryInTests{20};
constexpr std::chrono::milliseconds kTryFullDiskEvery{200};
/// A stage that has not come to rest in this time goes on, and the epoch is tried again after the next interval.
constexpr int64_t kGiveUpNs = 500'000'000;
/// A drained one tries longer; then it ends with the epoch before.
constexpr int64_t kGiveUpDrainNs = 10'000'000'000;

}  // namespace

EpochKeeper::EpochKeeper(EpochStore* store, EpochOptions options, Scheduler* scheduler, RunSignals* signals, Env* env)
    : store_(store), options_(options), scheduler_(scheduler), signals_(signals), env_(env) {}

EpochKeeper::~EpochKeeper() {
  Stop().ok();  // said before, by whoever asked for the end
}

// ---- the way back
// ------------------------------------------------------------------------------------------------------

Status EpochKeeper::Load(const PhysicalPlan& plan) {
  WEIR_ASSIGN_OR_RETURN(state_, store_->Load());
  if (!state_) return Status::OK();
  epoch_ = state_->epoch;
  figures_.last_epoch = epoch_;
  const std::vector<std::string> names = DurableNames(plan);
  for (const auto& [name, kept] : state_->nodes) {
    const bool known = std::find(names.begin(), names.end(), name) != names.end();
    if (known || options_.drop_unknown || state_->finished) continue;
    if (kept.cells.empty() && kept.position.empty() && kept.token.empty()) continue;
    return Status::Invalid("what step '", name.substr(0, name.rfind('/')),
                           "' kept has no step any more\n  = help: give the step its name back, or let what it kept go "
                           "with --drop-state");
  }
  for (size_t i = 0; i < names.size(); ++i) {
    auto kept = state_->nodes.find(names[i]);
    if (kept == state_->nodes.end() || plan.nodes[i].config_hash == kept->second.config_hash) continue;
    if (kept->second.cells.empty() && kept->second.position.empty() && kept->second.token.empty()) continue;
    return Status::Invalid(
        "step '", plan.nodes[i].step_name,
        "' is not what it was when its state was kept: its settings have changed\n  = help: undo the "
        "change, give the step another name (it then starts without state), or forget what was kept "
        "with 'weir state reset'");
  }
  return Status::OK();
}

Status EpochKeeper::RestoreEnds(const std::vector<Node>& nodes) {
  for (const Node& node : nodes) {
    const NodeEpoch* kept = nullptr;
    if (state_) {
      auto found = state_->nodes.find(node.name);
      if (found != state_->nodes.end()) kept = &found->second;
    }
    if (node.sink != nullptr) WEIR_RETURN_NOT_OK(node.sink->Recover(kept ? epoch_ : 0, kept ? kept->token : ""));
  }
  if (finished()) return Status::OK();
  for (const Node& node : nodes) {
    if (node.source == nullptr || !state_) continue;
    auto kept = state_->nodes.find(node.name);
    if (kept != state_->nodes.end()) WEIR_RETURN_NOT_OK(node.source->Restore(kept->second.position));
  }
  return Status::OK();
}

Status EpochKeeper::RestoreInstances(std::vector<Node> nodes) {
  nodes_ = std::move(nodes);
  if (!state_) return Status::OK();
  for (Node& node : nodes_) {
    auto kept = state_->nodes.find(node.name);
    if (kept == state_->nodes.end()) continue;
    const auto lanes = static_cast<int>(node.instances.size());
    std::vector<StateCells> cells(lanes);
    if (node.node->keeps == StateKeeping::kSnapshots) {
      // Lane of a group as LaneOfHash divides them (state/hash/hash.h); cells of no key are lane 0's.
      for (int lane = 0; lane < lanes; ++lane) {
        const int first = (lane * kKeyGroups + lanes - 1) / lanes, end = ((lane + 1) * kKeyGroups + lanes - 1) / lanes;
        cells[lane].AppendGroups(kept->second.cells, lane == 0 ? kNoKeyGroup : first, end);
      }
    }
    for (int lane = 0; lane < lanes; ++lane) {
      WEIR_RETURN_NOT_OK(node.instances[lane]->Restore(cells[lane], kept->second.ended));
    }
  }
  for (Node& node : nodes_) {
    auto kept = state_->nodes.find(node.name);
    if (kept == state_->nodes.end()) continue;
    for (Instance* instance : node.instances) {
      WEIR_RETURN_NOT_OK(instance->RestoreWatermark(kept->second.watermark));
    }
  }
  state_->nodes.clear();
  return Status::OK();
}

// ---- epochs
// ------------------------------------------------------------------------------------------------------------

void EpochKeeper::Start(std::function<int64_t()> bytes_given) {
  bytes_given_ = std::move(bytes_given);
  if (options_.rows > 0) signals_->epoch_rows_left = options_.rows;
  last_end_ns_ = env_->SteadyTimeNs();
  thread_ = std::thread([this] {
    SetThreadName("weir-epochs");
    Loop();
  });
}

bool EpochKeeper::Due() {
  if (signals_->drain.load(std::memory_order_relaxed) == RunSignals::kDrain) return true;
  if (options_.rows > 0) return signals_->epoch_rows_left.load(std::memory_order_relaxed) <= 0;
  if (env_->SteadyTimeNs() - last_end_ns_ >= options_.interval_us * 1000) return true;
  return bytes_given_() - last_bytes_ >= options_.bytes;
}

void EpochKeeper::Loop() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    const bool due = Due();
    lock.lock();
    if (!due) {
      changed_.wait_for(lock, options_.rows > 0 ? kLookEveryInTests : kLookEvery);
      continue;
    }
    wish_ = signals_->drain.load(std::memory_order_relaxed) == RunSignals::kDrain ? Wish::kLast : Wish::kEpoch;
    wished_ns_ = env_->SteadyTimeNs();
    captured_.reset();
    signals_->pausing = true;
    lock.unlock();
    scheduler_->RequestRest();
    lock.lock();
    changed_.wait(lock, [this] { return wish_ == Wish::kNone || stopping_; });
    signals_->pausing = false;
    std::optional<EpochRecord> record = std::move(captured_);
    captured_.reset();
    lock.unlock();
    Status status = record ? CommitRecord(*record) : Status::OK();
    last_bytes_ = bytes_given_();
    last_end_ns_ = env_->SteadyTimeNs();
    lock.lock();
    if (!status.ok()) {
      status_ = status;
      scheduler_->Cancel(std::move(status));
      return;
    }
  }
}

TaskLane::Rest EpochKeeper::RestOfLanes() const {
  TaskLane::Rest worst = TaskLane::Rest::kNow;
  for (const Node& node : nodes_) {
    int ended = 0;
    for (const TaskLane* lane : node.lanes) worst = std::max(worst, lane->AtRest());
    for (const Instance* instance : node.instances) ended += instance->ended() ? 1 : 0;
    // Its lanes end one by one: what an ended one kept could not be told from what the others keep.
    const bool part = ended > 0 && ended < static_cast<int>(node.instances.size());
    if (part && node.node->keeps == StateKeeping::kSnapshots) worst = std::max(worst, TaskLane::Rest::kBlocked);
  }
  return worst;
}

Result<Scheduler::AtRest> EpochKeeper::AtRest() {
  std::unique_lock lock(mutex_);
  if (wish_ == Wish::kNone) return Scheduler::AtRest::kDone;
  const bool last = wish_ == Wish::kLast;
  const auto answer = [&](bool stop) {
    signals_->pausing = false;
    if (options_.rows > 0) signals_->epoch_rows_left = options_.rows;
    wish_ = Wish::kNone;
    stopped_by_epoch_ = stop;
    changed_.notify_all();
    return stop ? Scheduler::AtRest::kStop : Scheduler::AtRest::kDone;
  };
  const int64_t now_ns = env_->SteadyTimeNs();
  const TaskLane::Rest rest = RestOfLanes();
  if (rest != TaskLane::Rest::kNow) {
    const bool patient = now_ns - wished_ns_ < (last ? kGiveUpDrainNs : kGiveUpNs);
    if (rest == TaskLane::Rest::kSoon && patient) return Scheduler::AtRest::kNotYet;
    figures_.given_up.fetch_add(1, std::memory_order_relaxed);
    if (!last || patient) return answer(false);
    return answer(true);  // with the epoch before
  }
  Result<EpochRecord> record = Capture(last);
  if (!record.ok()) {
    answer(true);
    return record.status();
  }
  captured_ = std::move(*record);
  const int64_t pause_us = (env_->SteadyTimeNs() - now_ns) / 1000;
  figures_.drain_us.fetch_add((now_ns - wished_ns_) / 1000, std::memory_order_relaxed);
  figures_.pause_us.fetch_add(pause_us, std::memory_order_relaxed);
  figures_.max_pause_us.store(std::max(figures_.max_pause_us.load(), pause_us), std::memory_order_relaxed);
  const bool enough = options_.stop_after > 0 && figures_.epochs.load() + 1 >= options_.stop_after;
  return answer(last || enough);
}

Status EpochKeeper::CaptureOperators(const Node& node, NodeEpoch* out) const {
  EventTime watermark = kMaxEventTime;
  bool ended = true;
  for (Instance* instance : node.instances) {
    watermark = std::min(watermark, instance->watermark());
    ended = ended && instance->keeps_nothing();
    WEIR_RETURN_NOT_OK(instance->Snapshot(&out->cells));
  }
  out->watermark = watermark;
  out->ended = ended;
  return Status::OK();
}

Result<EpochRecord> EpochKeeper::Capture(bool last) {
  EpochRecord record;
  record.epoch = ++epoch_;
  record.wall_us = env_->WallTime();
  for (const Node& node : nodes_) {
    for (Instance* instance : node.instances) WEIR_RETURN_NOT_OK(instance->EndEpoch(record.epoch, last));
  }
  for (const Node& node : nodes_) {
    NodeEpoch& out = record.nodes[node.name];
    out.config_hash = node.node->config_hash;
    WEIR_RETURN_NOT_OK(CaptureOperators(node, &out));
    if (node.source != nullptr) {
      WEIR_ASSIGN_OR_RETURN(out.position, node.source->Position());
    }
    if (node.sink != nullptr) {
      WEIR_ASSIGN_OR_RETURN(out.token, node.sink->Prepare(record.epoch));
    }
  }
  KillPoint("epoch.captured");
  return record;
}

// Where the disk is full nothing has happened: nothing new is taken until there is room.
Status EpochKeeper::WriteRecord(const EpochRecord& record) {
  for (;;) {
    Status status = store_->Commit(record);
    if (!IsDiskFull(status)) return status;
    std::unique_lock lock(mutex_);
    if (stopping_ || signals_->cancelled) return status;
    signals_->pausing = true;
    changed_.wait_for(lock, kTryFullDiskEvery);
    signals_->pausing = false;
  }
}

Status EpochKeeper::CommitRecord(const EpochRecord& record) {
  WEIR_RETURN_NOT_OK(WriteRecord(record));
  KillPoint("epoch.recorded");
  for (const Node& node : nodes_) {
    if (node.sink != nullptr) WEIR_RETURN_NOT_OK(node.sink->Commit(record.nodes.at(node.name).token));
    KillPoint("epoch.sink_committed");
  }
  for (const Node& node : nodes_) {
    if (node.source == nullptr || record.finished) continue;
    WEIR_RETURN_NOT_OK(node.source->Committed(record.nodes.at(node.name).position));
  }
  figures_.epochs.fetch_add(1, std::memory_order_relaxed);
  figures_.last_epoch.store(record.epoch, std::memory_order_relaxed);
  return Status::OK();
}

Status EpochKeeper::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  return status_;
}

Status EpochKeeper::Finish() {
  EpochRecord record;
  record.epoch = ++epoch_;
  record.wall_us = env_->WallTime();
  record.finished = true;
  for (const Node& node : nodes_) {
    NodeEpoch& out = record.nodes[node.name];
    out.config_hash = node.node->config_hash;
    out.ended = node.node->role == NodeRole::kOperator;
    out.watermark = kMaxEventTime;
    if (node.sink != nullptr) {
      WEIR_ASSIGN_OR_RETURN(out.token, node.sink->Prepare(record.epoch));
    }
  }
  KillPoint("epoch.captured");
  return CommitRecord(record);
}

}  // namespace weir
