// What every step says of itself, as collections: `X.status`, `X.metadata`, `X.messages`. The binder adds one of these
// sources where a step reads such a name; it ends when X has ended.
#include <arrow/builder.h>
#include <arrow/type.h>

#include "base/check.h"
#include "batch/types.h"
#include "engine/operator.h"
#include "engine/run_facts.h"
#include "plan/binding.h"

namespace weir {
namespace {

/// How often the figures of the run are looked at.
constexpr int64_t kLookEveryUs = 100'000;

struct ReportConfig {
  std::string step, schema;
};

ComponentSpec Spec(const char* type) {
  return ComponentSpec::Source<ReportConfig>(type)
      .Summary("What a step says of itself.")
      .Field("step", &ReportConfig::step, FieldDoc("Name of the step.").Required())
      .Field("schema", &ReportConfig::schema, FieldDoc("Fields of its rows."));
}

SchemaPtr SchemaOf(std::initializer_list<std::pair<const char*, TypePtr>> fields) {
  arrow::FieldVector out;
  for (const auto& [name, type] : fields) out.push_back(arrow::field(name, type));
  return arrow::schema(std::move(out));
}

/// One row at a time: these collections are small.
class Rows {
 public:
  explicit Rows(SchemaPtr schema) : schema_(std::move(schema)) { Clear(); }

  Status Text(int column, const std::string& value) { return As<arrow::StringBuilder>(column)->Append(value); }
  Status Number(int column, double value) { return As<arrow::DoubleBuilder>(column)->Append(value); }
  Status Integer(int column, int64_t value) { return As<arrow::Int64Builder>(column)->Append(value); }
  Status Null(int column) { return builders_[column]->AppendNull(); }
  /// Null where it is not known, or past the end.
  Status Time(int column, EventTime value) {
    if (value <= kMinEventTime || value >= kEndOfGlobalWindow) return Null(column);
    return As<arrow::TimestampBuilder>(column)->Append(value);
  }
  int64_t count() const { return builders_[0]->length(); }

  Result<Batch> Take(int64_t now_us) {
    std::vector<ArrayDataPtr> columns;
    const int64_t rows = count();
    for (auto& builder : builders_) {
      WEIR_ASSIGN_OR_RETURN(auto array, builder->Finish());
      columns.push_back(array->data());
    }
    Batch batch(schema_, std::move(columns), rows);
    batch.set_event_time(Int64Column(now_us));
    return batch;
  }

 private:
  template <class B>
  B* As(int column) {
    return static_cast<B*>(builders_[column].get());
  }
  void Clear() {
    for (const auto& field : schema_->fields()) {
      auto builder = arrow::MakeBuilder(field->type());
      WEIR_CHECK(builder.ok(), "reports have plain types");
      builders_.push_back(std::move(*builder));
    }
  }
  const SchemaPtr schema_;
  std::vector<std::unique_ptr<arrow::ArrayBuilder>> builders_;
};

/// What the three have in common: looks now and then, ends with the step.
class Report {
 public:
  Report(const ReportConfig& config, SchemaPtr schema, RunFacts* run, int step)
      : config_(config), run_(*run), step_(step), rows_(std::move(schema)) {}
  virtual ~Report() = default;
  /// Adds rows for what is new. `last`: the step has ended.
  virtual Status Look(const StepFacts& facts, int64_t now_us, bool last) = 0;
  Rows& rows() { return rows_; }

 protected:
  const ReportConfig config_;
  RunFacts& run_;
  const int step_;
  Rows rows_;
};

SchemaPtr StatusSchema() {
  return SchemaOf({{"step", arrow::utf8()},
                   {"status", arrow::utf8()},
                   {"event_time", TimestampType()},
                   {"rows_in", arrow::int64()},
                   {"rows_out", arrow::int64()},
                   {"errors", arrow::int64()},
                   {"late", arrow::int64()},
                   {"watermark", TimestampType()},
                   {"lag_s", arrow::float64()},
                   {"idle_s", arrow::float64()}});
}

class StatusReport final : public Report {
 public:
  using Report::Report;
  Status Look(const StepFacts& facts, int64_t now_us, bool last) override {
    const int64_t rows = facts.rows_in + facts.rows_out + facts.errors;
    const bool moved = rows != rows_seen_;
    if (moved || moved_us_ == 0) moved_us_ = now_us;
    rows_seen_ = rows;
    const bool due = now_us >= next_us_;
    const char* status = status_;
    if (last) {
      status = "finished";
    } else if (rows == 0) {
      status = "started";
    } else if (moved) {
      status = "running";
    } else if (due && now_us - moved_us_ >= run_.status_interval_us()) {
      status = "idle";
    }
    if (!due && status == status_) return Status::OK();
    status_ = status;
    next_us_ = now_us + run_.status_interval_us();
    return AddRow(facts, now_us);
  }

