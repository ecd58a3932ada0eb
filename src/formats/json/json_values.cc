// Values of every kind into their columns.
#include <arrow/type.h>
#include <arrow/util/base64.h>

#include <cmath>
#include <cstring>
#include <set>

#include "formats/json/json_parser.h"
#include "formats/json/json_scan.h"
#include "formats/text/value_text.h"

namespace weir {
namespace {

/// The expected bytes stand at `p`.
inline bool Matches(const JsonFields::Guess& guess, __m256i text) {
  const __m256i literal = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(guess.literal.data()));
  const auto equal = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(text, literal)));
  return (equal & guess.mask) == guess.mask && guess.length > 0;
}

/// `c` after digits does not make them part of a longer number.
bool EndsInteger(char c) { return c != '.' && c != 'e' && c != 'E'; }

}  // namespace

std::nullptr_t JsonBlockParser::Fail(const char* at, const char* expected) {
  failed_at_ = at;
  expected_ = expected;
  return nullptr;
}

const char* JsonBlockParser::Skip(const char* p) {
  const char* at = p;
  const char* end = SkipJsonValue(p, in_document_, &at);
  return end ? end : Fail(at, "a JSON value");
}

const char* JsonBlockParser::ParseKey(const char* p) {
  const char* const begin = p + 1;
  const char* end = begin;
  // Most keys are short and plain.
  for (;;) {
    const uint32_t stops = JsonStringStops(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(end)));
    if (stops) {
      end += __builtin_ctz(stops);
      break;
    }
    end += 32;
  }
  if (*end == '"') {
    key_.assign(begin, end);
    return end + 1;
  }
  const char* stop;
  const char* const whole = SkipJsonValue(p, in_document_, &stop);
  if (!whole) return Fail(p, "a key");
  key_.resize(whole - begin + 64);
  char* to = key_.data();
  CopyJsonString(begin, &to);
  key_.resize(to - key_.data());
  return whole;
}

const char* JsonBlockParser::ReadKey(JsonFields& fields, int slot, const char* p, int* field) {
  const char* const begin = p;
  p = SkipJsonBlanks(p, in_document_);
  if (*p == '}') {
    *field = JsonFields::kEnd;
    fields.Learn(slot, begin, p + 1, *field);
    return p + 1;
  }
  if (slot > 0) {
    if (*p != ',') return Fail(p, "',' or '}'");
    p = SkipJsonBlanks(p + 1, in_document_);
  }
  if (*p != '"') return Fail(p, slot > 0 ? "a key" : "a key or '}'");
  p = ParseKey(p);
  if (!p) return nullptr;
  p = SkipJsonBlanks(p, in_document_);
  if (*p != ':') return Fail(p, "':'");
  p = SkipJsonBlanks(p + 1, in_document_);
  *field = fields.Find(key_);
  if (*field != JsonFields::kUnknown) fields.Learn(slot, begin, p, *field);
  return p;
}

const char* JsonBlockParser::ParseObject(JsonColumn& column, const char* p) {
  JsonFields& fields = column.fields;
  const int64_t row = column.length;
  int slot = 0, seen = 0;
  for (;;) {
    const auto& guesses = fields.After(slot);
    const __m256i text = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    int field;
    if (__builtin_expect(Matches(guesses[0], text), 1)) {
      field = guesses[0].field;
      p += guesses[0].length;
    } else if (Matches(guesses[1], text)) {
      field = guesses[1].field;
      p += guesses[1].length;
    } else {
      p = ReadKey(fields, slot, p, &field);
      if (!p) return nullptr;
    }
    if (field == JsonFields::kEnd) break;
    // The guess may have had fewer blanks after its colon.
    if (__builtin_expect(static_cast<uint8_t>(*p) <= ' ', 0)) p = SkipJsonBlanks(p, in_document_);
    slot = field == JsonFields::kUnknown ? (slot > 0 ? slot : 1) : field + 1;
    JsonColumn* const child = field == JsonFields::kUnknown ? nullptr : fields.column(field);
    if (!child) {
      p = Skip(p);
    } else {
      if (__builtin_expect(child->length != row, 0)) {
        child->Truncate(row);
        --seen;
      }
      ++seen;
      p = ParseValue(*child, p);
    }
    if (__builtin_expect(!p, 0)) return nullptr;
  }
  if (seen != fields.num_columns()) {
    for (auto& child : column.children) {
      if (child->length == row) child->AppendNull();
    }
  }
  column.length = row + 1;
  return p;
}

