// ReadFromPostgresChanges: a table, and then every change of it, by logical replication.
#include <arrow/type.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>

#include "connectors/files/file_paths.h"
#include "connectors/postgres/pg_change_stream.h"
#include "connectors/postgres/pg_copy_decoder.h"
#include "connectors/support/delivery_config.h"
#include "connectors/support/event_time.h"
#include "env/env.h"
#include "plan/declared_type.h"

namespace weir {
namespace {

constexpr int64_t kRowsPerPoll = 8192;

struct ReadFromPostgresChangesConfig : PgConfig, EventTimeConfig {
  std::string table, slot, publication;
  bool snapshot = true;
  SchemaDecl schema;
  std::optional<RetryConfig> retry;
};

ComponentSpec Spec() {
  return ComponentSpec::Source<ReadFromPostgresChangesConfig>("ReadFromPostgresChanges")
      .Summary("Read a table of a PostgreSQL database, and then every change of it.")
      .Doc(
          "By logical replication: the server needs `wal_level = logical`, the table `REPLICA IDENTITY FULL`, so that "
          "changes "
          "say what rows were before, and the user the right to replicate. A row that is inserted comes; one that is "
          "deleted "
          "is taken back; an update takes back the old row and gives the new one. Types are those of ReadFromPostgres. "
          "Columns that are added later are not seen before the pipeline starts anew; TRUNCATE ends the run with an "
          "error. "
          "The publication is made where there is none.")
      .Guarantees(
          "Exactly once in a durable run (`--state`): positions are places in the server's log, and the server is told "
          "that "
          "it may forget what is committed here. The replication slot stays between runs, and keeps the server's log "
          "as long: "
          "drop it (`SELECT pg_drop_replication_slot('…')`) when the pipeline is given up. A run that is not durable "
          "has a "
          "temporary slot, and ends where the connection is lost.")
      .Fields(PgConfig::Fields())
      .Field("table", &ReadFromPostgresChangesConfig::table,
             FieldDoc("The table, with its schema where it has one.").Required().Example("orders"))
      .Field(
          "snapshot", &ReadFromPostgresChangesConfig::snapshot,
          FieldDoc("Begin with the rows that are there; if not, only with what changes from now on.").Default("true"))
      .Field("slot", &ReadFromPostgresChangesConfig::slot,
             FieldDoc("Name of the replication slot of a durable run. By default it is made of the pipeline's name.")
                 .Example("weir_orders"))
      .Field("publication", &ReadFromPostgresChangesConfig::publication,
             FieldDoc("The publication that has the table. By default `weir_` and the table's name.").Advanced())
      .Field("schema", &ReadFromPostgresChangesConfig::schema,
             FieldDoc("The columns to read and their types.").Example("{id: integer, at: timestamp}"))
      .Field("retry", &ReadFromPostgresChangesConfig::retry,
             FieldDoc("What happens while the server is away.").Example("{max: 10m, delay: 1s}"))
      .Fields(EventTimeConfig::Fields())
      .Example("watch orders", R"(pipeline:
  type: chain
  transforms:
  - type: ReadFromPostgresChanges
    config:
      url: postgresql://weir@127.0.0.1/shop
      table: orders
      schema: {id: integer, amount: number}
  - type: Print
)");
}

struct ChangesPlan {
  PgParameters parameters;
  std::string table, slot, publication;
  bool snapshot = true;
  SchemaPtr schema;
  std::vector<PgColumn> columns;  // what the snapshot asks for
  EventTimePlan event_time;
  RetryConfig retry;
};

class ChangesSource final : public Source {
 public:
  explicit ChangesSource(ChangesPlan plan) : plan_(std::move(plan)) {}

  Status Open(OperatorContext& context) override {
    durable_ = context.durable;
    if (plan_.slot.empty() || !durable_) plan_.slot = SlotName(context);
    WEIR_ASSIGN_OR_RETURN(auto connection, PgConnection::Open(plan_.parameters));
    WEIR_ASSIGN_OR_RETURN(
        auto identity,
        connection->Run("SELECT relreplident FROM pg_class WHERE oid = to_regclass($1)", {QuotePgTable(plan_.table)}));
    if (identity.num_rows() == 0) return Status::Invalid("PostgreSQL has no table '", plan_.table, "'");
    if (identity.Text(0, 0) != "f") {
      return Status::Invalid("table '", plan_.table, "' does not say what changed rows were before",
                             "\n  = help: ALTER TABLE ", plan_.table, " REPLICA IDENTITY FULL");
    }
    WEIR_ASSIGN_OR_RETURN(auto found,
                          connection->Run("SELECT 1 FROM pg_publication WHERE pubname = $1", {plan_.publication}));
    if (found.num_rows() > 0) return Status::OK();
    return connection->Do("CREATE PUBLICATION " + QuotePgName(plan_.publication) + " FOR TABLE " +
                          QuotePgTable(plan_.table));
  }
  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) override;

