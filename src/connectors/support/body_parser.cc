// Bodies are single blocks for the parsers of files; Arrow's streams are checked before anything believes them.
#include "connectors/support/body_parser.h"

#include <arrow/array.h>
#include <arrow/array/builder_binary.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/reader.h>
#include <arrow/memory_pool.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>

#include <algorithm>
#include <cstring>

#include "base/utf8.h"
#include "batch/types.h"
#include "formats/csv/csv_index.h"
#include "formats/csv/csv_parser.h"
#include "formats/csv/csv_schema.h"
#include "formats/json/json_parser.h"
#include "formats/json/json_scanner.h"

namespace weir {
namespace {

/// Buffers that a big body made are not kept for the next small one.
constexpr int64_t kMaxKeptBytes = 4 << 20;
/// What the buffers of compressed Arrow streams may become, all together: a small body can claim to be huge.
constexpr int64_t kMaxArrowBytes = int64_t{512} << 20;

arrow::MemoryPool* ArrowPool() {
  static arrow::CappedMemoryPool pool(arrow::default_memory_pool(), kMaxArrowBytes);
  return &pool;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

Result<Batch> OfDeclaredSchema(const Batch& batch, const SchemaPtr& schema) {
  std::vector<int> indices;
  std::vector<ArrayDataPtr> fresh;
  for (const auto& field : schema->fields()) {
    const int index = batch.schema()->GetFieldIndex(field->name());
    const bool has_values = index >= 0 && batch.schema()->field(index)->type()->id() != arrow::Type::NA;
    if (!has_values) {
      WEIR_ASSIGN_OR_RETURN(auto nulls, arrow::MakeArrayOfNull(field->type(), batch.num_rows()));
      fresh.push_back(nulls->data());
      indices.push_back(-static_cast<int>(fresh.size()));
      continue;
    }
    const auto& type = batch.schema()->field(index)->type();
    const bool same = type->Equals(field->type()) ||
                      (type->id() == arrow::Type::DICTIONARY && field->type()->id() == arrow::Type::STRING);
    if (!same) {
      return Status::Invalid("field '", field->name(), "' is of type ", TypeName(*type), ", the schema says ",
                             TypeName(*field->type()));
    }
    indices.push_back(index);
  }
  return batch.Project(schema, indices, std::move(fresh)).Compact();
}

}  // namespace

std::optional<BodyFormat> BodyFormatFromName(std::string_view name) {
  if (name == "json") return BodyFormat::kJson;
  if (name == "ndjson") return BodyFormat::kNdjson;
  if (name == "csv") return BodyFormat::kCsv;
  if (name == "arrow") return BodyFormat::kArrow;
  if (name == "text") return BodyFormat::kText;
  return std::nullopt;
}

std::optional<BodyFormat> BodyFormatFromMediaType(std::string_view media_type) {
  std::string type(Trim(media_type.substr(0, media_type.find(';'))));
  std::transform(type.begin(), type.end(), type.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; });
  if (type == "application/json" || type.ends_with("+json")) return BodyFormat::kJson;
  if (type == "application/x-ndjson" || type == "application/ndjson" || type == "application/jsonl" ||
      type == "application/x-jsonlines" || type == "application/json-lines") {
    return BodyFormat::kNdjson;
  }
  if (type == "text/csv" || type == "application/csv") return BodyFormat::kCsv;
  if (type == "application/vnd.apache.arrow.stream") return BodyFormat::kArrow;
  return std::nullopt;
}

BodyParser::BodyParser(SchemaPtr schema) : schema_(std::move(schema)) {
  block_.file = std::make_shared<TextFile>("body", nullptr);
  block_.is_last = true;
}

BodyParser::~BodyParser() = default;

void BodyParser::EndWithLineBreak() {
  block_.buffer.Reserve(block_.size + 1, block_.size);
  if (block_.size == 0 || block_.data()[block_.size - 1] != '\n') block_.buffer.data()[block_.size++] = '\n';
}

Result<Batch> BodyParser::Parse(BodyFormat format, std::vector<RecordError>* errors) {
  block_.offset = block_.lines_before = 0;
  block_.grammar_state = 0;
  block_.has_quotes = true;
  block_.irregular_quotes = false;
  if (format == BodyFormat::kArrow) return ParseArrow();
  EndWithLineBreak();
  if (format == BodyFormat::kText) return ParseText();
  if (format == BodyFormat::kCsv) return ParseCsv(errors);
  return ParseJson(format == BodyFormat::kNdjson, errors);
}

Result<Batch> BodyParser::ParseJson(bool lines, std::vector<RecordError>* errors) {
  std::unique_ptr<JsonBlockParser>& parser = json_[lines ? 0 : 1];
  if (!parser) {
    auto plan = std::make_shared<JsonReadPlan>();
    plan->layout = lines ? JsonLayout::kLines : JsonLayout::kDocument;
    plan->schema = schema_;
    WEIR_ASSIGN_OR_RETURN(parser, JsonBlockParser::Make(std::move(plan)));
  }
  if (!lines) JsonDocumentScanner().LastRecordEnd(block_.data(), block_.size, true, &block_);
  return parser->Parse(block_, errors);
}

Result<Batch> BodyParser::ParseCsv(std::vector<RecordError>* errors) {
  auto plan = std::make_shared<CsvReadPlan>();
  plan->schema = plan->options.schema = schema_;
  plan->strict_zeros = false;
  const std::string_view text(block_.data(), static_cast<size_t>(block_.size));
  WEIR_ASSIGN_OR_RETURN(const CsvHead head, ReadCsvHead(text, true, "body", plan->options));
  if (head.names.empty()) return Batch();
  WEIR_ASSIGN_OR_RETURN(auto field_of_column, MapCsvFields(*schema_, head, "body", plan->options, true));
  WEIR_ASSIGN_OR_RETURN(auto parser,
                        CsvBlockParser::Make(plan, std::move(field_of_column), static_cast<int>(head.names.size())));
  block_.offset = head.data_begin;
  block_.lines_before = std::count(text.begin(), text.begin() + head.data_begin, '\n');
  block_.size -= head.data_begin;
  std::memmove(block_.buffer.data(), block_.data() + head.data_begin, static_cast<size_t>(block_.size));
  if (block_.size == 0) return Batch();
  CsvScanner(plan->options.dialect).LastRecordEnd(block_.data(), block_.size, true, &block_);
  return parser->Parse(block_, errors);
}

Result<Batch> BodyParser::ParseArrow() {
  // The rows refer to the bytes that they came in, so these are theirs alone.
  WEIR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> bytes, arrow::AllocateBuffer(block_.size));
  if (block_.size > 0) std::memcpy(bytes->mutable_data(), block_.data(), static_cast<size_t>(block_.size));
  auto options = arrow::ipc::IpcReadOptions::Defaults();
  options.memory_pool = ArrowPool();
  options.use_threads = false;
  options.max_recursion_depth = 32;
  const auto bad = [](const Status& why) { return Status::Invalid("body: no Arrow IPC stream: ", why.message()); };
  auto reader = arrow::ipc::RecordBatchStreamReader::Open(std::make_shared<arrow::io::BufferReader>(bytes), options);
  if (!reader.ok()) return bad(reader.status());
  std::vector<std::shared_ptr<arrow::RecordBatch>> parts;
  for (;;) {
    std::shared_ptr<arrow::RecordBatch> part;
    Status status = (*reader)->ReadNext(&part);
    if (status.ok() && part) status = part->ValidateFull();
    if (!status.ok()) return bad(status);
    if (!part) break;
    if (part->num_rows() > 0) parts.push_back(std::move(part));
  }
  if (parts.empty()) return Batch();
  std::shared_ptr<arrow::RecordBatch> whole = parts[0];
  if (parts.size() > 1) {
    WEIR_ASSIGN_OR_RETURN(auto table, arrow::Table::FromRecordBatches(parts));
    WEIR_ASSIGN_OR_RETURN(whole, table->CombineChunksToBatch());
  }
  WEIR_ASSIGN_OR_RETURN(Batch batch, Batch::FromRecordBatch(*whole));
  return OfDeclaredSchema(batch, schema_);
}

