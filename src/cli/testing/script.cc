// A script's reader goes through the transcript as far as it was given and says what concerns its own collection.
#include "cli/testing/script.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace weir {
namespace {

using Kind = TranscriptItem::Kind;

class ScriptReader final : public SourceReader {
 public:
  ScriptReader(std::shared_ptr<const Script> script, int collection, Batch rows, const OperatorContext& context)
      : script_(std::move(script)), collection_(collection), rows_(std::move(rows)), context_(context) {}

  Result<PollResult> Poll(Emitter& out) override {
    const std::vector<TranscriptItem>& items = script_->transcript().items;
    for (const size_t position = script_->position(); next_ < position; ++next_) {
      if (next_ == items.size()) return PollResult::kExhausted;
      const TranscriptItem& item = items[next_];
      if (item.collection >= 0 && item.collection != collection_) continue;
      switch (item.kind) {
        case Kind::kExpect:
          break;
        case Kind::kInput:
          ++next_;
          idle_ = false;
          WEIR_RETURN_NOT_OK(Give(item, out));
          return PollResult::kProduced;
        case Kind::kWatermark:
          idle_ = false;
          watermark_ = std::max(watermark_, item.time_us);
          break;
        case Kind::kProcessingTime:
          processing_time_us_ += item.time_us;
          break;
        case Kind::kIdle:
          idle_ = true;
          break;
        case Kind::kEnd:
          return PollResult::kExhausted;
      }
    }
    return PollResult::kIdle;
  }

  EventTime watermark() const override { return watermark_; }
  bool idle() const override { return idle_; }
  std::optional<int64_t> processing_time_us() const override { return processing_time_us_; }

 private:
  Status Give(const TranscriptItem& item, Emitter& out) {
    const auto count = static_cast<int64_t>(item.rows.size());
    Batch batch = rows_.Slice(given_, count);
    given_ += count;
    std::vector<int64_t> times, weights;
    bool changes = false;
    for (const TranscriptRow& row : item.rows) {
      times.push_back(row.at);
      weights.push_back(row.weight.value_or(1));
      changes |= row.weight.has_value();
    }
    batch.set_event_time(Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(times)))));
    if (changes) batch.set_weight(Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(weights)))));
    if (context_.morsels) context_.morsels->Start(context_.lane, morsel_);
    batch.set_morsel(morsel_++);
    return out.Emit(std::move(batch));
  }

  const std::shared_ptr<const Script> script_;
  const int collection_;
  const Batch rows_;
  const OperatorContext context_;
  size_t next_ = 0;    // item to look at
  int64_t given_ = 0;  // of rows_
  int64_t morsel_ = 0;
  int64_t processing_time_us_ = 0;
  EventTime watermark_ = kMinEventTime;
  bool idle_ = false;
};

class ScriptSource final : public Source {
 public:
  ScriptSource(std::shared_ptr<const Script> script, int collection, Batch rows)
      : script_(std::move(script)), collection_(collection), rows_(std::move(rows)) {}

  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& context) override {
    return std::make_unique<ScriptReader>(script_, collection_, rows_, context);
  }

 private:
  const std::shared_ptr<const Script> script_;
  const int collection_;
  const Batch rows_;
};

}  // namespace

bool Script::Advance() {
  const std::vector<TranscriptItem>& items = transcript_.items;
  size_t position = position_;
  if (position > items.size()) return false;
  do {  // an expectation asks for nothing
    ++position;
  } while (position <= items.size() && items[position - 1].kind == Kind::kExpect);
  position_ = position;
  return true;
}

std::shared_ptr<Source> MakeScriptSource(std::shared_ptr<const Script> script, int collection, Batch rows) {
  return std::make_shared<ScriptSource>(std::move(script), collection, std::move(rows));
}

}  // namespace weir