  Result<std::string> Position() override {
    return nlohmann::json{{"slot", plan_.slot}, {"lsn", FormatLsn(position_)}, {"begun", position_ != 0}}.dump();
  }
  Status Restore(const std::string& position) override {
    const auto json = nlohmann::json::parse(position, nullptr, false);
    if (!json.is_object() || !json.contains("lsn") || !json["lsn"].is_string()) {
      return Status::Invalid("this is no position of a change stream: ", position);
    }
    position_ = committed_ = ParseLsn(json["lsn"].get<std::string>());
    return position_ != 0 ? CheckSlot() : Status::OK();
  }
  Status Committed(const std::string& position) override {
    const auto json = nlohmann::json::parse(position, nullptr, false);
    if (json.is_object() && json.contains("lsn")) committed_ = ParseLsn(json["lsn"].get<std::string>());
    return Status::OK();
  }

 private:
  class Reader;

  std::string SlotName(const OperatorContext& context) const {
    const uint64_t id =
        durable_ ? XXH3_64bits(context.durable_id.data(), context.durable_id.size()) : Env::Real().RandomSeed();
    char name[40];
    std::snprintf(name, sizeof name, "weir_%016llx", static_cast<unsigned long long>(id));
    return name;
  }
  /// Changes since the position are still there.
  Status CheckSlot() {
    WEIR_ASSIGN_OR_RETURN(auto connection, PgConnection::Open(plan_.parameters));
    WEIR_ASSIGN_OR_RETURN(auto slot, connection->Run("SELECT confirmed_flush_lsn FROM pg_replication_slots WHERE "
                                                     "slot_name = $1",
                                                     {plan_.slot}));
    if (slot.num_rows() == 0) {
      return Status::Invalid("PostgreSQL has no replication slot '", plan_.slot,
                             "' any more: changes since the last run are lost",
                             "\n  = help: begin anew, without the state of the last run");
    }
    if (ParseLsn(slot.Text(0, 0)) > position_) {
      return Status::Invalid("replication slot '", plan_.slot, "' stands at ", slot.Text(0, 0), ", this pipeline at ",
                             FormatLsn(position_), ": somebody else has read from it");
    }
    return Status::OK();
  }

  ChangesPlan plan_;
  bool durable_ = false;
  std::atomic<PgLsn> position_{0};   // what has been given; 0: nothing
  std::atomic<PgLsn> committed_{0};  // what is committed here
};

class ChangesSource::Reader final : public SourceReader {
 public:
  explicit Reader(ChangesSource* source)
      : source_(*source),
        plan_(source->plan_),
        stream_({plan_.parameters, plan_.table, plan_.slot, plan_.publication, plan_.schema}),
        tracker_(plan_.event_time),
        split_(tracker_.Add()),
        pauses_(plan_.retry, Env::Real().RandomSeed()) {}

  Result<PollResult> Poll(Emitter& out) override {
    tracker_.OnPoll(out);
    switch (state_) {
      case State::kBegin:
        WEIR_RETURN_NOT_OK(Begin());
        return PollResult::kProduced;
      case State::kSnapshot:
        return PollSnapshot(out);
      case State::kStream:
        return PollStream(out);
      case State::kAway:
        return TryAgain();
    }
    return PollResult::kIdle;
  }
  EventTime watermark() const override { return tracker_.watermark(); }
  bool idle() const override { return tracker_.idle(); }
  bool can_pause() const override {
    return state_ != State::kSnapshot && (state_ != State::kBegin || source_.position_ != 0) &&
           !stream_.in_transaction() && stream_.num_rows() == 0;
  }
  bool Drain() override {
    draining_ = true;
    return true;
  }

 private:
  enum class State { kBegin, kSnapshot, kStream, kAway };