const char* JsonBlockParser::ParseValue(JsonColumn& column, const char* p) {
  switch (column.kind) {
    case JsonKind::kInt64:
      return ParseInt64(column, p);
    case JsonKind::kString:
      return ParseString(column, p);
    case JsonKind::kDouble:
      return ParseDouble(column, p);
    case JsonKind::kBool:
      return ParseBool(column, p);
    case JsonKind::kStruct:
      return *p == '{' ? ParseObject(column, p + 1) : ParseNullOrMisfit(column, p);
    case JsonKind::kList:
      return ParseList(column, p);
    case JsonKind::kMap:
      return ParseMap(column, p);
    case JsonKind::kText:
      return ParseText(column, p);
    case JsonKind::kNull:
      return ParseNullOrMisfit(column, p);
    default:
      return ParseTyped(column, p);
  }
}

const char* JsonBlockParser::ParseNullOrMisfit(JsonColumn& column, const char* p) {
  if (std::memcmp(p, "null", 4) != 0) return Misfit(column, p);
  column.AppendNull();
  return p + 4;
}

const char* JsonBlockParser::Misfit(JsonColumn& column, const char* p, const char* why) {
  const char* const end = Skip(p);
  if (!end) return nullptr;
  if (!misfit_.empty()) misfit_ += "; ";
  misfit_ += "field '" + column.path + "': " + Excerpt(p, end - p) + " is no " + TypeName(*column.type);
  if (why) misfit_ += std::string(" (") + why + ")";
  column.AppendNull();
  return end;
}

const char* JsonBlockParser::ParseInt64(JsonColumn& column, const char* p) {
  const int64_t negative = *p == '-';
  const char* const digits = p + negative;
  uint64_t value;
  const int count = ReadDigits16(digits, &value);
  const bool plain = count > 0 && count < 16 && EndsInteger(digits[count]) && (*digits != '0' || count == 1);
  if (__builtin_expect(plain, 1)) {
    column.values<int64_t>()[column.length++] = (static_cast<int64_t>(value) ^ -negative) + negative;
    return digits + count;
  }
  if (count == 0) return ParseNullOrMisfit(column, p);
  const char* const end = SkipJsonNumber(p);
  if (!end) return Fail(p, "a JSON value");
  const std::string_view text(p, end - p);
  int64_t exact;
  if (!weir::ParseInt64(text, &exact)) {
    if (text.find_first_of(".eE") == std::string_view::npos) return Misfit(column, p, "beyond 64 bits");
    double wide;  // 1.0 and 1e3 are integers too
    if (!weir::ParseDouble(text, &wide) || !(wide >= -0x1p63 && wide < 0x1p63) || wide != std::trunc(wide)) {
      return Misfit(column, p);
    }
    exact = static_cast<int64_t>(wide);
  }
  column.values<int64_t>()[column.length++] = exact;
  return end;
}

const char* JsonBlockParser::ParseDouble(JsonColumn& column, const char* p) {
  const bool negative = *p == '-';
  const char* const digits = p + negative;
  uint64_t whole, fraction = 0;
  const int count = ReadDigits16(digits, &whole);
  if (count == 0) return ParseNullOrMisfit(column, p);
  const char* end = digits + count;
  int decimals = 0;
  bool plain = count < 16 && (*digits != '0' || count == 1);
  if (plain && *end == '.') {
    decimals = ReadDigits16(end + 1, &fraction);
    end += 1 + decimals;
    plain = decimals > 0 && count + decimals <= 16;
  }
  if (__builtin_expect(plain && EndsInteger(*end), 1)) {
    static constexpr auto kPowers = [] {
      std::array<uint64_t, 17> powers{};
      uint64_t power = 1;
      for (auto& p : powers) {
        p = power;
        power *= 10;
      }
      return powers;
    }();
    const uint64_t mantissa = whole * kPowers[decimals] + fraction;
    if (mantissa <= (uint64_t{1} << 53)) {
      const double magnitude = static_cast<double>(static_cast<int64_t>(mantissa)) / kPowersOfTen[decimals];
      column.values<double>()[column.length++] = negative ? -magnitude : magnitude;
      return end;
    }
  }
  end = SkipJsonNumber(p);
  if (!end) return Fail(p, "a JSON value");
  double value;
  if (!weir::ParseDouble({p, static_cast<size_t>(end - p)}, &value)) return Misfit(column, p, "beyond its range");
  column.values<double>()[column.length++] = value;
  return end;
}

const char* JsonBlockParser::ParseString(JsonColumn& column, const char* p) {
  if (__builtin_expect(*p != '"', 0)) return ParseNullOrMisfit(column, p);
  char* const begin = column.text;
  char* to = begin + column.last_offset();
  const char* const end = CopyJsonString(p + 1, &to);
  if (__builtin_expect(!end, 0)) return Fail(p, "a valid string");
  column.offsets()[++column.length] = static_cast<int32_t>(to - begin);
  return end;
}

