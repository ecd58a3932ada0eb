// Ranges, readers and positions of tables.
#include "connectors/tables/table_source.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace weir {

class TableSource::Reader final : public SourceReader {
 public:
  Reader(TableSource* source, const OperatorContext& lane) : source_(*source), lane_(lane) {}

  Result<PollResult> Poll(Emitter& out) override {
    if (!in_range_) {
      TableRange range;
      int64_t morsel = 0;
      if (!source_.Take(&range, &morsel)) return PollResult::kExhausted;
      // A connection of a lane that gets no range is never opened.
      if (reader_ == nullptr) {
        WEIR_ASSIGN_OR_RETURN(reader_, source_.options_.open_reader(lane_));
      }
      if (lane_.morsels != nullptr) lane_.morsels->Start(lane_.lane, morsel);
      morsel_ = morsel;
      WEIR_RETURN_NOT_OK(reader_->Start(range));
      in_range_ = true;
    }
    while (in_range_) {
      Batch rows;
      std::vector<RawError> errors;
      WEIR_ASSIGN_OR_RETURN(in_range_, reader_->Next(&rows, &errors));
      WEIR_RETURN_NOT_OK(out.RejectRaw(errors));
      if (in_range_ && rows.num_rows() > 0) {
        rows.set_morsel(morsel_);
        WEIR_RETURN_NOT_OK(AssignOrReject(source_.options_.event_time, &rows, out));
        WEIR_RETURN_NOT_OK(out.Emit(std::move(rows)));
      }
      if (out.full()) break;  // the rest comes with the next call
    }
    return PollResult::kProduced;
  }
  bool can_pause() const override { return !in_range_; }

 private:
  TableSource& source_;
  const OperatorContext lane_;
  std::unique_ptr<TableReader> reader_;
  bool in_range_ = false;
  int64_t morsel_ = 0;
};

Status TableSource::Open(OperatorContext& context) {
  WEIR_ASSIGN_OR_RETURN(extent_, options_.open(context));
  next_ = extent_.begin;
  return Status::OK();
}

Result<std::unique_ptr<SourceReader>> TableSource::OpenReader(const OperatorContext& lane) {
  return std::make_unique<Reader>(this, lane);
}

bool TableSource::Take(TableRange* range, int64_t* morsel) {
  std::lock_guard lock(mutex_);
  *morsel = next_morsel_++;
  if (extent_.step == 0) {
    *range = {0, 0, true};
    return !std::exchange(whole_taken_, true);
  }
  if (next_ >= extent_.end) return false;
  const int64_t end = extent_.end - next_ <= extent_.step ? extent_.end : next_ + extent_.step;
  *range = {std::exchange(next_, end), end, false};
  return true;
}

Result<std::string> TableSource::Position() {
  std::lock_guard lock(mutex_);
  nlohmann::json json{{"what", options_.what}};
  if (extent_.step == 0) {
    json["read"] = whole_taken_;
  } else {
    json["from"] = next_;
    json["to"] = extent_.end;
    json["step"] = extent_.step;
  }
  return json.dump();
}

Status TableSource::Restore(const std::string& position) {
  std::lock_guard lock(mutex_);
  const auto json = nlohmann::json::parse(position, nullptr, false);
  if (!json.is_object() || !json.contains("what") || json["what"] != options_.what) {
    return Status::Invalid("the position is not one of ", options_.what, ": ", position);
  }
  const auto number = [&](const char* key) {
    return json.contains(key) && json[key].is_number_integer() ? json[key].get<int64_t>() : int64_t{0};
  };
  if (json.contains("read")) {
    extent_.step = 0;
    whole_taken_ = json["read"] == true;
  } else {
    next_ = number("from");
    extent_ = {next_, number("to"), std::max<int64_t>(number("step"), 1)};
  }
  return Status::OK();
}

}  // namespace weir
