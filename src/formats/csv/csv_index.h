// Structure of a CSV block: where its records and fields end.
//
// The grammar, as the exact walker in csv_index.cc has it (a superset of RFC 4180, the reading of Python's csv and
// pandas):
//   field     = quoted-field rest | plain
//   quoted    : begins with the quote at the very start of a field; inside it a doubled quote is one quote, delimiters
//   and
//               line breaks are ordinary; text after the closing quote up to the delimiter is taken as it stands
//   plain     : anything up to the next delimiter or line break; a quote inside it is an ordinary character
// The fast indexer works on quote parity and equals the exact one whenever every opening quote stands at the start of a
// field; CsvScanner proves that for each block, or marks it irregular.
#pragma once

#include <cstdint>
#include <vector>

#include "formats/csv/csv_options.h"
#include "formats/text/record_scanner.h"
#include "formats/text/text_block.h"

namespace weir {

/// Cuts CSV text at the ends of records.
class CsvScanner final : public RecordScanner {
 public:
  explicit CsvScanner(CsvDialect dialect) : dialect_(dialect) {}
  int64_t LastRecordEnd(const char* data, int64_t size, bool at_end, TextBlock* block) override;

 private:
  CsvDialect dialect_;
};

/// A record that does not have the right number of fields. Byte positions in the block.
struct CsvShapeError {
  uint32_t begin = 0, end = 0;
  int64_t fields = 0;       // found
  bool quote_open = false;  // the text ended inside quotes
};

/// One column of the records of a block: field r is bytes [before[r * before_stride] + 1, end[r * end_stride]).
struct CsvFields {
  const char* text = nullptr;
  const uint32_t* before = nullptr;
  int64_t before_stride = 0;
  const uint32_t* end = nullptr;
  int64_t end_stride = 0;
  bool last_column = false;  // a '\r' before the end belongs to the line break
};

/// The index of one block at a time; memory is reused. One per lane.
class CsvIndex {
 public:
  CsvIndex(CsvDialect dialect, int num_fields, bool allow_short_rows);

  /// Finds the records of `block`. Those of the wrong shape go to `errors` and are no rows. Empty lines are skipped.
  void Build(const TextBlock& block, std::vector<CsvShapeError>* errors);
  int64_t num_rows() const { return num_rows_; }
  int num_fields() const { return num_fields_; }
  /// No byte of the block is 0x80 or above.
  bool ascii() const { return ascii_; }
  CsvFields Column(int field) const;
  uint32_t RecordBegin(int64_t row) const;
  uint32_t RecordEnd(int64_t row) const;  // of its line break

 private:
  void BuildPlain(const char* data, int64_t size, bool has_quotes);
  void BuildExact(const char* data, int64_t size);
  bool IsRegular(const char* data) const;
  void SplitRecords(const char* data);
  void Normalise(const char* data, int64_t size, std::vector<CsvShapeError>* errors);

  struct Record {
    uint32_t begin;
    uint32_t end;   // of the text, before its line break
    int64_t first;  // index of its first field end
    int64_t fields;
  };
  const CsvDialect dialect_;
  const int num_fields_;
  const bool allow_short_rows_;
  const char* text_ = nullptr;
  std::vector<uint32_t> ends_;            // slot 0 is the byte before the block: field ends start at slot 1
  std::vector<uint32_t> normal_ends_;     // the same with the rows of the right shape only
  const uint32_t* field_ends_ = nullptr;  // of row 0, in one of the two; one slot before it is readable
  int64_t num_ends_ = 0;
  int64_t num_lines_ = 0;         // line breaks that are structure
  uint32_t tail_begin_ = 0;       // first byte after the last structural line break
  std::vector<Record> records_;   // filled only when the block is not regular
  std::vector<uint32_t> begins_;  // byte before each row; used when not regular
  std::vector<uint32_t> record_ends_;
  bool regular_ = true;
  bool ascii_ = true;
  int64_t num_rows_ = 0;
};

}  // namespace weir
