// Printing by type; strings 32 bytes at a time, escapes where a byte asks for one.
#include "formats/json/json_printer.h"

#include <arrow/array/data.h>
#include <arrow/type.h>
#include <arrow/util/base64.h>
#include <immintrin.h>

#include <cmath>

#include "base/print_value.h"
#include "formats/json/json_scan.h"

namespace weir {
namespace {

/// The escape of `c` at `to`.
char* PrintEscape(char c, char* to) {
  static constexpr char kHex[] = "0123456789abcdef";
  *to++ = '\\';
  switch (c) {
    case '"':
    case '\\':
      *to++ = c;
      return to;
    case '\n':
      *to++ = 'n';
      return to;
    case '\r':
      *to++ = 'r';
      return to;
    case '\t':
      *to++ = 't';
      return to;
    case '\b':
      *to++ = 'b';
      return to;
    case '\f':
      *to++ = 'f';
      return to;
    default:
      std::memcpy(to, "u00", 3);
      to[3] = kHex[static_cast<uint8_t>(c) >> 4];
      to[4] = kHex[c & 15];
      return to + 5;
  }
}

/// The body of a string whose end may be read past.
char* PrintPadded(const char* from, int64_t size, char* to) {
  const char* const end = from + size;
  while (from < end) {
    const __m256i bytes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bytes);
    const uint32_t stops = JsonStringStops(bytes);
    const int64_t left = end - from;
    const int64_t run = stops ? __builtin_ctz(stops) : 32;
    if (run >= left) return to + left;
    from += run;
    to += run;
    if (stops) to = PrintEscape(*from++, to);
  }
  return to;
}

}  // namespace

char* PrintJsonString(const TextValue& text, char* to) {
  *to++ = '"';
  if (text.padded) {
    to = PrintPadded(text.data, text.size, to);
  } else {
    char piece[64 + 32] = {};
    for (int64_t at = 0; at < text.size; at += 64) {
      const int64_t size = std::min<int64_t>(64, text.size - at);
      std::memcpy(piece, text.data + at, size);
      to = PrintPadded(piece, size, to);
    }
  }
  *to++ = '"';
  return to;
}

JsonPrinter::JsonPrinter() = default;
JsonPrinter::JsonPrinter(JsonPrinter&&) noexcept = default;
JsonPrinter::~JsonPrinter() = default;

Status JsonPrinter::BindChildren() {
  children_.resize(column_->child_data.size());
  for (size_t i = 0; i < children_.size(); ++i) WEIR_RETURN_NOT_OK(children_[i].Bind(column_->child_data[i]));
  return Status::OK();
}

Status JsonPrinter::BindDictionary() {
  const ArrayDataPtr& dictionary = column_->dictionary;
  if (dictionary_ && dictionary_->buffers[2] == dictionary->buffers[2] &&
      dictionary_->buffers[1] == dictionary->buffers[1] && dictionary_->offset == dictionary->offset &&
      dictionary_->length <= dictionary->length) {
    // The same dictionary, or one that has only grown since.
  } else {
    printed_.Clear();
    printed_ends_.assign(1, 0);
  }
  dictionary_ = dictionary;
  JsonPrinter texts;
  WEIR_RETURN_NOT_OK(texts.Bind(dictionary));
  for (auto row = static_cast<int64_t>(printed_ends_.size()) - 1; row < dictionary->length; ++row) {
    texts.Print(row, &printed_);
    printed_ends_.push_back(printed_.size());
  }
  return Status::OK();
}

Status JsonPrinter::Bind(const ArrayDataPtr& column) {
  column_ = column;
  kind_ = Kind::kNull;
  if (!column || column->type->id() == arrow::Type::NA) return Status::OK();
  offset_ = column->offset;
  valid_ = column->MayHaveNulls() ? column->GetValues<uint8_t>(0, 0) : nullptr;
  values_ = nullptr;
  auto fixed = [&]<class T>(Kind kind, T*) {
    kind_ = kind;
    values_ = column->GetValues<T>(1);
    return Status::OK();
  };
  switch (column->type->id()) {
    case arrow::Type::INT64:
      return fixed(Kind::kInt64, static_cast<int64_t*>(nullptr));
    case arrow::Type::DOUBLE:
      return fixed(Kind::kDouble, static_cast<double*>(nullptr));
    case arrow::Type::TIMESTAMP:
      return fixed(Kind::kTimestamp, static_cast<int64_t*>(nullptr));
    case arrow::Type::DATE32:
      return fixed(Kind::kDate, static_cast<int32_t*>(nullptr));
    case arrow::Type::DECIMAL128:
      scale_ = static_cast<const arrow::Decimal128Type&>(*column->type).scale();
      return fixed(Kind::kDecimal, static_cast<__int128*>(nullptr));
    case arrow::Type::BOOL:
      kind_ = Kind::kBool;
      values_ = column->GetValues<uint8_t>(1, 0);
      return Status::OK();
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
      text_ = column->buffers[2] ? reinterpret_cast<const char*>(column->buffers[2]->data()) : nullptr;
      text_size_ = column->buffers[2] ? column->buffers[2]->size() : 0;
      return fixed(column->type->id() == arrow::Type::STRING ? Kind::kText : Kind::kBinary,
                   static_cast<int32_t*>(nullptr));
    case arrow::Type::DICTIONARY:
      WEIR_RETURN_NOT_OK(BindDictionary());
      return fixed(Kind::kCode, static_cast<int32_t*>(nullptr));
    case arrow::Type::LIST:
      WEIR_RETURN_NOT_OK(BindChildren());
      return fixed(Kind::kList, static_cast<int32_t*>(nullptr));
    case arrow::Type::MAP:
      WEIR_RETURN_NOT_OK(BindChildren());
      return fixed(Kind::kMap, static_cast<int32_t*>(nullptr));
    case arrow::Type::STRUCT:
      WEIR_RETURN_NOT_OK(BindChildren());
      keys_.clear();
      for (const auto& field : column->type->fields()) {
        std::string key(6 * field->name().size() + 40, '\0');
        key[0] = keys_.empty() ? '{' : ',';
        char* end = PrintJsonString({field->name().data(), static_cast<int64_t>(field->name().size())}, key.data() + 1);
        *end++ = ':';
        key.resize(end - key.data());
        keys_.push_back(std::move(key));
      }
      kind_ = Kind::kStruct;
      return Status::OK();
    default:
      return Status::TypeError("JSON cannot hold the type ", column->type->ToString());
  }
}

