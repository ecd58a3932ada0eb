// ReadFromTcp: rows that clients send over plain connections.
//
// A thread for each connection reads, cuts and parses; where the queue has no room it stops reading, and the client's
// own buffers fill.
#include <arrow/array/builder_binary.h>
#include <arrow/type.h>

#include <algorithm>
#include <cstring>
#include <list>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "base/utf8.h"
#include "connectors/files/file_paths.h"
#include "connectors/support/arrival_log.h"
#include "connectors/support/arrival_queue.h"
#include "connectors/support/body_parser.h"
#include "connectors/support/event_time.h"
#include "connectors/support/position.h"
#include "connectors/tcp/frame_cutter.h"
#include "env/env.h"
#include "formats/text/line_format.h"
#include "net/socket.h"
#include "plan/binding.h"
#include "plan/declared_type.h"

namespace weir {
namespace {

constexpr int64_t kReadBytes = 64 << 10;
constexpr int64_t kLookMs = 500;
/// How long a drained run reads what connections have sent already.
constexpr int64_t kDrainUs = 5'000'000;

struct ReadFromTcpConfig : EventTimeConfig {
  std::string listen, framing, format;
  SchemaDecl schema;
  ByteSize max_frame, max_queue;
  int64_t max_connections = 0;
};

ComponentSpec Spec() {
  return ComponentSpec::Source<ReadFromTcpConfig>("ReadFromTcp")
      .Summary("Listen for rows that clients send over TCP.")
      .Doc(
          "A frame is a row: a line, or (`framing: length`) so many bytes as the four before them say, big endian. It "
          "holds a JSON object, or text, which becomes the one field `line`. Frames that are no record go to the error "
          "output; one that is too long, or cut short, also ends its connection.")
      .Guarantees(
          "Rows of one connection keep their order. Nobody tells a client what was taken: what it sent and was not yet "
          "read when the run ends is lost; a drained run reads what has arrived. In a durable run what was read is in "
          "a "
          "log of the state folder, synced, and is given once, however the run ends. While the steps behind are "
          "slower, "
          "nothing is read and clients wait. Where nobody reads errors, the first one ends the run.")
      .Field("listen", &ReadFromTcpConfig::listen,
             FieldDoc("HOST:PORT. Without a host only this machine can connect; write 0.0.0.0:9000 to be open to the "
                      "network.")
                 .Required()
                 .Example("127.0.0.1:9000"))
      .Field("framing", &ReadFromTcpConfig::framing,
             FieldDoc("How frames are told apart.").Default("lines").OneOf({"lines", "length"}))
      .Field("format", &ReadFromTcpConfig::format,
             FieldDoc("What a frame holds.").Default("json").OneOf({"json", "text"}))
      .Field(
          "schema", &ReadFromTcpConfig::schema,
          FieldDoc("The fields of JSON and their types. Fields that a record lacks are null, others are passed over.")
              .Example("{id: integer, at: timestamp}"))
      .Field("max_frame", &ReadFromTcpConfig::max_frame,
             FieldDoc("A longer frame ends its connection.").Default("1MiB").Min("1").Max("256MiB"))
      .Field(
          "max_queue", &ReadFromTcpConfig::max_queue,
          FieldDoc("Rows that wait take at most this; then nothing is read.").Default("64MiB").Min("1KiB").Max("64GiB"))
      .Field("max_connections", &ReadFromTcpConfig::max_connections,
             FieldDoc("Each takes a thread; further ones wait until one is free.")
                 .Default("256")
                 .Min("1")
                 .Max("10000")
                 .Advanced())
      .Fields(EventTimeConfig::Fields())
      .Example("show what comes", R"(pipeline:
  type: chain
  transforms:
  - type: ReadFromTcp
    config:
      listen: 127.0.0.1:9000
      schema: {id: integer, amount: number}
  - type: Print
)");
}

struct TcpOptions {
  SocketAddress address;
  Framing framing = Framing::kLines;
  bool is_text = false;
  SchemaPtr schema;
  int64_t max_frame_bytes = 0, max_queue_bytes = 0;
  int max_connections = 0;
  EventTimePlan event_time;
};

/// Frames of one connection that are parsed together.
class FrameParser {
 public:
  explicit FrameParser(const TcpOptions& options) : is_text_(options.is_text), json_(options.schema) {}

