// ReadFromHttp: rows that clients POST to a listener.
//
//   client ─ POST ─▶ connection's thread: admission, read, parse, check ─▶ ArrivalQueue ─▶ the reader's lane
//
// A request is answered when its rows stand in the queue, which the run empties even when it is drained.
#include <arrow/buffer.h>
#include <arrow/io/memory.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <iterator>
#include <nlohmann/json.hpp>

#include "connectors/files/file_paths.h"
#include "connectors/http/body_schema.h"
#include "connectors/support/arrival_log.h"
#include "connectors/support/arrival_queue.h"
#include "connectors/support/body_parser.h"
#include "connectors/support/event_time.h"
#include "connectors/support/position.h"
#include "env/streams.h"
#include "formats/json/json_printer.h"
#include "net/http_server.h"
#include "net/socket.h"
#include "plan/binding.h"
#include "plan/declared_type.h"

namespace weir {
namespace {

constexpr int64_t kReadStepBytes = 64 << 10;
/// How long a drained run waits for requests that are under way.
constexpr int64_t kDrainUs = 5'000'000;

struct ReadFromHttpConfig : EventTimeConfig {
  std::string listen, path, format;
  SchemaDecl schema;
  std::optional<Secret<std::string>> token;
  ByteSize max_body, max_queue;
  int64_t max_connections = 0;
};

ComponentSpec Spec() {
  return ComponentSpec::Source<ReadFromHttpConfig>("ReadFromHttp")
      .Summary("Listen for rows that clients send by HTTP POST.")
      .Doc(
          "A body holds JSON (an object or an array of objects), NDJSON, CSV with a header, or an Arrow IPC stream; "
          "its "
          "`Content-Type` says which (`application/json`, `application/x-ndjson`, `text/csv`, "
          "`application/vnd.apache.arrow.stream`), or `format` does. "
          "With `format: text` each line becomes the one field `line`. `Content-Encoding` may be `gzip` or `zstd`.\n\n"
          "The answer is 202 with `{\"accepted\": ROWS}` when the rows are in the pipeline's queue, 400 with the line "
          "of the first mistake when anything in the body is wrong (then nothing of it is taken), 429 with "
          "`Retry-After` when the queue is full because the steps behind are slower, and 401, 404, 405, 408, 413, 415 "
          "or 503 as usual. `X-Request-Id` comes back in the answer.")
      .Guarantees(
          "Rows that were answered with 202 come out, also when the run is drained: it stops listening, finishes "
          "requests under way and empties the queue. They are lost when the run fails or the process dies; in a "
          "durable run they are in a log of the state "
          "folder before the answer, and are given once, however it ends. A client "
          "that gets no answer and sends again makes duplicates. Rows of one connection keep their order.")
      .Field("listen", &ReadFromHttpConfig::listen,
             FieldDoc("HOST:PORT. Without a host only this machine can connect; write 0.0.0.0:8080 to be open to the "
                      "network.")
                 .Required()
                 .Example("127.0.0.1:8080"))
      .Field("path", &ReadFromHttpConfig::path, FieldDoc("The path that takes requests.").Default("/"))
      .Field("schema", &ReadFromHttpConfig::schema,
             FieldDoc("The fields and their types. Fields that a record lacks are null (a CSV header names all of "
                      "them), others are passed over.")
                 .Example("{id: integer, at: timestamp}"))
      .Field("format", &ReadFromHttpConfig::format,
             FieldDoc("What bodies hold; `auto`: as their Content-Type says.")
                 .Default("auto")
                 .OneOf({"auto", "json", "ndjson", "csv", "arrow", "text"}))
      .Field("token", &ReadFromHttpConfig::token,
             FieldDoc("Requests must carry `Authorization: Bearer TOKEN`; others get 401.").Example("${HTTP_TOKEN}"))
      .Field("max_body", &ReadFromHttpConfig::max_body,
             FieldDoc("A longer body, also after decompression, gets 413.").Default("16MiB").Min("1KiB").Max("1GiB"))
      .Field("max_queue", &ReadFromHttpConfig::max_queue,
             FieldDoc("Requests being read and rows that wait take at most this; beyond it clients get 429.")
                 .Default("64MiB")
                 .Min("1KiB")
                 .Max("64GiB"))
      .Field("max_connections", &ReadFromHttpConfig::max_connections,
             FieldDoc("Each takes a thread; further ones wait until one is free.")
                 .Default("256")
                 .Min("1")
                 .Max("10000")
                 .Advanced())
      .Fields(EventTimeConfig::Fields())
      .Example("show what comes", R"(pipeline:
  type: chain
  transforms:
  - type: ReadFromHttp
    config:
      listen: 127.0.0.1:8080
      path: /orders
      schema: {id: integer, amount: number}
  - type: Print
)");
}

struct HttpSourceOptions {
  HttpServerOptions server;
  std::string path;
  SchemaPtr schema;
  std::optional<BodyFormat> format;  // nullopt: by Content-Type
  std::optional<Secret<std::string>> token;
  int64_t max_queue_bytes = 0;
  EventTimePlan event_time;
};

/// Room in the queue for a request while it is read and parsed; given back unless handed over.
class QueueRoom {
 public:
  explicit QueueRoom(ArrivalQueue* queue) : queue_(queue) {}
  ~QueueRoom() { queue_->Release(bytes_); }
  bool GrowTo(int64_t bytes) {
    if (bytes <= bytes_) return true;
    if (!queue_->Reserve(bytes - bytes_)) return false;
    bytes_ = bytes;
    return true;
  }
  /// What is asked for instead of what was; nothing is left where there is no room.
  bool ChangeTo(int64_t bytes) {
    queue_->Release(bytes_);
    bytes_ = 0;
    return GrowTo(bytes);
  }
  int64_t HandOver() { return std::exchange(bytes_, 0); }

