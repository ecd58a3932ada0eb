// WriteToHttp: rows to a server, as the bodies of requests.
//
// An operator without outputs rather than a Sink: what the server refuses goes to the error output of the step.
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "connectors/files/file_paths.h"
#include "connectors/http/http_outbox.h"
#include "connectors/http/http_sender.h"
#include "connectors/support/position.h"
#include "engine/operator.h"
#include "env/env.h"
#include "formats/json/json_writer.h"
#include "plan/binding.h"

namespace weir {
namespace {

struct HttpBatchConfig {
  int64_t max_records = 0;
  ByteSize max_bytes;
  Duration max_wait;
  static const FieldSet<HttpBatchConfig>& Fields() {
    static const auto fields =
        FieldSet<HttpBatchConfig>()
            .Field("max_records", &HttpBatchConfig::max_records,
                   FieldDoc("Rows of a request, at most.").Default("500").Min("1").Max("1000000"))
            .Field("max_bytes", &HttpBatchConfig::max_bytes,
                   FieldDoc("A request that has so many bytes is sent.").Default("1MiB").Min("1").Max("256MiB"))
            .Field("max_wait", &HttpBatchConfig::max_wait,
                   FieldDoc("A row waits no longer than this for others to be sent with.").Default("1s").Min("0s"));
    return fields;
  }
};

struct WriteToHttpConfig {
  std::string url, method, format;
  std::vector<std::pair<std::string, Secret<std::string>>> headers;
  std::optional<HttpBatchConfig> batch;
  int64_t concurrency = 1;
  Duration timeout, max_retry;
  std::string ca_file;
};

ComponentSpec Spec() {
  return ComponentSpec::Sink<WriteToHttpConfig>("WriteToHttp")
      .Summary("Send rows to a server by HTTP requests.")
      .Doc(
          "Rows are gathered into requests of NDJSON (`application/x-ndjson`) or one JSON array. An answer of 2xx "
          "takes "
          "them. After 408, 425, 429, 500, 502, 503, 504, and where there was no answer, the same request is sent "
          "again, with growing pauses or when `Retry-After` says. Rows of any other answer, and of a request that was "
          "tried for `max_retry`, go to the error output; where nobody reads that, the run ends.")
      .Guarantees(
          "At least once: a request whose answer was lost is sent again. Each request carries an `Idempotency-Key` "
          "that "
          "stays the same at every try, so that a server can leave out repetitions. With `concurrency: 1` requests "
          "come "
          "in order. While the server is slower than the pipeline, the steps before wait; a drained run waits for the "
          "answers of what it has sent. A durable run sends a request when the record of its epoch is written, with "
          "the "
          "same rows and the same key however often the process dies: a server that leaves out keys it knows gets each "
          "row once. What a drained one has not sent is sent by the next.")
      .Field("url", &WriteToHttpConfig::url,
             FieldDoc("Where to, http:// or https://.").Required().Example("https://example.com/ingest"))
      .Field("method", &WriteToHttpConfig::method,
             FieldDoc("The method of requests.").Default("POST").OneOf({"POST", "PUT", "PATCH"}))
      .Field("format", &WriteToHttpConfig::format,
             FieldDoc("`ndjson`: an object and a line break for each row; `json`: an array of objects.")
                 .Default("ndjson")
                 .OneOf({"ndjson", "json"}))
      .Field("headers", &WriteToHttpConfig::headers,
             FieldDoc("Headers of every request; their values are never shown.")
                 .Example("{Authorization: \"Bearer ${TOKEN}\"}"))
      .Field("batch", &WriteToHttpConfig::batch,
             FieldDoc("How many rows are sent at once.").Example("{max_records: 100}"))
      .Field("concurrency", &WriteToHttpConfig::concurrency,
             FieldDoc("Requests under way at once. With more than one they may overtake each other.")
                 .Default("1")
                 .Min("1")
                 .Max("64"))
      .Field("timeout", &WriteToHttpConfig::timeout,
             FieldDoc("How long one try may take.").Default("30s").Min("1ms").Max("1h"))
      .Field("max_retry", &WriteToHttpConfig::max_retry,
             FieldDoc("How long a request is tried again and again. 0s: it is tried once.").Default("5m").Min("0s"))
      .Field("ca_file", &WriteToHttpConfig::ca_file,
             FieldDoc("Certificates (PEM) to trust instead of the system's.").Advanced())
      .Example("send what was made", R"(pipeline:
  type: chain
  transforms:
  - type: ReadFromCsv
    config:
      path: /tmp/weir-example/orders.csv
      schema: {id: integer, amount: number}
  - type: WriteToHttp
    config:
      url: http://127.0.0.1:8080/orders
      batch: {max_records: 100, max_wait: 500ms}
)");
}

struct HttpSinkOptions {
  HttpSenderOptions sender;
  HttpBatchConfig batch;
  JsonForm form = JsonForm::kLines;
};

class WriteToHttp final : public Operator {
 public:
  WriteToHttp(HttpSinkOptions options, SchemaPtr schema)
      : options_(std::move(options)), schema_(schema), writer_(std::move(schema), options_.form) {}

