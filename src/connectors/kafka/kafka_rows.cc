// Values of JSON go through the parser of files, a record per line; the rest is built column by column.
#include "connectors/kafka/kafka_rows.h"

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/builder_nested.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/type.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/utf8.h"
#include "formats/json/json_parser.h"
#include "formats/text/array_build.h"

namespace weir {
namespace {

/// A buffer that a burst made is not kept for what comes after it.
constexpr int64_t kMaxKeptBytes = 16 << 20;

std::string_view ValueOf(const rd_kafka_message_t& record) {
  return {static_cast<const char*>(record.payload), record.payload ? record.len : 0};
}

bool IsBlank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

/// The line number at the end of "kafka:17", from 0.
size_t LineOf(const std::string& place) {
  return static_cast<size_t>(std::strtoll(place.c_str() + place.rfind(':') + 1, nullptr, 10)) - 1;
}

template <class Value>
Result<ArrayDataPtr> Int64Values(const std::vector<rd_kafka_message_t*>& records, const TypePtr& type, Value value) {
  const auto count = static_cast<int64_t>(records.size());
  WEIR_ASSIGN_OR_RETURN(auto buffer, AllocatePadded(count * 8));
  auto* to = reinterpret_cast<int64_t*>(buffer->mutable_data());
  for (const rd_kafka_message_t* record : records) *to++ = value(*record);
  return MakeColumn(type, count, {std::move(buffer)}, {});
}

std::string AsUtf8(const void* data, size_t size) {
  const std::string_view text(static_cast<const char*>(data), data ? size : 0);
  return FirstInvalidUtf8(text) == std::string_view::npos ? std::string(text)
                                                          : RecordText(text.data(), static_cast<int64_t>(text.size()));
}

}  // namespace

std::optional<KafkaField> KafkaFieldFromName(const std::string& name) {
  if (name == "key") return KafkaField::kKey;
  if (name == "topic") return KafkaField::kTopic;
  if (name == "partition") return KafkaField::kPartition;
  if (name == "offset") return KafkaField::kOffset;
  if (name == "timestamp") return KafkaField::kTimestamp;
  if (name == "headers") return KafkaField::kHeaders;
  return std::nullopt;
}

std::shared_ptr<arrow::DataType> KafkaFieldType(KafkaField field) {
  switch (field) {
    case KafkaField::kKey:
    case KafkaField::kTopic:
      return arrow::utf8();
    case KafkaField::kPartition:
    case KafkaField::kOffset:
      return arrow::int64();
    case KafkaField::kTimestamp:
      return TimestampType();
    case KafkaField::kHeaders:
      return arrow::map(arrow::utf8(), arrow::utf8());
  }
  return nullptr;
}

KafkaRowParser::KafkaRowParser(const KafkaLibrary& api, KafkaRowFormat format, const ColumnSet& needed)
    : api_(api), format_(std::move(format)), needed_(needed) {
  block_.file = std::make_shared<TextFile>("kafka", nullptr);
  block_.is_last = true;
}

KafkaRowParser::~KafkaRowParser() = default;

Result<std::unique_ptr<KafkaRowParser>> KafkaRowParser::Make(KafkaRowFormat format, const ColumnSet& needed) {
  WEIR_ASSIGN_OR_RETURN(const KafkaLibrary* api, KafkaLibrary::Get());
  std::unique_ptr<KafkaRowParser> parser(new KafkaRowParser(*api, std::move(format), needed));
  const KafkaRowFormat& made = parser->format_;
  if (made.format == KafkaFormat::kJson) {
    auto plan = std::make_shared<JsonReadPlan>();
    std::vector<std::shared_ptr<arrow::Field>> fields(made.schema->fields().begin(),
                                                      made.schema->fields().begin() + made.value_fields);
    for (int i = 0; i < made.value_fields; ++i) plan->needed.push_back(needed.contains(i));
    plan->schema = arrow::schema(std::move(fields));
    WEIR_ASSIGN_OR_RETURN(parser->json_, JsonBlockParser::Make(std::move(plan)));
  }
  return parser;
}

std::string KafkaRowParser::PlaceOf(const rd_kafka_message_t& record) const {
  return std::string(api_.topic_name(record.rkt)) + "[" + std::to_string(record.partition) + "]@" +
         std::to_string(record.offset);
}

Status KafkaRowParser::ParseJson(std::vector<rd_kafka_message_t*>* records, std::vector<ArrayDataPtr>* columns,
                                 std::vector<RawError>* errors) {
  if (block_.buffer.capacity() > kMaxKeptBytes) block_.buffer = PaddedBuffer();
  int64_t bytes = 0;
  for (const rd_kafka_message_t* record : *records) bytes += static_cast<int64_t>(record->len) + 3;
  block_.buffer.Reserve(bytes + 1, 0);
  char* to = block_.buffer.data();
  for (const rd_kafka_message_t* record : *records) {
    std::string_view text = ValueOf(*record);
    if (!record->payload) {
      text = "{}";
    } else if (IsBlank(text)) {
      text = "-";  // a blank line is no record; this one shall be an error
    }
    std::memcpy(to, text.data(), text.size());
    // Between its values a record may have line breaks; a record per line is what the parser reads.
    if (std::memchr(to, '\n', text.size())) std::replace(to, to + text.size(), '\n', ' ');
    to += text.size();
    *to++ = '\n';
  }
  block_.size = to - block_.buffer.data();
  block_.offset = block_.lines_before = 0;
  block_.grammar_state = 0;
  std::vector<RecordError> refused;
  WEIR_ASSIGN_OR_RETURN(const Batch rows, json_->Parse(block_, &refused));
  for (const RecordError& error : refused) {
    rd_kafka_message_t*& record = (*records)[LineOf(error.place)];
    errors->push_back({error.record, PlaceOf(*record) + ": " + error.message});
    record = nullptr;
  }
  if (!refused.empty()) std::erase(*records, nullptr);
  if (rows.num_rows() != static_cast<int64_t>(records->size())) {
    return Status::UnknownError("the parser of JSON gave ", rows.num_rows(), " rows for ", records->size(), " records");
  }
  for (int i = 0; i < format_.value_fields; ++i) columns->push_back(rows.num_columns() > i ? rows.column(i) : nullptr);
  return Status::OK();
}

Status KafkaRowParser::ParseText(std::vector<rd_kafka_message_t*>* records, std::vector<ArrayDataPtr>* columns,
                                 std::vector<RawError>* errors) {
  const bool is_text = format_.format == KafkaFormat::kText;
  arrow::BinaryBuilder builder;
  int64_t bytes = 0;
  for (const rd_kafka_message_t* record : *records) bytes += static_cast<int64_t>(record->len);
  WEIR_RETURN_NOT_OK(builder.Reserve(static_cast<int64_t>(records->size())));
  WEIR_RETURN_NOT_OK(builder.ReserveData(bytes));
  size_t kept = 0;
  for (rd_kafka_message_t* record : *records) {
    const std::string_view value = ValueOf(*record);
    if (is_text && FirstInvalidUtf8(value) != std::string_view::npos) {
      errors->push_back(
          {RecordText(value.data(), static_cast<int64_t>(value.size())), PlaceOf(*record) + ": the value is no UTF-8"});
      continue;
    }
    (*records)[kept++] = record;
    if (record->payload) {
      builder.UnsafeAppend(value);
    } else {
      builder.UnsafeAppendNull();
    }
  }
  records->resize(kept);
  std::shared_ptr<arrow::Array> values;
  WEIR_RETURN_NOT_OK(builder.Finish(&values));
  auto column = values->data()->Copy();
  if (is_text) column->type = arrow::utf8();
  columns->push_back(std::move(column));
  return Status::OK();
}

Result<ArrayDataPtr> KafkaRowParser::Headers(const std::vector<rd_kafka_message_t*>& records) const {
  auto keys = std::make_shared<arrow::StringBuilder>();
  auto values = std::make_shared<arrow::StringBuilder>();
  arrow::MapBuilder builder(arrow::default_memory_pool(), keys, values, KafkaFieldType(KafkaField::kHeaders));
  for (rd_kafka_message_t* record : records) {
    WEIR_RETURN_NOT_OK(builder.Append());
    rd_kafka_headers_t* headers = nullptr;
    if (api_.message_headers(record, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    for (size_t i = 0; api_.header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
      WEIR_RETURN_NOT_OK(keys->Append(AsUtf8(name, std::strlen(name))));
      WEIR_RETURN_NOT_OK(value ? values->Append(AsUtf8(value, size)) : values->AppendNull());
    }
  }
  std::shared_ptr<arrow::Array> made;
  WEIR_RETURN_NOT_OK(builder.Finish(&made));
  return made->data();
}

Result<ArrayDataPtr> KafkaRowParser::FieldColumn(KafkaField field,
                                                 const std::vector<rd_kafka_message_t*>& records) const {
  using Record = const rd_kafka_message_t&;
  const TypePtr type = KafkaFieldType(field);
  switch (field) {
    case KafkaField::kPartition:
      return Int64Values(records, type, [](Record record) -> int64_t { return record.partition; });
    case KafkaField::kOffset:
      return Int64Values(records, type, [](Record record) { return record.offset; });
    case KafkaField::kTimestamp:
      return Int64Values(records, type, [this](Record record) {
        rd_kafka_timestamp_type_t kind;
        return std::max<int64_t>(api_.message_timestamp(&record, &kind), 0) * 1000;
      });
    case KafkaField::kHeaders:
      return Headers(records);
    case KafkaField::kKey:
    case KafkaField::kTopic:
      break;
  }
  arrow::StringBuilder builder;
  for (const rd_kafka_message_t* record : records) {
    if (field == KafkaField::kTopic) {
      WEIR_RETURN_NOT_OK(builder.Append(api_.topic_name(record->rkt)));
    } else if (!record->key) {
      WEIR_RETURN_NOT_OK(builder.AppendNull());
    } else {
      const std::string_view key(static_cast<const char*>(record->key), record->key_len);
      WEIR_RETURN_NOT_OK(FirstInvalidUtf8(key) == std::string_view::npos
                             ? builder.Append(key)
                             : builder.Append(AsUtf8(key.data(), key.size())));
    }
  }
  std::shared_ptr<arrow::Array> made;
  WEIR_RETURN_NOT_OK(builder.Finish(&made));
  return made->data();
}

Result<Batch> KafkaRowParser::Parse(std::vector<rd_kafka_message_t*>* records, int64_t now_us,
                                    std::vector<RawError>* errors) {
  std::vector<ArrayDataPtr> columns;
  WEIR_RETURN_NOT_OK(format_.format == KafkaFormat::kJson ? ParseJson(records, &columns, errors)
                                                          : ParseText(records, &columns, errors));
  for (size_t i = 0; i < format_.fields.size(); ++i) {
    columns.emplace_back();
    if (!needed_.contains(format_.value_fields + static_cast<int>(i))) continue;
    WEIR_ASSIGN_OR_RETURN(columns.back(), FieldColumn(format_.fields[i], *records));
  }
  const auto num_rows = static_cast<int64_t>(records->size());
  Batch rows(format_.schema, std::move(columns), num_rows);
  WEIR_ASSIGN_OR_RETURN(const auto times, AllocatePadded(num_rows * 8));
  auto* to = reinterpret_cast<int64_t*>(times->mutable_data());
  for (const rd_kafka_message_t* record : *records) {
    rd_kafka_timestamp_type_t kind;
    const int64_t ms = api_.message_timestamp(record, &kind);
    *to++ = ms >= 0 ? ms * 1000 : now_us;
  }
  rows.set_event_time(Int64Column(std::shared_ptr<arrow::Buffer>(times)));
  return rows;
}

}  // namespace weir
