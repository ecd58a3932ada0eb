// Records: lines and documents, their errors, and the batch at the end.
#include "formats/json/json_parser.h"

#include <arrow/type.h>
#include <simdjson.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "formats/json/json_scan.h"
#include "formats/json/json_scanner.h"

namespace weir {
namespace {

/// Input between two looks at the columns' capacity: large enough to be rare, small enough to waste little memory.
constexpr int64_t kChunkBytes = 64 << 10;

}  // namespace

JsonBlockParser::JsonBlockParser(std::shared_ptr<const JsonReadPlan> plan)
    : plan_(std::move(plan)), in_document_(plan_->layout == JsonLayout::kDocument) {}

Result<std::unique_ptr<JsonBlockParser>> JsonBlockParser::Make(std::shared_ptr<const JsonReadPlan> plan) {
  WEIR_CHECK(!plan->filter || !plan->filter->can_fail(), "a pushed filter may not give row errors");
  std::unique_ptr<JsonBlockParser> parser(new JsonBlockParser(plan));
  parser->schema_ = WithoutJsonMarks(*plan->schema);
  JsonColumn& root = parser->root_;
  root.kind = JsonKind::kStruct;
  for (int i = 0; i < plan->schema->num_fields(); ++i) {
    const auto& field = *plan->schema->field(i);
    bool read = plan->needed.empty() || plan->needed[i];
    if (plan->filter) {
      read |= std::binary_search(plan->filter->columns().begin(), plan->filter->columns().end(), i);
    }
    JsonColumn* column = nullptr;
    if (read) {
      WEIR_ASSIGN_OR_RETURN(auto made, JsonColumn::Make(field.name(), field.type(), IsJsonTextField(field)));
      column = made.get();
      parser->child_of_column_.push_back(static_cast<int>(root.children.size()));
      root.children.push_back(std::move(made));
    } else {
      parser->child_of_column_.push_back(-1);
    }
    root.fields.Add(field.name(), column);
  }
  if (plan->filter) parser->evaluator_ = std::make_unique<ExprEvaluator>(plan->filter);
  return parser;
}

Status JsonBlockParser::ReserveRow() {
  row_capacity_ = INT64_MAX;
  for (auto& child : root_.children) {
    WEIR_RETURN_NOT_OK(child->ReserveRows(1));
    row_capacity_ = std::min(row_capacity_, child->capacity);
  }
  return Status::OK();
}

Result<const char*> JsonBlockParser::ReserveChunk(const char* p, const char* end) {
  const char* chunk_end = end;
  if (!in_document_ && end - p > kChunkBytes) {
    const void* last = memrchr(p, '\n', kChunkBytes);
    if (!last) last = std::memchr(p, '\n', end - p);
    if (last) chunk_end = static_cast<const char*>(last) + 1;
  }
  for (auto& child : root_.children) WEIR_RETURN_NOT_OK(child->ReserveInput(chunk_end - p));
  return chunk_end;
}

std::string JsonBlockParser::FailureText(const char* line, const char* end) const {
  std::string text = std::string("expected ") + expected_;
  if (line) text += " at column " + std::to_string(failed_at_ - line + 1);
  const auto c = static_cast<unsigned char>(*failed_at_);
  if (failed_at_ >= end) return text + ", found the end of the file";
  if (c == '\n') return text + ", found the end of the line";
  const int64_t bytes = std::max<int64_t>(1, CodePointBytes(failed_at_, end - failed_at_));
  return text + ", found '" + Excerpt(failed_at_, bytes) + "'";
}

void JsonBlockParser::Reject(PlaceCursor* places, const TextBlock& block, const char* begin, const char* end,
                             std::string message, std::vector<RecordError>* errors) {
  while (end > begin && (end[-1] == '\n' || end[-1] == '\r')) --end;
  errors->push_back({places->PlaceOf(begin - block.data()), std::move(message), RecordText(begin, end - begin)});
}

Status JsonBlockParser::ParseLines(const TextBlock& block, std::vector<RecordError>* errors) {
  const char* p = block.data();
  const char* const end = p + block.size;
  const char* chunk_end = p;
  PlaceCursor places(block);
  while (p < end) {
    if (*p != '{') {
      p = SkipJsonBlanks(p, /*lines_too=*/true);
      if (p >= end) break;
    }
    if (p >= chunk_end) {
      WEIR_ASSIGN_OR_RETURN(chunk_end, ReserveChunk(p, end));
    }
    if (root_.length + 1 >= row_capacity_) WEIR_RETURN_NOT_OK(ReserveRow());
    const char* const begin = p;
    misfit_.clear();
    const int64_t row = root_.length;
    p = *p == '{' ? ParseObject(root_, p + 1) : Fail(p, "an object");
    if (p && *p != '\n') {
      p = SkipJsonBlanks(p, false);
      if (*p != '\n') p = Fail(p, "the end of the line");
    }
    const char* const line_end = p ? p : static_cast<const char*>(std::memchr(begin, '\n', end - begin));
    if (!p) {
      misfit_ = FailureText(begin, end);
    } else if (check_utf8_ && misfit_.empty() && !simdjson::validate_utf8(begin, line_end - begin)) {
      misfit_ = "the text is not valid UTF-8";
    }
    if (__builtin_expect(!misfit_.empty(), 0)) {
      root_.Truncate(row);
      Reject(&places, block, begin, line_end, misfit_, errors);
    }
    p = line_end + 1;
  }
  return Status::OK();
}

Status JsonBlockParser::ParseDocument(const TextBlock& block, std::vector<RecordError>* errors) {
  const char* p = block.data();
  const char* const end = p + block.size;
  WEIR_RETURN_NOT_OK(ReserveChunk(p, end).status());
  PlaceCursor places(block);
  auto state = static_cast<JsonDocumentState>(block.grammar_state);
  auto mistake = [&](const char* at) {
    const char* const text = block.data();
    const int64_t before = std::min(at, end - 1) - text;
    const auto* line = static_cast<const char*>(before > 0 ? memrchr(text, '\n', before) : nullptr);
    // A block may begin within a line; columns are then not known.
    const char* const begin = line ? line + 1 : block.offset == 0 ? text : nullptr;
    // The line break at the end may be one that the file does not have.
    return Status::Invalid(places.PlaceOf(std::min(at, end - 1) - text), ": ", FailureText(begin, end));
  };
  for (;;) {
    p = SkipJsonBlanks(p, true);
    if (p >= end) break;
    if (state == JsonDocumentState::kTop && *p == '[') {
      state = JsonDocumentState::kFirstElement;
      ++p;
      continue;
    }
    if (*p == ']' && (state == JsonDocumentState::kFirstElement || state == JsonDocumentState::kAfterElement)) {
      state = JsonDocumentState::kTop;
      ++p;
      continue;
    }
    if (state == JsonDocumentState::kAfterElement) {
      if (*p != ',') {
        Fail(p, "',' or ']'");
        return mistake(p);
      }
      state = JsonDocumentState::kAfterComma;
      ++p;
      continue;
    }
    if (root_.length + 1 >= row_capacity_) WEIR_RETURN_NOT_OK(ReserveRow());
    const char* const begin = p;
    misfit_.clear();
    const int64_t row = root_.length;
    if (*p == '{') {
      p = ParseObject(root_, p + 1);
    } else {
      misfit_ = "a record must be an object";
      p = Skip(p);
    }
    if (!p) return mistake(failed_at_);
    if (check_utf8_ && misfit_.empty() && !simdjson::validate_utf8(begin, p - begin)) {
      misfit_ = "the text is not valid UTF-8";
    }
    if (!misfit_.empty()) {
      root_.Truncate(row);
      Reject(&places, block, begin, p, misfit_, errors);
    }
    state = state == JsonDocumentState::kTop ? state : JsonDocumentState::kAfterElement;
  }
  if (block.is_last && state != JsonDocumentState::kTop) {
    return Status::Invalid(places.PlaceOf(block.size - 1), ": the array is not closed at the end of the file");
  }
  return Status::OK();
}

Result<Batch> JsonBlockParser::Parse(const TextBlock& block, std::vector<RecordError>* errors) {
  if (block.size >= INT32_MAX) return Status::CapacityError("a block of JSON text may not pass 2 GiB");
  check_utf8_ = !simdjson::validate_utf8(block.data(), block.size);
  WEIR_RETURN_NOT_OK(ReserveRow());
  WEIR_RETURN_NOT_OK(in_document_ ? ParseDocument(block, errors) : ParseLines(block, errors));
  const int64_t num_rows = root_.length;
  root_.length = 0;
  std::vector<ArrayDataPtr> columns(schema_->num_fields());
  for (int i = 0; i < schema_->num_fields(); ++i) {
    if (child_of_column_[i] < 0) continue;
    WEIR_ASSIGN_OR_RETURN(columns[i], root_.children[child_of_column_[i]]->Finish());
  }
  Batch batch(schema_, std::move(columns), num_rows);
  if (!evaluator_) return batch;
  std::vector<RowError> filter_errors;
  WEIR_ASSIGN_OR_RETURN(const Selection selection, evaluator_->EvalFilter(batch, &filter_errors));
  return batch.Select(selection);
}

}  // namespace weir