  int64_t bytes() const { return is_text_ ? text_bytes_ : json_.size(); }
  Status Add(std::string_view frame) {
    if (is_text_) {
      text_bytes_ += static_cast<int64_t>(frame.size()) + 8;
      if (FirstInvalidUtf8(frame) == std::string_view::npos) return lines_.Append(frame);
      errors_.push_back({RecordText(frame.data(), static_cast<int64_t>(frame.size())), "the text is no UTF-8"});
      return Status::OK();
    }
    const int64_t at = json_.size(), size = static_cast<int64_t>(frame.size());
    if (frame.find_first_not_of(" \t\r") == std::string_view::npos) return Status::OK();  // an empty line is no record
    json_.buffer().Reserve(std::max<int64_t>(at + size + 1, kReadBytes), at);
    char* to = json_.buffer().data() + at;
    std::memcpy(to, frame.data(), frame.size());
    // Between its values a record may have line breaks; a record per line is what the parser reads.
    std::replace(to, to + size, '\n', ' ');
    to[size] = '\n';
    json_.set_size(at + size + 1);
    return Status::OK();
  }
  void Fail(std::string message) { errors_.push_back({"", std::move(message)}); }

  Status Take(const std::string& peer, Batch* rows, std::vector<RawError>* errors) {
    std::vector<RecordError> refused;
    if (is_text_) {
      WEIR_ASSIGN_OR_RETURN(auto lines, lines_.Finish());
      *rows = Batch(LineSchema(), {lines->data()}, lines->length());
      text_bytes_ = 0;
    } else if (json_.size() > 0) {
      WEIR_ASSIGN_OR_RETURN(*rows, json_.Parse(BodyFormat::kNdjson, &refused));
      json_.set_size(0);
    }
    for (RecordError& error : refused) errors->push_back({std::move(error.record), peer + ": " + error.message});
    for (RawError& error : errors_) errors->push_back({std::move(error.raw), peer + ": " + error.message});
    errors_.clear();
    return Status::OK();
  }

 private:
  const bool is_text_;
  BodyParser json_;
  arrow::StringBuilder lines_;
  int64_t text_bytes_ = 0;
  std::vector<RawError> errors_;
};

class TcpSource final : public Source {
 public:
  explicit TcpSource(TcpOptions options) : options_(std::move(options)), queue_(options_.max_queue_bytes) {}
  ~TcpSource() override {
    queue_.Close();
    BeginStop();
    {
      std::lock_guard lock(mutex_);
      for (Connection& connection : connections_) connection.socket->Shutdown();
    }
    if (acceptor_.joinable()) acceptor_.join();
    for (Connection& connection : connections_) connection.thread.join();
  }

  Status Open(OperatorContext& context) override {
    if (!context.durable) return Listen();
    WEIR_ASSIGN_OR_RETURN(log_, ArrivalLog::Open(context, options_.schema, options_.max_queue_bytes));
    return Status::OK();  // listens when it is known what earlier runs have taken
  }
  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) override;
  /// The number of the last arrival that was given; connections, which are all over then, and their watermarks.
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
  struct Connection {
    int64_t number = 0;
    std::unique_ptr<Socket> socket;
    std::thread thread;
    bool is_over = false;
  };

  Status Listen() {
    WEIR_ASSIGN_OR_RETURN(listener_, Listener::Open(options_.address));
    acceptor_ = std::thread([this] { Accept(); });
    return Status::OK();
  }
  /// In a durable run what is handed over is on the medium before more is read. False: nothing is taken any more.
  bool HandOver(ArrivalQueue::Arrival arrival);
  void Accept();
  void Serve(Connection& connection);
  /// False when the connection ends: by a mistake, or because nothing is taken any more.
  bool Push(Connection& connection, FrameParser& parser);
  /// Stops listening, and lets connections read to the end of what has come.
  void BeginStop();
  bool all_over() const;

