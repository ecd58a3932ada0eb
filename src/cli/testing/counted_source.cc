// One number, which all lanes count up.
#include "cli/testing/counted_source.h"

#include <atomic>
#include <charconv>
#include <utility>

namespace weir {
namespace {

class CountedSource final : public Source {
 public:
  explicit CountedSource(Batch rows) : rows_(std::move(rows)) {}
  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) override {
    return std::make_unique<Reader>(this, lane);
  }
  Result<std::string> Position() override { return std::to_string(std::min<int64_t>(next_.load(), rows_.num_rows())); }
  Status Restore(const std::string& position) override {
    int64_t next = 0;
    const auto [end, error] = std::from_chars(position.data(), position.data() + position.size(), next);
    if (error != std::errc() || next < 0 || next > rows_.num_rows()) {
      return Status::Invalid("'", position, "' is not a number of rows");
    }
    next_ = next;
    return Status::OK();
  }

 private:
  class Reader final : public SourceReader {
   public:
    Reader(CountedSource* source, const OperatorContext& lane) : source_(*source), lane_(lane) {}
    Result<PollResult> Poll(Emitter& out) override {
      const int64_t row = source_.next_.fetch_add(1);
      if (row >= source_.rows_.num_rows()) return PollResult::kExhausted;
      if (lane_.morsels) lane_.morsels->Start(lane_.lane, row);
      Batch batch = source_.rows_.Slice(row, 1);
      batch.set_morsel(row);
      WEIR_RETURN_NOT_OK(out.Emit(std::move(batch)));
      return PollResult::kProduced;
    }

   private:
    CountedSource& source_;
    const OperatorContext lane_;
  };

  const Batch rows_;
  std::atomic<int64_t> next_{0};
};

}  // namespace

std::shared_ptr<Source> MakeCountedSource(Batch rows) { return std::make_shared<CountedSource>(std::move(rows)); }

}  // namespace weir
