// split(): text to the list of its parts. A separator of one byte is found 32 bytes at a time; parts are copied 16
// bytes at a time over their end.
#include <arrow/buffer.h>
#include <arrow/buffer_builder.h>
#include <arrow/type.h>
#include <immintrin.h>

#include <bit>
#include <cstring>

#include "expr/functions/nested.h"
#include "expr/functions/utf8.h"

namespace weir::expr {
namespace {

constexpr int64_t kMostBytes = INT32_MAX - 64;
constexpr int64_t kCopyBytes = 16;

// part(begin, end) for every part of s, in order.
template <class Part>
void SplitAtByte(std::string_view s, char separator, Part part) {
  const __m256i wanted = _mm256_set1_epi8(separator);
  size_t begin = 0, at = 0;
  const auto block = [&](const char* bytes, uint32_t among) {
    const __m256i loaded = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
    uint32_t found = static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(loaded, wanted))) & among;
    for (; found != 0; found &= found - 1) {
      const size_t end = at + static_cast<size_t>(std::countr_zero(found));
      part(begin, end);
      begin = end + 1;
    }
  };
  for (; at + 32 <= s.size(); at += 32) block(s.data() + at, ~uint32_t{0});
  if (const size_t rest = s.size() - at; rest > 0) {
    char last[32] = {};
    std::memcpy(last, s.data() + at, rest);
    block(last, (uint32_t{1} << rest) - 1);
  }
  part(begin, s.size());
}

template <class Part>
void SplitAtText(std::string_view s, std::string_view separator, Part part) {
  size_t begin = 0;
  for (size_t end = s.find(separator); end != std::string_view::npos; end = s.find(separator, begin)) {
    part(begin, end);
    begin = end + separator.size();
  }
  part(begin, s.size());
}

template <class Part>
void SplitCharacters(std::string_view s, Part part) {
  size_t begin = 0;
  while (begin < s.size()) {
    const size_t end = std::min(s.size(), begin + CodePointBytes(s[begin]));
    part(begin, end);
    begin = end;
  }
  if (s.empty()) part(0, 0);
}

/// The parts of all rows, one behind the other.
struct Parts {
  uint8_t* bytes = nullptr;  // with kCopyBytes of slack behind what is written at most
  int32_t used = 0;
  arrow::TypedBufferBuilder<int32_t> ends;  // with room for what is appended

  void Append(std::string_view s, size_t begin, size_t end) {
    const size_t size = end - begin;
    if (size <= kCopyBytes && begin + kCopyBytes <= s.size()) {
      std::memcpy(bytes + used, s.data() + begin, kCopyBytes);
    } else if (size > 0) {
      std::memcpy(bytes + used, s.data() + begin, size);
    }
    used += static_cast<int32_t>(size);
    ends.UnsafeAppend(used);
  }
};

Status SplitText(Frame* f) {
  internal::Arg<StringRef> text(f->args[0]), separators(f->args[1]);
  int64_t bytes = 0;
  ForRows(f->rows, [&](int i) { bytes += static_cast<int64_t>(text[i].size); });
  if (bytes > kMostBytes) return Status::CapacityError("more than 2 GiB of text in one batch: use smaller batches");
  WEIR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> buffer, arrow::AllocateBuffer(bytes + kCopyBytes));
  Parts parts;
  parts.bytes = buffer->mutable_data();
  WEIR_RETURN_NOT_OK(parts.ends.Append(0));
  arrow::TypedBufferBuilder<int32_t> lists;
  WEIR_RETURN_NOT_OK(lists.Append(0));
  WEIR_RETURN_NOT_OK(lists.Reserve(f->rows.count));
  Status status;
  ForRows(f->rows, [&](int i) {
    const std::string_view s = text[i].view(), separator = separators[i].view();
    const auto append = [&](size_t begin, size_t end) { parts.Append(s, begin, end); };
    status &= parts.ends.Reserve(static_cast<int64_t>(s.size()) + 1);
    if (!status.ok()) return;
    if (separator.size() == 1) {
      SplitAtByte(s, separator[0], append);
    } else if (separator.empty()) {
      SplitCharacters(s, append);
    } else {
      SplitAtText(s, separator, append);
    }
    lists.UnsafeAppend(static_cast<int32_t>(parts.ends.length() - 1));
  });
  WEIR_RETURN_NOT_OK(status);
  const int64_t items = parts.ends.length() - 1;
  WEIR_ASSIGN_OR_RETURN(auto ends, parts.ends.Finish());
  WEIR_ASSIGN_OR_RETURN(auto offsets, lists.Finish());
  auto values =
      arrow::ArrayData::Make(arrow::utf8(), items, {nullptr, ends, arrow::SliceBuffer(buffer, 0, parts.used)}, 0);
  SetNested(f, arrow::ArrayData::Make(*f->type, f->rows.count, {nullptr, offsets}, {values}, 0));
  return Status::OK();
}

}  // namespace

void Split(Frame& f) { f.status = SplitText(&f); }

}  // namespace weir::expr
