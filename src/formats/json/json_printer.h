// JsonPrinter: the values of one column as JSON text, whatever its type.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "batch/batch.h"
#include "formats/text/text_output.h"

namespace weir {

/// `text` as a JSON string with its quotes, at `to`, which has room for 6 * text.size + 2 bytes (and 32 more).
char* PrintJsonString(const TextValue& text, char* to);

/// Bound to one column at a time. Not thread-safe.
class JsonPrinter {
 public:
  JsonPrinter();
  JsonPrinter(JsonPrinter&&) noexcept;
  ~JsonPrinter();
  /// Prepares for the rows of `column` (null: every row is null). Dictionaries are printed once and remembered.
  /// TypeError for a type that does not flow.
  Status Bind(const ArrayDataPtr& column);
  /// Appends the value of `row`.
  void Print(int64_t row, TextOutput* out) const;

 private:
  void PrintList(int64_t begin, int64_t end, TextOutput* out) const;
  void PrintMap(int64_t begin, int64_t end, TextOutput* out) const;
  void PrintStruct(int64_t row, TextOutput* out) const;
  void PrintText(const TextValue& text, TextOutput* out) const;
  TextValue TextAt(int64_t row) const;
  Status BindChildren();
  Status BindDictionary();

  enum class Kind : uint8_t {
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
    kList,
    kMap,
    kStruct
  };
  Kind kind_ = Kind::kNull;
  int32_t scale_ = 0;
  ArrayDataPtr column_;
  const uint8_t* valid_ = nullptr;  // bitmap from bit offset_; null: no nulls
  int64_t offset_ = 0;
  const void* values_ = nullptr;  // of row 0: values, codes or offsets
  const char* text_ = nullptr;
  int64_t text_size_ = 0;
  std::vector<JsonPrinter> children_;
  std::vector<std::string> keys_;  // of a struct
  ArrayDataPtr dictionary_;        // whose values stand in printed_
  TextOutput printed_;
  std::vector<int64_t> printed_ends_;
};

}  // namespace weir
