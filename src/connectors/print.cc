// Print: shows a collection on standard output, as a table or NDJSON: at the end, or as rows come where they never end.
#include "batch/print.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>
#include <arrow/type.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <deque>

#include "engine/operator.h"
#include "env/env.h"
#include "plan/binding.h"

namespace weir {
namespace {

/// How long rows are gathered before a table of them is shown, or shown anew.
constexpr int64_t kTableEveryUs = 200'000;

struct PrintConfig {
  std::string format;
  int64_t limit = 40;
};

ComponentSpec Spec() {
  return ComponentSpec::Sink<PrintConfig>("Print")
      .Summary("Show a collection on standard output.")
      .Guarantees(
          "Rows that can be taken back are shown with their weight: 1 for one that came, -1 for one that went. Bounded "
          "data is shown at its end, after everything else has succeeded; a run that fails prints nothing. "
          "Rows "
          "of input that never ends are shown as they come: a line each as `json`; as `table` the newest ones, in "
          "place, "
          "on a terminal, else tables of what has come.")
      .Field("format", &PrintConfig::format, FieldDoc("How rows look.").Default("table").OneOf({"table", "json"}))
      .Field("limit", &PrintConfig::limit,
             FieldDoc("Rows to show; the rest is only counted. 0 shows all. Of input that never ends, how many of the "
                      "newest rows a terminal shows.")
                 .Default("40")
                 .Min("0"))
      .Example("a table", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements: [{name: apple, price: 3}]
  - type: Print
)");
}

Status PutOut(const std::string& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    return Status::IOError("standard output cannot be written");
  }
  return Status::OK();
}

void AppendLines(const Batch& batch, std::string* out) {
  for (int64_t row = 0; row < batch.num_rows(); ++row) *out += RowToJson(batch, row) + "\n";
}

/// Puts the weight of each row into a column in front of the others. `schema` has it.
class WeightColumn final : public SinkWriter {
 public:
  WeightColumn(std::unique_ptr<SinkWriter> writer, SchemaPtr schema)
      : writer_(std::move(writer)), schema_(std::move(schema)) {}

  Status Write(Batch batch) override {
    std::vector<int64_t> weights;
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      weights.push_back(batch.has_weight() ? batch.weight().at(row) : 1);
    }
    std::vector<ArrayDataPtr> columns{arrow::ArrayData::Make(
        arrow::int64(), batch.num_rows(), {nullptr, BufferPtr(arrow::Buffer::FromVector(std::move(weights)))}, 0)};
    for (int i = 0; i < batch.num_columns(); ++i) columns.push_back(batch.column(i));
    return writer_->Write(batch.WithColumns(schema_, std::move(columns)));
  }
  Status Finish() override { return writer_->Finish(); }
  Status EndEpoch(int64_t epoch) override { return writer_->EndEpoch(epoch); }
  bool full() const override { return writer_->full(); }
  int64_t next_timer_us() const override { return writer_->next_timer_us(); }
  Status OnProcessingTime(int64_t now_us) override { return writer_->OnProcessingTime(now_us); }

 private:
  const std::unique_ptr<SinkWriter> writer_;
  const SchemaPtr schema_;
};

SchemaPtr WithWeight(const SchemaPtr& schema) {
  std::string name = "weight";
  while (schema->GetFieldIndex(name) >= 0) name += "_";
  arrow::FieldVector fields{arrow::field(name, arrow::int64(), false)};
  for (const auto& field : schema->fields()) fields.push_back(field);
  return arrow::schema(std::move(fields));
}

