// The two indexers (vectorised by quote parity, exact by state machine) and the check of each record's shape.
#include "formats/csv/csv_index.h"

#include <cstring>

#include "base/check.h"
#include "formats/csv/csv_walk.h"
#include "formats/text/simd.h"

namespace weir {
namespace {

/// Writes the positions of the set bits of `mask`, each plus `base`, eight at a time: up to seven slots of rubbish
/// follow.
inline uint32_t* EmitBits(uint32_t* out, uint64_t mask, uint32_t base) {
  uint32_t* end = out + __builtin_popcountll(mask);
  while (mask) {
    for (int i = 0; i < 8; ++i) {
      out[i] = base + static_cast<uint32_t>(_tzcnt_u64(mask));
      mask &= mask - 1;
    }
    out += 8;
  }
  return end;
}

}  // namespace

int64_t CsvScanner::LastRecordEnd(const char* data, int64_t size, bool at_end, TextBlock* block) {
  const __m256i quote = _mm256_set1_epi8(dialect_.quote);
  const __m256i delimiter = _mm256_set1_epi8(dialect_.delimiter), line = _mm256_set1_epi8('\n');
  bool any_quote = false, irregular = !dialect_.is_plain();
  uint64_t inside = 0;
  if (!irregular && dialect_.quote != '\0') {
    for (int64_t i = 0; i < size; i += 64) {
      const Bytes64 bytes = Bytes64::Load(data + i);
      const uint64_t quotes = bytes.Match(quote) & LowBits(size - i);
      if (!quotes) continue;
      any_quote = true;
      const uint64_t in_quotes = PrefixXor(quotes) ^ inside;
      inside = static_cast<uint64_t>(static_cast<int64_t>(in_quotes) >> 63);
      const char before = i ? data[i - 1] : '\n';
      const uint64_t carried = before == dialect_.delimiter || before == '\n' || before == dialect_.quote;
      const uint64_t may_open = (bytes.MatchEither(delimiter, line) | quotes) << 1 | carried;
      if (quotes & in_quotes & ~may_open) {
        irregular = true;
        break;
      }
    }
  }
  block->has_quotes = any_quote || irregular;
  block->irregular_quotes = irregular;
  if (at_end) return size;
  if (irregular) {
    int64_t last = 0;
    // A comment that the text cut short is not whole: its line break is missing.
    auto whole = [&](int64_t next) {
      if (data[next - 1] == '\n') last = next;
    };
    WalkCsv(
        dialect_, data, size, [](int64_t) {},
        [&](int64_t, int64_t next) {
          whole(next);
          return true;
        },
        whole);
    return last;
  }
  if (!any_quote) {
    const void* last = memrchr(data, '\n', size);
    return last ? static_cast<const char*>(last) - data + 1 : 0;
  }
  bool in_quotes = inside != 0;
  for (int64_t i = size - 1; i >= 0; --i) {
    if (data[i] == dialect_.quote) {
      in_quotes = !in_quotes;
    } else if (data[i] == '\n' && !in_quotes) {
      return i + 1;
    }
  }
  return 0;
}

CsvIndex::CsvIndex(CsvDialect dialect, int num_fields, bool allow_short_rows)
    : dialect_(dialect), num_fields_(num_fields), allow_short_rows_(allow_short_rows) {}

void CsvIndex::BuildPlain(const char* data, int64_t size, bool has_quotes) {
  const __m256i quote = _mm256_set1_epi8(dialect_.quote);
  const __m256i delimiter = _mm256_set1_epi8(dialect_.delimiter), line = _mm256_set1_epi8('\n');
  const bool quoting = has_quotes && dialect_.quote != '\0';
  uint32_t* out = ends_.data() + 1;
  uint64_t inside = 0;
  __m256i any = _mm256_setzero_si256();
  int64_t lines = 0;
  for (int64_t i = 0; i < size; i += 64) {
    const Bytes64 bytes = Bytes64::Load(data + i);
    any = _mm256_or_si256(any, _mm256_or_si256(bytes.low, bytes.high));
    uint64_t breaks = bytes.Match(line);
    uint64_t marks = breaks | bytes.Match(delimiter);
    if (quoting) {
      const uint64_t in_quotes = PrefixXor(bytes.Match(quote)) ^ inside;
      inside = static_cast<uint64_t>(static_cast<int64_t>(in_quotes) >> 63);
      marks &= ~in_quotes;
      breaks &= ~in_quotes;
    }
    const uint64_t valid = LowBits(size - i);
    lines += __builtin_popcountll(breaks & valid);
    out = EmitBits(out, marks & valid, static_cast<uint32_t>(i));
  }
  num_ends_ = out - (ends_.data() + 1);
  num_lines_ = lines;
  ascii_ = _mm256_movemask_epi8(any) == 0;
}

/// True when every record has num_fields_ fields, the last ends the block, and none is an empty line.
bool CsvIndex::IsRegular(const char* data) const {
  const uint32_t* ends = ends_.data() + 1;
  if (num_lines_ * num_fields_ != num_ends_) return false;
  uint8_t differs = 0;
  for (int64_t r = 0; r < num_lines_; ++r) differs |= data[ends[r * num_fields_ + num_fields_ - 1]] ^ '\n';
  if (differs) return false;
  if (num_fields_ > 1) return true;
  for (int64_t r = 0; r < num_lines_; ++r) {
    const uint32_t begin = ends[r - 1] + 1, length = ends[r] - begin;
    if (length == 0 || (length == 1 && data[begin] == '\r')) return false;
  }
  return true;
}

void CsvIndex::BuildExact(const char* data, int64_t size) {
  uint32_t* ends = ends_.data() + 1;
  uint8_t any = 0;
  for (int64_t i = 0; i < size; ++i) any |= static_cast<uint8_t>(data[i]);
  ascii_ = any < 0x80;
  int64_t n = 0, first = 0;
  uint32_t begin = 0;
  WalkCsv(
      dialect_, data, size, [&](int64_t end) { ends[n++] = static_cast<uint32_t>(end); },
      [&](int64_t end, int64_t next) {
        records_.push_back({begin, static_cast<uint32_t>(end), first, n - first});
        begin = static_cast<uint32_t>(next);
        first = n;
        return true;
      },
      [&](int64_t next) { begin = static_cast<uint32_t>(next); });
  num_ends_ = n;
  tail_begin_ = begin;
}

/// Records of an index made by parity.
void CsvIndex::SplitRecords(const char* data) {
  const uint32_t* ends = ends_.data() + 1;
  uint32_t begin = 0;
  int64_t first = 0;
  for (int64_t i = 0; i < num_ends_; ++i) {
    if (data[ends[i]] != '\n') continue;
    records_.push_back({begin, ends[i], first, i + 1 - first});
    begin = ends[i] + 1;
    first = i + 1;
  }
  tail_begin_ = begin;
}

/// Keeps the records of the right shape, as rows of num_fields_ ends each.
void CsvIndex::Normalise(const char* data, int64_t size, std::vector<CsvShapeError>* errors) {
  std::vector<uint32_t>& rows = normal_ends_;
  rows.assign(1, UINT32_MAX);
  begins_.clear();
  record_ends_.clear();
  const uint32_t* ends = ends_.data() + 1;
  for (const Record& record : records_) {
    const uint32_t length = record.end - record.begin;
    if (record.fields == 1 && (length == 0 || (length == 1 && data[record.begin] == '\r'))) continue;
    if (record.fields > num_fields_ || (record.fields < num_fields_ && !allow_short_rows_)) {
      errors->push_back({record.begin, record.end, record.fields, false});
      continue;
    }
    begins_.push_back(record.begin - 1);
    record_ends_.push_back(record.end);
    for (int64_t f = 0; f < record.fields; ++f) rows.push_back(ends[record.first + f]);
    if (record.fields < num_fields_) {
      uint32_t end = rows.back();
      if (end > record.begin && data[end - 1] == '\r') rows.back() = --end;
      // Fields that are not there have length zero: each ends where it begins, one past the end before it.
      for (int64_t f = record.fields; f < num_fields_; ++f) rows.push_back(++end);
    }
  }
  if (tail_begin_ < size) errors->push_back({tail_begin_, static_cast<uint32_t>(size), 0, true});
  num_rows_ = static_cast<int64_t>(begins_.size());
  field_ends_ = rows.data() + 1;
}

void CsvIndex::Build(const TextBlock& block, std::vector<CsvShapeError>* errors) {
  WEIR_CHECK(block.size < INT64_C(0xFFFFFF00), "a CSV block is indexed by 32-bit positions");
  text_ = block.data();
  if (static_cast<int64_t>(ends_.size()) < block.size + 16) ends_.resize(block.size + 16);
  ends_[0] = UINT32_MAX;
  field_ends_ = ends_.data() + 1;
  records_.clear();
  if (!block.irregular_quotes) {
    BuildPlain(text_, block.size, block.has_quotes);
    regular_ = IsRegular(text_);
    if (regular_) {
      num_rows_ = num_lines_;
      const uint32_t after = num_ends_ ? ends_[num_ends_] + 1 : 0;
      if (after < block.size) errors->push_back({after, static_cast<uint32_t>(block.size), 0, true});
      return;
    }
    SplitRecords(text_);
  } else {
    regular_ = false;
    BuildExact(text_, block.size);
  }
  Normalise(text_, block.size, errors);
}

CsvFields CsvIndex::Column(int field) const {
  CsvFields out{text_,       field_ends_ + field - 1, num_fields_, field_ends_ + field,
                num_fields_, field == num_fields_ - 1};
  if (field == 0 && !regular_) {
    out.before = begins_.data();
    out.before_stride = 1;
  }
  return out;
}

uint32_t CsvIndex::RecordBegin(int64_t row) const {
  return (regular_ ? field_ends_[row * num_fields_ - 1] : begins_[row]) + 1;
}

uint32_t CsvIndex::RecordEnd(int64_t row) const {
  return regular_ ? field_ends_[(row + 1) * num_fields_ - 1] : record_ends_[row];
}

}  // namespace weir
