// Parallel encoding of row groups into one Parquet file, through Arrow's public interface only.
#include "formats/parquet/parquet_writer.h"

#include <arrow/array/data.h>
#include <arrow/io/interfaces.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/compression.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>
#include <parquet/file_writer.h>
#include <parquet/metadata.h>

#include <algorithm>

#include "batch/gather.h"
#include "batch/types.h"
#include "formats/parquet/encoding_choice.h"

namespace weir {
namespace {

constexpr char kMagic[] = "PAR1";
constexpr int64_t kMagicBytes = 4;
/// Values per step inside the encoder, between which it looks whether a page is full.
constexpr int64_t kEncoderStepRows = 4096;
/// Pages of more rows than Arrow's default of 20,000 cost fewer decompressor starts when read.
constexpr int64_t kMaxRowsPerPage = 65536;

struct CodecName {
  const char* name;
  parquet::Compression::type codec;
};

constexpr CodecName kCodecs[] = {
    {"zstd", parquet::Compression::ZSTD},     {"snappy", parquet::Compression::SNAPPY},
    {"gzip", parquet::Compression::GZIP},     {"lz4", parquet::Compression::LZ4},
    {"brotli", parquet::Compression::BROTLI}, {"none", parquet::Compression::UNCOMPRESSED},
};

const CodecName* FindCodec(const std::string& name) {
  for (const CodecName& codec : kCodecs) {
    if (name == codec.name) return &codec;
  }
  return nullptr;
}

/// Where a private writer writes to: nothing is kept before `target` is set (that is only the magic number), then
/// everything goes there, and positions are those of the whole file.
class ShiftedStream final : public arrow::io::OutputStream {
 public:
  Status Write(const void* data, int64_t nbytes) override {
    if (target_) WEIR_RETURN_NOT_OK(target_->Write(data, nbytes));
    position_ += nbytes;
    return Status::OK();
  }
  Result<int64_t> Tell() const override { return position_; }
  Status Close() override {
    open_ = false;
    return Status::OK();
  }
  bool closed() const override { return !open_; }

  /// The next byte written is byte `position` of `target`.
  void PointAt(arrow::io::OutputStream* target, int64_t position) {
    target_ = target;
    position_ = position;
  }

 private:
  arrow::io::OutputStream* target_ = nullptr;
  int64_t position_ = 0;
  bool open_ = true;
};

std::shared_ptr<parquet::ArrowWriterProperties> ArrowProperties() {
  parquet::ArrowWriterProperties::Builder builder;
  return builder.build();
}

std::shared_ptr<parquet::WriterProperties> Properties(const arrow::Schema& schema, const ParquetWriteOptions& options,
                                                      const std::vector<ColumnEncoding>& encodings) {
  parquet::WriterProperties::Builder builder;
  const CodecName* codec = FindCodec(options.codec);
  builder.compression(codec->codec);
  if (options.level) {
    builder.compression_level(*options.level);
  } else if (codec->codec == parquet::Compression::ZSTD) {
    builder.compression_level(1);
  }
  builder.created_by("weir");
  builder.write_batch_size(kEncoderStepRows);
  builder.max_rows_per_page(kMaxRowsPerPage);
  builder.disable_write_page_index();
  builder.set_size_statistics_level(parquet::SizeStatisticsLevel::None);
  // One row group per private writer, whatever its size.
  builder.max_row_group_length(INT64_MAX);
  for (size_t i = 0; i < encodings.size(); ++i) {
    const std::string& path = schema.field(static_cast<int>(i))->name();
    if (encodings[i] == ColumnEncoding::kDefault || encodings[i] == ColumnEncoding::kDictionary) continue;
    builder.disable_dictionary(path);
    bool delta = encodings[i] == ColumnEncoding::kDelta;
    builder.encoding(path, delta ? parquet::Encoding::DELTA_BINARY_PACKED : parquet::Encoding::PLAIN);
  }
  return builder.build();
}

/// Columns that go in as the dictionary they have: all batches share one, and a dictionary is what the data asks for.
/// It saves the decoding and the hashing of every value.
std::vector<bool> SharedDictionaries(const std::vector<Batch>& rows, const std::vector<ColumnEncoding>& encodings) {
  std::vector<bool> shared(encodings.size());
  for (size_t i = 0; i < encodings.size(); ++i) {
    if (encodings[i] != ColumnEncoding::kDictionary) continue;
    int column = static_cast<int>(i);
    const arrow::ArrayData* first = rows[0].column(column)->dictionary.get();
    shared[i] = first && first->GetNullCount() == 0 && std::all_of(rows.begin(), rows.end(), [&](const Batch& batch) {
                  return !batch.is_pruned(column) && batch.column(column)->dictionary.get() == first;
                });
  }
  return shared;
}

SchemaPtr WithDictionaries(const SchemaPtr& schema, const std::vector<bool>& shared) {
  arrow::FieldVector fields = schema->fields();
  for (size_t i = 0; i < shared.size(); ++i) {
    if (shared[i]) fields[i] = fields[i]->WithType(DictionaryType());
  }
  return arrow::schema(std::move(fields));
}

/// The rows as Arrow has them, dictionaries kept where `schema` has them.
Result<std::shared_ptr<arrow::RecordBatch>> ToArrow(const Batch& batch, const SchemaPtr& schema) {
  std::vector<ArrayDataPtr> columns;
  for (int i = 0; i < batch.num_columns(); ++i) {
    const TypePtr& type = schema->field(i)->type();
    if (batch.is_pruned(i)) {
      WEIR_ASSIGN_OR_RETURN(ArrayDataPtr nulls, NullColumn(type, batch.num_rows()));
      columns.push_back(std::move(nulls));
    } else {
      columns.push_back(type->id() == arrow::Type::DICTIONARY ? batch.column(i) : batch.PlainColumn(i));
    }
  }
  return arrow::RecordBatch::Make(schema, batch.num_rows(), std::move(columns));
}

struct EncodedRowGroup final : ParquetFileWriter::RowGroup {
  std::shared_ptr<ShiftedStream> stream = std::make_shared<ShiftedStream>();
  std::unique_ptr<parquet::arrow::FileWriter> writer;
};

}  // namespace

const std::vector<std::string>& ParquetCodecNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> out;
    for (const CodecName& codec : kCodecs) out.emplace_back(codec.name);
    return out;
  }();
  return names;
}