const char* JsonBlockParser::ParseText(JsonColumn& column, const char* p) {
  if (*p == '"') return ParseString(column, p);
  const char* const end = Skip(p);
  if (!end) return nullptr;
  if (*p == 'n') {
    column.AppendNull();
    return end;
  }
  const int32_t used = column.last_offset();
  std::memcpy(column.text + used, p, end - p);
  column.offsets()[++column.length] = used + static_cast<int32_t>(end - p);
  return end;
}

const char* JsonBlockParser::ParseBool(JsonColumn& column, const char* p) {
  const bool is_true = std::memcmp(p, "true", 4) == 0;
  if (!is_true && std::memcmp(p, "false", 5) != 0) return ParseNullOrMisfit(column, p);
  column.data[column.length++] = is_true;
  return p + (is_true ? 4 : 5);
}

const char* JsonBlockParser::ParseTyped(JsonColumn& column, const char* p) {
  const bool number = *p == '-' || (*p >= '0' && *p <= '9');
  if (*p != '"' && !(number && column.kind == JsonKind::kDecimal)) return ParseNullOrMisfit(column, p);
  const char* const end = Skip(p);
  if (!end) return nullptr;
  std::string_view text(p, end - p);
  if (!number) {
    scratch_.resize(text.size() + 64);
    char* to = scratch_.data();
    CopyJsonString(p + 1, &to);
    text = {scratch_.data(), static_cast<size_t>(to - scratch_.data())};
  }
  const int64_t row = column.length;
  bool fits = false;
  switch (column.kind) {
    case JsonKind::kTimestamp:
      fits = ParseTimestamp(text, column.values<int64_t>() + row);
      break;
    case JsonKind::kDate:
      fits = ParseDate(text, column.values<int32_t>() + row);
      break;
    case JsonKind::kDecimal: {
      const auto& decimal = static_cast<const arrow::Decimal128Type&>(*column.type);
      __int128 value = 0;
      fits = ParseDecimal(text, decimal.precision(), decimal.scale(), &value);
      std::memcpy(column.data + 16 * row, &value, 16);
      break;
    }
    default: {
      auto bytes = arrow::util::base64_decode(text);
      fits = bytes.ok();
      if (fits) std::memcpy(column.text + column.last_offset(), bytes->data(), bytes->size());
      if (fits) column.offsets()[row + 1] = column.last_offset() + static_cast<int32_t>(bytes->size());
    }
  }
  if (!fits) return Misfit(column, p);
  ++column.length;
  return end;
}

const char* JsonBlockParser::ParseList(JsonColumn& column, const char* p) {
  if (*p != '[') return ParseNullOrMisfit(column, p);
  JsonColumn& child = *column.children[0];
  p = SkipJsonBlanks(p + 1, in_document_);
  if (*p == ']') {
    ++p;
  } else {
    for (;;) {
      p = ParseValue(child, p);
      if (!p) return nullptr;
      p = SkipJsonBlanks(p, in_document_);
      if (*p == ']') {
        ++p;
        break;
      }
      if (*p != ',') return Fail(p, "',' or ']'");
      p = SkipJsonBlanks(p + 1, in_document_);
    }
  }
  column.offsets()[++column.length] = static_cast<int32_t>(child.length);
  return p;
}

const char* JsonBlockParser::ParseMap(JsonColumn& column, const char* p) {
  if (*p != '{') return ParseNullOrMisfit(column, p);
  JsonColumn& keys = *column.children[0];
  p = SkipJsonBlanks(p + 1, in_document_);
  if (*p == '}') {
    ++p;
  } else {
    for (;;) {
      if (*p != '"') return Fail(p, "a key");
      p = ParseString(keys, p);
      if (!p) return nullptr;
      p = SkipJsonBlanks(p, in_document_);
      if (*p != ':') return Fail(p, "':'");
      p = ParseValue(*column.children[1], SkipJsonBlanks(p + 1, in_document_));
      if (!p) return nullptr;
      p = SkipJsonBlanks(p, in_document_);
      if (*p == '}') {
        ++p;
        break;
      }
      if (*p != ',') return Fail(p, "',' or '}'");
      p = SkipJsonBlanks(p + 1, in_document_);
    }
  }
  const int32_t first = column.last_offset();
  column.offsets()[++column.length] = static_cast<int32_t>(keys.length);
  std::set<std::string_view> seen;
  for (int64_t i = first; i < keys.length && keys.length - first > 1; ++i) {
    const int32_t* at = keys.offsets() + i;
    const std::string_view key(keys.text + at[0], at[1] - at[0]);
    if (!seen.insert(key).second && misfit_.empty()) {
      misfit_ =
          "field '" + column.path + "': key '" + Excerpt(key.data(), static_cast<int64_t>(key.size())) + "' twice";
    }
  }
  return p;
}

}  // namespace weir