 private:
  ArrivalQueue* const queue_;
  int64_t bytes_ = 0;
};

/// Same time whatever the difference.
bool IsSame(std::string_view a, std::string_view b) {
  unsigned difference = a.size() != b.size();
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  return difference == 0;
}

void AnswerError(HttpResponse& response, int status, const std::string& text) {
  std::string json(6 * text.size() + 64, '\0');
  char* end = PrintJsonString({text.data(), static_cast<int64_t>(text.size())}, json.data());
  json.resize(static_cast<size_t>(end - json.data()));
  // Where the client has gone there is nobody to tell.
  (void)response.Send(status, "application/json", "{\"error\":" + json + "}\n");
}

void AnswerBusy(HttpResponse& response) {
  response.SetHeader("Retry-After", "1");
  AnswerError(response, 429, "the pipeline is behind and its queue is full: try again later");
}

class HttpSource final : public Source {
 public:
  explicit HttpSource(HttpSourceOptions options)
      : options_(std::move(options)), queue_(options_.max_queue_bytes), parsers_(options_.schema) {
    server_.Handle("POST", options_.path,
                   [this](HttpRequest& request, HttpResponse& response) { Answer(request, response); });
  }
  ~HttpSource() override {
    queue_.Close();
    server_.Stop(0);
  }

  Status Open(OperatorContext& context) override {
    if (!context.durable) return server_.Listen(options_.server);
    WEIR_ASSIGN_OR_RETURN(log_, ArrivalLog::Open(context, options_.schema, options_.max_queue_bytes));
    return Status::OK();  // listens when it is known what earlier runs have taken
  }
  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) override;
  /// The number of the last request whose rows were given, and the watermark.
  Result<std::string> Position() override;
  Status Restore(const std::string& position) override {
    position_ = position;
    return Status::OK();
  }
  Status Committed(const std::string& position) override {
    if (!log_) return Status::OK();
    WEIR_ASSIGN_OR_RETURN(const nlohmann::json saved, ParsePosition(position));
    return log_->Committed(IntAt(saved, "taken"));
  }

 private:
  class Reader;