 private:
  Status AddRow(const StepFacts& facts, int64_t now_us) {
    const bool known = facts.watermark > kMinEventTime && facts.watermark < kEndOfGlobalWindow;
    WEIR_RETURN_NOT_OK(rows_.Text(0, config_.step));
    WEIR_RETURN_NOT_OK(rows_.Text(1, status_));
    WEIR_RETURN_NOT_OK(rows_.Time(2, now_us));
    WEIR_RETURN_NOT_OK(rows_.Integer(3, facts.rows_in));
    WEIR_RETURN_NOT_OK(rows_.Integer(4, facts.rows_out));
    WEIR_RETURN_NOT_OK(rows_.Integer(5, facts.errors));
    WEIR_RETURN_NOT_OK(rows_.Integer(6, facts.late_rows));
    WEIR_RETURN_NOT_OK(rows_.Time(7, facts.watermark));
    WEIR_RETURN_NOT_OK(known ? rows_.Number(8, static_cast<double>(now_us - facts.watermark) * 1e-6) : rows_.Null(8));
    return rows_.Number(9, static_cast<double>(now_us - moved_us_) * 1e-6);
  }

  const char* status_ = "";
  int64_t rows_seen_ = -1, moved_us_ = 0, next_us_ = kMinEventTime;
};

SchemaPtr MetadataSchema() {
  return SchemaOf({{"step", arrow::utf8()},
                   {"event_time", TimestampType()},
                   {"schema", arrow::utf8()},
                   {"source_version", arrow::utf8()},
                   {"watermark", TimestampType()}});
}

class MetadataReport final : public Report {
 public:
  using Report::Report;
  Status Look(const StepFacts& facts, int64_t now_us, bool last) override {
    const std::string version = run_.SourceVersion(step_);
    const bool changed = first_ || version != version_ || (facts.watermark != watermark_ && now_us >= next_us_);
    if (!changed && !(last && facts.watermark != watermark_)) return Status::OK();
    first_ = false;
    version_ = version;
    watermark_ = facts.watermark;
    next_us_ = now_us + run_.status_interval_us();
    WEIR_RETURN_NOT_OK(rows_.Text(0, config_.step));
    WEIR_RETURN_NOT_OK(rows_.Time(1, now_us));
    WEIR_RETURN_NOT_OK(rows_.Text(2, config_.schema));
    WEIR_RETURN_NOT_OK(version.empty() ? rows_.Null(3) : rows_.Text(3, version));
    return rows_.Time(4, watermark_);
  }

 private:
  bool first_ = true;
  std::string version_;
  EventTime watermark_ = kMinEventTime;
  int64_t next_us_ = kMinEventTime;
};

SchemaPtr MessagesSchema() {
  return SchemaOf(
      {{"step", arrow::utf8()}, {"event_time", TimestampType()}, {"level", arrow::utf8()}, {"message", arrow::utf8()}});
}

class MessagesReport final : public Report {
 public:
  using Report::Report;
  Status Look(const StepFacts&, int64_t, bool) override {
    for (const StepMessage& message : run_.messages().Since(next_, step_)) {
      next_ = message.number + 1;
      WEIR_RETURN_NOT_OK(rows_.Text(0, config_.step));
      WEIR_RETURN_NOT_OK(rows_.Time(1, message.time_us));
      WEIR_RETURN_NOT_OK(rows_.Text(2, MessageLevelName(message.level)));
      WEIR_RETURN_NOT_OK(rows_.Text(3, message.text));
    }
    return Status::OK();
  }

