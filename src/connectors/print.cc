// Print: shows a collection on standard output as a table, NDJSON or CSV-like lines.
#include "batch/print.h"

#include <cstdio>
#include <mutex>

#include "engine/operator.h"
#include "plan/binding.h"

namespace weir {
namespace {

struct PrintConfig {
  std::string format;
  int64_t limit = 40;
};

ComponentSpec Spec() {
  return ComponentSpec::Sink<PrintConfig>("Print")
      .Summary("Show a collection on standard output.")
      .Guarantees("At the end of bounded data, after everything else has succeeded; a run that fails prints nothing.")
      .Field("format", &PrintConfig::format, FieldDoc("How rows look.").Default("table").OneOf({"table", "json"}))
      .Field("limit", &PrintConfig::limit,
             FieldDoc("Rows to show; the rest is only counted. 0 shows all.").Default("40").Min("0"))
      .Example("a table", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements: [{name: apple, price: 3}]
  - type: Print
)");
}

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
      for (const Batch& batch : kept_) {
        for (int64_t row = 0; row < batch.num_rows(); ++row) text += RowToJson(batch, row) + "\n";
      }
    }
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
      return Status::IOError("standard output cannot be written");
    }
    return Status::OK();
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

std::optional<StepBinding> BindPrint(const PrintConfig& config, BindContext& context) {
  StepBinding binding;
  binding.sink_max_lanes = 1;
  binding.sink = [config, schema = context.inputs()[0].info.schema]() -> Result<std::shared_ptr<Sink>> {
    return std::make_shared<PrintSink>(config, schema);
  };
  binding.can_reject = false;
  return binding;
}

}  // namespace

void RegisterPrint(Registry& registry) { registry.Add<PrintConfig>(Spec(), {1, 1}, BindPrint); }

}  // namespace weir