  void Answer(HttpRequest& request, HttpResponse& response);
  void Take(BodyFormat format, BodyParser& parser, QueueRoom& room, HttpResponse& response);
  /// False: answered already, or the connection answers.
  bool ReadBody(HttpRequest& request, BodyParser& parser, QueueRoom& room, HttpResponse& response);
  bool Decompress(Compression compression, BodyParser& parser, QueueRoom& room, HttpResponse& response);
  Status CheckEventTimes(const Batch& rows) const;

  const HttpSourceOptions options_;
  ArrivalQueue queue_;
  BodyParserPool parsers_;
  std::unique_ptr<ArrivalLog> log_;  // of a durable run
  std::string position_;             // restored, or where the reader has ended
  Reader* reader_ = nullptr;         // the only one, while it is
  HttpServer server_;                // last: its threads use the rest
};

void HttpSource::Answer(HttpRequest& request, HttpResponse& response) {
  const std::string_view id = request.header("X-Request-Id");
  if (!id.empty() && id.size() <= 200) response.SetHeader("X-Request-Id", std::string(id));
  if (options_.token && !IsSame(request.header("Authorization"), "Bearer " + options_.token->Reveal())) {
    response.SetHeader("WWW-Authenticate", "Bearer");
    return AnswerError(response, 401, "the request carries no valid token");
  }
  const auto format = options_.format ? options_.format : BodyFormatFromMediaType(request.header("Content-Type"));
  if (!format) {
    return AnswerError(response, 415,
                       "Content-Type must be application/json, application/x-ndjson, text/csv or "
                       "application/vnd.apache.arrow.stream");
  }
  Compression compression = Compression::kNone;
  const std::string_view encoding = request.header("Content-Encoding");
  if (!encoding.empty() && encoding != "identity") {
    if (encoding != "gzip" && encoding != "zstd") {
      return AnswerError(response, 415, "Content-Encoding must be gzip or zstd");
    }
    compression = encoding == "gzip" ? Compression::kGzip : Compression::kZstd;
  }
  QueueRoom room(&queue_);
  auto parser = parsers_.Take();
  if (ReadBody(request, *parser, room, response) &&
      (compression == Compression::kNone || Decompress(compression, *parser, room, response))) {
    Take(*format, *parser, room, response);
  }
  parsers_.Give(std::move(parser));
}

bool HttpSource::ReadBody(HttpRequest& request, BodyParser& parser, QueueRoom& room, HttpResponse& response) {
  const int64_t limit = options_.server.max_body_bytes;
  const int64_t announced = request.content_length().value_or(0);
  if (announced <= limit && !room.GrowTo(std::max(announced, int64_t{1}))) {
    AnswerBusy(response);
    return false;
  }
  parser.buffer().Reserve(std::max(std::min(announced, limit), kReadStepBytes) + 1, 0);
  for (;;) {
    if (parser.size() == parser.buffer().capacity()) parser.buffer().Reserve(2 * parser.size(), parser.size());
    auto got = request.ReadBody(parser.buffer().data() + parser.size(), parser.buffer().capacity() - parser.size());
    if (!got.ok()) {
      if (got.status().IsCapacityError()) AnswerError(response, 413, got.status().message());
      return false;  // else the connection says what went wrong, where anybody listens
    }
    if (*got == 0) return true;
    parser.set_size(parser.size() + *got);
    if (!room.GrowTo(parser.size())) {
      AnswerBusy(response);
      return false;
    }
  }
}

bool HttpSource::Decompress(Compression compression, BodyParser& parser, QueueRoom& room, HttpResponse& response) {
  const int64_t limit = options_.server.max_body_bytes;
  const auto packed =
      arrow::Buffer::FromString(std::string(parser.buffer().data(), static_cast<size_t>(parser.size())));
  parser.set_size(0);
  auto stream = weir::Decompress(std::make_shared<arrow::io::BufferReader>(packed), compression, "body");
  while (stream.ok()) {
    if (parser.size() + kReadStepBytes > parser.buffer().capacity()) {
      parser.buffer().Reserve(2 * parser.size() + kReadStepBytes, parser.size());
    }
    auto got = (*stream)->Read(kReadStepBytes, parser.buffer().data() + parser.size());
    if (!got.ok()) {
      stream = got.status();
      break;
    }
    if (*got == 0) return true;
    parser.set_size(parser.size() + *got);
    if (parser.size() > limit) {
      AnswerError(response, 413, "the body is longer than " + std::to_string(limit) + " bytes after decompression");
      return false;
    }
    if (!room.GrowTo(parser.size())) {
      AnswerBusy(response);
      return false;
    }
  }
  AnswerError(response, 400, stream.status().message());
  return false;
}

Status HttpSource::CheckEventTimes(const Batch& rows) const {
  if (options_.event_time.column < 0 || rows.num_rows() == 0) return Status::OK();
  Batch copy = rows;
  std::vector<RowError> errors;
  WEIR_RETURN_NOT_OK(AssignEventTime(options_.event_time, 0, &copy, &errors));
  if (errors.empty()) return Status::OK();
  return Status::Invalid("record ", errors[0].row + 1, ": ", errors[0].message);
}

void HttpSource::Take(BodyFormat format, BodyParser& parser, QueueRoom& room, HttpResponse& response) {
  std::vector<RecordError> errors;
  auto rows = parser.Parse(format, &errors);
  if (!rows.ok()) return AnswerError(response, 400, rows.status().message());
  if (!errors.empty()) return AnswerError(response, 400, errors[0].place + ": " + errors[0].message);
  if (Status times = CheckEventTimes(*rows); !times.ok()) return AnswerError(response, 400, times.message());
  const int64_t count = rows->num_rows();
  if (count > 0) {
    if (!room.ChangeTo(rows->size_bytes()) || (log_ && log_->full())) return AnswerBusy(response);
    ArrivalQueue::Arrival arrival;
    arrival.rows = std::move(*rows);
    arrival.bytes = room.HandOver();
    const Result<bool> taken =
        log_ ? log_->Accept(std::move(arrival), &queue_) : Result<bool>(queue_.Push(std::move(arrival)));
    if (!taken.ok()) {
      response.SetHeader("Retry-After", "1");
      return AnswerError(response, 503, "the rows cannot be kept: " + taken.status().message());
    }
    if (!*taken) {
      response.SetHeader("Retry-After", "1");
      return AnswerError(response, 503, "the pipeline is stopping");
    }
  }
  // The rows are taken, whether or not the client still hears of it.
  (void)response.Send(202, "application/json", "{\"accepted\":" + std::to_string(count) + "}\n");
}

class HttpSource::Reader final : public SourceReader {
 public:
  Reader(HttpSource* source, const OperatorContext& lane)
      : source_(source), batch_rows_(lane.batch_rows), tracker_(source->options_.event_time) {
    source_->queue_.SetWake(lane.wake);
    source_->reader_ = this;
  }
  ~Reader() override {
    source_->queue_.SetWake(nullptr);
    source_->position_ = Position();
    source_->reader_ = nullptr;
  }

