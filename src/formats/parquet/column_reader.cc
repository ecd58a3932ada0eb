// Column readers: straight from pages for flat columns, whole row groups for dictionaries, Arrow's reader for the rest.
#include "formats/parquet/column_reader.h"

#include <arrow/array.h>
#include <arrow/array/concatenate.h>
#include <arrow/buffer.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <arrow/util/bitmap_ops.h>
#include <arrow/util/byte_size.h>
#include <parquet/arrow/reader.h>
#include <parquet/column_reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/level_conversion.h>
#include <parquet/metadata.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "batch/gather.h"
#include "batch/types.h"

namespace weir {
namespace {

using parquet::internal::RecordReader;

/// `column` as its flowing type; where single values do not fit, those rows become nulls with an error each.
Result<ArrayDataPtr> Normalize(const ArrayDataPtr& column, const std::string& name, std::vector<RowError>* errors) {
  auto whole = NormalizeColumn(column);
  if (whole.ok() || !whole.status().IsInvalid()) return whole;
  // Rare: find the rows that do not fit by trying each alone, then convert with those taken out.
  WEIR_ASSIGN_OR_RETURN(auto valid, arrow::AllocateBitmap(column->length));
  std::memset(valid->mutable_data(), 0, valid->size());
  for (int64_t row = 0; row < column->length; ++row) {
    if (column->IsNull(row)) continue;
    auto one = NormalizeColumn(column->Slice(row, 1));
    if (one.ok()) {
      arrow::bit_util::SetBit(valid->mutable_data(), row);
    } else if (one.status().IsInvalid()) {
      errors->push_back({row, "column '" + name + "': " + one.status().message()});
    } else {
      return one.status();
    }
  }
  WEIR_CHECK(column->offset == 0, "a column as read starts at its first value");
  auto cleaned = column->Copy();
  cleaned->buffers[0] = std::move(valid);
  cleaned->null_count = arrow::kUnknownNullCount;
  return NormalizeColumn(cleaned);
}

/// Passes over whole pages while rows are to be skipped. The record reader opens a page only when it needs a row of it
/// and asks the filter then; so a skip is: use up the open page, then skip one row, on the way to which the filter
/// drops the pages that hold no wanted row.
class PageSkipper {
 public:
  void Attach(parquet::PageReader* pages) {
    pages->set_data_page_filter([this](const parquet::DataPageStats& page) {
      // A page that ends exactly where the skip ends stays, so that the one row that is being skipped is still ahead.
      if (page.num_values < pending_) {
        pending_ -= page.num_values;
        return true;
      }
      open_rows_ += page.num_values;
      return false;
    });
  }

  void Skip(int64_t rows) { pending_ += rows; }

  /// Makes the reader stand at the first row that is wanted.
  void Settle(RecordReader* reader) {
    while (pending_ > 0) {
      int64_t step = open_rows_ > 0 ? std::min(pending_, open_rows_) : 1;
      if (reader->SkipRecords(step) < step) return;  // the end; the following read finds too few rows and says so
      pending_ -= step;
      open_rows_ -= step;
    }
  }

  void Consume(int64_t rows) { open_rows_ -= rows; }

 private:
  int64_t pending_ = 0;    // to be skipped
  int64_t open_rows_ = 0;  // of pages that were opened, not yet read
};

/// Common to the direct readers: a record reader over the pages of one chunk.
class DirectReader : public ParquetColumnReader {
 public:
  DirectReader(const ParquetFile& file, int column, int row_group, bool dictionary)
      : file_(file), column_(file.columns()[column]), row_group_(row_group), dictionary_(dictionary) {}

  Status OpenPages(parquet::arrow::FileReader* reader) {
    auto open = [&]() -> Status {
      BEGIN_PARQUET_CATCH_EXCEPTIONS
      group_ = reader->parquet_reader()->RowGroup(row_group_);
      const parquet::ColumnDescriptor* descriptor = file_.metadata().schema()->Column(column_.leaves[0]);
      auto pages = group_->GetColumnPageReader(column_.leaves[0]);
      skipper_.Attach(pages.get());
      records_ = RecordReader::Make(descriptor, parquet::internal::LevelInfo::ComputeLevelInfo(descriptor),
                                    arrow::default_memory_pool(), dictionary_);
      records_->SetPageReader(std::move(pages));
      return Status::OK();
      END_PARQUET_CATCH_EXCEPTIONS
    };
    return Located(open());
  }

  void Skip(int64_t rows) override { skipper_.Skip(rows); }

 protected:
  /// Decodes `rows` rows into the record reader's buffers.
  Status Load(int64_t rows) {
    auto load = [&]() -> Status {
      BEGIN_PARQUET_CATCH_EXCEPTIONS
      skipper_.Settle(records_.get());
      records_->Reset();
      records_->Reserve(rows);
      for (int64_t left = rows; left > 0;) {
        int64_t n = records_->HasMoreData() ? records_->ReadRecords(left) : 0;
        if (n == 0) return Status::IOError("the column ends ", left, " rows before its row group");
        left -= n;
      }
      skipper_.Consume(rows);
      return Status::OK();
      END_PARQUET_CATCH_EXCEPTIONS
    };
    return Located(load());
  }

