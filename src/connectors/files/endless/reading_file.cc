// Batches with a column of counts, written aside and renamed.
#include "connectors/files/endless/reading_file.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/reader.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <arrow/util/compression.h>

#include "env/atomic_file.h"

namespace weir {
namespace {

constexpr int64_t kRowsAtOnce = 65'536;

SchemaPtr FileSchema(const arrow::Schema& schema) {
  auto fields = schema.fields();
  fields.push_back(arrow::field("count", arrow::int64()));
  return arrow::schema(std::move(fields));
}

}  // namespace

Status WriteReading(Env& env, const std::string& path, const SchemaPtr& schema, const RowMultiset& rows) {
  WEIR_ASSIGN_OR_RETURN(auto file, AtomicFile::Create(env, path, "reading"));
  auto options = arrow::ipc::IpcWriteOptions::Defaults();
  WEIR_ASSIGN_OR_RETURN(options.codec, arrow::util::Codec::Create(arrow::Compression::LZ4_FRAME));
  options.use_threads = false;
  const SchemaPtr file_schema = FileSchema(*schema);
  WEIR_ASSIGN_OR_RETURN(auto writer, arrow::ipc::MakeStreamWriter(file->stream().get(), file_schema, options));
  for (uint32_t next = 0;;) {
    WEIR_ASSIGN_OR_RETURN(const std::optional<Batch> batch, rows.LastRows(kRowsAtOnce, &next));
    if (!batch) break;
    WEIR_ASSIGN_OR_RETURN(const auto plain, batch->ToRecordBatch());
    std::vector<ArrayDataPtr> columns = plain->column_data();
    WEIR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Buffer> counts, arrow::AllocateBuffer(batch->num_rows() * 8));
    auto* to = reinterpret_cast<int64_t*>(counts->mutable_data());
    for (int64_t row = 0; row < batch->num_rows(); ++row) to[row] = batch->weight().at(row);
    columns.push_back(arrow::ArrayData::Make(arrow::int64(), batch->num_rows(), {nullptr, std::move(counts)}, 0));
    WEIR_RETURN_NOT_OK(
        writer->WriteRecordBatch(*arrow::RecordBatch::Make(file_schema, batch->num_rows(), std::move(columns))));
  }
  WEIR_RETURN_NOT_OK(writer->Close());
  WEIR_RETURN_NOT_OK(file->Prepare());
  return file->Commit();
}

Status ReadReading(Env& env, const std::string& path, const SchemaPtr& schema, RowMultiset* rows) {
  WEIR_ASSIGN_OR_RETURN(auto file, OpenRandomAccess(env.files(), path));
  auto options = arrow::ipc::IpcReadOptions::Defaults();
  options.use_threads = false;
  WEIR_ASSIGN_OR_RETURN(auto reader, arrow::ipc::RecordBatchStreamReader::Open(std::move(file), options));
  if (!reader->schema()->Equals(*FileSchema(*schema), /*check_metadata=*/false)) {
    return Status::Invalid("the rows of the last reading, in '", path,
                           "', have other columns: ", reader->schema()->ToString());
  }
  for (;;) {
    std::shared_ptr<arrow::RecordBatch> plain;
    WEIR_RETURN_NOT_OK(reader->ReadNext(&plain));
    if (!plain) return Status::OK();
    std::vector<ArrayDataPtr> columns = plain->column_data();
    const ArrayDataPtr counts = columns.back();
    columns.pop_back();
    WEIR_RETURN_NOT_OK(
        rows->SetLast(Batch(schema, std::move(columns), plain->num_rows()), counts->GetValues<int64_t>(1)));
  }
}

}  // namespace weir