  Status Begin();
  Status BeginSnapshot(const PgChangeStream::NewSlot& slot);
  Result<PollResult> PollSnapshot(Emitter& out);
  Result<PollResult> PollStream(Emitter& out);
  Result<PollResult> TryAgain();
  /// The connection is gone.
  Result<PollResult> Lost(const Status& status);
  Status EmitRows(Batch rows, const std::vector<RawError>& errors, Emitter& out) {
    WEIR_RETURN_NOT_OK(out.RejectRaw(errors));
    return rows.num_rows() > 0 ? tracker_.Emit(split_, std::move(rows), out) : Status::OK();
  }
  int64_t SteadyUs() const { return Env::Real().SteadyTimeNs() / 1000; }

  ChangesSource& source_;
  const ChangesPlan& plan_;
  State state_ = State::kBegin;
  PgChangeStream stream_;
  EventTimeTracker tracker_;
  const int split_;
  std::unique_ptr<PgConnection> snapshot_;
  std::unique_ptr<PgCopyDecoder> decoder_;
  bool draining_ = false;
  RetryPauses pauses_;
  int64_t lost_at_us_ = 0, try_at_us_ = 0;
};

Status ChangesSource::Reader::Begin() {
  if (source_.position_ != 0) {
    state_ = State::kAway;  // a slot whose last reader is not gone yet is tried again
    lost_at_us_ = try_at_us_ = SteadyUs();
    return Status::OK();
  }
  if (source_.durable_) {
    // A run that died before it had committed anything left its slot.
    WEIR_ASSIGN_OR_RETURN(auto connection, PgConnection::Open(plan_.parameters));
    WEIR_RETURN_NOT_OK(connection
                           ->Run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE "
                                 "slot_name = $1",
                                 {plan_.slot})
                           .status());
  }
  WEIR_ASSIGN_OR_RETURN(const auto slot, stream_.CreateSlot(/*temporary=*/!source_.durable_));
  if (plan_.snapshot) return BeginSnapshot(slot);
  WEIR_RETURN_NOT_OK(stream_.Start(slot.begin));
  source_.position_ = slot.begin;
  state_ = State::kStream;
  return Status::OK();
}

Status ChangesSource::Reader::BeginSnapshot(const PgChangeStream::NewSlot& slot) {
  WEIR_ASSIGN_OR_RETURN(snapshot_, PgConnection::Open(plan_.parameters));
  WEIR_RETURN_NOT_OK(snapshot_->Do("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT " +
                                   QuotePgText(slot.snapshot)));
  std::string names;
  std::vector<int> wanted;
  for (const PgColumn& column : plan_.columns) {
    names += (names.empty() ? "" : ", ") + PgSelectItem(column, /*cast=*/true);
    wanted.push_back(static_cast<int>(wanted.size()));
  }
  decoder_ = std::make_unique<PgCopyDecoder>(plan_.schema, wanted, plan_.columns);
  state_ = State::kSnapshot;
  return snapshot_->BeginCopy("COPY (SELECT " + names + " FROM " + QuotePgTable(plan_.table) +
                              ") TO STDOUT (FORMAT binary)");
}

Result<PollResult> ChangesSource::Reader::PollSnapshot(Emitter& out) {
  bool over = false;
  while (!over && decoder_->num_rows() < kRowsPerPoll) {
    WEIR_ASSIGN_OR_RETURN(const std::string_view piece, snapshot_->NextCopy());
    over = piece.data() == nullptr;
    if (!over) WEIR_RETURN_NOT_OK(decoder_->Add(piece));
  }
  std::vector<RawError> errors;
  WEIR_ASSIGN_OR_RETURN(Batch rows, decoder_->Take(&errors));
  WEIR_RETURN_NOT_OK(EmitRows(std::move(rows), errors, out));
  if (!over) return PollResult::kProduced;
  decoder_.reset();
  snapshot_.reset();
  WEIR_RETURN_NOT_OK(stream_.Start(stream_.position()));
  source_.position_ = stream_.position();
  state_ = State::kStream;
  return PollResult::kProduced;
}

Result<PollResult> ChangesSource::Reader::PollStream(Emitter& out) {
  Status status = stream_.Poll(kRowsPerPoll);
  if (status.ok()) {
    const PgLsn done = source_.durable_ ? source_.committed_.load() : source_.position_.load();
    status = stream_.Confirm(done, Env::Real().WallTime());
  }
  if (!status.ok() && !status.IsIOError()) return status;
  const bool has_rows = stream_.num_rows() > 0;
  if (has_rows) {
    std::vector<RawError> errors;
    WEIR_ASSIGN_OR_RETURN(Batch rows, stream_.Take(&errors));
    WEIR_RETURN_NOT_OK(EmitRows(std::move(rows), errors, out));
  }
  if (!stream_.in_transaction()) source_.position_ = stream_.position();
  if (!status.ok()) return Lost(status);
  pauses_ = RetryPauses(plan_.retry, Env::Real().RandomSeed());
  if (draining_ && !stream_.in_transaction()) return PollResult::kExhausted;
  return has_rows ? PollResult::kProduced : PollResult::kIdle;
}