  Status Open(OperatorContext& context) override {
    cancelled_ = context.cancelled;
    HttpSenderOptions sender = options_.sender;
    sender.seed = context.env->RandomSeed();
    const uint64_t id = context.durable
                            ? StableHash(context.durable_id + "\n" + context.step)  // the same at each start
                            : context.env->RandomSeed();
    char prefix[20];
    std::snprintf(prefix, sizeof prefix, "%016llx", static_cast<unsigned long long>(id));
    key_prefix_ = prefix;
    if (context.durable) outbox_ = std::make_unique<HttpOutbox>(schema_, key_prefix_);
    WEIR_ASSIGN_OR_RETURN(sender_, HttpSender::Make(std::move(sender)));
    return Status::OK();
  }

  Status Process(int, Batch batch, Emitter& out) override {
    WEIR_RETURN_NOT_OK(RejectFailed(out));
    for (int64_t at = 0; at < batch.num_rows();) {
      const int64_t count = std::min(batch.num_rows() - at, RowsThatFit());
      Batch part = batch.Slice(at, count);
      WEIR_RETURN_NOT_OK(writer_.Write(part, &text_));
      if (records_ == 0) due_us_ = out.processing_time_us() + options_.batch.max_wait.us;
      records_ += count;
      at += count;
      rows_.push_back(std::move(part));
      if (records_ >= options_.batch.max_records || text_.size() >= options_.batch.max_bytes.bytes) {
        WEIR_RETURN_NOT_OK(Hand(out));
      }
    }
    return Status::OK();
  }

  bool Accepts(int) const override { return outbox_ ? !outbox_->full() : sender_->has_room(); }
  int64_t next_timer_us() const override {
    // Answers come without a call: somebody has to look.
    const bool waits = !sender_->idle() || (outbox_ && outbox_->has_ready());
    return waits ? std::min(due_us_, last_look_us_ + kLookEveryUs) : due_us_;
  }
  Status OnProcessingTime(int64_t now_us, Emitter& out) override {
    last_look_us_ = now_us;
    WEIR_RETURN_NOT_OK(RejectFailed(out));
    if (outbox_) outbox_->Send(sender_.get());
    return due_us_ <= now_us && Accepts(0) ? Hand(out) : Status::OK();
  }

  Status Finish(Emitter& out) override {
    WEIR_RETURN_NOT_OK(Hand(out));
    if (outbox_) outbox_->ReleaseAll();
    while (!sender_->idle() || (outbox_ && outbox_->has_ready())) {
      if (outbox_) outbox_->Send(sender_.get());
      WEIR_RETURN_NOT_OK(Wait());
      WEIR_RETURN_NOT_OK(RejectFailed(out));
    }
    return RejectFailed(out);
  }

  Status Snapshot(StateCells* cells) override {
    if (!outbox_) return Status::OK();
    if (records_ > 0) outbox_->Add(TakeGathered());
    return outbox_->EndEpoch(sender_.get(), cells);
  }
  Status Restore(const StateCells& cells) override {
    if (!outbox_) return Status::OK();
    return outbox_->Restore(cells, [this](const std::vector<Batch>& rows) -> Result<std::string> {
      for (const Batch& batch : rows) {
        WEIR_RETURN_NOT_OK(writer_.Write(batch, &text_));
        records_ += batch.num_rows();
      }
      return std::move(TakeGathered()->body);
    });
  }

  int64_t state_bytes() const override { return text_.size(); }

 private:
  static constexpr int64_t kLookEveryUs = 5'000;
  static constexpr int64_t kMaxPartRows = 1024;

  /// Few enough for the limits, as far as the rows before them tell.
  int64_t RowsThatFit() const {
    int64_t rows = options_.batch.max_records - records_;
    const int64_t row_bytes = records_ > 0 ? text_.size() / records_ + 1 : 1024;
    rows = std::min(rows, (options_.batch.max_bytes.bytes - text_.size()) / row_bytes + 1);
    return std::clamp<int64_t>(rows, 1, kMaxPartRows);
  }

  Status Wait() {
    if (cancelled_ && cancelled_->load(std::memory_order_relaxed)) return Status::Cancelled("the run was cancelled");
    sender_->WaitForChange(20);
    return Status::OK();
  }

