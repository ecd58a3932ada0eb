// Column buffers that the Nexmark generator fills row by row: one capacity check per value, none per character.
#pragma once

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>

#include <cstring>
#include <memory>
#include <string_view>

#include "base/status.h"
#include "batch/batch.h"

namespace weir::nexmark {

/// `rows` values of one fixed-width C type.
template <typename T>
class FixedColumn {
 public:
  Status Open(int64_t rows) {
    WEIR_ASSIGN_OR_RETURN(buffer_, arrow::AllocateBuffer(rows * static_cast<int64_t>(sizeof(T))));
    next_ = reinterpret_cast<T*>(buffer_->mutable_data());
    return Status::OK();
  }
  void Append(T value) { *next_++ = value; }
  BufferPtr Finish() { return std::move(buffer_); }

 private:
  BufferPtr buffer_;
  T* next_ = nullptr;
};

/// `rows` strings. A value is begun with the most bytes that it can take, written through the pointer, and ended.
class StringColumn {
 public:
  Status Open(int64_t rows, int64_t expected_bytes_per_row) {
    WEIR_RETURN_NOT_OK(offsets_.Open(rows + 1));
    offsets_.Append(0);
    WEIR_ASSIGN_OR_RETURN(data_, arrow::AllocateResizableBuffer(rows * expected_bytes_per_row + kSlack));
    return Status::OK();
  }
  /// Room for `max_bytes`, plus kSlack bytes that may be written over.
  Result<char*> Begin(int64_t max_bytes) {
    if (used_ + max_bytes + kSlack > data_->size()) {
      WEIR_RETURN_NOT_OK(data_->Resize(data_->size() * 2 + max_bytes + kSlack, /*shrink_to_fit=*/false));
    }
    return reinterpret_cast<char*>(data_->mutable_data()) + used_;
  }
  void End(int64_t bytes) {
    used_ += bytes;
    offsets_.Append(static_cast<int32_t>(used_));
  }
  /// One value, made of `parts` one after the other.
  template <typename... Parts>
  Status Append(const Parts&... parts) {
    const std::string_view views[] = {parts...};
    size_t length = 0;
    for (std::string_view view : views) length += view.size();
    WEIR_ASSIGN_OR_RETURN(char* out, Begin(static_cast<int64_t>(length)));
    for (std::string_view view : views) {
      std::memcpy(out, view.data(), view.size());
      out += view.size();
    }
    End(static_cast<int64_t>(length));
    return Status::OK();
  }
  Result<ArrayDataPtr> Finish(int64_t rows) {
    WEIR_RETURN_NOT_OK(data_->Resize(used_, /*shrink_to_fit=*/false));
    return arrow::ArrayData::Make(arrow::utf8(), rows, {nullptr, offsets_.Finish(), std::move(data_)}, 0);
  }

  static constexpr int64_t kSlack = 16;

 private:
  FixedColumn<int32_t> offsets_;
  std::unique_ptr<arrow::ResizableBuffer> data_;
  int64_t used_ = 0;
};

}  // namespace weir::nexmark