TextValue JsonPrinter::TextAt(int64_t row) const {
  const int32_t* offsets = static_cast<const int32_t*>(values_) + row;
  return {text_ + offsets[0], offsets[1] - offsets[0], offsets[1] + 32 <= text_size_};
}

void JsonPrinter::PrintText(const TextValue& text, TextOutput* out) const {
  out->Advance(PrintJsonString(text, out->Reserve(6 * text.size + 2)));
}

void JsonPrinter::PrintList(int64_t begin, int64_t end, TextOutput* out) const {
  out->Append("[");
  for (int64_t i = begin; i < end; ++i) {
    if (i > begin) out->Append(",");
    children_[0].Print(i, out);
  }
  out->Append("]");
}

void JsonPrinter::PrintMap(int64_t begin, int64_t end, TextOutput* out) const {
  const JsonPrinter& entries = children_[0];
  out->Append("{");
  for (int64_t i = begin; i < end; ++i) {
    if (i > begin) out->Append(",");
    entries.children_[0].Print(i + entries.offset_, out);
    out->Append(":");
    entries.children_[1].Print(i + entries.offset_, out);
  }
  out->Append("}");
}

void JsonPrinter::PrintStruct(int64_t row, TextOutput* out) const {
  if (keys_.empty()) out->Append("{");
  for (size_t i = 0; i < keys_.size(); ++i) {
    out->Append(keys_[i]);
    children_[i].Print(row + offset_, out);
  }
  out->Append("}");
}

// long: one case for each kind of value
void JsonPrinter::Print(int64_t row, TextOutput* out) const {
  const bool is_null = valid_ && !((valid_[(row + offset_) / 8] >> ((row + offset_) % 8)) & 1);
  if (kind_ == Kind::kNull || is_null) {
    out->Append("null");
    return;
  }
  switch (kind_) {
    case Kind::kInt64:
      out->Advance(PrintInt64(static_cast<const int64_t*>(values_)[row], out->Reserve(kMaxInt64Chars)));
      break;
    case Kind::kDouble: {
      const double value = static_cast<const double*>(values_)[row];
      if (std::isfinite(value)) {
        out->Advance(PrintDouble(value, out->Reserve(kMaxDoubleChars)));
      } else {
        out->Append("null");
      }
      break;
    }
    case Kind::kText:
      PrintText(TextAt(row), out);
      break;
    case Kind::kCode: {
      const int32_t code = static_cast<const int32_t*>(values_)[row];
      const int64_t begin = printed_ends_[code], size = printed_ends_[code + 1] - begin;
      char* to = out->Reserve(size);
      for (int64_t i = 0; i < size; i += 32) std::memcpy(to + i, printed_.data() + begin + i, 32);
      out->Advance(to + size);
      break;
    }
    case Kind::kBool:
      out->Append((static_cast<const uint8_t*>(values_)[(row + offset_) / 8] >> ((row + offset_) % 8)) & 1 ? "true"
                                                                                                           : "false");
      break;
    case Kind::kTimestamp:
    case Kind::kDate:
    case Kind::kDecimal: {
      char* to = out->Reserve(64);
      *to++ = '"';
      if (kind_ == Kind::kTimestamp) {
        to = PrintTimestamp(static_cast<const int64_t*>(values_)[row], to);
      } else if (kind_ == Kind::kDate) {
        to = PrintDate(static_cast<const int32_t*>(values_)[row], to);
      } else {
        __int128 value;
        std::memcpy(&value, static_cast<const char*>(values_) + 16 * row, 16);
        to = PrintDecimal(value, scale_, to);
      }
      *to++ = '"';
      out->Advance(to);
      break;
    }
    case Kind::kBinary: {
      const TextValue bytes = TextAt(row);
      out->Append("\"");
      out->Append(arrow::util::base64_encode({bytes.data, static_cast<size_t>(bytes.size)}));
      out->Append("\"");
      break;
    }
    case Kind::kList:
    case Kind::kMap: {
      const int32_t* offsets = static_cast<const int32_t*>(values_) + row;
      kind_ == Kind::kList ? PrintList(offsets[0], offsets[1], out) : PrintMap(offsets[0], offsets[1], out);
      break;
    }
    case Kind::kStruct:
      PrintStruct(row, out);
      break;
    case Kind::kNull:
      break;
  }
}

}  // namespace weir