  /// What was gathered to the sender. Waits for room: where the rows come straight from their source, nobody asks
  /// Accepts.
  Status Hand(Emitter& out) {
    if (records_ == 0) return Status::OK();
    auto delivery = TakeGathered();
    while (outbox_ ? outbox_->full() : !sender_->has_room()) {
      if (outbox_) outbox_->Send(sender_.get());
      WEIR_RETURN_NOT_OK(Wait());
      WEIR_RETURN_NOT_OK(RejectFailed(out));
    }
    if (outbox_) {
      outbox_->Add(std::move(delivery));
      return Status::OK();
    }
    delivery->key = key_prefix_ + "-" + std::to_string(++sent_);
    sender_->Add(std::move(delivery));
    return Status::OK();
  }

  /// The request that was gathered; nothing is, from here on.
  std::unique_ptr<HttpDelivery> TakeGathered() {
    due_us_ = kMaxEventTime;
    if (options_.form == JsonForm::kArray) {
      text_.mutable_data()[0] = '[';
      text_.Append("\n]\n");
    }
    auto delivery = std::make_unique<HttpDelivery>();
    delivery->body = std::string(text_.view());
    delivery->rows = std::exchange(rows_, {});
    text_.Clear();
    records_ = 0;
    return delivery;
  }

  Status RejectFailed(Emitter& out) {
    for (const auto& delivery : sender_->TakeFailed()) {
      for (const Batch& rows : delivery->rows) {
        std::vector<RowError> errors;
        for (int64_t row = 0; row < rows.num_rows(); ++row) errors.push_back({row, delivery->failure});
        WEIR_RETURN_NOT_OK(out.Reject(rows, errors));
      }
    }
    return Status::OK();
  }

  const HttpSinkOptions options_;
  const SchemaPtr schema_;
  const std::atomic<bool>* cancelled_ = nullptr;
  JsonWriter writer_;
  std::unique_ptr<HttpSender> sender_;
  std::unique_ptr<HttpOutbox> outbox_;  // of a durable run
  std::string key_prefix_;
  int64_t sent_ = 0;
  TextOutput text_;          // of the request that is gathered
  std::vector<Batch> rows_;  // in it
  int64_t records_ = 0;
  int64_t due_us_ = kMaxEventTime;
  int64_t last_look_us_ = 0;
};

std::optional<StepBinding> BindWriteToHttp(const WriteToHttpConfig& config, BindContext& context) {
  if (!config.url.starts_with("http://") && !config.url.starts_with("https://")) {
    ConfigError(context, "url", "'url' must begin with http:// or https://");
    return std::nullopt;
  }
  const StepInputInfo& input = context.inputs()[0];
  if (input.info.changes) {
    context.StepError("WriteToHttp needs rows that stay; those of '" + input.origin + "' can be taken back",
                      "reduce them before, for example with a Combine");
    return std::nullopt;
  }
  HttpSinkOptions options;
  options.sender.url = config.url;
  options.sender.method = config.method;
  options.sender.concurrency = static_cast<int>(config.concurrency);
  options.sender.max_retry_us = config.max_retry.us;
  options.sender.client.timeout_ms = std::max<int64_t>(1, config.timeout.us / 1000);
  options.sender.client.max_redirects = 0;  // a redirected POST may arrive as a GET without its rows
  options.sender.client.max_body_bytes = int64_t{1} << 20;
  options.sender.client.ca_file = config.ca_file;
  options.form = config.format == "json" ? JsonForm::kArray : JsonForm::kLines;
  options.batch = config.batch.value_or(HttpBatchConfig{500, {int64_t{1} << 20}, Duration::Seconds(1)});
  options.sender.headers = {
      {"Content-Type", options.form == JsonForm::kArray ? "application/json" : "application/x-ndjson"}};
  for (const auto& [name, value] : config.headers) options.sender.headers.emplace_back(name, value.Reveal());

  OperatorSpec spec;
  spec.name = "WriteToHttp";
  spec.inputs = {Exchange{ExchangeKind::kGather, {}}};
  spec.max_lanes = 1;
  spec.keeps = StateKeeping::kSnapshots;
  spec.notes = {"sends to " + RedactUrl(config.url),
                "state: one request that is gathered and " + std::to_string(2 * config.concurrency) + " that are sent"};
  spec.make = [options,
               schema = context.inputs()[0].info.schema](const OperatorContext&) -> Result<std::unique_ptr<Operator>> {
    return std::make_unique<WriteToHttp>(options, schema);
  };
  StepBinding binding;
  binding.operators = {std::move(spec)};
  return binding;
}

}  // namespace

void RegisterWriteToHttp(Registry& registry) { registry.Add<WriteToHttpConfig>(Spec(), {1, 1}, BindWriteToHttp); }

}  // namespace weir
