// WriteToParquet: rows into Parquet files; row groups are encoded by all lanes, in the order of the source.
#include <arrow/io/interfaces.h>
#include <arrow/type.h>

#include <algorithm>

#include "connectors/files/file_paths.h"
#include "connectors/files/sinks/parquet_body.h"
#include "connectors/files/sinks/rolling_sink.h"
#include "connectors/files/storage_config.h"
#include "formats/parquet/parquet_writer.h"
#include "plan/binding.h"
#include "state/memory_budget.h"

namespace weir {
namespace {

struct WriteToParquetConfig : StorageConfig {
  std::string path;
  std::string codec;
  std::optional<int64_t> level;
  int64_t row_group_rows = 0;
  int64_t num_shards = 0;
  std::vector<std::string> partition_by;
  std::optional<RollConfig> roll;
};

ComponentSpec Spec() {
  return ComponentSpec::Sink<WriteToParquetConfig>("WriteToParquet")
      .Summary("Write rows to Parquet files.")
      .Doc(
          "Encodings are chosen for each column and row group from a sample of its values: bit-packed differences for "
          "integers and "
          "times, a dictionary where values repeat, plain otherwise.")
      .Guarantees(
          "Files are written aside and renamed when the whole run has succeeded: nobody sees a part of one, and a "
          "failed run "
          "leaves none. Rows that come straight from a file keep its order. "
          "A durable run that writes files which do not roll begins again after a crash; files that roll end with each "
          "epoch, and appear when it is committed: a longer `--epoch` makes larger files.")
      .Field("path", &WriteToParquetConfig::path,
             FieldDoc("The file; or a folder, which ends in '/' or exists, for files part-00000-of-00001.parquet; also "
                      "in S3.")
                 .Required()
                 .Example("out.parquet"))
      .Field("codec", &WriteToParquetConfig::codec,
             FieldDoc("Compression of pages. zstd at its fastest level is nearly always the best choice.")
                 .Default("zstd")
                 .OneOf(ParquetCodecNames())
                 .Alias("compression"))
      .Field(
          "level", &WriteToParquetConfig::level,
          FieldDoc("Compression level; by default 1 for zstd (level 3 takes twice the time for less than 1 % of size).")
              .Advanced())
      .Field("row_group_rows", &WriteToParquetConfig::row_group_rows,
             FieldDoc("Rows in a row group, at most; row groups of wide rows are also cut at 64 MiB of data, less "
                      "under a small memory budget.")
                 .Default("262144")
                 .Min("1")
                 .Advanced())
      .Field("num_shards", &WriteToParquetConfig::num_shards,
             FieldDoc("Spread the rows over so many files in the folder 'path'; 0: one file.")
                 .Default("0")
                 .Min("0")
                 .Max("10000"))
      .Field("partition_by", &WriteToParquetConfig::partition_by,
             FieldDoc("Columns whose values become key=value folders below 'path'; they are left out of the files.")
                 .OrSingle()
                 .Example("[day]"))
      .Field("roll", &WriteToParquetConfig::roll, RollDoc())
      .Fields(StorageConfig::Fields())
      .Example("two rows", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements: [{name: apple, price: 3}, {name: pear, price: 4}]
  - type: WriteToParquet
    config:
      path: /tmp/weir-example/fruit.parquet
)");
}

class ParquetWriteFormat final : public FileWriteFormat {
 public:
  ParquetWriteFormat(ParquetWriteOptions options, int64_t row_group_rows)
      : options_(std::move(options)), row_group_rows_(row_group_rows) {}

  Result<std::unique_ptr<FileBody>> Begin(std::shared_ptr<arrow::io::OutputStream> out, const SchemaPtr& schema,
                                          const OperatorContext& context, std::shared_ptr<MorselTracker> morsels,
                                          const std::string& /*suspended*/) const override {
    WEIR_ASSIGN_OR_RETURN(auto writer, ParquetFileWriter::Make(std::move(out), schema, options_));
    ParquetBody::Limits limits;
    limits.rows = row_group_rows_;
    // A lane encodes a row group while as many wait or grow: all of them together stay below a half of the budget.
    if (context.memory) {
      int64_t share = context.memory->limit_bytes() / (8 * std::max(1, context.lanes));
      limits.bytes = std::clamp<int64_t>(share, 1 << 20, limits.bytes);
    }
    auto make = [&] { return std::make_shared<ParquetBodyMemory>(context.memory); };
    auto memory = context.shared ? context.shared->Get<ParquetBodyMemory>("rows of all files", make) : make();
    return std::make_unique<ParquetBody>(std::move(writer), limits, std::move(morsels), std::move(memory));
  }

  std::string extension() const override { return "parquet"; }

 private:
  const ParquetWriteOptions options_;
  const int64_t row_group_rows_;
};

/// What Parquet cannot hold is said before data flows.
bool CheckSchema(const arrow::Schema& schema, const std::vector<int>& partition_by, BindContext& context) {
  if (schema.num_fields() == static_cast<int>(partition_by.size())) {
    ConfigError(context, "partition_by", "no column is left for the files",
                "leave at least one column out of 'partition_by'");
    return false;
  }
  for (const auto& field : schema.fields()) {
    if (field->type()->id() == arrow::Type::STRUCT && field->type()->num_fields() == 0) {
      context.StepError("Parquet cannot hold column '" + field->name() + "': an object without fields");
      return false;
    }
  }
  return true;
}

std::optional<StepBinding> BindWriteToParquet(const WriteToParquetConfig& config, BindContext& context) {
  if (!ApplyStorage(config, config.path, context)) return std::nullopt;
  auto path = ResolveOutputPath(context, "path", config.path);
  if (!path) return std::nullopt;
  const SchemaPtr& schema = context.inputs()[0].info.schema;
  FileSinkOptions options{.path = *path, .num_shards = static_cast<int>(config.num_shards)};
  NodePtr node = context.step_node()->Find("config");
  for (const std::string& name : config.partition_by) {
    int column = context.FindColumn(*schema, name, node->Find("partition_by"));
    if (column < 0) return std::nullopt;
    options.partition_by.push_back(column);
  }
  if (!CheckSchema(*schema, options.partition_by, context)) return std::nullopt;
  ParquetWriteOptions write{.codec = config.codec};
  if (config.level) write.level = static_cast<int>(*config.level);
  auto format = std::make_shared<ParquetWriteFormat>(write, config.row_group_rows);
  StepBinding binding;
  binding.can_reject = false;
  if (!BindFileSink(options, config.roll, std::move(format), context, &binding)) return std::nullopt;
  return binding;
}

}  // namespace

void RegisterWriteToParquet(Registry& registry) {
  registry.Add<WriteToParquetConfig>(Spec(), {1, 1}, BindWriteToParquet);
}

}  // namespace weir
