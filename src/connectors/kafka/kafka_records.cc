// Values are written by the writer of NDJSON, and cut at its line breaks.
#include "connectors/kafka/kafka_records.h"

#include <arrow/array/data.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <algorithm>
#include <cstring>

namespace weir {
namespace {

SchemaPtr ValueSchema(const KafkaTargetOptions& options) {
  std::vector<std::shared_ptr<arrow::Field>> fields;
  for (const int column : options.value_columns) fields.push_back(options.schema->field(column));
  return arrow::schema(std::move(fields));
}

}  // namespace

KafkaTexts::KafkaTexts(ArrayDataPtr values) : values_(std::move(values)) {
  static constexpr int32_t kNone[2] = {0, 0};
  offsets_ = values_->buffers[1] ? values_->GetValues<int32_t>(1) : kNone;
  bytes_ = values_->buffers[2] ? reinterpret_cast<const char*>(values_->buffers[2]->data()) : "";
}

bool KafkaTexts::IsNull(int64_t row) const {
  return values_->buffers[0] && !arrow::bit_util::GetBit(values_->buffers[0]->data(), values_->offset + row);
}

KafkaRecords::KafkaRecords(const KafkaTargetOptions& options)
    : is_json_(options.format == KafkaValueFormat::kJson),
      value_schema_(ValueSchema(options)),
      value_columns_(options.value_columns),
      writer_(value_schema_, JsonForm::kLines),
      has_key_(options.key != nullptr),
      has_topic_(options.topic_of != nullptr) {
  if (has_key_) evaluators_.emplace_back(options.key);
  if (has_topic_) evaluators_.emplace_back(options.topic_of);
  for (const auto& [name, value] : options.headers) evaluators_.emplace_back(value);
}

int64_t KafkaRecords::time_ms(int64_t row) const {
  const int64_t time_us = times_.at(row);
  return time_us <= kMinEventTime || time_us < 0 ? -1 : time_us / 1000;
}

Status KafkaRecords::Evaluate(ExprEvaluator* evaluator, const Batch& batch, std::vector<RowError>* errors,
                              KafkaTexts* to) {
  WEIR_ASSIGN_OR_RETURN(ArrayDataPtr values, evaluator->Eval(batch, errors));
  const auto schema = arrow::schema({arrow::field("text", evaluator->expr().type())});
  *to = KafkaTexts(Batch(schema, {std::move(values)}, batch.num_rows()).PlainColumn(0));
  return Status::OK();
}

Status KafkaRecords::Make(const Batch& batch, std::vector<RowError>* errors) {
  count_ = batch.num_rows();
  times_ = batch.event_time();
  refused_.assign(static_cast<size_t>(count_), false);
  if (is_json_) {
    json_.Clear();
    WEIR_RETURN_NOT_OK(writer_.Write(batch.Project(value_schema_, value_columns_), &json_));
    line_ends_.assign(1, 0);
    const char* const begin = json_.data();
    const char* const end = begin + json_.size();
    for (const char* at = begin; at < end;) {
      at = static_cast<const char*>(std::memchr(at, '\n', static_cast<size_t>(end - at))) + 1;
      line_ends_.push_back(at - begin);
    }
    if (static_cast<int64_t>(line_ends_.size()) != count_ + 1) {
      return Status::UnknownError("the writer of JSON gave ", line_ends_.size() - 1, " lines for ", count_, " rows");
    }
  } else {
    texts_ = KafkaTexts(batch.PlainColumn(value_columns_[0]));
  }
  size_t next = 0;
  if (has_key_) WEIR_RETURN_NOT_OK(Evaluate(&evaluators_[next++], batch, errors, &keys_));
  if (has_topic_) WEIR_RETURN_NOT_OK(Evaluate(&evaluators_[next++], batch, errors, &topics_));
  headers_.clear();
  for (; next < evaluators_.size(); ++next) {
    WEIR_RETURN_NOT_OK(Evaluate(&evaluators_[next], batch, errors, &headers_.emplace_back()));
  }
  std::stable_sort(errors->begin(), errors->end(), [](const auto& a, const auto& b) { return a.row < b.row; });
  const auto same = [](const auto& a, const auto& b) { return a.row == b.row; };
  errors->erase(std::unique(errors->begin(), errors->end(), same), errors->end());
  for (const RowError& error : *errors) refused_[error.row] = true;
  return Status::OK();
}

}  // namespace weir
