// The rows of a batch as what a producer sends: value, key, headers, topic of each.
#pragma once

#include <string_view>
#include <vector>

#include "connectors/kafka/kafka_target.h"
#include "formats/json/json_writer.h"

namespace weir {

/// One text or nothing per row, of a column of text or bytes. Refers to the column.
class KafkaTexts {
 public:
  KafkaTexts() = default;
  /// `values`: text or bytes, plain.
  explicit KafkaTexts(ArrayDataPtr values);
  bool is_set() const { return values_ != nullptr; }
  bool IsNull(int64_t row) const;
  std::string_view At(int64_t row) const {
    return {bytes_ + offsets_[row], static_cast<size_t>(offsets_[row + 1] - offsets_[row])};
  }

 private:
  ArrayDataPtr values_;
  const int32_t* offsets_ = nullptr;
  const char* bytes_ = nullptr;
};

/// Not thread-safe; buffers are reused from batch to batch.
class KafkaRecords {
 public:
  explicit KafkaRecords(const KafkaTargetOptions& options);

  /// Makes the records of `batch`. Rows whose expressions fail go to `errors`, ascending, and are is_refused().
  Status Make(const Batch& batch, std::vector<RowError>* errors);

  int64_t count() const { return count_; }
  bool is_refused(int64_t row) const { return refused_[row]; }
  bool has_value(int64_t row) const { return is_json_ || !texts_.IsNull(row); }
  std::string_view value(int64_t row) const {
    if (!is_json_) return texts_.At(row);
    const char* begin = json_.data() + line_ends_[row];
    return {begin, static_cast<size_t>(line_ends_[row + 1] - line_ends_[row] - 1)};
  }
  const KafkaTexts& keys() const { return keys_; }
  const KafkaTexts& topics() const { return topics_; }
  const std::vector<KafkaTexts>& headers() const { return headers_; }
  /// Milliseconds since 1970; below 0: the row has no time.
  int64_t time_ms(int64_t row) const;

 private:
  Status Evaluate(ExprEvaluator* evaluator, const Batch& batch, std::vector<RowError>* errors, KafkaTexts* to);

  const bool is_json_;
  const SchemaPtr value_schema_;
  const std::vector<int> value_columns_;
  JsonWriter writer_;
  std::vector<ExprEvaluator> evaluators_;  // key, topic, headers: those that there are
  const bool has_key_, has_topic_;
  TextOutput json_;
  std::vector<int64_t> line_ends_;  // value of row i: from line_ends_[i] to one before line_ends_[i + 1]
  KafkaTexts texts_, keys_, topics_;
  std::vector<KafkaTexts> headers_;
  std::vector<bool> refused_;
  Int64Column times_;
  int64_t count_ = 0;
};

}  // namespace weir
