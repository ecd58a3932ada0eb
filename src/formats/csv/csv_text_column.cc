// Text columns: two passes (lengths, then 32-byte copies that may write past their end) where no field is quoted, one
// pass that unquotes where some are.
#include "formats/csv/csv_text_column.h"

#include <immintrin.h>
#include <simdjson.h>

#include <cstring>

#include "formats/csv/csv_field.h"
#include "formats/text/array_build.h"

namespace weir {
namespace {

/// Copies `length` bytes 32 at a time: reads and writes up to 31 bytes past the end.
inline void CopyOver(char* to, const char* from, int64_t length) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
  for (int64_t i = 32; __builtin_expect(i < length, 0); i += 32) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i),
                        _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i)));
  }
}

class TextColumnReader final : public CsvColumnReader {
 public:
  TextColumnReader(std::string name, TypePtr type, CsvDialect dialect, std::shared_ptr<const CsvNulls> nulls)
      : name_(std::move(name)), type_(std::move(type)), dialect_(dialect), nulls_(std::move(nulls)) {}

  Result<ArrayDataPtr> Read(const CsvColumnRequest& request, std::vector<CsvBadField>* bad) override {
    null_rows_.clear();
    WEIR_ASSIGN_OR_RETURN(auto offsets, AllocatePadded((request.num_rows + 1) * sizeof(int32_t)));
    auto* out = reinterpret_cast<int32_t*>(offsets->mutable_data());
    out[0] = 0;
    const bool simple = nulls_->only_empty_text() && !request.check_utf8 &&
                        (!request.has_quotes || dialect_.quote == '\0') && !dialect_.escape;
    BufferPtr bytes;
    if (simple) {
      WEIR_ASSIGN_OR_RETURN(bytes, ReadSimple(request, out));
    } else {
      WEIR_ASSIGN_OR_RETURN(bytes, ReadCarefully(request, out, bad));
    }
    return MakeColumn(type_, request.num_rows, {std::move(offsets), std::move(bytes)}, null_rows_);
  }

 private:
  Result<BufferPtr> ReadSimple(const CsvColumnRequest& request, int32_t* offsets) {
    const bool empty_is_null = nulls_->empty_text_is_null();
    int32_t total = 0;
    ForEachCsvField(request, [&](int64_t i, const char* begin, const char* end) {
      if (begin == end && empty_is_null) null_rows_.push_back(static_cast<uint32_t>(i));
      total += static_cast<int32_t>(end - begin);
      offsets[i + 1] = total;
    });
    WEIR_ASSIGN_OR_RETURN(auto buffer, AllocatePadded(total));
    char* bytes = reinterpret_cast<char*>(buffer->mutable_data());
    ForEachCsvField(request, [&](int64_t i, const char* begin, const char*) {
      CopyOver(bytes + offsets[i], begin, offsets[i + 1] - offsets[i]);
    });
    return BufferPtr(std::move(buffer));
  }

  Result<BufferPtr> ReadCarefully(const CsvColumnRequest& request, int32_t* offsets, std::vector<CsvBadField>* bad) {
    int64_t room = 0;
    ForEachCsvField(request, [&](int64_t, const char* begin, const char* end) { room += end - begin; });
    WEIR_ASSIGN_OR_RETURN(auto buffer, AllocatePadded(room));
    char* const bytes = reinterpret_cast<char*>(buffer->mutable_data());
    char* to = bytes;
    const char quote = dialect_.quote;
    ForEachCsvField(request, [&](int64_t i, const char* begin, const char* end) {
      bool quoted = quote != '\0' && begin < end && *begin == quote;
      const char* from = begin;
      int64_t length = end - begin;
      if (quoted && !dialect_.escape && length >= 2 && end[-1] == quote && !std::memchr(begin + 1, quote, length - 2)) {
        ++from;
        length -= 2;
      } else if (quoted || dialect_.escape) {
        const std::string_view text = CsvFieldValue(begin, end, dialect_, &scratch_, &quoted);
        scratch_.assign(text);
        length = static_cast<int64_t>(scratch_.size());
        scratch_.resize(length + 32);  // CopyOver reads past the end
        from = scratch_.data();
      }
      const std::string_view text(from, length);
      if (!quoted && nulls_->IsNull(text, /*text_column=*/true)) {
        null_rows_.push_back(static_cast<uint32_t>(i));
        length = 0;
      } else if (request.check_utf8 && !simdjson::validate_utf8(from, length)) {
        bad->push_back({i, "column '" + name_ + "': the text is not valid UTF-8"});
        length = 0;
      }
      CopyOver(to, from, length);
      to += length;
      offsets[i + 1] = static_cast<int32_t>(to - bytes);
    });
    WEIR_RETURN_NOT_OK(buffer->Resize(to - bytes, /*shrink_to_fit=*/false));
    return BufferPtr(std::move(buffer));
  }

  const std::string name_;
  const TypePtr type_;
  const CsvDialect dialect_;
  const std::shared_ptr<const CsvNulls> nulls_;
  std::string scratch_;
  std::vector<uint32_t> null_rows_;
};

}  // namespace

std::unique_ptr<CsvColumnReader> MakeCsvTextReader(const std::string& name, const TypePtr& type,
                                                   const CsvDialect& dialect, std::shared_ptr<const CsvNulls> nulls) {
  return std::make_unique<TextColumnReader>(name, type, dialect, std::move(nulls));
}

}  // namespace weir