  /// Goes on behind the restored position, if there is one, with what earlier runs have taken.
  Status Begin() {
    if (!source_->position_.empty()) {
      WEIR_ASSIGN_OR_RETURN(const nlohmann::json position, ParsePosition(source_->position_));
      taken_ = IntAt(position, "taken");
      split_ = static_cast<int>(IntAt(position, "split", -1));
      WEIR_RETURN_NOT_OK(tracker_.Restore(TextAt(position, "times")));
    }
    WEIR_ASSIGN_OR_RETURN(auto earlier, source_->log_->After(taken_));
    earlier_.assign(std::make_move_iterator(earlier.begin()), std::make_move_iterator(earlier.end()));
    return Status::OK();
  }
  std::string Position() const {
    return PrintPosition({{"taken", taken_}, {"split", split_}, {"times", tracker_.Position()}});
  }

  Result<PollResult> Poll(Emitter& out) override {
    tracker_.OnPoll(out);
    if (split_ < 0) split_ = tracker_.Add();
    if (draining_) EndWhenQuiet(out.processing_time_us());
    std::vector<Batch> batches;
    ArrivalQueue::Arrival arrival;
    for (int64_t rows = 0; rows < batch_rows_ && Next(&arrival);) {
      rows += arrival.rows.num_rows();
      taken_ = std::max(taken_, arrival.place);
      batches.push_back(std::move(arrival.rows));
    }
    if (batches.empty()) return closed_ ? PollResult::kExhausted : PollResult::kIdle;
    WEIR_ASSIGN_OR_RETURN(Batch rows, JoinBatches(std::move(batches)));
    WEIR_RETURN_NOT_OK(tracker_.Emit(split_, std::move(rows), out));
    tracker_.EndPiece(split_);
    return PollResult::kProduced;
  }