  Status Located(const Status& status) const {
    if (status.ok()) return status;
    return ParquetError(file_.name(), status.WithMessage("row group ", row_group_, ", column '", column_.name,
                                                         "': ", status.message()));
  }

  const ParquetFile& file_;
  const ParquetColumn& column_;
  const int row_group_;
  const bool dictionary_;
  PageSkipper skipper_;
  std::shared_ptr<parquet::RowGroupReader> group_;
  std::shared_ptr<RecordReader> records_;
};

/// Booleans, integers, floats, times, small decimals: the decoded buffer is the column, or is widened in one pass.
class FixedReader final : public DirectReader {
 public:
  using DirectReader::DirectReader;

  Result<ArrayDataPtr> Read(int64_t rows, std::vector<RowError>* errors) override {
    WEIR_RETURN_NOT_OK(Load(rows));
    std::shared_ptr<arrow::Buffer> valid;
    int64_t nulls = records_->null_count();
    if (records_->nullable_values()) {
      auto bits = records_->ReleaseIsValid();
      if (nulls > 0) valid = std::move(bits);
    } else {
      nulls = 0;
    }
    switch (column_.stored_type->id()) {
      case arrow::Type::BOOL:
        return Booleans(rows, std::move(valid), nulls);
      case arrow::Type::INT8:
      case arrow::Type::INT16:
      case arrow::Type::INT32:
      case arrow::Type::UINT8:
      case arrow::Type::UINT16:
        return Widened<int32_t, int64_t>(rows, std::move(valid), nulls);
      case arrow::Type::UINT32:
        return Widened<uint32_t, int64_t>(rows, std::move(valid), nulls);
      case arrow::Type::FLOAT:
        return Widened<float, double>(rows, std::move(valid), nulls);
      case arrow::Type::DECIMAL128:
        return records_->descr()->physical_type() == parquet::Type::INT32
                   ? Widened<int32_t, __int128>(rows, std::move(valid), nulls)
                   : Widened<int64_t, __int128>(rows, std::move(valid), nulls);
      default:
        break;
    }
    std::shared_ptr<arrow::Buffer> values = records_->ReleaseValues();
    auto data = arrow::ArrayData::Make(column_.stored_type, rows, {std::move(valid), std::move(values)}, nulls);
    if (column_.stored_type->Equals(*column_.type)) return data;
    auto normalized = Normalize(data, column_.name, errors);
    return normalized.ok() ? normalized : Result<ArrayDataPtr>(Located(normalized.status()));
  }

 private:
  template <class From, class To>
  Result<ArrayDataPtr> Widened(int64_t rows, std::shared_ptr<arrow::Buffer> valid, int64_t nulls) {
    WEIR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> out, arrow::AllocateBuffer(rows * sizeof(To)));
    const From* from = reinterpret_cast<const From*>(records_->values());
    To* to = reinterpret_cast<To*>(out->mutable_data());
    for (int64_t i = 0; i < rows; ++i) to[i] = static_cast<To>(from[i]);
    return arrow::ArrayData::Make(column_.type, rows, {std::move(valid), std::move(out)}, nulls);
  }

  Result<ArrayDataPtr> Booleans(int64_t rows, std::shared_ptr<arrow::Buffer> valid, int64_t nulls) {
    WEIR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> out, arrow::AllocateBitmap(rows));
    const bool* from = reinterpret_cast<const bool*>(records_->values());
    std::memset(out->mutable_data(), 0, out->size());
    for (int64_t i = 0; i < rows; ++i) {
      if (from[i]) arrow::bit_util::SetBit(out->mutable_data(), i);
    }
    return arrow::ArrayData::Make(column_.type, rows, {std::move(valid), std::move(out)}, nulls);
  }
};

/// Strings and bytes that are not, or not all, in a dictionary.
class BytesReader final : public DirectReader {
 public:
  using DirectReader::DirectReader;

  Result<ArrayDataPtr> Read(int64_t rows, std::vector<RowError>*) override {
    WEIR_RETURN_NOT_OK(Load(rows));
    auto chunks = dynamic_cast<parquet::internal::BinaryRecordReader&>(*records_).GetBuilderChunks();
    if (chunks.size() != 1) {
      return Located(Status::CapacityError(rows, " rows hold more than 2 GiB of text; use a smaller batch size"));
    }
    auto data = chunks[0]->data()->Copy();
    data->type = column_.type;
    return data;
  }
};

/// A column whose pages all refer to one dictionary: read whole at its first use, then sliced, so that every batch of
/// the row group shares one dictionary and whoever maps it does so once.
class DictionaryReader final : public DirectReader {
 public:
  DictionaryReader(const ParquetFile& file, int column, int row_group, parquet::arrow::FileReader* reader)
      : DirectReader(file, column, row_group, /*dictionary=*/true), column_index_(column), reader_(reader) {}