 private:
  int64_t next_ = 0;
};

class ReportReader final : public SourceReader {
 public:
  ReportReader(std::unique_ptr<Report> report, RunFacts* run, int step, const OperatorContext& lane)
      : report_(std::move(report)), run_(*run), step_(step), lane_(lane) {}

  Result<PollResult> Poll(Emitter& out) override {
    if (ended_) return PollResult::kExhausted;
    const int64_t now_us = out.processing_time_us();
    const bool last = run_.Ended(step_);  // before the figures: they are then the last ones
    if (!last && now_us < next_look_us_) return PollResult::kIdle;
    next_look_us_ = now_us + kLookEveryUs;
    const std::vector<StepFacts> facts = run_.Steps();
    if (facts.empty()) return PollResult::kIdle;
    WEIR_RETURN_NOT_OK(report_->Look(facts[step_], now_us, last));
    ended_ = last;
    watermark_ = now_us;
    if (report_->rows().count() == 0) return last ? PollResult::kExhausted : PollResult::kIdle;
    WEIR_ASSIGN_OR_RETURN(Batch batch, report_->rows().Take(now_us));
    if (lane_.morsels) lane_.morsels->Start(lane_.lane, morsel_);
    batch.set_morsel(morsel_++);
    WEIR_RETURN_NOT_OK(out.Emit(std::move(batch)));
    return PollResult::kProduced;
  }
  EventTime watermark() const override { return watermark_; }
  /// The last words come when the step has ended, which a drained one does too.
  bool Drain() override { return true; }

 private:
  const std::unique_ptr<Report> report_;
  RunFacts& run_;
  const int step_;
  const OperatorContext lane_;
  int64_t next_look_us_ = kMinEventTime, morsel_ = 0;
  EventTime watermark_ = kMinEventTime;
  bool ended_ = false;
};

template <class R>
class ReportSource final : public Source {
 public:
  ReportSource(ReportConfig config, SchemaPtr schema) : config_(std::move(config)), schema_(std::move(schema)) {}

  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) override {
    if (lane.run == nullptr) return Status::Invalid("nobody tells how step '", config_.step, "' is");
    const std::vector<PhysicalStep>& steps = lane.run->plan().steps;
    for (size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].name != config_.step) continue;
      const int step = static_cast<int>(i);
      return std::make_unique<ReportReader>(std::make_unique<R>(config_, schema_, lane.run, step), lane.run, step,
                                            lane);
    }
    return Status::KeyError("there is no step '", config_.step, "'");
  }
  // What was said is said: a later run speaks of itself.
  Result<std::string> Position() override { return "{}"; }
  Status Restore(const std::string&) override { return Status::OK(); }

 private:
  const ReportConfig config_;
  const SchemaPtr schema_;
};

template <class R>
StepBinding BindReport(const ReportConfig& config, const SchemaPtr& schema) {
  StepBinding binding;
  CollectionInfo info;
  info.schema = schema;
  binding.outputs = {{"", info}};
  binding.source_max_lanes = 1;
  binding.source_repositions = true;
  binding.can_reject = false;
  binding.notes = {"what step '" + config.step + "' says of itself; ends when it has ended"};
  binding.source = [config, schema](const ScanRequest&) -> Result<std::shared_ptr<Source>> {
    return std::make_shared<ReportSource<R>>(config, schema);
  };
  return binding;
}

std::optional<StepBinding> BindStatus(const ReportConfig& config, BindContext&) {
  return BindReport<StatusReport>(config, StatusSchema());
}
std::optional<StepBinding> BindMetadata(const ReportConfig& config, BindContext&) {
  return BindReport<MetadataReport>(config, MetadataSchema());
}
std::optional<StepBinding> BindMessages(const ReportConfig& config, BindContext&) {
  return BindReport<MessagesReport>(config, MessagesSchema());
}

}  // namespace

void RegisterStepReports(Registry& registry) {
  registry.AddImplied<ReportConfig>(Spec("StepStatus"), {0, 0}, BindStatus);
  registry.AddImplied<ReportConfig>(Spec("StepMetadata"), {0, 0}, BindMetadata);
  registry.AddImplied<ReportConfig>(Spec("StepMessages"), {0, 0}, BindMessages);
}

}  // namespace weir
