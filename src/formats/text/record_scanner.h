// RecordScanner: where the last whole record of a stretch of text ends. One implementation per record grammar.
#pragma once

#include <cstdint>

#include "formats/text/text_block.h"

namespace weir {

/// Called by one BlockFeeder under its mutex; keeps state only where the grammar spans records (an enclosing array).
class RecordScanner {
 public:
  virtual ~RecordScanner() = default;
  /// `data` begins at a record's first byte. Returns the number of bytes up to the end of the last whole record of
  /// [data, data + size), separator included; 0 when not even one is whole. `at_end`: nothing follows, so everything
  /// belongs to the block and only what `block` says of its text (has_quotes, irregular_quotes, grammar_state) is
  /// wanted. May read kTextBackPadding bytes past the end.
  virtual int64_t LastRecordEnd(const char* data, int64_t size, bool at_end, TextBlock* block) = 0;
  /// What it knows where the next record begins, and a scanner of the same grammar that goes on there needs.
  virtual int state() const { return 0; }
  virtual void set_state(int /*state*/) {}
};

/// One record per line: text and newline-delimited JSON, whose strings cannot hold a raw line break.
class LineScanner final : public RecordScanner {
 public:
  int64_t LastRecordEnd(const char* data, int64_t size, bool at_end, TextBlock* block) override;
};

}  // namespace weir
