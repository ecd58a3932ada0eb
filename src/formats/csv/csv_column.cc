// Readers of numbers, booleans and times. A fast path per value; whatever it declines goes through ReadCarefully.
#include "formats/csv/csv_column.h"

#include <arrow/type.h>

#include <algorithm>

#include "formats/csv/csv_field.h"
#include "formats/csv/csv_text_column.h"
#include "formats/text/array_build.h"
#include "formats/text/number_text.h"
#include "formats/text/value_text.h"

namespace weir {
namespace {

/// pandas' default list: what spreadsheets and statistics programs write for "nothing".
constexpr std::string_view kNullWords[] = {"NA",       "N/A", "n/a",     "#N/A",     "#NA",    "NULL",   "null", "Null",
                                           "NaN",      "nan", "-NaN",    "-nan",     "None",   "<NA>",   "NONE", "none",
                                           "#N/A N/A", "NAN", "1.#QNAN", "-1.#QNAN", "1.#IND", "-1.#IND"};

bool HasLeadingZero(std::string_view text) {
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  return text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
}

struct Int64Values {
  using Value = int64_t;
  static constexpr bool kNumber = true;
  static bool Fast(const char* begin, const char* end, Value* out) { return FastInt64(begin, end, out); }
  bool Careful(std::string_view text, Value* out) const { return ParseInt64(text, out); }
};

struct DoubleValues {
  using Value = double;
  static constexpr bool kNumber = true;
  static bool Fast(const char* begin, const char* end, Value* out) { return FastDouble(begin, end, out); }
  bool Careful(std::string_view text, Value* out) const { return ParseDouble(text, out); }
};

struct TimestampValues {
  using Value = int64_t;
  static constexpr bool kNumber = false;
  static bool Fast(const char*, const char*, Value*) { return false; }
  bool Careful(std::string_view text, Value* out) const { return ParseTimestamp(text, out); }
};

struct DateValues {
  using Value = int32_t;
  static constexpr bool kNumber = false;
  static bool Fast(const char*, const char*, Value*) { return false; }
  bool Careful(std::string_view text, Value* out) const { return ParseDate(text, out); }
};

struct DecimalValues {
  using Value = __int128;
  static constexpr bool kNumber = false;
  int32_t precision, scale;
  static bool Fast(const char*, const char*, Value*) { return false; }
  bool Careful(std::string_view text, Value* out) const { return ParseDecimal(text, precision, scale, out); }
};

struct BoolValues {
  using Value = bool;
  static constexpr bool kNumber = false;
  static bool Fast(const char*, const char*, Value*) { return false; }
  bool Careful(std::string_view text, Value* out) const { return ParseBool(text, out); }
};

/// All types whose values have a fixed width; Values says how one is read.
template <class Values>
class FixedColumnReader final : public CsvColumnReader {
 public:
  using Value = typename Values::Value;
  FixedColumnReader(std::string name, TypePtr type, CsvDialect dialect, std::shared_ptr<const CsvNulls> nulls,
                    bool strict_zeros, Values values)
      : name_(std::move(name)),
        type_(std::move(type)),
        dialect_(dialect),
        nulls_(std::move(nulls)),
        strict_zeros_(strict_zeros),
        values_(values) {}

  Result<ArrayDataPtr> Read(const CsvColumnRequest& request, std::vector<CsvBadField>* bad) override {
    null_rows_.clear();
    if constexpr (std::is_same_v<Value, bool>) {
      WEIR_ASSIGN_OR_RETURN(auto bits, AllocatePadded((request.num_rows + 7) / 8));
      uint8_t* out = bits->mutable_data();
      std::fill(out, out + bits->size(), uint8_t{0});
      ForEachCsvField(request, [&](int64_t i, const char* begin, const char* end) {
        bool value = false;
        ReadCarefully(i, begin, end, &value, bad);
        out[i / 8] |= static_cast<uint8_t>(value << (i % 8));
      });
      return MakeColumn(type_, request.num_rows, {std::move(bits)}, null_rows_);
    } else {
      WEIR_ASSIGN_OR_RETURN(auto buffer, AllocatePadded(request.num_rows * sizeof(Value)));
      auto* out = reinterpret_cast<Value*>(buffer->mutable_data());
      const bool strict = strict_zeros_;
      ForEachCsvField(request, [&](int64_t i, const char* begin, const char* end) {
        const bool suspect = Values::kNumber && strict && *begin == '0' && end - begin > 1;
        if (__builtin_expect(!suspect && Values::Fast(begin, end, out + i), 1)) return;
        ReadCarefully(i, begin, end, out + i, bad);
      });
      return MakeColumn(type_, request.num_rows, {std::move(buffer)}, null_rows_);
    }
  }

