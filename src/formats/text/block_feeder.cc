// Cutting text into blocks of whole records: read, find the last record end, carry the tail.
#include "formats/text/block_feeder.h"

#include <arrow/io/interfaces.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "formats/text/simd.h"

namespace weir {

int64_t LineScanner::LastRecordEnd(const char* data, int64_t size, bool at_end, TextBlock*) {
  if (at_end) return size;
  const void* last = memrchr(data, '\n', size);
  return last ? static_cast<const char*>(last) - data + 1 : 0;
}

BlockFeeder::BlockFeeder(TextInput input, std::unique_ptr<RecordScanner> scanner, BlockFeederOptions options)
    : options_(options),
      input_(std::move(input)),
      scanner_(std::move(scanner)),
      file_(std::make_shared<TextFile>(input_.name, input_.file)) {}

Status BlockFeeder::Fill(PaddedBuffer* out, int64_t* size, int64_t want) {
  out->Reserve(want, *size);
  while (*size < want && !input_ended_) {
    auto got = input_.file ? input_.file->ReadAt(read_offset_, want - *size, out->data() + *size)
                           : input_.stream->Read(want - *size, out->data() + *size);
    if (!got.ok()) {
      const std::string& message = got.status().message();
      const bool named = message.find(input_.name) != std::string::npos;
      return named ? got.status() : got.status().WithMessage(input_.name, ": ", message);
    }
    if (*got == 0) {
      input_ended_ = !options_.live;
      break;
    }
    *size += *got;
    read_offset_ += *got;
  }
  return Status::OK();
}

std::string BlockFeeder::PlaceOfNext() const {
  const int64_t lines = input_.file ? file_->LinesBefore(offset_) : lines_;
  return lines < 0 ? input_.name : input_.name + ":" + std::to_string(lines + 1);
}

Result<std::string_view> BlockFeeder::Peek(int64_t bytes) {
  std::lock_guard lock(mutex_);
  WEIR_RETURN_NOT_OK(Fill(&carry_, &carry_end_, carry_begin_ + bytes));
  return std::string_view(carry_.data() + carry_begin_, std::min(bytes, carry_end_ - carry_begin_));
}

void BlockFeeder::Skip(int64_t bytes) {
  std::lock_guard lock(mutex_);
  WEIR_CHECK(bytes >= 0 && bytes <= carry_end_ - carry_begin_, "only peeked bytes can be skipped");
  if (!input_.file) lines_ += CountByte(carry_.data() + carry_begin_, bytes, '\n');
  carry_begin_ += bytes;
  offset_ += bytes;
}

TextPlace BlockFeeder::place() {
  std::lock_guard lock(mutex_);
  return {offset_, scanner_ ? scanner_->state() : 0};
}

Status BlockFeeder::GoOnAt(TextPlace place) {
  if (input_.file) {
    std::lock_guard lock(mutex_);
    carry_begin_ = carry_end_ = 0;
    read_offset_ = offset_ = place.offset;
    input_ended_ = false;
  } else {
    while (offset_ < place.offset) {
      const int64_t step = std::min(place.offset - offset_, options_.block_bytes);
      WEIR_ASSIGN_OR_RETURN(const std::string_view text, Peek(step));
      if (static_cast<int64_t>(text.size()) < step) {
        return Status::Invalid(input_.name, ": the text ends before byte ", place.offset, ", where reading goes on");
      }
      Skip(step);
      std::lock_guard lock(mutex_);
      if (carry_begin_ == carry_end_) carry_begin_ = carry_end_ = 0;  // else the buffer grows with what was skipped
    }
  }
  bytes_done_.store(place.offset, std::memory_order_relaxed);
  if (scanner_) scanner_->set_state(place.state);
  return Status::OK();
}

void BlockFeeder::EndInput() {
  std::lock_guard lock(mutex_);
  input_ended_ = true;
}

Result<bool> BlockFeeder::Next(TextBlock* out) {
  std::lock_guard lock(mutex_);
  WEIR_RETURN_NOT_OK(failed_);
  int64_t size = carry_end_ - carry_begin_;
  out->buffer.Reserve(std::max(options_.block_bytes, size) + 1, 0);
  if (size > 0) std::memcpy(out->buffer.data(), carry_.data() + carry_begin_, size);
  carry_begin_ = carry_end_ = 0;
  int64_t end = 0;
  for (int64_t want = options_.block_bytes; end == 0; want *= 2) {
    failed_ = Fill(&out->buffer, &size, want);
    WEIR_RETURN_NOT_OK(failed_);
    if (size == 0) return false;
    if (input_ended_ && out->buffer.data()[size - 1] != '\n') {
      out->buffer.Reserve(size + 1, size);
      out->buffer.data()[size++] = '\n';
    }
    std::memset(out->buffer.data() + size, 0, kTextBackPadding);
    out->has_quotes = true;
    out->irregular_quotes = false;
    end = scanner_->LastRecordEnd(out->data(), size, input_ended_, out);
    if (end == 0 && size >= options_.max_record_bytes) {
      failed_ =
          Status::Invalid(PlaceOfNext(), ": the record that begins here, at byte ", offset_, ", is longer than ",
                          options_.max_record_bytes, " bytes (max_record_bytes): is a quote or bracket not closed?");
      return failed_;
    }
    if (end == 0 && options_.live && !input_ended_ && size < want) {  // the rest of the record has not come yet
      carry_.Reserve(size, 0);
      std::memcpy(carry_.data(), out->data(), static_cast<size_t>(size));
      carry_end_ = size;
      return false;
    }
  }
  const int64_t tail = size - end;
  if (tail == 0 && !input_ended_ && !options_.live) {
    failed_ = Fill(&carry_, &carry_end_, 1);  // is there more?
    WEIR_RETURN_NOT_OK(failed_);
  }
  out->is_last = input_ended_ && tail + carry_end_ == 0;
  if (tail > 0) {
    carry_.Reserve(tail, 0);
    std::memcpy(carry_.data(), out->data() + end, tail);
    carry_end_ = tail;
    std::memset(out->buffer.data() + end, 0, kTextBackPadding);
  }
  out->size = end;
  out->file = file_;
  out->offset = offset_;
  out->sequence = sequence_++;
  out->lines_before = input_.file ? -1 : lines_;
  if (!input_.file) lines_ += CountByte(out->data(), end, '\n');
  offset_ += end;
  bytes_done_.fetch_add(end, std::memory_order_relaxed);
  return true;
}

Result<int64_t> ByteOrderMark(std::string_view sample, const std::string& name) {
  if (sample.starts_with("\xEF\xBB\xBF")) return 3;
  if (sample.starts_with("\xFF\xFE") || sample.starts_with("\xFE\xFF")) {
    return Status::Invalid(name, ": the text is UTF-16; convert it to UTF-8 first (iconv -f UTF-16 -t UTF-8)");
  }
  return 0;
}

}  // namespace weir
