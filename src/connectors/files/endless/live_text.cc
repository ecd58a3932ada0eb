// Blocks of whole lines as they come, parsed by the format's own parser.
#include "connectors/files/endless/live_text.h"

#include <algorithm>

namespace weir {
namespace {

/// Small: many files may be followed, and none shall keep the others waiting.
constexpr int64_t kBlockBytes = 256 << 10;

BlockFeederOptions FeederOptions(int64_t max_record_bytes) {
  return {.block_bytes = kBlockBytes, .max_record_bytes = max_record_bytes, .live = true};
}

}  // namespace

LiveText::LiveText(TextInput input, const TextFileFormat* format, Limits limits)
    : name_(input.name),
      format_(format),
      batch_rows_(limits.batch_rows),
      feeder_(std::move(input), nullptr, FeederOptions(limits.max_record_bytes)) {}

Result<bool> LiveText::Begin() {
  WEIR_ASSIGN_OR_RETURN(const std::string_view sample, feeder_.Peek(kBlockBytes));
  if (sample.find('\n') == std::string_view::npos && !feeder_.peeked_all()) return false;
  WEIR_ASSIGN_OR_RETURN(const TextParserFactory make_parser, format_->Begin(feeder_, name_));
  WEIR_ASSIGN_OR_RETURN(parser_, make_parser());
  if (begin_at_.offset > 0) WEIR_RETURN_NOT_OK(feeder_.GoOnAt(begin_at_));
  return true;
}

FileBatch LiveText::Slice() {
  FileBatch out;
  const int64_t rows = std::min(batch_rows_, rows_.num_rows() - at_);
  out.batch = rows == rows_.num_rows() ? rows_ : rows_.Slice(at_, rows);
  at_ += rows;
  return out;
}

Result<std::optional<FileBatch>> LiveText::Next() {
  if (has_rows()) return Slice();
  if (!parser_) {
    WEIR_ASSIGN_OR_RETURN(const bool began, Begin());
    if (!began) return std::nullopt;
  }
  WEIR_ASSIGN_OR_RETURN(const bool more, feeder_.Next(&block_));
  if (!more) return std::nullopt;
  std::vector<RecordError> errors;
  WEIR_ASSIGN_OR_RETURN(rows_, parser_(block_, &errors));
  at_ = 0;
  FileBatch out = Slice();
  for (auto& error : errors) out.errors.push_back({std::move(error.record), error.place + ": " + error.message});
  return out;
}

}  // namespace weir