  Result<ArrayDataPtr> Read(int64_t rows, std::vector<RowError>* errors) override {
    if (!whole_ && !plain_) WEIR_RETURN_NOT_OK(ReadWhole());
    int64_t at = position_;
    position_ += rows;
    if (plain_) return plain_->Read(rows, errors);
    return whole_->Slice(at, rows);
  }

  void Skip(int64_t rows) override {
    position_ += rows;
    if (plain_) plain_->Skip(rows);
  }

 private:
  Status ReadWhole() {
    WEIR_RETURN_NOT_OK(OpenPages(reader_));
    WEIR_RETURN_NOT_OK(Load(file_.RowGroupRows(row_group_)));
    auto chunks = dynamic_cast<parquet::internal::DictionaryRecordReader&>(*records_).GetResult();
    records_.reset();
    if (chunks->num_chunks() != 1) {
      // The footer was wrong: some page has plain values after all.
      auto plain = std::make_unique<BytesReader>(file_, column_index_, row_group_, /*dictionary=*/false);
      WEIR_RETURN_NOT_OK(plain->OpenPages(reader_));
      plain->Skip(position_);
      plain_ = std::move(plain);
      return Status::OK();
    }
    whole_ = chunks->chunk(0)->data()->Copy();
    whole_->type = DictionaryType();
    auto values = whole_->dictionary->Copy();
    values->type = column_.type;
    whole_->dictionary = std::move(values);
    return Status::OK();
  }

  int column_index_;
  parquet::arrow::FileReader* reader_;
  int64_t position_ = 0;
  ArrayDataPtr whole_;
  std::unique_ptr<BytesReader> plain_;
};

/// Nested columns and rare types.
class NestedReader final : public ParquetColumnReader {
 public:
  NestedReader(const ParquetFile& file, int column, int row_group)
      : file_(file), column_(file.columns()[column]), row_group_(row_group) {}

  Status OpenColumn(parquet::arrow::FileReader* reader) {
    WEIR_ASSIGN_OR_RETURN(batches_, reader->GetRecordBatchReader({row_group_}, column_.leaves));
    return Status::OK();
  }

  Result<ArrayDataPtr> Read(int64_t rows, std::vector<RowError>* errors) override {
    std::vector<std::shared_ptr<arrow::Array>> parts;
    while (rows > 0) {
      if (!rest_ || rest_->length() == 0) WEIR_RETURN_NOT_OK(NextPart());
      int64_t pass = std::min(skip_, rest_->length());
      skip_ -= pass;
      rest_ = rest_->Slice(pass);
      int64_t take = std::min(rows, rest_->length());
      if (take == 0) continue;
      parts.push_back(rest_->Slice(0, take));
      rest_ = rest_->Slice(take);
      rows -= take;
    }
    std::shared_ptr<arrow::Array> joined = parts[0];
    if (parts.size() > 1 || joined->offset() != 0) {
      WEIR_ASSIGN_OR_RETURN(joined, arrow::Concatenate(parts));
    }
    return Normalize(joined->data(), column_.name, errors);
  }

  void Skip(int64_t rows) override { skip_ += rows; }

 private:
  Status NextPart() {
    std::shared_ptr<arrow::RecordBatch> batch;
    Status status = batches_->ReadNext(&batch);
    if (status.ok() && !batch) status = Status::IOError("column '", column_.name, "' ends before its row group");
    WEIR_RETURN_NOT_OK(ParquetError(file_.name(), status));
    rest_ = batch->column(0);
    return Status::OK();
  }

  const ParquetFile& file_;
  const ParquetColumn& column_;
  const int row_group_;
  std::unique_ptr<arrow::RecordBatchReader> batches_;
  std::shared_ptr<arrow::Array> rest_;
  int64_t skip_ = 0;
};

}  // namespace

Result<std::unique_ptr<ParquetColumnReader>> ParquetColumnReader::Open(const ParquetFile& file,
                                                                       parquet::arrow::FileReader* reader,
                                                                       int row_group, int column) {
  const ParquetColumn& info = file.columns()[column];
  WEIR_RETURN_NOT_OK(info.unreadable);
  if (info.kind == ParquetColumnKind::kNested) {
    auto nested = std::make_unique<NestedReader>(file, column, row_group);
    WEIR_RETURN_NOT_OK(ParquetError(file.name(), nested->OpenColumn(reader)));
    return nested;
  }
  bool is_bytes = info.stored_type->id() == arrow::Type::STRING || info.stored_type->id() == arrow::Type::BINARY;
  if (!is_bytes) {
    auto fixed = std::make_unique<FixedReader>(file, column, row_group, /*dictionary=*/false);
    WEIR_RETURN_NOT_OK(fixed->OpenPages(reader));
    return fixed;
  }
  if (info.type->id() == arrow::Type::STRING && file.IsDictionaryEncoded(row_group, column)) {
    return std::make_unique<DictionaryReader>(file, column, row_group, reader);
  }
  auto bytes = std::make_unique<BytesReader>(file, column, row_group, /*dictionary=*/false);
  WEIR_RETURN_NOT_OK(bytes->OpenPages(reader));
  return bytes;
}

}  // namespace weir