  bool Drain() override {
    draining_ = true;
    source_->server_.BeginStop();
    return true;
  }
  EventTime watermark() const override { return tracker_.watermark(); }
  bool idle() const override { return tracker_.idle(); }

 private:
  bool Next(ArrivalQueue::Arrival* arrival) {
    if (earlier_.empty()) return source_->queue_.Pop(arrival);
    *arrival = std::move(earlier_.front());
    earlier_.pop_front();
    return true;
  }
  void EndWhenQuiet(int64_t now_us) {
    if (drain_until_us_ == 0) drain_until_us_ = now_us + kDrainUs;
    if (closed_ || (source_->server_.active_requests() > 0 && now_us < drain_until_us_)) return;
    source_->queue_.Close();
    closed_ = true;
  }

  HttpSource* const source_;
  const int64_t batch_rows_;
  EventTimeTracker tracker_;
  std::deque<ArrivalQueue::Arrival> earlier_;  // that earlier runs have taken and not given
  int64_t taken_ = 0;                          // number of the last arrival that was given
  int split_ = -1;
  bool draining_ = false, closed_ = false;
  int64_t drain_until_us_ = 0;
};

Result<std::unique_ptr<SourceReader>> HttpSource::OpenReader(const OperatorContext& lane) {
  auto reader = std::make_unique<Reader>(this, lane);
  if (log_) {
    WEIR_RETURN_NOT_OK(reader->Begin());
    WEIR_RETURN_NOT_OK(server_.Listen(options_.server));
  }
  return reader;
}

Result<std::string> HttpSource::Position() { return reader_ ? reader_->Position() : position_; }

std::optional<StepBinding> BindReadFromHttp(const ReadFromHttpConfig& config, BindContext& context) {
  HttpSourceOptions options;
  options.path = config.path;
  options.schema = BodySchema(config.format == "text", config.schema, context);
  options.format = BodyFormatFromName(config.format);
  options.token = config.token;
  options.max_queue_bytes = config.max_queue.bytes;
  options.server.max_body_bytes = config.max_body.bytes;
  options.server.max_connections = static_cast<int>(config.max_connections);
  auto address = ParseSocketAddress(config.listen);
  if (!address.ok()) ConfigError(context, "listen", address.status().message());
  if (!config.path.starts_with('/')) ConfigError(context, "path", "'path' must begin with a slash");
  if (!address.ok() || !options.schema || !config.path.starts_with('/')) return std::nullopt;
  options.server.address = address->host;
  options.server.port = address->port;
  auto plan = BindEventTime(config, options.schema, true, context);
  if (!plan) return std::nullopt;
  options.event_time = *plan;

  StepBinding binding;
  CollectionInfo info;
  info.schema = options.schema;
  info.bounded = false;
  binding.outputs = {{"", info}};
  binding.source_repositions = true;
  binding.source_max_lanes = 1;  // the connections' threads parse; one lane keeps their order
  binding.notes = plan->Notes(*options.schema);
  binding.notes.push_back("listens on " + address->ToString() + config.path);
  binding.notes.push_back("state: at most " + FormatByteSize(config.max_queue) + " wait for the steps behind");
  binding.source = [options](const ScanRequest&) -> Result<std::shared_ptr<Source>> {
    return std::make_shared<HttpSource>(options);
  };
  return binding;
}

}  // namespace

void RegisterReadFromHttp(Registry& registry) { registry.Add<ReadFromHttpConfig>(Spec(), {0, 0}, BindReadFromHttp); }

}  // namespace weir