  const TcpOptions options_;
  ArrivalQueue queue_;
  std::unique_ptr<Listener> listener_;
  std::thread acceptor_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Connection> connections_;
  int64_t last_number_ = 0;
  std::unique_ptr<ArrivalLog> log_;  // of a durable run
  std::string position_;             // restored, or where the reader has ended
  Reader* reader_ = nullptr;         // the only one, while it is
};

void TcpSource::Accept() {
  SetThreadName("tcp-accept");
  while (!stopping_) {
    auto socket = listener_->Accept();
    if (!socket.ok() || !*socket) return;
    std::unique_lock lock(mutex_);
    for (;;) {
      for (auto it = connections_.begin(); it != connections_.end();) {
        auto next = std::next(it);
        if (it->is_over) {
          it->thread.join();  // it has left the mutex for good
          connections_.erase(it);
        }
        it = next;
      }
      if (stopping_ || static_cast<int>(connections_.size()) < options_.max_connections) break;
      changed_.wait_for(lock, std::chrono::milliseconds(kLookMs));
    }
    if (stopping_) return;
    Connection& connection = connections_.emplace_back();
    connection.number = ++last_number_;
    connection.socket = std::move(*socket);
    connection.thread = std::thread([this, &connection] {
      SetThreadName("tcp-client");
      Serve(connection);
      connection.socket->Shutdown();
      std::lock_guard over(mutex_);
      connection.is_over = true;
      changed_.notify_all();
    });
  }
}

void TcpSource::Serve(Connection& connection) {
  FrameCutter cutter(options_.framing, options_.max_frame_bytes);
  FrameParser parser(options_);
  for (bool open = true; open;) {
    if (!connection.socket->WaitReadable(kLookMs)) continue;  // BeginStop makes it readable
    auto got = connection.socket->ReadSome(cutter.Reserve(kReadBytes), kReadBytes, kLookMs);
    open = got.ok() && *got > 0;
    if (open) cutter.Written(*got);
    std::string_view frame;
    for (;;) {
      auto more = open || !got.ok() ? cutter.Next(&frame) : cutter.Last(&frame);
      Status status = more.ok() && *more ? parser.Add(frame) : more.status();
      if (!status.ok()) {
        parser.Fail(status.message());
        open = false;
      }
      if (!status.ok() || !*more) break;
    }
    if (!Push(connection, parser)) break;
  }
  ArrivalQueue::Arrival end;
  end.origin = connection.number;
  end.is_end = true;
  (void)HandOver(std::move(end));
}

bool TcpSource::HandOver(ArrivalQueue::Arrival arrival) {
  if (!log_) return queue_.Push(std::move(arrival));
  while (log_->full() && !stopping_) log_->WaitForRoom(kLookMs);
  const auto taken = log_->Accept(std::move(arrival), &queue_);
  if (taken.ok()) return *taken;
  ArrivalQueue::Arrival trouble;  // the connection ends, and an error row says why
  trouble.errors.push_back({"", "what a client sent cannot be kept: " + taken.status().message()});
  (void)queue_.Push(std::move(trouble));
  return false;
}

bool TcpSource::Push(Connection& connection, FrameParser& parser) {
  ArrivalQueue::Arrival arrival;
  const Status status = parser.Take(connection.socket->peer(), &arrival.rows, &arrival.errors);
  if (!status.ok()) arrival.errors.push_back({"", connection.socket->peer() + ": " + status.message()});
  if (arrival.rows.num_rows() == 0 && arrival.errors.empty()) return true;
  arrival.origin = connection.number;
  arrival.bytes = arrival.rows.num_rows() > 0 ? arrival.rows.size_bytes() : 1;
  return queue_.WaitAndReserve(arrival.bytes) && HandOver(std::move(arrival)) && status.ok();
}

void TcpSource::BeginStop() {
  if (stopping_.exchange(true)) return;
  if (listener_) listener_->Close();
  std::lock_guard lock(mutex_);
  for (Connection& connection : connections_) connection.socket->ShutdownRead();
  changed_.notify_all();
}

bool TcpSource::all_over() const {
  std::lock_guard lock(mutex_);
  for (const Connection& connection : connections_) {
    if (!connection.is_over) return false;
  }
  return true;
}

class TcpSource::Reader final : public SourceReader {
 public:
  Reader(TcpSource* source, const OperatorContext& lane)
      : source_(source), batch_rows_(lane.batch_rows), tracker_(source->options_.event_time) {
    source_->queue_.SetWake(lane.wake);
    source_->reader_ = this;
  }
  ~Reader() override {
    source_->queue_.SetWake(nullptr);
    source_->position_ = Position();
    source_->reader_ = nullptr;
  }

