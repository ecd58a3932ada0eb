// The writing end of an edge.
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/type.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

#include "base/kill_point.h"
#include "connectors/edges/edge.h"
#include "connectors/support/outbox_file.h"
#include "engine/run_facts.h"
#include "env/env.h"
#include "log/chunk_log.h"
#include "state/snapshot/state_bytes.h"

namespace weir {
namespace {

/// Rows of one batch as the payload of a chunk.
Result<std::string> EncodeChunk(int64_t epoch, const Batch& batch, const StageEdge& edge, const SchemaPtr& schema) {
  std::string payload;
  StateWriter head(&payload);
  head.Int(epoch);
  head.Byte(static_cast<uint8_t>(batch.pane().timing));
  head.Int(batch.pane().index);
  head.Byte(static_cast<uint8_t>((batch.pane().is_first ? 1 : 0) | (batch.pane().is_last ? 2 : 0)));
  WEIR_ASSIGN_OR_RETURN(auto stream, arrow::io::BufferOutputStream::Create(batch.size_bytes() + 1024));
  OutboxEncoder encoder(stream.get(), schema);
  WEIR_RETURN_NOT_OK(encoder.Write(batch.Project(schema, edge.columns.ToIndices()).Compact()));
  WEIR_RETURN_NOT_OK(encoder.Finish());
  WEIR_ASSIGN_OR_RETURN(auto rows, stream->Finish());
  payload.append(reinterpret_cast<const char*>(rows->data()), static_cast<size_t>(rows->size()));
  return payload;
}

class EdgeSink final : public Sink {
 public:
  EdgeSink(StageEdge edge, EdgeOptions options)
      : edge_(std::move(edge)), options_(std::move(options)), schema_(ChunkSchema(edge_)) {}

  Status Open(OperatorContext& context) override {
    run_ = context.run;
    files_ = &context.env->files();
    ChunkLogOptions log;
    log.durability = options_.durability;
    log.max_bytes = options_.max_bytes;
    log.holder = "pid " + std::to_string(getpid());
    WEIR_ASSIGN_OR_RETURN(log_, ChunkLog::Open(*files_, JoinPath(options_.folder, "log"), log));
    StateReader reader(log_->recovered_payload());
    shown_ = log_->epoch() == 0 ? 0 : reader.Int();
    if (context.run == nullptr) return Status::OK();
    const auto& steps = context.run->plan().steps;
    for (size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].name == context.step) step_ = static_cast<int>(i);
    }
    return Status::OK();
  }

  Result<std::unique_ptr<SinkWriter>> OpenWriter(const OperatorContext&) override {
    return std::make_unique<Writer>(this);
  }

  Status Recover(int64_t epoch, const std::string& token) override {
    epoch_ = epoch + 1;
    if (!token.empty()) WEIR_RETURN_NOT_OK(Commit(token));
    std::lock_guard lock(mutex_);
    std::string payload;
    StateWriter(&payload).Int(epoch);
    WEIR_RETURN_NOT_OK(log_->Append(kForgetRecord, payload).status());
    return CommitLog();
  }

  // Chunks reach the medium here; they count when `shown` follows.
  Result<std::string> Prepare(int64_t epoch) override {
    EventTime watermark = kMinEventTime;
    if (run_ != nullptr && step_ >= 0) {
      const std::vector<StepFacts> facts = run_->Steps();
      if (!facts.empty()) watermark = facts[step_].watermark;
    }
    std::lock_guard lock(mutex_);
    WEIR_RETURN_NOT_OK(CommitLog());
    epoch_ = epoch + 1;
    std::string token;
    StateWriter writer(&token);
    writer.Int(epoch);
    writer.Int(watermark);
    writer.Int(watermark == kMaxEventTime ? 1 : 0);
    KillPoint("edge.prepared");
    return token;
  }

  Status Commit(const std::string& token) override {
    std::lock_guard lock(mutex_);
    const int64_t epoch = StateReader(token).Int();
    if (epoch <= shown_) return Status::OK();
    WEIR_RETURN_NOT_OK(log_->Append(kShownRecord, token).status());
    shown_ = epoch;
    TrimConsumed();
    WEIR_RETURN_NOT_OK(CommitLog());
    KillPoint("edge.shown");
    return Status::OK();
  }

  Status Abort(int64_t) override { return Status::OK(); }

 private:
  class Writer final : public SinkWriter {
   public:
    explicit Writer(EdgeSink* sink) : sink_(*sink) {}
    Status Write(Batch batch) override {
      WEIR_ASSIGN_OR_RETURN(const std::string payload, EncodeChunk(sink_.epoch_, batch, sink_.edge_, sink_.schema_));
      std::lock_guard lock(sink_.mutex_);
      WEIR_RETURN_NOT_OK(sink_.log_->Append(kChunkRecord, payload).status());
      sink_.full_.store(sink_.log_->full(), std::memory_order_relaxed);
      return Status::OK();
    }
    Status Finish() override { return Status::OK(); }
    bool full() const override { return sink_.full_.load(std::memory_order_relaxed); }

   private:
    EdgeSink& sink_;
  };

  Status CommitLog() {
    std::string payload;
    StateWriter(&payload).Int(shown_);
    WEIR_RETURN_NOT_OK(log_->Commit(log_->epoch() + 1, payload));
    full_.store(log_->full(), std::memory_order_relaxed);
    return Status::OK();
  }

  /// What the reading stage has committed need not be kept. Not said yet, or not readable now: the next time.
  void TrimConsumed() {
    const Result<std::string> text = ReadFile(*files_, JoinPath(options_.folder, "consumed"), 64);
    if (!text.ok()) return;
    const int64_t sequence = std::strtoll(text->c_str(), nullptr, 10);
    if (sequence > log_->trim_below() && sequence <= log_->next_sequence()) log_->TrimBelow(sequence);
  }

  const StageEdge edge_;
  const EdgeOptions options_;
  const SchemaPtr schema_;
  RunFacts* run_ = nullptr;
  int step_ = -1;
  FileSystem* files_ = nullptr;
  std::mutex mutex_;  // of what follows
  std::unique_ptr<ChunkLog> log_;
  int64_t shown_ = 0;
  std::atomic<int64_t> epoch_{1};  // that chunks are part of now
  std::atomic<bool> full_{false};
};

}  // namespace

SchemaPtr ChunkSchema(const StageEdge& edge) {
  std::vector<std::shared_ptr<arrow::Field>> fields;
  for (int column : edge.columns.ToIndices()) fields.push_back(edge.schema->field(column));
  return arrow::schema(std::move(fields));
}

Result<std::shared_ptr<Sink>> MakeEdgeSink(const StageEdge& edge, EdgeOptions options) {
  return std::make_shared<EdgeSink>(edge, std::move(options));
}

}  // namespace weir
