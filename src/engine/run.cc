// Executes a physical plan: tasks, channels, lanes, and the one commit at the end of bounded data.
#include "engine/run.h"

#include <time.h>
#include <x86intrin.h>

#include <algorithm>
#include <map>

#include "plan/stages/epoch_plan.h"

namespace weir {
namespace {

/// Fused chains are direct calls: this bounds the stack.
constexpr size_t kMaxFusedNodes = 256;
constexpr int64_t kOnlyEpoch = 1;  // of a bounded run

double Now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// Seconds per tick, measured over the life of the process so far.
double SecondsPerTick() {
  static const double start_s = Now();
  static const uint64_t start_ticks = __rdtsc();
  double elapsed_s = Now() - start_s;
  while (elapsed_s < 1e-3) elapsed_s = Now() - start_s;
  return elapsed_s / static_cast<double>(__rdtsc() - start_ticks);
}

}  // namespace

Run::Run(PhysicalPlan plan, RunOptions options, Env* env, MemoryBudget* memory)
    : plan_(std::move(plan)),
      options_(std::move(options)),
      env_(env),
      memory_(memory),
      scheduler_(options_.lanes, options_.jitter_seed) {
  CutTasks();
  for (size_t i = 0; i < plan_.nodes.size(); ++i) tap_points_.push_back(std::make_unique<TapPoint>());
}

Run::~Run() = default;

bool Run::CanFuse(const PhysicalNode& node, int* task) const {
  if (node.role == NodeRole::kSource || node.inputs.empty()) return false;
  const int candidate = task_of_node_[node.inputs[0].node];
  const Task& to = tasks_[candidate];
  if (to.nodes.size() >= kMaxFusedNodes) return false;
  if (node.max_lanes != 0 && to.lanes > node.max_lanes) return false;
  const int lanes = node.max_lanes == 0 ? options_.lanes : std::min(options_.lanes, node.max_lanes);
  for (const PhysicalInput& input : node.inputs) {
    if (&input != &node.inputs[0] && node.follows_port_0) {
      if (ComesFrom(task_of_node_[input.node], candidate)) return false;
      continue;
    }
    if (task_of_node_[input.node] != candidate) return false;
    const bool local = input.exchange.kind == ExchangeKind::kForward || (to.lanes == 1 && lanes == 1);
    if (!local) return false;
  }
  *task = candidate;
  return true;
}

bool Run::ComesFrom(int task, int ancestor) const {
  if (task == ancestor) return true;
  const std::set<int>& feeders = tasks_[task].feeders;
  return std::any_of(feeders.begin(), feeders.end(), [&](int feeder) { return ComesFrom(feeder, ancestor); });
}

void Run::CutTasks() {
  task_of_node_.assign(plan_.nodes.size(), -1);
  for (const PhysicalNode& node : plan_.nodes) {
    int task = -1;
    if (!CanFuse(node, &task)) {
      task = static_cast<int>(tasks_.size());
      tasks_.emplace_back();
      tasks_[task].lanes = node.max_lanes == 0 ? options_.lanes : std::min(options_.lanes, node.max_lanes);
    }
    for (const PhysicalInput& input : node.inputs) {
      const int from = task_of_node_[input.node];
      if (from == task) continue;
      tasks_[task].feeders.insert(from);
      tasks_[task].depth = std::max(tasks_[task].depth, tasks_[from].depth + 1);
    }
    tasks_[task].nodes.push_back(node.id);
    task_of_node_[node.id] = task;
  }
}

OperatorContext Run::ContextOf(int id) {
  const PhysicalNode& node = plan_.nodes[id];
  OperatorContext context;
  context.step = node.step_name;
  context.lanes = tasks_[task_of_node_[id]].lanes;
  context.batch_rows = options_.batch_rows;
  context.env = env_;
  context.memory = memory_;
  context.temp_dir = options_.temp_dir;
  context.seed = options_.seed;
  context.cancelled = &signals_.cancelled;
  context.needed_outputs = node.needed_outputs;
  context.shared = shared_[id];
  context.run = this;
  context.durable = ends_epochs_;
  if (keeper_ != nullptr) context.state_dir = options_.state_dir;
  if (keeper_ != nullptr) context.durable_id = options_.durable_id + "/" + node.step_name;
  return context;
}

std::vector<EpochKeeper::Node> Run::DurableNodes() const {
  const std::vector<std::string> names = DurableNames(plan_);
  std::vector<EpochKeeper::Node> nodes;
  for (const PhysicalNode& node : plan_.nodes) {
    EpochKeeper::Node& out = nodes.emplace_back();
    out.node = &node;
    out.name = names[node.id];
    out.source = sources_[node.id];
    out.sink = sinks_[node.id];
    if (instances_.empty()) continue;
    out.instances = instances_[node.id];
    for (const auto& lane : tasks_[task_of_node_[node.id]].lane_objects) out.lanes.push_back(lane.get());
  }
  return nodes;
}

Status Run::OpenNodes() {
  for (const PhysicalNode& node : plan_.nodes) {
    const bool same_step = node.id > 0 && node.step >= 0 && plan_.nodes[node.id - 1].step == node.step;
    shared_.push_back(same_step ? shared_.back() : std::make_shared<SharedState>());
    std::shared_ptr<Source> source;
    std::shared_ptr<Sink> sink;
    OperatorContext context = ContextOf(node.id);
    if (node.role == NodeRole::kSource) {
      WEIR_ASSIGN_OR_RETURN(source, node.make_source(node.scan));
      WEIR_RETURN_NOT_OK(source->Open(context));
    }
    if (node.role == NodeRole::kSink) {
      WEIR_ASSIGN_OR_RETURN(sink, node.make_sink());
    }
    sources_.push_back(std::move(source));
    sinks_.push_back(sink);  // before Open: what Open made is aborted if it fails
    if (sink != nullptr) WEIR_RETURN_NOT_OK(sink->Open(context));
  }
  return Status::OK();
}

void Run::Connect() {
  TaskOptions task_options;
  task_options.split_rows = options_.split_rows;
  task_options.shuffle_seed = options_.shuffle_seed;
  task_options.scripted_time = options_.scripted_time;
  task_options.count_bytes = options_.count_bytes;
  task_options.durable = ends_epochs_;
  task_options.counts_epoch = ends_epochs_ && options_.epoch_options.rows > 0;
  if (options_.jitter_seed != 0) task_options.slice_messages = 2;
  instances_.resize(plan_.nodes.size());
  for (Task& task : tasks_) {
    const bool has_source = plan_.nodes[task.nodes[0]].role == NodeRole::kSource;
    // The order of rows is that of a source which is read once, from its beginning to its end.
    const bool ordered = has_source && !plan_.nodes[task.nodes[0]].unbounded;
    if (ordered) task.morsels = std::make_shared<MorselTracker>(task.lanes);
    for (int lane = 0; lane < task.lanes; ++lane) {
      task.lane_objects.push_back(std::make_unique<TaskLane>(lane, task_options, env_, &signals_));
      for (int node : task.nodes) {
        instances_[node].push_back(task.lane_objects.back()->AddInstance(plan_.nodes[node]));
        instances_[node].back()->SetTapPoint(tap_points_[node].get());
      }
      scheduler_.Add(task.lane_objects.back().get(), task.depth);
    }
  }
  for (const PhysicalNode& node : plan_.nodes) {
    for (int port = 0; port < static_cast<int>(node.inputs.size()); ++port) ConnectPort(node, port);
  }
}

void Run::ConnectPort(const PhysicalNode& node, int port) {
  const PhysicalInput& input = node.inputs[port];
  Task& from = tasks_[task_of_node_[input.node]];
  Task& to = tasks_[task_of_node_[node.id]];
  if (&from == &to) {
    for (int lane = 0; lane < to.lanes; ++lane) {
      InstanceOf(input.node, lane)->AddOutput(input.port, OutputEdge{InstanceOf(node.id, lane), port, nullptr});
      if (node.follows_port_0 && node.inputs.size() > 1) to.lane_objects[lane]->AddGate(InstanceOf(node.id, lane));
    }
    return;
  }
  std::vector<Channel*> channels;
  for (int lane = 0; lane < to.lanes; ++lane) {
    TaskLane* consumer = to.lane_objects[lane].get();
    auto wake_producers = [this, &from] {
      for (auto& producer : from.lane_objects) scheduler_.Wake(producer.get());
    };
    auto channel = std::make_unique<Channel>(
        options_.channel, [this, consumer] { scheduler_.Wake(consumer); }, wake_producers);
    channels.push_back(channel.get());
    InstanceOf(node.id, lane)->SetChannelPort(port, from.lanes);
    consumer->AddInput(std::move(channel), InstanceOf(node.id, lane), port);
  }
  for (int lane = 0; lane < from.lanes; ++lane) {
    OutputEdge edge;
    edge.port = port;
    edge.exchange = std::make_unique<ExchangeWriter>(input.exchange, lane, channels);
    InstanceOf(input.node, lane)->AddOutput(input.port, std::move(edge));
  }
}

Status Run::OpenInstances() {
  for (Task& task : tasks_) {
    for (int node_id : task.nodes) {
      const PhysicalNode& node = plan_.nodes[node_id];
      std::shared_ptr<std::atomic<int64_t>> row_limit;
      if (node.role == NodeRole::kSource && options_.source_limit > 0) {
        row_limit = std::make_shared<std::atomic<int64_t>>(options_.source_limit);
      }
      for (int lane = 0; lane < task.lanes; ++lane) {
        OperatorContext context = ContextOf(node_id);
        context.lane = lane;
        context.morsels = task.morsels;
        context.wake = [this, actor = task.lane_objects[lane].get()] { scheduler_.Wake(actor); };
        InstanceOf(node_id, lane)->LimitRows(row_limit);
        WEIR_RETURN_NOT_OK(InstanceOf(node_id, lane)->Open(std::move(context), sources_[node_id], sinks_[node_id]));
      }
    }
  }
  return Status::OK();
}

Status Run::Work() {
  if (keeper_ != nullptr) WEIR_RETURN_NOT_OK(keeper_->Load(plan_));
  WEIR_RETURN_NOT_OK(OpenNodes());
  if (keeper_ != nullptr) WEIR_RETURN_NOT_OK(keeper_->RestoreEnds(DurableNodes()));
  if (was_finished()) return Status::OK();
  Connect();
  WEIR_RETURN_NOT_OK(OpenInstances());
  opened_.store(true, std::memory_order_release);
  if (keeper_ != nullptr) WEIR_RETURN_NOT_OK(keeper_->RestoreInstances(DurableNodes()));
  if (ends_epochs_) {
    scheduler_.OnRest([this] { return keeper_->AtRest(); });
    keeper_->Start([this] { return progress().bytes_done; });
  }
  WEIR_RETURN_NOT_OK(scheduler_.Run(
      [this] {
        for (Task& task : tasks_) {
          for (auto& lane : task.lane_objects) {
            if (!lane->ForceRefused()) continue;
            scheduler_.Wake(lane.get());
            return true;
          }
        }
        return false;
      },
      options_.on_quiet));
  return CheckErrorThresholds();
}

Status Run::Execute() {
  SecondsPerTick();
  if (options_.epochs != nullptr) {
    const EpochPlan epochs = PlanEpochs(plan_);
    if (!epochs.refusal.empty()) {
      return Status::Invalid("this pipeline never ends and cannot be durable: ", epochs.refusal);
    }
    ends_epochs_ = epochs.many;
    keeper_ = std::make_unique<EpochKeeper>(options_.epochs, options_.epoch_options, &scheduler_, &signals_, env_);
  }
  Status status = Work();
  if (keeper_ != nullptr) {
    Status committed = keeper_->Stop();
    if (status.ok()) status = std::move(committed);
    if (status.ok() && (was_finished() || keeper_->stopped_by_epoch())) return Status::OK();
    if (status.ok()) return keeper_->Finish();
  } else if (status.ok()) {
    return CommitSinks();
  }
  // What a durable run has written stays for the next one, which forgets what was not committed.
  if (!ends_epochs_) AbortSinks();
  return status;
}

Status Run::CheckErrorThresholds() const {
  struct Share {
    int64_t seen = 0, rejected = 0;
  };
  std::map<int, Share> shares;  // by step: what its first operator saw, what all of them rejected
  const std::vector<NodeStats> all = stats();
  for (const PhysicalNode& node : plan_.nodes) {
    const NodeStats& s = all[node.id];
    auto [it, first] = shares.try_emplace(node.step);
    if (first) it->second.seen = node.role == NodeRole::kSource ? s.rows_out + s.rejected : s.rows_in;
    it->second.rejected += s.rejected;
  }
  for (const PhysicalNode& node : plan_.nodes) {
    const Share& s = shares[node.step];
    if (s.rejected == 0 || node.error_threshold >= 1.0) continue;
    const int64_t seen = std::max(s.seen, s.rejected);
    if (static_cast<double>(s.rejected) / static_cast<double>(seen) > node.error_threshold) {
      return Status::Invalid("step '", node.step_name, "' rejected ", s.rejected, " of ", seen,
                             " rows, more than its error_handling threshold of ", node.error_threshold);
    }
  }
  return Status::OK();
}

Status Run::CommitSinks() {
  std::vector<std::pair<Sink*, std::string>> prepared;
  for (const auto& sink : sinks_) {
    if (sink == nullptr) continue;
    Result<std::string> token = sink->Prepare(kOnlyEpoch);
    if (!token.ok()) {
      AbortSinks();
      return token.status();
    }
    prepared.emplace_back(sink.get(), token.MoveValueUnsafe());
  }
  for (const auto& [sink, token] : prepared) WEIR_RETURN_NOT_OK(sink->Commit(token));
  for (const auto& source : sources_) {
    // What acknowledges outside (offsets of a group) does so here; others have no position without a durable run.
    if (source == nullptr) continue;
    const Result<std::string> position = source->Position();
    if (position.ok() && !position->empty()) WEIR_RETURN_NOT_OK(source->Committed(*position));
  }
  return Status::OK();
}

void Run::AbortSinks() {
  for (const auto& sink : sinks_) {
    // The run has failed already; what cannot be undone is only a temporary file that is left.
    if (sink == nullptr) continue;
    if (Status status = sink->Abort(kOnlyEpoch); !status.ok()) status.Warn();
  }
}

bool Run::unbounded() const {
  return std::any_of(plan_.nodes.begin(), plan_.nodes.end(), [](const PhysicalNode& node) { return node.unbounded; });
}

RunProgress Run::progress() const {
  RunProgress out;
  if (!opened_.load(std::memory_order_acquire)) return out;
  for (const PhysicalNode& node : plan_.nodes) {
    if (node.role != NodeRole::kSource) continue;
    const Source::Progress p = sources_[node.id]->progress();
    out.bytes_done += p.bytes_done;
    out.bytes_total += p.bytes_total;
    for (const Instance* instance : instances_[node.id]) out.rows += instance->stats().rows_out.get();
  }
  return out;
}

std::vector<StepFacts> Run::Steps() const {
  if (!opened_.load(std::memory_order_acquire)) return {};
  return FactsOfSteps(plan_, stats());
}

bool Run::Ended(int step) const {
  if (!opened_.load(std::memory_order_acquire)) return false;
  for (const PhysicalNode& node : plan_.nodes) {
    if (node.step != step) continue;
    for (const Instance* instance : instances_[node.id]) {
      if (instance->stats().ended.get() == 0) return false;
    }
  }
  return true;
}

std::string Run::SourceVersion(int step) const {
  if (!opened_.load(std::memory_order_acquire)) return "";
  for (const PhysicalNode& node : plan_.nodes) {
    if (node.step == step && sources_[node.id] != nullptr) return sources_[node.id]->version();
  }
  return "";
}

std::vector<NodeStats> Run::stats() const {
  const double seconds_per_tick = SecondsPerTick();
  const auto seconds = [&](int64_t ticks) { return static_cast<double>(ticks) * seconds_per_tick; };
  std::vector<NodeStats> out(plan_.nodes.size());
  for (size_t node = 0; node < instances_.size(); ++node) {
    const Task& task = tasks_[task_of_node_[node]];
    for (size_t lane = 0; lane < instances_[node].size(); ++lane) {
      const Instance* instance = instances_[node][lane];
      const InstanceStats& s = instance->stats();
      const LaneClock::Ticks ticks = task.lane_objects[lane]->clock().Read();
      out[node].rows_in += s.rows_in.get();
      out[node].rows_out += s.rows_out.get();
      out[node].batches_in += s.batches_in.get();
      out[node].batches_out += s.batches_out.get();
      out[node].bytes_out += s.bytes_out.get();
      out[node].rejected += s.rejected.get();
      out[node].spilled_bytes += s.spilled_bytes.get();
      out[node].bytes_in += s.bytes_in.get();
      out[node].late_rows += s.late_rows.get();
      out[node].state_bytes += s.state_bytes.get();
      out[node].queue_bytes += task.lane_objects[lane]->QueueBytes(instance);
      out[node].busy_s += seconds(s.busy_ticks.get());
      out[node].idle_s += seconds(ticks.at[LaneClock::kIdle]);
      out[node].blocked_s += seconds(ticks.at[LaneClock::kBlocked]);
      out[node].lanes += 1;
      out[node].ended &= s.ended.get() != 0;
      out[node].watermark = std::min(out[node].watermark, s.watermark.load(std::memory_order_relaxed));
    }
  }
  return out;
}

}  // namespace weir
