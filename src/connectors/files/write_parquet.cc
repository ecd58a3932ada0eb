// WriteToParquet: rows into Parquet files; row groups are encoded by all lanes, in the order of the source.
#include <arrow/io/interfaces.h>
#include <arrow/type.h>

#include <algorithm>
#include <map>

#include "connectors/files/file_paths.h"
#include "connectors/files/file_sink.h"
#include "connectors/files/ordered_gate.h"
#include "formats/parquet/parquet_writer.h"
#include "plan/binding.h"
#include "state/memory_budget.h"

namespace weir {
namespace {

struct WriteToParquetConfig {
  std::string path;
  std::string codec;
  std::optional<int64_t> level;
  int64_t row_group_rows = 0;
  int64_t num_shards = 0;
  std::vector<std::string> partition_by;
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
          "leaves none. Rows that come straight from a file keep its order.")
      .Field("path", &WriteToParquetConfig::path,
             FieldDoc("The file; or a folder, which ends in '/' or exists, for files part-00000-of-00001.parquet.")
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

/// One Parquet file. Batches are put into source order, grouped into row groups, and each row group is encoded by the
/// lane that completed it. A lane that is ahead of the order does not pile up batches: a full row group of one piece is
/// encoded at once and waits in its compressed form.
class ParquetBody final : public FileBody {
 public:
  struct Limits {
    int64_t rows = 262144;
    int64_t bytes = 64 << 20;
  };

  ParquetBody(std::unique_ptr<ParquetFileWriter> writer, Limits limits, std::shared_ptr<MorselTracker> morsels)
      : writer_(std::move(writer)), limits_(limits), gate_(std::move(morsels)) {}

  Status Write(Batch batch) override {
    batch = batch.Compact();
    std::vector<Job> jobs;
    {
      std::lock_guard lock(mutex_);
      Enqueue(std::move(batch), &jobs);
      gate_.Pass([&](std::shared_ptr<Item>& item) { return Release(*item, &jobs); });
    }
    return RunJobs(std::move(jobs));
  }

  Status Finish() override {
    std::vector<Job> jobs;
    {
      std::lock_guard lock(mutex_);
      gate_.PassAll([&](std::shared_ptr<Item>& item) { return Release(*item, &jobs); });
      CutCurrent(&jobs);
    }
    WEIR_RETURN_NOT_OK(RunJobs(std::move(jobs)));
    return writer_->Finish();
  }

 private:
  using RowGroup = std::unique_ptr<ParquetFileWriter::RowGroup>;

  struct Rows {
    std::vector<Batch> batches;
    int64_t rows = 0;
    int64_t bytes = 0;
    void Add(Batch batch) {
      rows += batch.num_rows();
      bytes += batch.size_bytes();
      batches.push_back(std::move(batch));
    }
  };
  /// What waits in the gate: rows of one piece, growing; or a row group of it, which some lane may still be encoding.
  struct Item {
    Rows rows;
    bool sealed = false;  // its rows are being encoded, or are
    RowGroup encoded;
  };
  /// Rows to encode, outside of the lock: for a place in the file, or back into the gate.
  struct Job {
    std::vector<Batch> batches;
    int64_t place = -1;
    std::shared_ptr<Item> item;
  };

  bool IsFull(const Rows& rows) const { return rows.rows >= limits_.rows || rows.bytes >= limits_.bytes; }

  void Enqueue(Batch batch, std::vector<Job>* jobs) {
    int64_t morsel = batch.morsel();
    std::shared_ptr<Item>& open = open_[morsel];
    if (!open) {
      open = std::make_shared<Item>();
      gate_.Push(morsel, open);
    }
    open->rows.Add(std::move(batch));
    // The rows of the earliest piece pass right away and find their row group there.
    if (IsFull(open->rows)) {
      open->sealed = true;
      jobs->push_back({std::move(open->rows.batches), -1, open});
      open_.erase(morsel);
    }
  }

  /// The gate says that it is the turn of `item`. False: it is still being encoded.
  bool Release(Item& item, std::vector<Job>* jobs) {
    if (item.sealed && !item.encoded) return false;
    if (item.encoded) {
      CutCurrent(jobs);
      encoded_[next_place_++] = std::move(item.encoded);
      return true;
    }
    for (Batch& batch : item.rows.batches) {
      current_.Add(std::move(batch));
      if (IsFull(current_)) CutCurrent(jobs);
    }
    for (auto it = open_.begin(); it != open_.end(); ++it) {
      if (it->second.get() != &item) continue;
      open_.erase(it);
      break;
    }
    return true;
  }

  void CutCurrent(std::vector<Job>* jobs) {
    if (current_.batches.empty()) return;
    jobs->push_back({std::move(current_.batches), next_place_++, nullptr});
    current_ = Rows();
  }

  Status RunJobs(std::vector<Job> jobs) {
    for (size_t i = 0; i < jobs.size(); ++i) {
      WEIR_ASSIGN_OR_RETURN(RowGroup group, writer_->Encode(std::move(jobs[i].batches)));
      std::lock_guard lock(mutex_);
      if (jobs[i].item) {
        jobs[i].item->encoded = std::move(group);
        gate_.Pass([&](std::shared_ptr<Item>& item) { return Release(*item, &jobs); });
      } else {
        encoded_[jobs[i].place] = std::move(group);
      }
      WEIR_RETURN_NOT_OK(AppendReady());
    }
    return Status::OK();
  }

  Status AppendReady() {
    while (!encoded_.empty() && encoded_.begin()->first == next_append_) {
      WEIR_RETURN_NOT_OK(writer_->Append(std::move(encoded_.begin()->second)));
      encoded_.erase(encoded_.begin());
      ++next_append_;
    }
    return Status::OK();
  }

  const std::unique_ptr<ParquetFileWriter> writer_;
  const Limits limits_;
  std::mutex mutex_;
  OrderedGate<std::shared_ptr<Item>> gate_;
  std::map<int64_t, std::shared_ptr<Item>> open_;  // by piece: the item that takes its next rows
  Rows current_;                                   // in order, not yet a row group
  int64_t next_place_ = 0;
  std::map<int64_t, RowGroup> encoded_;  // by place in the file
  int64_t next_append_ = 0;
};

class ParquetWriteFormat final : public FileWriteFormat {
 public:
  ParquetWriteFormat(ParquetWriteOptions options, int64_t row_group_rows)
      : options_(std::move(options)), row_group_rows_(row_group_rows) {}

  Result<std::unique_ptr<FileBody>> Begin(std::shared_ptr<arrow::io::OutputStream> out, const SchemaPtr& schema,
                                          const OperatorContext& context,
                                          std::shared_ptr<MorselTracker> morsels) const override {
    WEIR_ASSIGN_OR_RETURN(auto writer, ParquetFileWriter::Make(std::move(out), schema, options_));
    ParquetBody::Limits limits;
    limits.rows = row_group_rows_;
    // A lane holds a row group's rows and its encoded pages; all of them together stay below a quarter of the budget.
    if (context.memory) {
      int64_t share = context.memory->limit_bytes() / (8 * std::max(1, context.lanes));
      limits.bytes = std::clamp<int64_t>(share, 1 << 20, limits.bytes);
    }
    return std::make_unique<ParquetBody>(std::move(writer), limits, std::move(morsels));
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
  binding.sink = [=]() -> Result<std::shared_ptr<Sink>> { return std::make_shared<FileSink>(options, schema, format); };
  binding.notes = {"written aside, renamed on success"};
  return binding;
}

}  // namespace

void RegisterWriteToParquet(Registry& registry) {
  registry.Add<WriteToParquetConfig>(Spec(), {1, 1}, BindWriteToParquet);
}

}  // namespace weir
