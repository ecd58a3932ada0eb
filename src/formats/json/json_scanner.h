// JsonDocumentScanner: cuts arrays of records and records in any layout after whole records.
#pragma once

#include <cstdint>

#include "formats/text/record_scanner.h"

namespace weir {

/// Where in the grammar  document = { object | '[' [ value { ',' value } ] ']' }  a block begins:
/// TextBlock::grammar_state.
enum class JsonDocumentState : uint8_t { kTop, kFirstElement, kAfterElement, kAfterComma };

/// Follows strings and brackets only; the parser checks the rest of the grammar.
class JsonDocumentScanner final : public RecordScanner {
 public:
  int64_t LastRecordEnd(const char* data, int64_t size, bool at_end, TextBlock* block) override;
  int state() const override { return static_cast<int>(state_); }
  void set_state(int state) override { state_ = static_cast<JsonDocumentState>(state); }

 private:
  JsonDocumentState state_ = JsonDocumentState::kTop;  // at the start of the next block
};

}  // namespace weir