SchemaPtr TextBodySchema() { return arrow::schema({arrow::field("line", arrow::utf8())}); }

Result<Batch> BodyParser::ParseText() {
  std::string_view text(block_.data(), static_cast<size_t>(block_.size));
  if (text == "\n") return Batch();
  if (text.size() > static_cast<size_t>(INT32_MAX)) return Status::Invalid("body: text longer than 2 GiB");
  if (FirstInvalidUtf8(text) != std::string_view::npos) return Status::Invalid("body: text that is not UTF-8");
  arrow::StringBuilder lines;
  WEIR_RETURN_NOT_OK(lines.Reserve(std::count(text.begin(), text.end(), '\n')));
  WEIR_RETURN_NOT_OK(lines.ReserveData(static_cast<int64_t>(text.size())));
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.UnsafeAppend(line);
    text.remove_prefix(end + 1);
  }
  WEIR_ASSIGN_OR_RETURN(auto array, lines.Finish());
  return Batch::FromRecordBatch(*arrow::RecordBatch::Make(schema_, array->length(), {array}));
}

std::unique_ptr<BodyParser> BodyParserPool::Take() {
  std::lock_guard lock(mutex_);
  if (free_.empty()) return std::make_unique<BodyParser>(schema_);
  auto parser = std::move(free_.back());
  free_.pop_back();
  return parser;
}

void BodyParserPool::Give(std::unique_ptr<BodyParser> parser) {
  if (parser->buffer().capacity() > kMaxKeptBytes) return;
  parser->set_size(0);
  std::lock_guard lock(mutex_);
  free_.push_back(std::move(parser));
}

}  // namespace weir
