// The reading end of an edge.
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <deque>
#include <map>
#include <nlohmann/json.hpp>

#include "base/kill_point.h"
#include "connectors/edges/edge.h"
#include "connectors/support/outbox_file.h"
#include "env/env.h"
#include "log/log_reader.h"
#include "state/snapshot/state_bytes.h"

namespace weir {
namespace {

/// Of chunks that wait to be shown; others are read again when they are.
constexpr int64_t kMaxBufferedBytes = 64 << 20;

class EdgeSource final : public Source {
 public:
  EdgeSource(StageEdge edge, EdgeOptions options) : edge_(std::move(edge)), options_(std::move(options)) {}

  Status Open(OperatorContext& context) override {
    files_ = &context.env->files();
    return Status::OK();
  }

  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) override {
    reader_ = std::make_unique<LogReader>(*files_, JoinPath(options_.folder, "log"), from_);
    return std::make_unique<Reader>(this, lane);
  }

  /// {"next": record to read on from, "shown": the writer's epoch up to which everything has been given, "watermark"}.
  Result<std::string> Position() override {
    nlohmann::json json;
    json["next"] = Oldest();
    json["shown"] = shown_;
    json["watermark"] = watermark_;
    json["ended"] = ended_;
    return json.dump();
  }

  Status Restore(const std::string& position) override {
    const auto json = nlohmann::json::parse(position, nullptr, false);
    if (!json.is_object()) return Status::Invalid("edge '", edge_.name, "': its position is damaged");
    from_ = json.value("next", int64_t{0});
    shown_ = json.value("shown", int64_t{0});
    watermark_ = json.value("watermark", kMinEventTime);
    ended_ = json.value("ended", false);
    return Status::OK();
  }

  /// Written aside and renamed; where it is lost, the writer only keeps more than it must.
  Status Committed(const std::string& position) override {
    const auto json = nlohmann::json::parse(position, nullptr, false);
    const std::string path = JoinPath(options_.folder, "consumed"), aside = path + ".new";
    WEIR_RETURN_NOT_OK(files_->MakeDirectories(options_.folder));
    WEIR_ASSIGN_OR_RETURN(auto file, files_->Create(aside));
    const std::string text = std::to_string(json.value("next", int64_t{0})) + "\n";
    WEIR_RETURN_NOT_OK(file->Write(text.data(), static_cast<int64_t>(text.size())));
    WEIR_RETURN_NOT_OK(file->Close());
    KillPoint("edge.consumed");
    return files_->Rename(aside, path);
  }

 private:
  class Reader final : public SourceReader {
   public:
    Reader(EdgeSource* source, OperatorContext lane) : source_(*source), lane_(std::move(lane)) {}
    Result<PollResult> Poll(Emitter& out) override { return source_.Poll(out, lane_); }
    EventTime watermark() const override { return source_.watermark_; }
    bool can_pause() const override { return source_.ready_.empty(); }

   private:
    EdgeSource& source_;
    const OperatorContext lane_;
  };

  struct Chunk {
    int64_t sequence = 0, epoch = 0;
    std::string payload;  // empty: to be read again
  };

  /// The first record that is still needed by who starts here.
  int64_t Oldest() const { return waiting_.empty() ? reader_->next_sequence() : waiting_.front().sequence; }

  Result<PollResult> Poll(Emitter& out, const OperatorContext& lane) {
    for (;;) {
      if (!ready_.empty()) {
        Chunk chunk = std::move(ready_.front());
        ready_.pop_front();
        if (chunk.payload.empty()) WEIR_RETURN_NOT_OK(ReadAgain(&chunk));
        WEIR_RETURN_NOT_OK(Give(chunk, out, lane));
        if (ready_.empty()) watermark_ = next_watermark_;
        return PollResult::kProduced;
      }
      if (ended_) return PollResult::kExhausted;
      LogRecord record;
      WEIR_ASSIGN_OR_RETURN(const bool found, reader_->Next(&record));
      if (!found) return PollResult::kIdle;
      WEIR_RETURN_NOT_OK(Take(record));
    }
  }

