// Records of Kafka as rows: their values parsed, and what else they carry as columns.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "connectors/kafka/kafka_library.h"
#include "engine/operator.h"
#include "formats/text/text_block.h"
#include "plan/column_set.h"

namespace weir {

class JsonBlockParser;

enum class KafkaFormat : uint8_t { kJson, kText, kBytes };

/// What a record carries besides its value.
enum class KafkaField : uint8_t { kKey, kTopic, kPartition, kOffset, kTimestamp, kHeaders };
std::optional<KafkaField> KafkaFieldFromName(const std::string& name);
std::shared_ptr<arrow::DataType> KafkaFieldType(KafkaField field);

struct KafkaRowFormat {
  KafkaFormat format = KafkaFormat::kJson;
  SchemaPtr schema;                // fields of the value, then `fields`
  int value_fields = 1;            // how many are of the value
  std::vector<KafkaField> fields;  // the others, in the order of the schema
};

/// Not thread-safe; one per lane. Its buffers are reused.
class KafkaRowParser {
 public:
  static Result<std::unique_ptr<KafkaRowParser>> Make(KafkaRowFormat format, const ColumnSet& needed);
  ~KafkaRowParser();

  /// The rows of `records`, which are no errors, in their order. Records whose value does not fit go to `errors` and
  /// leave `records`: afterwards row i is records[i]. The event time of each row is its record's timestamp, or `now_us`
  /// where it has none. A value that is null gives a row whose value fields are null.
  Result<Batch> Parse(std::vector<rd_kafka_message_t*>* records, int64_t now_us, std::vector<RawError>* errors);

 private:
  KafkaRowParser(const KafkaLibrary& api, KafkaRowFormat format, const ColumnSet& needed);
  Status ParseJson(std::vector<rd_kafka_message_t*>* records, std::vector<ArrayDataPtr>* columns,
                   std::vector<RawError>* errors);
  Status ParseText(std::vector<rd_kafka_message_t*>* records, std::vector<ArrayDataPtr>* columns,
                   std::vector<RawError>* errors);
  Result<ArrayDataPtr> FieldColumn(KafkaField field, const std::vector<rd_kafka_message_t*>& records) const;
  Result<ArrayDataPtr> Headers(const std::vector<rd_kafka_message_t*>& records) const;
  std::string PlaceOf(const rd_kafka_message_t& record) const;

  const KafkaLibrary& api_;
  const KafkaRowFormat format_;
  const ColumnSet needed_;
  std::unique_ptr<JsonBlockParser> json_;
  TextBlock block_;
};

}  // namespace weir