 private:
  void ReadCarefully(int64_t i, const char* begin, const char* end, Value* out, std::vector<CsvBadField>* bad) {
    *out = Value{};
    bool quoted = false;
    const std::string_view text = TrimBlanks(CsvFieldValue(begin, end, dialect_, &scratch_, &quoted));
    // A null is looked for first: "nan" would read as a number.
    if (text.empty() || nulls_->IsNull(text, /*text_column=*/false)) {
      null_rows_.push_back(static_cast<uint32_t>(i));
      return;
    }
    const bool zeros = Values::kNumber && strict_zeros_ && HasLeadingZero(text);
    if (!zeros && values_.Careful(text, out)) return;
    bad->push_back({i, "column '" + name_ + "': '" + Excerpt(text.data(), text.size()) + "' is no " + TypeName(*type_) +
                           (zeros ? ": its leading zeros would be lost (give the type string)" : "")});
  }

  const std::string name_;
  const TypePtr type_;
  const CsvDialect dialect_;
  const std::shared_ptr<const CsvNulls> nulls_;
  const bool strict_zeros_;
  const Values values_;
  std::string scratch_;
  std::vector<uint32_t> null_rows_;
};

}  // namespace

CsvNulls::CsvNulls(const CsvReadOptions& options)
    : given_(options.null_values.has_value()), empty_text_is_null_(options.empty_is_null) {
  if (given_) {
    words_ = *options.null_values;
  } else {
    words_.assign(std::begin(kNullWords), std::end(kNullWords));
  }
  for (const auto& word : words_) longest_ = std::max(longest_, word.size());
}

bool CsvNulls::IsNull(std::string_view text, bool text_column) const {
  if (text.empty() && empty_text_is_null_) return true;
  if ((text_column && !given_) || text.size() > longest_) return false;
  return std::find(words_.begin(), words_.end(), text) != words_.end();
}

std::string_view CsvFieldValue(const char* begin, const char* end, const CsvDialect& dialect, std::string* scratch,
                               bool* quoted) {
  *quoted = false;
  if (begin == end) return {};
  const bool opens = dialect.quote != '\0' && *begin == dialect.quote;
  if (!opens && !dialect.escape) return {begin, static_cast<size_t>(end - begin)};
  scratch->clear();
  bool inside = opens;
  *quoted = opens;
  for (const char* p = begin + opens; p < end; ++p) {
    if (dialect.escape && *p == *dialect.escape && !(inside && *p == dialect.quote)) {
      if (p + 1 < end) scratch->push_back(*++p);
    } else if (inside && *p == dialect.quote) {
      if (p + 1 < end && p[1] == dialect.quote) {
        scratch->push_back(*++p);
      } else {
        inside = false;  // what follows up to the end is taken as it stands
      }
    } else {
      scratch->push_back(*p);
    }
  }
  return *scratch;
}

Result<std::unique_ptr<CsvColumnReader>> MakeCsvColumnReader(const std::string& name, const TypePtr& type,
                                                             const CsvDialect& dialect,
                                                             std::shared_ptr<const CsvNulls> nulls, bool strict_zeros) {
  auto fixed = [&]<class Values>(Values values) -> std::unique_ptr<CsvColumnReader> {
    return std::make_unique<FixedColumnReader<Values>>(name, type, dialect, std::move(nulls), strict_zeros, values);
  };
  switch (type->id()) {
    case arrow::Type::INT64:
      return fixed(Int64Values{});
    case arrow::Type::DOUBLE:
      return fixed(DoubleValues{});
    case arrow::Type::BOOL:
      return fixed(BoolValues{});
    case arrow::Type::TIMESTAMP:
      return fixed(TimestampValues{});
    case arrow::Type::DATE32:
      return fixed(DateValues{});
    case arrow::Type::DECIMAL128: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(*type);
      return fixed(DecimalValues{decimal.precision(), decimal.scale()});
    }
    case arrow::Type::STRING:
      return MakeCsvTextReader(name, type, dialect, std::move(nulls));
    default:
      return Status::TypeError("column '", name, "': a CSV file cannot hold ", TypeName(*type),
                               "; read it as string and convert it in a later step");
  }
}

}  // namespace weir