ParquetFileWriter::~ParquetFileWriter() = default;

Result<std::unique_ptr<ParquetFileWriter>> ParquetFileWriter::Make(std::shared_ptr<arrow::io::OutputStream> out,
                                                                   SchemaPtr schema, ParquetWriteOptions options) {
  const CodecName* codec = FindCodec(options.codec);
  if (!codec) return Status::Invalid("Parquet has no codec '", options.codec, "'");
  if (options.level) {
    WEIR_ASSIGN_OR_RETURN(int low, arrow::util::Codec::MinimumCompressionLevel(codec->codec));
    WEIR_ASSIGN_OR_RETURN(int high, arrow::util::Codec::MaximumCompressionLevel(codec->codec));
    if (*options.level < low || *options.level > high) {
      return Status::Invalid("level ", *options.level, " of ", options.codec, " is not between ", low, " and ", high);
    }
  }
  WEIR_RETURN_NOT_OK(out->Write(kMagic, kMagicBytes));
  std::unique_ptr<ParquetFileWriter> self(new ParquetFileWriter());
  self->out_ = std::move(out);
  self->schema_ = std::move(schema);
  self->options_ = std::move(options);
  return self;
}

Result<std::unique_ptr<ParquetFileWriter::RowGroup>> ParquetFileWriter::Encode(std::vector<Batch> rows) const {
  auto group = std::make_unique<EncodedRowGroup>();
  std::vector<ColumnEncoding> encodings = ChooseEncodings(rows);
  SchemaPtr schema = WithDictionaries(schema_, SharedDictionaries(rows, encodings));
  WEIR_ASSIGN_OR_RETURN(group->writer,
                        parquet::arrow::FileWriter::Open(*schema, arrow::default_memory_pool(), group->stream,
                                                         Properties(*schema, options_, encodings), ArrowProperties()));
  WEIR_RETURN_NOT_OK(group->writer->NewBufferedRowGroup());
  for (Batch& batch : rows) {
    WEIR_ASSIGN_OR_RETURN(auto columns, ToArrow(batch, schema));
    WEIR_RETURN_NOT_OK(group->writer->WriteRecordBatch(*columns));
    batch = Batch();  // its memory is free for the next one
  }
  return group;
}

Status ParquetFileWriter::Append(std::unique_ptr<RowGroup> row_group) {
  WEIR_ASSIGN_OR_RETURN(int64_t position, out_->Tell());
  auto& encoded = static_cast<EncodedRowGroup&>(*row_group);
  encoded.stream->PointAt(out_.get(), position);
  WEIR_RETURN_NOT_OK(encoded.writer->Close());
  BEGIN_PARQUET_CATCH_EXCEPTIONS
  if (metadata_) {
    metadata_->AppendRowGroups(*encoded.writer->metadata());
  } else {
    metadata_ = encoded.writer->metadata();
  }
  END_PARQUET_CATCH_EXCEPTIONS
  return Status::OK();
}

Status ParquetFileWriter::Finish() {
  if (metadata_) return parquet::arrow::WriteFileMetaData(*metadata_, out_.get());
  // No rows: let a writer make the footer of an empty file, behind the magic number that is there already.
  auto stream = std::make_shared<ShiftedStream>();
  WEIR_ASSIGN_OR_RETURN(auto writer,
                        parquet::arrow::FileWriter::Open(*schema_, arrow::default_memory_pool(), stream,
                                                         Properties(*schema_, options_, {}), ArrowProperties()));
  stream->PointAt(out_.get(), kMagicBytes);
  return writer->Close();
}

}  // namespace weir