  Status Take(LogRecord& record) {
    StateReader head(record.payload);
    const int64_t epoch = head.Int();
    switch (record.kind) {
      case kChunkRecord:
        if (epoch <= shown_) return Status::OK();  // given by an earlier run
        if (waiting_bytes_ > kMaxBufferedBytes) record.payload.clear();
        waiting_bytes_ += static_cast<int64_t>(record.payload.size());
        waiting_.push_back({record.sequence, epoch, std::move(record.payload)});
        return Status::OK();
      case kForgetRecord:
        std::erase_if(waiting_, [&](const Chunk& chunk) { return chunk.epoch > epoch; });
        break;
      case kShownRecord: {
        if (epoch <= shown_) return Status::OK();
        for (Chunk& chunk : waiting_) {
          if (chunk.epoch <= epoch) ready_.push_back(std::move(chunk));
        }
        std::erase_if(waiting_, [&](const Chunk& chunk) { return chunk.epoch <= epoch; });
        shown_ = epoch;
        next_watermark_ = std::max(watermark_, head.Int());
        ended_ = head.Int() != 0;
        if (ready_.empty() && !ended_) watermark_ = next_watermark_;
        break;
      }
      default:
        return Status::Invalid("edge '", edge_.name, "': record ", record.sequence, " is of a kind that is not known");
    }
    waiting_bytes_ = 0;
    for (const Chunk& chunk : waiting_) waiting_bytes_ += static_cast<int64_t>(chunk.payload.size());
    return Status::OK();
  }

  Status ReadAgain(Chunk* chunk) {
    if (again_ == nullptr || again_->next_sequence() > chunk->sequence) {
      again_ = std::make_unique<LogReader>(*files_, JoinPath(options_.folder, "log"), chunk->sequence);
    }
    LogRecord record;
    do {
      WEIR_ASSIGN_OR_RETURN(const bool found, again_->Next(&record));
      if (!found) return Status::IOError("edge '", edge_.name, "': record ", chunk->sequence, " is gone");
    } while (record.sequence != chunk->sequence);
    chunk->payload = std::move(record.payload);
    return Status::OK();
  }

  Status Give(const Chunk& chunk, Emitter& out, const OperatorContext& lane) {
    StateReader head(chunk.payload);
    head.Int();
    Pane pane;
    pane.timing = static_cast<PaneTiming>(head.Byte());
    pane.index = head.Int();
    const uint8_t flags = head.Byte();
    pane.is_first = (flags & 1) != 0;
    pane.is_last = (flags & 2) != 0;
    const std::string_view rest = head.rest();
    const auto bytes = arrow::Buffer::FromString(std::string(rest));
    WEIR_ASSIGN_OR_RETURN(const std::vector<Batch> batches, DecodeOutbox(bytes));
    std::vector<int> place(static_cast<size_t>(edge_.schema->num_fields()), -1);
    const std::vector<int> kept = edge_.columns.ToIndices();
    for (const Batch& rows : batches) {
      if (rows.num_columns() != static_cast<int>(kept.size())) {
        return Status::Invalid("edge '", edge_.name, "': its rows have ", rows.num_columns(), " columns where ",
                               kept.size(), " are read: the two stages run different pipelines");
      }
      std::vector<ArrayDataPtr> columns(place.size());
      for (size_t i = 0; i < kept.size(); ++i) {
        const auto& wanted = edge_.schema->field(kept[i]);
        if (!rows.schema()->field(static_cast<int>(i))->type()->Equals(*wanted->type())) {
          return Status::Invalid("edge '", edge_.name, "': column '", wanted->name(), "' is ",
                                 rows.schema()->field(static_cast<int>(i))->type()->ToString(), " there and ",
                                 wanted->type()->ToString(), " here: the two stages run different pipelines");
        }
        columns[kept[i]] = rows.column(static_cast<int>(i));
      }
      Batch batch = rows.WithColumns(edge_.schema, std::move(columns));
      batch.set_pane(pane);
      if (lane.morsels != nullptr) lane.morsels->Start(lane.lane, morsel_);
      batch.set_morsel(morsel_++);
      WEIR_RETURN_NOT_OK(out.Emit(std::move(batch)));
    }
    return Status::OK();
  }

  const StageEdge edge_;
  const EdgeOptions options_;
  FileSystem* files_ = nullptr;
  std::unique_ptr<LogReader> reader_, again_;
  int64_t from_ = 0;
  int64_t shown_ = 0;          // epoch of the writer: up to it everything has been given, or is ready
  std::deque<Chunk> waiting_;  // in the order of their records; not shown yet
  std::deque<Chunk> ready_;
  int64_t waiting_bytes_ = 0, morsel_ = 0;
  EventTime watermark_ = kMinEventTime, next_watermark_ = kMinEventTime;
  bool ended_ = false;
};

}  // namespace

Result<std::shared_ptr<Source>> MakeEdgeSource(const StageEdge& edge, EdgeOptions options) {
  return std::make_shared<EdgeSource>(edge, std::move(options));
}

}  // namespace weir
