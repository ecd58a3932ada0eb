// Footer, schema and statistics of a Parquet file.
#include "formats/parquet/parquet_file.h"

#include <arrow/io/interfaces.h>
#include <arrow/type.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/schema.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/metadata.h>

#include <algorithm>

#include "batch/types.h"
#include "formats/parquet/row_group_statistics.h"

namespace weir {
namespace {

void CollectLeaves(const parquet::arrow::SchemaField& field, std::vector<int>* out) {
  if (field.is_leaf()) out->push_back(field.column_index);
  for (const auto& child : field.children) CollectLeaves(child, out);
}

/// Types of which the direct reader (column_reader.h) makes arrays from the values as they are stored.
bool IsDirect(const arrow::DataType& type, parquet::Type::type physical) {
  using arrow::Type;
  switch (type.id()) {
    case Type::BOOL:
      return physical == parquet::Type::BOOLEAN;
    case Type::INT8:
    case Type::INT16:
    case Type::INT32:
    case Type::UINT8:
    case Type::UINT16:
    case Type::UINT32:
    case Type::DATE32:
      return physical == parquet::Type::INT32;
    case Type::INT64:
    case Type::UINT64:
    case Type::TIMESTAMP:
      return physical == parquet::Type::INT64;
    case Type::FLOAT:
      return physical == parquet::Type::FLOAT;
    case Type::DOUBLE:
      return physical == parquet::Type::DOUBLE;
    case Type::DECIMAL128:
      return physical == parquet::Type::INT32 || physical == parquet::Type::INT64;
    case Type::STRING:
    case Type::BINARY:
      return physical == parquet::Type::BYTE_ARRAY;
    default:
      return false;
  }
}

}  // namespace

Status ParquetError(const std::string& file, const Status& status) {
  if (status.ok() || status.IsCancelled() || status.IsOutOfMemory()) return status;
  return Status::IOError("'", file, "': ", status.message());
}

Result<std::shared_ptr<const ParquetFile>> ParquetFile::Open(std::shared_ptr<arrow::io::RandomAccessFile> file,
                                                             std::string name) {
  std::shared_ptr<ParquetFile> self(new ParquetFile());
  self->file_ = std::move(file);
  self->name_ = std::move(name);
  auto read = [&]() -> Status {
    BEGIN_PARQUET_CATCH_EXCEPTIONS
    self->metadata_ = parquet::ReadMetaData(self->file_);
    return self->ReadSchema();
    END_PARQUET_CATCH_EXCEPTIONS
    return Status::OK();
  };
  WEIR_RETURN_NOT_OK(ParquetError(self->name_, read()));
  self->num_rows_ = self->metadata_->num_rows();
  self->num_row_groups_ = self->metadata_->num_row_groups();
  return std::shared_ptr<const ParquetFile>(std::move(self));
}

Status ParquetFile::ReadSchema() {
  // The Arrow schema that some writers leave in the metadata is ignored for flat columns: it may ask for dictionaries
  // or other units, while the direct reader takes what is stored.
  parquet::arrow::SchemaManifest manifest;
  parquet::ArrowReaderProperties properties(/*use_threads=*/false);
  WEIR_RETURN_NOT_OK(
      parquet::arrow::SchemaManifest::Make(metadata_->schema(), /*metadata=*/nullptr, properties, &manifest));
  for (const auto& field : manifest.schema_fields) {
    ParquetColumn column;
    column.name = field.field->name();
    column.stored_type = field.field->type();
    CollectLeaves(field, &column.leaves);
    auto type = NormalizedType(*column.stored_type);
    if (type.ok()) {
      column.type = *type;
    } else {
      column.unreadable = Status::TypeError("column '", column.name, "' of '", name_, "': ", type.status().message());
    }
    if (field.is_leaf() && field.level_info.rep_level == 0 && field.level_info.def_level <= 1 &&
        IsDirect(*column.stored_type, metadata_->schema()->Column(field.column_index)->physical_type())) {
      column.kind = ParquetColumnKind::kFlat;
    }
    columns_.push_back(std::move(column));
  }
  return Status::OK();
}

int ParquetFile::FindColumn(const std::string& name) const {
  auto found = std::find_if(columns_.begin(), columns_.end(), [&](const auto& c) { return c.name == name; });
  return found == columns_.end() ? -1 : static_cast<int>(found - columns_.begin());
}

int64_t ParquetFile::RowGroupRows(int row_group) const { return metadata_->RowGroup(row_group)->num_rows(); }

int64_t ParquetFile::StoredBytes(int row_group, const std::vector<int>& columns) const {
  auto group = metadata_->RowGroup(row_group);
  int64_t bytes = 0;
  for (int column : columns) {
    for (int leaf : columns_[column].leaves) bytes += group->ColumnChunk(leaf)->total_compressed_size();
  }
  return bytes;
}

Status ParquetFile::WillRead(int row_group, const std::vector<int>& columns) const {
  auto group = metadata_->RowGroup(row_group);
  std::vector<arrow::io::ReadRange> ranges;
  for (int column : columns) {
    for (int leaf : columns_[column].leaves) {
      auto chunk = group->ColumnChunk(leaf);
      const int64_t begin = chunk->has_dictionary_page() && chunk->dictionary_page_offset() > 0
                                ? std::min(chunk->dictionary_page_offset(), chunk->data_page_offset())
                                : chunk->data_page_offset();
      ranges.push_back({begin, chunk->total_compressed_size()});
    }
  }
  return file_->WillNeed(ranges);
}

bool ParquetFile::CanSkip(int row_group, const std::vector<CompiledExpr::Comparison>& terms) const {
  if (terms.empty()) return false;
  auto group = metadata_->RowGroup(row_group);
  for (const auto& term : terms) {
    const ParquetColumn& column = columns_[term.column];
    if (column.kind != ParquetColumnKind::kFlat) continue;
    if (ProvesNoRow(*group->ColumnChunk(column.leaves[0]), *column.stored_type, term)) return true;
  }
  return false;
}

bool ParquetFile::IsDictionaryEncoded(int row_group, int column) const {
  auto chunk = metadata_->RowGroup(row_group)->ColumnChunk(columns_[column].leaves[0]);
  auto is_dictionary = [](parquet::Encoding::type e) {
    return e == parquet::Encoding::RLE_DICTIONARY || e == parquet::Encoding::PLAIN_DICTIONARY;
  };
  if (!chunk->has_dictionary_page()) {
    // Some writers leave the offset of the dictionary page out, but name the encoding of every data page.
    if (chunk->encoding_stats().empty()) return false;
  }
  bool any = false;
  if (!chunk->encoding_stats().empty()) {
    for (const auto& pages : chunk->encoding_stats()) {
      bool is_data =
          pages.page_type == parquet::PageType::DATA_PAGE || pages.page_type == parquet::PageType::DATA_PAGE_V2;
      if (!is_data || pages.count == 0) continue;
      if (!is_dictionary(pages.encoding)) return false;
      any = true;
    }
    return any;
  }
  // Without page counts the list of encodings must leave no doubt: PLAIN may be the dictionary page itself or a
  // fallback.
  for (parquet::Encoding::type encoding : chunk->encodings()) {
    if (is_dictionary(encoding)) any = true;
    if (!is_dictionary(encoding) && encoding != parquet::Encoding::RLE && encoding != parquet::Encoding::BIT_PACKED) {
      return false;
    }
  }
  return any;
}

Result<std::unique_ptr<parquet::arrow::FileReader>> ParquetFile::NewReader() const {
  auto open = [&]() -> Result<std::unique_ptr<parquet::arrow::FileReader>> {
    parquet::ArrowReaderProperties arrow_properties(/*use_threads=*/false);
    arrow_properties.set_pre_buffer(false);
    parquet::arrow::FileReaderBuilder builder;
    WEIR_RETURN_NOT_OK(builder.Open(file_, parquet::default_reader_properties(), metadata_));
    builder.properties(arrow_properties);
    return builder.Build();
  };
  auto reader = open();
  if (!reader.ok()) return ParquetError(name_, reader.status());
  return reader;
}

}  // namespace weir
