// BlockFeeder: cuts one text input into blocks of whole records for several lanes.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string_view>

#include "formats/text/record_scanner.h"
#include "formats/text/text_block.h"

namespace weir {

/// Where a record of a text begins.
struct TextPlace {
  int64_t offset = 0;  // in bytes, after decompression
  int state = 0;       // RecordScanner::state there
};

struct BlockFeederOptions {
  /// Small enough for the level 2 and 3 caches, large enough that a lane takes the mutex every few milliseconds at
  /// most.
  int64_t block_bytes = 2 << 20;
  /// A longer record is an error: usually a quote that is never closed.
  int64_t max_record_bytes = 64 << 20;
  /// The input may grow: a read that gives nothing is not its end, which EndInput() tells. Next gives the whole records
  /// that are there, and false while there are none.
  bool live = false;
};

/// Peek, Skip and set_scanner belong to one thread and come before the first Next; Next is thread-safe. Under its mutex
/// it only reads the next bytes and finds the last record end; what follows that end is carried into the next block.
class BlockFeeder {
 public:
  BlockFeeder(TextInput input, std::unique_ptr<RecordScanner> scanner, BlockFeederOptions options = {});

  /// The scanner, where Peek had to show first what kind of text it is.
  void set_scanner(std::unique_ptr<RecordScanner> scanner) { scanner_ = std::move(scanner); }

  /// The first `bytes` bytes that are not yet consumed (fewer at the end of the input), without consuming them.
  Result<std::string_view> Peek(int64_t bytes);
  /// The last Peek showed everything that the input holds.
  bool peeked_all() const { return input_ended_; }
  /// Consumes `bytes` bytes that Peek has shown. The rest must begin with a record.
  void Skip(int64_t bytes);

  /// Where the block begins that Next gives next.
  TextPlace place();
  /// Goes on at a place of an earlier reading of the same text. The scanner is set, nothing beyond the place is
  /// consumed. A stream is read up to there, in a file what was read ahead is read again. Errors: Invalid where it is
  /// shorter.
  Status GoOnAt(TextPlace place);

  /// A live input has ended: what is left of it is a whole record.
  void EndInput();

  /// Fills `out`, reusing its buffer, with the next whole records; false when there are none left.
  /// Errors: IOError of the input; Invalid with file and offset when a record is longer than max_record_bytes.
  Result<bool> Next(TextBlock* out);

  const std::shared_ptr<TextFile>& file() const { return file_; }
  /// Bytes handed out so far (after decompression).
  /// The next byte to be read from the input.
  int64_t read_offset() const { return read_offset_; }
  /// Bytes of a record that is not whole yet.
  std::string_view unfinished() const {
    return {carry_.data() + carry_begin_, static_cast<size_t>(carry_end_ - carry_begin_)};
  }
  int64_t bytes_done() const { return bytes_done_.load(std::memory_order_relaxed); }

 private:
  /// Reads until `out` holds `want` bytes or the input ends.
  Status Fill(PaddedBuffer* out, int64_t* size, int64_t want);

  /// "orders.csv:17", of the first record that is not handed out; without the line where it cannot be known.
  std::string PlaceOfNext() const;

  const BlockFeederOptions options_;
  TextInput input_;
  std::unique_ptr<RecordScanner> scanner_;
  const std::shared_ptr<TextFile> file_;
  std::mutex mutex_;
  PaddedBuffer carry_;  // bytes read but not handed out, from position carry_begin_
  int64_t carry_begin_ = 0, carry_end_ = 0;
  int64_t read_offset_ = 0;  // of the next byte to read from the input
  int64_t offset_ = 0;       // of the first byte of the next block
  int64_t sequence_ = 0;
  int64_t lines_ = 0;  // line breaks handed out; counted for streams only
  bool input_ended_ = false;
  Status failed_;  // what an earlier Next returned: the feeder stays failed
  std::atomic<int64_t> bytes_done_{0};
};

/// Length of a UTF-8 byte order mark at the start of `sample` (0 or 3). Invalid when the text is UTF-16 or UTF-32.
Result<int64_t> ByteOrderMark(std::string_view sample, const std::string& name);

}  // namespace weir