/// Opens the writers of `sink`, which gets rows of `schema`, with their weights.
class WeighedSink final : public Sink {
 public:
  WeighedSink(std::shared_ptr<Sink> sink, SchemaPtr schema) : sink_(std::move(sink)), schema_(std::move(schema)) {}
  Result<std::unique_ptr<SinkWriter>> OpenWriter(const OperatorContext& lane) override {
    WEIR_ASSIGN_OR_RETURN(auto writer, sink_->OpenWriter(lane));
    return std::make_unique<WeightColumn>(std::move(writer), schema_);
  }
  Result<std::string> Prepare(int64_t epoch) override { return sink_->Prepare(epoch); }
  Status Commit(const std::string& token) override { return sink_->Commit(token); }
  Status Abort(int64_t epoch) override { return sink_->Abort(epoch); }
  Status Recover(int64_t epoch, const std::string& token) override { return sink_->Recover(epoch, token); }

 private:
  const std::shared_ptr<Sink> sink_;
  const SchemaPtr schema_;
};

/// Keeps the first `limit` rows of the one lane that writes; prints on commit.
class PrintSink final : public Sink {
 public:
  PrintSink(PrintConfig config, SchemaPtr schema) : config_(std::move(config)), schema_(std::move(schema)) {}

  Result<std::unique_ptr<SinkWriter>> OpenWriter(const OperatorContext&) override {
    return std::make_unique<Writer>(this);
  }
  Result<std::string> Prepare(int64_t) override { return std::string(); }
  Status Abort(int64_t) override { return Status::OK(); }

  Status Commit(const std::string&) override {
    std::string text;
    if (config_.format == "table") {
      TableOptions options;
      options.max_rows = config_.limit == 0 ? total_rows_ : config_.limit;
      text = FormatTable(schema_, kept_, options, total_rows_);
    } else {
      for (const Batch& batch : kept_) AppendLines(batch, &text);
    }
    return PutOut(text);
  }

 private:
  class Writer final : public SinkWriter {
   public:
    explicit Writer(PrintSink* sink) : sink_(sink) {}
    Status Write(Batch batch) override {
      PrintSink& sink = *sink_;
      sink.total_rows_ += batch.num_rows();
      const int64_t room = sink.config_.limit == 0 ? batch.num_rows() : sink.config_.limit - sink.kept_rows_;
      const int64_t take = std::min(room, batch.num_rows());
      if (take <= 0) return Status::OK();
      sink.kept_.push_back(batch.Slice(0, take).Compact());
      sink.kept_rows_ += take;
      return Status::OK();
    }
    Status Finish() override { return Status::OK(); }

   private:
    PrintSink* const sink_;
  };

  const PrintConfig config_;
  const SchemaPtr schema_;
  std::vector<Batch> kept_;
  int64_t kept_rows_ = 0, total_rows_ = 0;
};

/// Shows rows as they come. Nothing is left to commit.
class EndlessPrintSink final : public Sink {
 public:
  EndlessPrintSink(PrintConfig config, SchemaPtr schema) : config_(std::move(config)), schema_(std::move(schema)) {}
  Result<std::unique_ptr<SinkWriter>> OpenWriter(const OperatorContext& lane) override {
    if (config_.format == "json") return std::make_unique<LineWriter>();
    return std::make_unique<TableWriter>(config_.limit, schema_, lane.env);
  }
  Result<std::string> Prepare(int64_t) override { return std::string(); }
  Status Commit(const std::string&) override { return Status::OK(); }
  Status Abort(int64_t) override { return Status::OK(); }

 private:
  class LineWriter final : public SinkWriter {
   public:
    Status Write(Batch batch) override {
      text_.clear();
      AppendLines(batch, &text_);
      return PutOut(text_);
    }
    Status Finish() override { return Status::OK(); }

   private:
    std::string text_;
  };

  class TableWriter final : public SinkWriter {
   public:
    TableWriter(int64_t limit, SchemaPtr schema, Env* env)
        : limit_(limit == 0 ? INT64_MAX : limit), schema_(std::move(schema)), env_(env), in_place_(::isatty(1) != 0) {}

