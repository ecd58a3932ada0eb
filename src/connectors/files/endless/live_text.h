// LiveText: rows of a text that is still being written.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connectors/files/text_source.h"

namespace weir {

/// One input, from one reader. Its first line must be whole before anything is known of it.
class LiveText {
 public:
  struct Limits {
    int64_t max_record_bytes = 0;
    int64_t batch_rows = 0;
  };
  /// Reads of `input` give what is there; none is the end.
  LiveText(TextInput input, const TextFileFormat* format, Limits limits);

  /// The next rows, of whole records; nothing when there are none now.
  Result<std::optional<FileBatch>> Next();
  /// Rows of the records at hand are still to come.
  bool has_rows() const { return at_ < rows_.num_rows(); }
  /// Begins behind the head of the file, if it has one, at a place where a record begins. Before the first Next.
  void BeginAt(TextPlace place) { begin_at_ = place; }
  /// Where the next record begins; of rows that are still to come it says nothing.
  TextPlace place() { return parser_ ? feeder_.place() : begin_at_; }
  /// Nothing more is written: what is left is a whole record.
  void EndInput() { feeder_.EndInput(); }

  int64_t read_offset() const { return feeder_.read_offset(); }
  /// The beginning of a record that is not whole yet.
  std::string_view unfinished() const { return feeder_.unfinished(); }

 private:
  Result<bool> Begin();
  FileBatch Slice();

  const std::string name_;
  const TextFileFormat* const format_;
  const int64_t batch_rows_;
  BlockFeeder feeder_;
  TextBlockParser parser_;  // null until the first line is whole
  TextPlace begin_at_;
  TextBlock block_;
  Batch rows_;
  int64_t at_ = 0;  // in rows_
};

}  // namespace weir
