// Fields by type; texts are copied 32 bytes at a time while looking for what asks for quotes.
#include "formats/csv/csv_writer.h"

#include <arrow/array/data.h>
#include <arrow/type.h>
#include <arrow/util/base64.h>
#include <immintrin.h>

#include "base/print_value.h"
#include "batch/gather.h"
#include "formats/json/json_printer.h"

namespace weir {
namespace {

enum class FieldKind : uint8_t {
  kNull,
  kInt64,
  kDouble,
  kText,
  kCode,
  kBool,
  kTimestamp,
  kDate,
  kDecimal,
  kBinary,
  kJson
};

FieldKind KindOf(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::NA:
      return FieldKind::kNull;
    case arrow::Type::INT64:
      return FieldKind::kInt64;
    case arrow::Type::DOUBLE:
      return FieldKind::kDouble;
    case arrow::Type::STRING:
      return FieldKind::kText;
    case arrow::Type::DICTIONARY:
      return FieldKind::kCode;
    case arrow::Type::BOOL:
      return FieldKind::kBool;
    case arrow::Type::TIMESTAMP:
      return FieldKind::kTimestamp;
    case arrow::Type::DATE32:
      return FieldKind::kDate;
    case arrow::Type::DECIMAL128:
      return FieldKind::kDecimal;
    case arrow::Type::BINARY:
      return FieldKind::kBinary;
    default:
      return FieldKind::kJson;
  }
}

/// `text` with quotes around it and its quotes doubled.
void AppendQuoted(std::string_view text, char quote, TextOutput* out) {
  char* to = out->Reserve(2 * static_cast<int64_t>(text.size()) + 2);
  *to++ = quote;
  for (const char c : text) {
    if (c == quote) *to++ = quote;
    *to++ = c;
  }
  *to++ = quote;
  out->Advance(to);
}

}  // namespace

/// One column: bound to the data of a batch, then asked row by row.
class CsvWriter::Column {
 public:
  explicit Column(const CsvWriteOptions& options) : options_(options) {}

  Status Bind(const ArrayDataPtr& column) {
    column_ = column;
    kind_ = column ? KindOf(*column->type) : FieldKind::kNull;
    if (kind_ == FieldKind::kNull) return Status::OK();
    offset_ = column->offset;
    valid_ = column->MayHaveNulls() ? column->GetValues<uint8_t>(0, 0) : nullptr;
    if (kind_ == FieldKind::kJson) return json_.Bind(column);
    if (kind_ == FieldKind::kDecimal) scale_ = static_cast<const arrow::Decimal128Type&>(*column->type).scale();
    values_ = column->GetValues<uint8_t>(1, 0);
    if (kind_ == FieldKind::kText || kind_ == FieldKind::kBinary) BindText(*column);
    if (kind_ == FieldKind::kCode) BindDictionary(column->dictionary);
    return Status::OK();
  }

  /// Appends the field of `row`; false when it is null (and nothing was appended).
  bool Print(int64_t row, TextOutput* out) {
    row += offset_;
    if (kind_ == FieldKind::kNull || (valid_ && !((valid_[row / 8] >> (row % 8)) & 1))) return false;
    switch (kind_) {
      case FieldKind::kInt64:
        out->Advance(PrintInt64(At<int64_t>(row), out->Reserve(kMaxInt64Chars)));
        break;
      case FieldKind::kDouble:
        out->Advance(PrintDouble(At<double>(row), out->Reserve(kMaxDoubleChars)));
        break;
      case FieldKind::kText: {
        const int32_t begin = At<int32_t>(row), end = At<int32_t>(row + 1);
        PrintText(text_ + begin, end - begin, end + 32 <= text_size_, out);
        break;
      }
      case FieldKind::kCode: {
        const auto code = At<int32_t>(row);
        const int64_t begin = printed_ends_[code];
        const int64_t size = printed_ends_[code + 1] - begin;
        char* to = out->Reserve(size);
        for (int64_t i = 0; i < size; i += 32) std::memcpy(to + i, printed_.data() + begin + i, 32);
        out->Advance(to + size);
        break;
      }
      default:
        PrintRare(row, out);
    }
    return true;
  }

 private:
  template <class T>
  T At(int64_t row) const {
    T value;
    std::memcpy(&value, values_ + row * sizeof(T), sizeof(T));
    return value;
  }

  void BindText(const arrow::ArrayData& column) {
    text_ = column.buffers[2] ? reinterpret_cast<const char*>(column.buffers[2]->data()) : nullptr;
    text_size_ = column.buffers[2] ? column.buffers[2]->size() : 0;
  }