Result<PollResult> ChangesSource::Reader::Lost(const Status& status) {
  if (!source_.durable_) {
    return status.WithMessage(status.message(),
                              "\n  = help: the replication slot of a run that is not durable is gone with "
                              "its connection; run with --state");
  }
  if (state_ != State::kAway) lost_at_us_ = SteadyUs();
  state_ = State::kAway;
  const auto pause_us = pauses_.Next(SteadyUs() - lost_at_us_);
  if (!pause_us) return status;
  try_at_us_ = SteadyUs() + *pause_us;
  return PollResult::kIdle;
}

Result<PollResult> ChangesSource::Reader::TryAgain() {
  if (draining_ && !stream_.in_transaction()) return PollResult::kExhausted;
  if (SteadyUs() < try_at_us_) return PollResult::kIdle;
  const Status status = stream_.position() == 0 ? stream_.Start(source_.position_) : stream_.Reconnect();
  if (!status.ok()) return status.IsIOError() ? Lost(status) : Result<PollResult>(status);
  state_ = State::kStream;
  return PollResult::kProduced;
}

Result<std::unique_ptr<SourceReader>> ChangesSource::OpenReader(const OperatorContext&) {
  return std::make_unique<Reader>(this);
}

/// Fields, and the columns that a snapshot asks for, of what the server has.
Status Describe(ChangesPlan* plan) {
  WEIR_ASSIGN_OR_RETURN(auto connection, PgConnection::Open(plan->parameters));
  WEIR_ASSIGN_OR_RETURN(auto columns, ColumnsOf(*connection, plan->table));
  if (columns.empty()) return Status::Invalid("PostgreSQL has no table '", plan->table, "'");
  arrow::FieldVector fields;
  for (PgColumn& column : columns) {
    if (column.is_generated) continue;  // they are not replicated
    fields.push_back(arrow::field(column.name, TypeOfPgColumn(column)));
    ReadAsText(&column);
    plan->columns.push_back(std::move(column));
  }
  plan->schema = arrow::schema(std::move(fields));
  return Status::OK();
}

std::optional<StepBinding> BindChanges(const ReadFromPostgresChangesConfig& config, BindContext& context) {
  ChangesPlan plan;
  plan.parameters = ParametersOf(config);
  plan.table = config.table;
  plan.slot = config.slot;
  plan.snapshot = config.snapshot;
  plan.retry = config.retry.value_or(RetryConfig{});
  plan.publication = config.publication;
  if (plan.publication.empty()) {
    plan.publication = "weir_" + config.table;
    std::replace(plan.publication.begin(), plan.publication.end(), '.', '_');
  }
  if (!config.schema.empty()) {
    plan.schema = DeclaredSchema(config.schema, &context.diagnostics());
    if (!plan.schema) return std::nullopt;
    for (const auto& field : plan.schema->fields()) {
      plan.columns.push_back(PgColumnFor(*field->type()));
      plan.columns.back().name = field->name();
    }
  } else if (const Status status = Describe(&plan); !status.ok()) {
    ConfigError(context, "table", status.message(), "with a 'schema' the database is not asked before the run");
    return std::nullopt;
  }
  const auto event_time = BindEventTime(config, plan.schema, /*unbounded=*/true, context);
  if (!event_time) return std::nullopt;
  plan.event_time = *event_time;

  StepBinding binding;
  CollectionInfo info;
  info.schema = plan.schema;
  info.bounded = false;
  info.changes = true;
  binding.outputs = {{"", info}};
  binding.source_max_lanes = 1;
  binding.source_repositions = true;
  binding.notes = event_time->Notes(*plan.schema);
  binding.source = [plan = std::move(plan)](const ScanRequest&) -> Result<std::shared_ptr<Source>> {
    return std::make_shared<ChangesSource>(plan);
  };
  return binding;
}

}  // namespace

void RegisterReadFromPostgresChanges(Registry& registry) {
  registry.Add<ReadFromPostgresChangesConfig>(Spec(), {0, 0}, BindChanges);
}

}  // namespace weir