  /// Goes on behind the restored position, if there is one, with what earlier runs have taken. Their connections end
  /// with it.
  Status Begin() {
    if (!source_->position_.empty()) {
      WEIR_ASSIGN_OR_RETURN(const nlohmann::json position, ParsePosition(source_->position_));
      taken_ = IntAt(position, "taken");
      WEIR_RETURN_NOT_OK(tracker_.Restore(TextAt(position, "times")));
      for (const nlohmann::json& split : ListAt(position, "connections")) {
        splits_[IntAt(split, "number")] = static_cast<int>(IntAt(split, "split"));
      }
    }
    WEIR_ASSIGN_OR_RETURN(auto earlier, source_->log_->After(taken_));
    std::set<int64_t> open;
    for (const auto& [number, split] : splits_) open.insert(number);
    for (ArrivalQueue::Arrival& arrival : earlier) {
      open.insert(arrival.origin);
      earlier_.push_back(std::move(arrival));
    }
    for (const int64_t number : open) {
      source_->last_number_ = std::max(source_->last_number_, number);
      ArrivalQueue::Arrival& end = earlier_.emplace_back();
      end.origin = number;
      end.is_end = true;
    }
    return Status::OK();
  }
  std::string Position() const {
    nlohmann::json connections = nlohmann::json::array();
    for (const auto& [number, split] : splits_) connections.push_back({{"number", number}, {"split", split}});
    return PrintPosition({{"taken", taken_}, {"connections", std::move(connections)}, {"times", tracker_.Position()}});
  }

  Result<PollResult> Poll(Emitter& out) override {
    tracker_.OnPoll(out);
    if (draining_) EndWhenQuiet(out.processing_time_us());
    std::vector<Batch> batches;  // of one connection
    int64_t rows = 0, origin = 0;
    bool any = false;
    while (rows < batch_rows_ && (next_ || TakeNext())) {
      any = true;
      if (!batches.empty() && next_->origin != origin) break;
      origin = next_->origin;
      if (!next_->errors.empty()) WEIR_RETURN_NOT_OK(out.RejectRaw(next_->errors));
      if (next_->rows.num_rows() > 0) {
        rows += next_->rows.num_rows();
        batches.push_back(std::move(next_->rows));
      }
      const bool is_end = next_->is_end;
      taken_ = std::max(taken_, next_->place);
      next_.reset();
      if (is_end) {
        WEIR_RETURN_NOT_OK(Give(origin, std::move(batches), out));
        if (auto split = splits_.find(origin); split != splits_.end()) {
          tracker_.End(split->second);
          splits_.erase(split);
        }
        return PollResult::kProduced;
      }
    }
    if (!any) return closed_ ? PollResult::kExhausted : PollResult::kIdle;
    WEIR_RETURN_NOT_OK(Give(origin, std::move(batches), out));
    return PollResult::kProduced;
  }