  /// Prints each entry once; a dictionary that has only grown since the last batch is gone on with.
  void BindDictionary(const ArrayDataPtr& dictionary) {
    const bool grown = dictionary_ && dictionary_->buffers[1] == dictionary->buffers[1] &&
                       dictionary_->buffers[2] == dictionary->buffers[2] && dictionary_->offset == dictionary->offset;
    if (!grown) {
      printed_.Clear();
      printed_ends_.assign(1, 0);
    }
    dictionary_ = dictionary;
    BindText(*dictionary);
    const int32_t* offsets = dictionary->GetValues<int32_t>(1);
    for (auto i = static_cast<int64_t>(printed_ends_.size()) - 1; i < dictionary->length; ++i) {
      PrintText(text_ + offsets[i], offsets[i + 1] - offsets[i], false, &printed_);
      printed_ends_.push_back(printed_.size());
    }
  }

  void PrintText(const char* text, int64_t size, bool padded, TextOutput* out) {
    const std::string_view value(text, size);
    if (size == 0 || value == options_.null_text) return AppendQuoted(value, options_.quote, out);
    char* const to = out->Reserve(size);
    int64_t i = 0;
    uint32_t special = 0;
    if (padded) {
      for (; i < size && !special; i += 32) {
        const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + i));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), bytes);
        special = Specials(bytes);
        if (size - i < 32) special &= (uint32_t{1} << (size - i)) - 1;
      }
    } else {
      std::memcpy(to, text, size);
      for (; i < size && !special; ++i) {
        const char c = text[i];
        special = c == options_.delimiter || c == options_.quote || c == '\n' || c == '\r';
      }
    }
    if (__builtin_expect(special != 0, 0)) return AppendQuoted(value, options_.quote, out);
    out->Advance(to + size);
  }

  uint32_t Specials(__m256i bytes) const {
    const __m256i marks = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(options_.delimiter)),
                                          _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(options_.quote)));
    const __m256i breaks = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\n')),
                                           _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\r')));
    return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_or_si256(marks, breaks)));
  }

  void PrintRare(int64_t row, TextOutput* out) {
    switch (kind_) {
      case FieldKind::kBool:
        out->Append((values_[row / 8] >> (row % 8)) & 1 ? "true" : "false");
        break;
      case FieldKind::kTimestamp:
        out->Advance(PrintTimestamp(At<int64_t>(row), out->Reserve(kMaxTimestampChars)));
        break;
      case FieldKind::kDate:
        out->Advance(PrintDate(At<int32_t>(row), out->Reserve(kMaxDateChars)));
        break;
      case FieldKind::kDecimal:
        out->Advance(PrintDecimal(At<__int128>(row), scale_, out->Reserve(kMaxDecimalChars)));
        break;
      case FieldKind::kBinary: {
        const int32_t begin = At<int32_t>(row), end = At<int32_t>(row + 1);
        const std::string text = arrow::util::base64_encode({text_ + begin, static_cast<size_t>(end - begin)});
        PrintText(text.data(), static_cast<int64_t>(text.size()), false, out);
        break;
      }
      default:
        json_text_.Clear();
        json_.Print(row - offset_, &json_text_);
        PrintText(json_text_.data(), json_text_.size(), true, out);
    }
  }

  const CsvWriteOptions& options_;
  FieldKind kind_ = FieldKind::kNull;
  ArrayDataPtr column_;
  int64_t offset_ = 0;
  const uint8_t* valid_ = nullptr;
  const uint8_t* values_ = nullptr;  // of physical row 0
  const char* text_ = nullptr;
  int64_t text_size_ = 0;
  int32_t scale_ = 0;
  JsonPrinter json_;
  TextOutput json_text_;
  ArrayDataPtr dictionary_;
  TextOutput printed_;
  std::vector<int64_t> printed_ends_;
};

CsvWriter::CsvWriter(SchemaPtr schema, CsvWriteOptions options)
    : schema_(std::move(schema)), options_(std::move(options)) {
  for (int i = 0; i < schema_->num_fields(); ++i) columns_.push_back(std::make_unique<Column>(options_));
}

CsvWriter::~CsvWriter() = default;

void CsvWriter::WriteHeader(TextOutput* out) const {
  const std::string specials{options_.delimiter, options_.quote, '\n', '\r'};
  for (int i = 0; i < schema_->num_fields(); ++i) {
    const std::string& name = schema_->field(i)->name();
    if (i > 0) out->Append({&options_.delimiter, 1});
    if (name.empty() || name.find_first_of(specials) != std::string::npos) {
      AppendQuoted(name, options_.quote, out);
    } else {
      out->Append(name);
    }
  }
  out->Append("\n");
}

Status CsvWriter::Write(const Batch& batch, TextOutput* out) {
  for (size_t i = 0; i < columns_.size(); ++i) {
    WEIR_RETURN_NOT_OK(columns_[i]->Bind(batch.column(static_cast<int>(i))));
  }
  const bool single = columns_.size() == 1;
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) {
        char* to = out->Reserve(1);
        *to = options_.delimiter;
        out->Advance(to + 1);
      }
      if (columns_[i]->Print(row, out)) continue;
      out->Append(options_.null_text);
      // An empty line would be no record at all.
      if (single && options_.null_text.empty()) AppendQuoted("", options_.quote, out);
    }
    out->Append("\n");
  }
  return Status::OK();
}

}  // namespace weir
