// BodyParser: the body of a request or an answer (JSON, NDJSON, CSV, Arrow, lines of text) as rows of a declared
// schema.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "batch/batch.h"
#include "formats/text/text_block.h"

namespace weir {

class JsonBlockParser;

enum class BodyFormat : uint8_t { kJson, kNdjson, kCsv, kArrow, kText };

/// By the words of settings: "json", "ndjson", "csv", "arrow", "text"; nullopt for others.
std::optional<BodyFormat> BodyFormatFromName(std::string_view name);
/// By a Content-Type, parameters ignored: "application/json; charset=utf-8".
std::optional<BodyFormat> BodyFormatFromMediaType(std::string_view media_type);

/// Of `text`: each line is the one field `line`.
SchemaPtr TextBodySchema();

/// Reuses its buffers from body to body. Not thread-safe.
class BodyParser {
 public:
  explicit BodyParser(SchemaPtr schema);
  ~BodyParser();

  /// Where the next body is put: `Reserve` room, write, and say how much by set_size.
  PaddedBuffer& buffer() { return block_.buffer; }
  int64_t size() const { return block_.size; }
  void set_size(int64_t bytes) { block_.size = bytes; }

  /// The rows of the body, fields by name: those that it lacks are null, those that the schema lacks are passed over.
  /// Records that do not fit go to `errors`, with places as "body:17". Errors: Invalid when the body as a whole is none
  /// of its format. The body is used up.
  Result<Batch> Parse(BodyFormat format, std::vector<RecordError>* errors);

 private:
  Result<Batch> ParseJson(bool lines, std::vector<RecordError>* errors);
  Result<Batch> ParseCsv(std::vector<RecordError>* errors);
  Result<Batch> ParseArrow();
  Result<Batch> ParseText();
  void EndWithLineBreak();

  const SchemaPtr schema_;
  TextBlock block_;
  std::unique_ptr<JsonBlockParser> json_[2];  // by layout: lines, document
};

/// Parsers that threads borrow. Thread-safe.
class BodyParserPool {
 public:
  explicit BodyParserPool(SchemaPtr schema) : schema_(std::move(schema)) {}
  std::unique_ptr<BodyParser> Take();
  void Give(std::unique_ptr<BodyParser> parser);

 private:
  const SchemaPtr schema_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<BodyParser>> free_;
};

}  // namespace weir
