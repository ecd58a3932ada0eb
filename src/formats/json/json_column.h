// JsonColumn: a column being filled from JSON values, with its children; and the guesses of which key follows which.
#pragma once

#include <arrow/buffer.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "batch/batch.h"
#include "batch/types.h"

namespace weir {

enum class JsonKind : uint8_t {
  kInt64,
  kDouble,
  kString,
  kText,  // any value: strings as they are, others as their JSON text
  kBool,
  kStruct,
  kList,
  kMap,
  kTimestamp,
  kDate,
  kDecimal,
  kBinary,  // base64
  kNull,
};

struct JsonColumn;

/// The fields of an object: by name, and by guess. Records repeat their keys in the same order with the same blanks, so
/// the bytes from the end of one value to the start of the next (`, "price": `) are remembered and compared at once.
class JsonFields {
 public:
  static constexpr int kEnd = -1;
  /// Guesses per predecessor: optional fields make two successors common.
  static constexpr int kGuesses = 2;
  struct Guess {
    std::array<char, 32> literal{};  // … and the bytes that lead to `field`
    uint32_t mask = ~uint32_t{0};    // one bit per byte of `literal`; all ones never match an unset guess
    int32_t length = 0;
    int32_t field = kEnd;
  };

  /// `column` null: the field's value is skipped.
  int Add(const std::string& name, JsonColumn* column);
  /// The field called `name`; an unknown one is added as skipped (or -2 when there are too many to remember).
  int Find(std::string_view name);
  JsonColumn* column(int field) const { return columns_[field]; }
  const std::string& name(int field) const { return names_[field]; }
  int num_columns() const { return num_columns_; }
  std::array<Guess, kGuesses>& After(int slot) { return guesses_[slot]; }
  /// Remembers that [begin, end) stood between slot's value and `field`'s; longer texts are not remembered.
  void Learn(int slot, const char* begin, const char* end, int field);

  static constexpr int kUnknown = -2;

 private:
  static uint64_t Hash(std::string_view name);
  void Rehash(size_t size);

  std::vector<std::string> names_;
  std::vector<JsonColumn*> columns_;
  std::vector<std::array<Guess, kGuesses>> guesses_ =
      std::vector<std::array<Guess, kGuesses>>(1);  // [0]: after the opening brace; [f + 1]: after field f
  std::vector<int32_t> table_;                      // open addressing: field + 1, 0 = free
  int num_columns_ = 0;
};

/// The hot members are public: the parser writes through them. Capacity is the caller's duty (Reserve…).
struct JsonColumn {
  JsonKind kind = JsonKind::kNull;
  std::string path;  // "a.b": for messages
  TypePtr type;
  int64_t length = 0;
  int64_t capacity = 0;     // rows
  uint8_t* data = nullptr;  // values; one byte per boolean; int32 offsets of texts, lists and maps (length + 1)
  char* text = nullptr;     // bytes of texts
  int64_t text_capacity = 0;
  std::vector<uint32_t> nulls;  // row numbers, ascending
  std::vector<std::unique_ptr<JsonColumn>> children;
  JsonFields fields;  // of a struct

  /// TypeError when JSON cannot hold the type. `any_value`: kText.
  static Result<std::unique_ptr<JsonColumn>> Make(const std::string& path, const TypePtr& type, bool any_value);

  bool has_text() const { return kind == JsonKind::kString || kind == JsonKind::kText || kind == JsonKind::kBinary; }
  template <class T>
  T* values() {
    return reinterpret_cast<T*>(data);
  }
  int32_t* offsets() { return reinterpret_cast<int32_t*>(data); }
  /// End of the bytes, elements or entries so far.
  int32_t last_offset() { return offsets()[length]; }

  void AppendNull();
  /// Forgets rows from `rows` on, in children too.
  void Truncate(int64_t rows);
  /// Room for `rows` more rows.
  Status ReserveRows(int64_t rows);
  /// Room for whatever `bytes` bytes of JSON can hold: text in this column, rows and text in its children.
  Status ReserveInput(int64_t bytes);
  /// The column, right-sized; afterwards it is empty.
  Result<ArrayDataPtr> Finish();

 private:
  int value_width() const;
  std::shared_ptr<arrow::ResizableBuffer> data_buffer_, text_buffer_;
  int64_t last_rows_ = 0, last_text_ = 0;  // of the block before: what to allocate at once
};

}  // namespace weir