  bool Drain() override {
    draining_ = true;
    source_->BeginStop();
    return true;
  }
  EventTime watermark() const override { return tracker_.watermark(); }
  bool idle() const override { return tracker_.idle(); }

 private:
  bool TakeNext() {
    ArrivalQueue::Arrival arrival;
    if (!earlier_.empty()) {
      arrival = std::move(earlier_.front());
      earlier_.pop_front();
    } else if (!source_->queue_.Pop(&arrival)) {
      return false;
    }
    next_ = std::move(arrival);
    return true;
  }

  Status Give(int64_t origin, std::vector<Batch> batches, Emitter& out) {
    if (batches.empty()) return Status::OK();
    auto [split, is_new] = splits_.try_emplace(origin, -1);
    if (is_new) split->second = tracker_.Add();
    WEIR_ASSIGN_OR_RETURN(Batch rows, JoinBatches(std::move(batches)));
    WEIR_RETURN_NOT_OK(tracker_.Emit(split->second, std::move(rows), out));
    tracker_.EndPiece(split->second);
    return Status::OK();
  }

  void EndWhenQuiet(int64_t now_us) {
    if (drain_until_us_ == 0) drain_until_us_ = now_us + kDrainUs;
    if (closed_ || (!source_->all_over() && now_us < drain_until_us_)) return;
    source_->queue_.Close();
    closed_ = true;
  }

  TcpSource* const source_;
  const int64_t batch_rows_;
  EventTimeTracker tracker_;
  std::map<int64_t, int> splits_;  // by connection
  std::optional<ArrivalQueue::Arrival> next_;
  std::deque<ArrivalQueue::Arrival> earlier_;  // that earlier runs have taken and not given
  int64_t taken_ = 0;                          // number of the last arrival that was given
  bool draining_ = false, closed_ = false;
  int64_t drain_until_us_ = 0;
};

Result<std::unique_ptr<SourceReader>> TcpSource::OpenReader(const OperatorContext& lane) {
  auto reader = std::make_unique<Reader>(this, lane);
  if (log_) {
    WEIR_RETURN_NOT_OK(reader->Begin());
    WEIR_RETURN_NOT_OK(Listen());
  }
  return reader;
}

Result<std::string> TcpSource::Position() { return reader_ ? reader_->Position() : position_; }

std::optional<StepBinding> BindReadFromTcp(const ReadFromTcpConfig& config, BindContext& context) {
  TcpOptions options;
  options.is_text = config.format == "text";
  options.framing = config.framing == "length" ? Framing::kLength : Framing::kLines;
  options.max_frame_bytes = config.max_frame.bytes;
  options.max_queue_bytes = config.max_queue.bytes;
  options.max_connections = static_cast<int>(config.max_connections);
  auto address = ParseSocketAddress(config.listen);
  if (!address.ok()) ConfigError(context, "listen", address.status().message());
  const bool is_wrong = options.is_text != config.schema.empty();
  if (is_wrong) {
    ConfigError(context, options.is_text ? "schema" : "format",
                options.is_text ? "text has the one field 'line': it takes no schema" : "JSON needs a 'schema'");
  }
  options.schema = options.is_text ? LineSchema()
                   : is_wrong      ? nullptr
                                   : DeclaredSchema(config.schema, &context.diagnostics());
  if (!address.ok() || is_wrong || !options.schema) return std::nullopt;
  options.address = *address;
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
  binding.notes.push_back("listens on " + address->ToString());
  binding.notes.push_back("state: at most " + FormatByteSize(config.max_queue) + " wait for the steps behind");
  binding.source = [options](const ScanRequest&) -> Result<std::shared_ptr<Source>> {
    return std::make_shared<TcpSource>(options);
  };
  return binding;
}

}  // namespace

void RegisterReadFromTcp(Registry& registry) { registry.Add<ReadFromTcpConfig>(Spec(), {0, 0}, BindReadFromTcp); }

}  // namespace weir
