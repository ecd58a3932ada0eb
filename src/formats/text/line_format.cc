// Lines into a column and back.
#include "formats/text/line_format.h"

#include <arrow/array/data.h>
#include <arrow/type.h>
#include <simdjson.h>

#include <cstring>

#include "batch/gather.h"
#include "formats/json/json_printer.h"
#include "formats/text/array_build.h"
#include "formats/text/simd.h"

namespace weir {

const SchemaPtr& LineSchema() {
  static const SchemaPtr schema = arrow::schema({arrow::field("line", arrow::utf8())});
  return schema;
}

Result<Batch> ParseLines(const TextBlock& block, std::vector<RecordError>* errors) {
  if (block.size >= INT32_MAX) return Status::CapacityError("a block of text may not pass 2 GiB");
  const char* const text = block.data();
  const int64_t rows = CountByte(text, block.size, '\n');
  const bool check_utf8 = !simdjson::validate_utf8(text, block.size);
  WEIR_ASSIGN_OR_RETURN(auto offsets, AllocatePadded((rows + 1) * sizeof(int32_t)));
  WEIR_ASSIGN_OR_RETURN(auto bytes, AllocatePadded(block.size));
  auto* ends = reinterpret_cast<int32_t*>(offsets->mutable_data());
  char* to = reinterpret_cast<char*>(bytes->mutable_data());
  char* const out = to;
  PlaceCursor places(block);
  int64_t row = 0;
  ends[0] = 0;
  for (const char* p = text; p < text + block.size;) {
    // Short lines are found and copied in one step.
    const __m256i piece = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), piece);
    const auto breaks = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(piece, _mm256_set1_epi8('\n'))));
    int64_t length;
    if (breaks) {
      length = __builtin_ctz(breaks);
    } else {
      length = static_cast<const char*>(std::memchr(p + 32, '\n', text + block.size - p - 32)) - p;
      std::memcpy(to + 32, p + 32, length - 32);
    }
    const char* const next = p + length + 1;
    if (length > 0 && p[length - 1] == '\r') --length;
    if (__builtin_expect(check_utf8, 0) && !simdjson::validate_utf8(p, length)) {
      errors->push_back({places.PlaceOf(p - text), "the text is not valid UTF-8", RecordText(p, length)});
    } else {
      to += length;
      ends[++row] = static_cast<int32_t>(to - out);
    }
    p = next;
  }
  WEIR_RETURN_NOT_OK(bytes->Resize(to - out, /*shrink_to_fit=*/false));
  WEIR_RETURN_NOT_OK(offsets->Resize((row + 1) * sizeof(int32_t), /*shrink_to_fit=*/false));
  WEIR_ASSIGN_OR_RETURN(auto column, MakeColumn(arrow::utf8(), row, {std::move(offsets), std::move(bytes)}, {}));
  return Batch(LineSchema(), {std::move(column)}, row);
}

namespace {

/// Values that are not text: as JSON has them, without quotes.
Status WriteOtherLines(const ArrayDataPtr& column, TextOutput* out) {
  JsonPrinter printer;
  WEIR_RETURN_NOT_OK(printer.Bind(column));
  TextOutput value;
  for (int64_t i = 0; i < column->length; ++i) {
    value.Clear();
    if (column->IsValid(i)) printer.Print(i, &value);
    std::string_view text = value.view();
    if (text.starts_with('"')) text = text.substr(1, text.size() - 2);
    out->Append(text);
    out->Append("\n");
  }
  return Status::OK();
}

}  // namespace

Status WriteLines(const ArrayDataPtr& column, TextOutput* out) {
  const auto id = column->type->id();
  if (id != arrow::Type::STRING && id != arrow::Type::DICTIONARY) return WriteOtherLines(column, out);
  WEIR_ASSIGN_OR_RETURN(const ArrayDataPtr plain, DecodeDictionary(column));
  const int32_t* offsets = plain->GetValues<int32_t>(1);
  const char* text = plain->buffers[2] ? reinterpret_cast<const char*>(plain->buffers[2]->data()) : nullptr;
  for (int64_t i = 0; i < plain->length; ++i) {
    const int64_t size = plain->IsValid(i) ? offsets[i + 1] - offsets[i] : 0;
    const char* value = text + offsets[i];
    char* to = out->Reserve(size + 1);
    std::memcpy(to, value, size);
    if (std::memchr(to, '\n', size)) {
      return Status::Invalid("a line of text cannot hold a line break: '", Excerpt(value, size), "'");
    }
    to[size] = '\n';
    out->Advance(to + size + 1);
  }
  return Status::OK();
}

}  // namespace weir