    Status Write(Batch batch) override {
      if (due_us_ == kMaxEventTime) due_us_ = env_->WallTime() + kTableEveryUs;
      total_rows_ += batch.num_rows();
      kept_rows_ += batch.num_rows();
      kept_.push_back(batch.Compact());
      if (in_place_) Forget(limit_);
      // What is not shown in place waits for its table; a flood does not wait for the clock.
      return !in_place_ && kept_rows_ >= kMaxWaitingRows ? Show() : Status::OK();
    }
    Status Finish() override { return due_us_ == kMaxEventTime ? Status::OK() : Show(); }
    Status EndEpoch(int64_t) override { return Finish(); }
    int64_t next_timer_us() const override { return due_us_; }
    Status OnProcessingTime(int64_t) override { return Show(); }

   private:
    static constexpr int64_t kMaxWaitingRows = 8192;

    /// Keeps the newest `count` rows.
    void Forget(int64_t count) {
      while (kept_rows_ > count) {
        Batch& oldest = kept_.front();
        const int64_t drop = std::min(oldest.num_rows(), kept_rows_ - count);
        if (drop == oldest.num_rows()) {
          kept_.pop_front();
        } else {
          oldest = oldest.Slice(drop, oldest.num_rows() - drop);
        }
        kept_rows_ -= drop;
      }
    }

    Status Show() {
      due_us_ = kMaxEventTime;
      winsize window{};
      // The header, its line and the count below stand on the screen with the rows.
      if (in_place_ && ::ioctl(1, TIOCGWINSZ, &window) == 0 && window.ws_row > 5) Forget(window.ws_row - 5);
      TableOptions options;
      options.max_rows = kept_rows_;
      std::string table = FormatTable(schema_, std::vector<Batch>(kept_.begin(), kept_.end()), options);
      if (!in_place_) {
        kept_.clear();
        kept_rows_ = 0;
        return PutOut(table);
      }
      table.resize(table.rfind('\n', table.size() - 2) + 1);  // without its count
      table += "(" + std::to_string(total_rows_) + " rows so far)\n";
      // Back to where the last one began, lines cut at the edge, what is left of the last one cleared.
      std::string text = lines_shown_ > 0 ? "\033[" + std::to_string(lines_shown_) + "A\r" : "";
      text += "\033[J\033[?7l" + table + "\033[?7h";
      lines_shown_ = std::count(table.begin(), table.end(), '\n');
      return PutOut(text);
    }

    const int64_t limit_;
    const SchemaPtr schema_;
    Env* const env_;
    const bool in_place_;
    std::deque<Batch> kept_;
    int64_t kept_rows_ = 0, total_rows_ = 0;
    int64_t due_us_ = kMaxEventTime;
    int64_t lines_shown_ = 0;
  };

  const PrintConfig config_;
  const SchemaPtr schema_;
};

std::optional<StepBinding> BindPrint(const PrintConfig& config, BindContext& context) {
  StepBinding binding;
  binding.sink_max_lanes = 1;
  const CollectionInfo& input = context.inputs()[0].info;
  binding.sink_takes_changes = true;
  binding.sink = [config, schema = input.changes ? WithWeight(input.schema) : input.schema, bounded = input.bounded,
                  changes = input.changes]() -> Result<std::shared_ptr<Sink>> {
    std::shared_ptr<Sink> sink;
    if (bounded) sink = std::make_shared<PrintSink>(config, schema);
    if (!bounded) sink = std::make_shared<EndlessPrintSink>(config, schema);
    if (changes) sink = std::make_shared<WeighedSink>(std::move(sink), schema);
    return sink;
  };
  binding.can_reject = false;
  if (!input.bounded) {
    binding.sink_epochs = SinkEpochs::kAtLeastOnce;
    binding.sink_guarantee = "what was shown cannot be taken back";
  }
  return binding;
}

}  // namespace

void RegisterPrint(Registry& registry) { registry.Add<PrintConfig>(Spec(), {1, 1}, BindPrint); }

}  // namespace weir
