// PollHttp: what a server has, asked for again and again. A page that has not changed gives nothing.
#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "connectors/files/file_paths.h"
#include "connectors/http/body_schema.h"
#include "connectors/support/arrival_queue.h"
#include "connectors/support/body_parser.h"
#include "connectors/support/event_time.h"
#include "connectors/support/position.h"
#include "env/env.h"
#include "net/http_client.h"
#include "plan/binding.h"
#include "plan/declared_type.h"

namespace weir {
namespace {

constexpr int kMaxTries = 5;
constexpr int64_t kFirstPauseUs = 200'000;
constexpr int64_t kMaxAskedPauseUs = 60'000'000;
constexpr int kMaxJsonDepth = 128;

struct PollHttpConfig : EventTimeConfig {
  std::string url, format, records, next, ca_file;
  Duration every, timeout;
  std::vector<std::pair<std::string, Secret<std::string>>> headers;
  SchemaDecl schema;
  int64_t max_pages = 0, rounds = 0;
  ByteSize max_body;
};

ComponentSpec Spec() {
  return ComponentSpec::Source<PollHttpConfig>("PollHttp")
      .Summary("Ask a server for rows, again and again.")
      .Doc(
          "Every `every` the URL is read; an answer holds JSON, NDJSON, CSV or Arrow as for ReadFromHttp, "
          "or (`format: text`) lines, which become the one field `line`. `ETag` and "
          "`Last-Modified` are sent back, so that a server can answer 304; a page that is the same, byte for byte, as "
          "the time before gives no rows either. `next` follows pages. What fails for the moment (no answer, 408, 425, "
          "429, 5xx) is tried again, up to 5 times; then the failure goes to the error output, and the next round "
          "begins in its time. Records that do not fit go to the error output.")
      .Guarantees(
          "A page that has changed is given whole: who wants each record once puts a Distinct behind. The first round "
          "of a new run gives everything; a durable run that is started again knows which pages it has given. Where "
          "nobody reads errors, the first one ends the run.")
      .Field("url", &PollHttpConfig::url,
             FieldDoc("What to read, http:// or https://.").Required().Example("https://example.com/orders"))
      .Field("schema", &PollHttpConfig::schema,
             FieldDoc("The fields and their types. Fields that a record lacks are null, others are passed over.")
                 .Example("{id: integer, at: timestamp}"))
      .Field("every", &PollHttpConfig::every,
             FieldDoc("From the beginning of a round to that of the next.").Default("1m").Min("10ms"))
      .Field("rounds", &PollHttpConfig::rounds,
             FieldDoc("So many rounds, then the step ends; 0: it goes on without an end.").Default("0").Min("0"))
      .Field("headers", &PollHttpConfig::headers,
             FieldDoc("Headers of every request; their values are never shown.")
                 .Example("{Authorization: \"Bearer ${TOKEN}\"}"))
      .Field("format", &PollHttpConfig::format,
             FieldDoc("What answers hold; `auto`: as their Content-Type says.")
                 .Default("auto")
                 .OneOf({"auto", "json", "ndjson", "csv", "arrow", "text"}))
      .Field("records", &PollHttpConfig::records,
             FieldDoc("Where in a JSON answer the array of records stands, names joined by points. By default the "
                      "answer is the array, or one record.")
                 .Example("data.items"))
      .Field(
          "next", &PollHttpConfig::next,
          FieldDoc("Where the URL of the next page is: `link` for the header `Link` with rel=\"next\", else the place "
                   "in a JSON answer. By default there is one page.")
              .Example("data.next"))
      .Field("max_pages", &PollHttpConfig::max_pages,
             FieldDoc("Pages of a round, at most.").Default("1000").Min("1").Max("100000").Advanced())
      .Field("timeout", &PollHttpConfig::timeout,
             FieldDoc("How long one request may take.").Default("30s").Min("1ms").Max("1h"))
      .Field("max_body", &PollHttpConfig::max_body,
             FieldDoc("A longer answer is an error.").Default("64MiB").Min("1KiB").Max("1GiB"))
      .Field("ca_file", &PollHttpConfig::ca_file,
             FieldDoc("Certificates (PEM) to trust instead of the system's.").Advanced())
      .Fields(EventTimeConfig::Fields())
      .Example("watch a list", R"(pipeline:
  type: chain
  transforms:
  - type: PollHttp
    config:
      url: http://127.0.0.1:8080/orders.json
      every: 10s
      schema: {id: integer, amount: number}
  - type: Print
)");
}

struct PollOptions {
  HttpClientOptions client;
  std::string url, records, next;
  HttpHeaders headers;
  std::optional<BodyFormat> format;
  SchemaPtr schema;
  int64_t every_us = 0;
  int64_t max_pages = 0;
  int64_t rounds = 0;  // 0: without an end
  EventTimePlan event_time;
};

/// Brackets inside each other, whatever else the text is: our JSON library goes down by recursion.
int JsonDepth(std::string_view text) {
  int depth = 0, deepest = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return deepest;
}

/// The value at "a.b.c"; null where there is none.
const nlohmann::json* FindPath(const nlohmann::json& root, std::string_view path) {
  const nlohmann::json* at = &root;
  while (!path.empty()) {
    const size_t point = std::min(path.find('.'), path.size());
    if (!at->is_object()) return nullptr;
    auto found = at->find(std::string(path.substr(0, point)));
    if (found == at->end()) return nullptr;
    at = &*found;
    path.remove_prefix(std::min(point + 1, path.size()));
  }
  return at;
}

/// The target of rel="next" in a Link header (RFC 8288); empty where there is none.
std::string NextLink(std::string_view header) {
  while (!header.empty()) {
    const size_t begin = header.find('<'), end = header.find('>', begin);
    if (begin == std::string_view::npos || end == std::string_view::npos) return "";
    const size_t following = std::min(header.find('<', end), header.size());
    const std::string_view params = header.substr(end + 1, following - end - 1);
    if (params.find("rel=\"next\"") != std::string_view::npos || params.find("rel=next") != std::string_view::npos) {
      return std::string(header.substr(begin + 1, end - begin - 1));
    }
    header.remove_prefix(following);
  }
  return "";
}

/// Asks in a thread of its own.
class PollSource final : public Source {
 public:
  explicit PollSource(PollOptions options)
      : options_(std::move(options)), queue_(options_.client.max_body_bytes), parser_(options_.schema) {}
  ~PollSource() override { Stop(); }

  Status Open(OperatorContext& context) override {
    HttpClientOptions client = options_.client;
    client.cancelled = &stopping_;
    WEIR_ASSIGN_OR_RETURN(client_, HttpClient::Make(std::move(client)));
    random_.seed(context.env->RandomSeed());
    return Status::OK();
  }
  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) override;
  /// The version of each page whose rows were given last.
  Result<std::string> Position() override;
  Status Restore(const std::string& position) override;

 private:
  class Reader;
  /// What is remembered of a page; at most max_pages of them.
  struct Page {
    std::string etag, last_modified, next;
    size_t hash = 0;
    int64_t round = 0;
  };

  void Work();
  void Round();
  /// The page at `url`: its rows to the queue where it has changed. The URL of the next page, empty where there is
  /// none.
  Result<std::string> Read(const std::string& url);
  Result<HttpAnswer> Ask(const std::string& url, const Page* page);
  Status Take(const std::string& url, const HttpAnswer& answer, Page* fresh);
  /// False when the source stops.
  bool Push(Batch rows, std::vector<RawError> errors, std::string note = "");
  bool Pause(int64_t us);
  void Stop() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    stopped_.notify_all();
    queue_.Close();
    if (thread_.joinable()) thread_.join();
  }

  const PollOptions options_;
  ArrivalQueue queue_;
  BodyParser parser_;
  std::unique_ptr<HttpClient> client_;
  std::map<std::string, Page> pages_;  // by URL
  int64_t round_ = 0;
  std::mt19937_64 random_;
  std::atomic<bool> stopping_{false}, ended_{false};
  std::mutex mutex_;
  std::condition_variable stopped_;
  std::string position_;      // restored, or where the reader has ended
  Reader* reader_ = nullptr;  // the only one, while it is
  std::thread thread_;
};

void PollSource::Work() {
  SetThreadName("http-poll");
  while (!stopping_) {
    const int64_t begin_us = Env::Real().SteadyTimeNs() / 1000;
    Round();
    if (round_ == options_.rounds) {
      ended_ = true;
      queue_.Close();
      return;
    }
    const int64_t spent_us = Env::Real().SteadyTimeNs() / 1000 - begin_us;
    if (!Pause(std::max<int64_t>(options_.every_us - spent_us, 0))) return;
  }
}

void PollSource::Round() {
  ++round_;
  std::string url = options_.url;
  for (int64_t i = 0; i < options_.max_pages && !url.empty() && !stopping_; ++i) {
    auto next = Read(url);
    if (!next.ok()) {
      if (!stopping_) (void)Push(Batch(), {{RedactUrl(url), next.status().message()}});
      break;
    }
    if (pages_[url].round == round_) break;  // a circle
    pages_[url].round = round_;
    url = std::move(*next);
  }
  std::erase_if(pages_, [&](const auto& page) { return page.second.round != round_; });
}

Result<std::string> PollSource::Read(const std::string& url) {
  auto known = pages_.find(url);
  const Page* page = known == pages_.end() ? nullptr : &known->second;
  WEIR_ASSIGN_OR_RETURN(const HttpAnswer answer, Ask(url, page));
  if (answer.status == 304 && page) return page->next;
  if (answer.status < 200 || answer.status >= 300) {
    return Status::IOError("the server answered ", answer.status);
  }
  Page fresh;
  fresh.etag = std::string(answer.header("etag"));
  fresh.last_modified = std::string(answer.header("last-modified"));
  fresh.hash = StableHash(answer.body);
  if (page && page->hash == fresh.hash) {
    fresh.next = page->next;
  } else {
    WEIR_RETURN_NOT_OK(Take(url, answer, &fresh));
  }
  if (!stopping_) {
    fresh.round = page ? page->round : 0;
    pages_[url] = fresh;
  }
  return fresh.next;
}

Result<HttpAnswer> PollSource::Ask(const std::string& url, const Page* page) {
  HttpCall call{"GET", url, options_.headers, ""};
  if (page && !page->etag.empty()) call.headers.emplace_back("If-None-Match", page->etag);
  if (page && !page->last_modified.empty()) call.headers.emplace_back("If-Modified-Since", page->last_modified);
  int64_t pause_us = kFirstPauseUs;
  for (int tries = 1;; ++tries, pause_us *= 2) {
    auto answer = client_->Send(call);
    const bool is_final = answer.ok() ? !IsRetryableStatus(answer->status) : !answer.status().IsIOError();
    if (is_final || tries == kMaxTries) return answer;
    int64_t wait_us = pause_us / 2 + static_cast<int64_t>(random_() % static_cast<uint64_t>(pause_us / 2));
    if (answer.ok()) {
      const int64_t asked_us = answer->retry_after_us(Env::Real().WallTime()).value_or(0);
      wait_us = std::max(wait_us, std::min(asked_us, kMaxAskedPauseUs));
    }
    if (!Pause(wait_us)) return Status::Cancelled("the run ends");
  }
}

Status PollSource::Take(const std::string& url, const HttpAnswer& answer, Page* fresh) {
  const auto format = options_.format ? options_.format : BodyFormatFromMediaType(answer.header("content-type"));
  if (!format) {
    return Status::Invalid("the answer is '", answer.header("content-type"), "': say with 'format' what it holds");
  }
  std::string next, records;
  std::string_view body = answer.body;
  if (options_.next == "link") next = NextLink(answer.header("link"));
  const bool looks_inside = !options_.records.empty() || (!options_.next.empty() && options_.next != "link");
  if (looks_inside) {
    if (JsonDepth(body) > kMaxJsonDepth) return Status::Invalid("the answer is nested more than 128 deep");
    const auto document = nlohmann::json::parse(body, nullptr, false);
    if (document.is_discarded()) return Status::Invalid("the answer is no JSON");
    const nlohmann::json* rows = FindPath(document, options_.records);
    if (!rows) return Status::Invalid("the answer has no '", options_.records, "'");
    if (!options_.records.empty()) {
      records = rows->is_null() ? "[]" : rows->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
      body = records;
    }
    if (options_.next != "link" && !options_.next.empty()) {
      const nlohmann::json* link = FindPath(document, options_.next);
      if (link && link->is_string()) next = link->get<std::string>();
    }
  }
  parser_.buffer().Reserve(static_cast<int64_t>(body.size()) + 1, 0);
  std::memcpy(parser_.buffer().data(), body.data(), body.size());
  parser_.set_size(static_cast<int64_t>(body.size()));
  std::vector<RecordError> errors;
  WEIR_ASSIGN_OR_RETURN(Batch rows, parser_.Parse(*format, &errors));
  std::vector<RawError> raw;
  for (RecordError& error : errors) raw.push_back({std::move(error.record), error.place + ": " + error.message});
  if (!next.empty()) fresh->next = ResolveUrl(url, next);
  const nlohmann::json note = {{"url", url},
                               {"etag", fresh->etag},
                               {"last_modified", fresh->last_modified},
                               {"next", fresh->next},
                               {"hash", fresh->hash}};
  (void)Push(std::move(rows), std::move(raw), PrintPosition(note));  // a source that stops takes nothing
  return Status::OK();
}

bool PollSource::Push(Batch rows, std::vector<RawError> errors, std::string note) {
  ArrivalQueue::Arrival arrival;
  arrival.note = std::move(note);
  arrival.bytes = rows.num_rows() > 0 ? rows.size_bytes() : 1;
  arrival.rows = std::move(rows);
  arrival.errors = std::move(errors);
  return queue_.WaitAndReserve(arrival.bytes) && queue_.Push(std::move(arrival));
}

bool PollSource::Pause(int64_t us) {
  std::unique_lock lock(mutex_);
  const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(us);
  return !stopped_.wait_until(lock, until, [&] { return stopping_.load(); });
}

class PollSource::Reader final : public SourceReader {
 public:
  Reader(PollSource* source, const OperatorContext& lane)
      : source_(source), batch_rows_(lane.batch_rows), tracker_(source->options_.event_time) {
    source_->queue_.SetWake(lane.wake);
    source_->reader_ = this;
  }
  ~Reader() override {
    source_->queue_.SetWake(nullptr);
    source_->position_ = Position();
    source_->reader_ = nullptr;
  }

  Status Begin() {
    if (source_->position_.empty()) return Status::OK();
    WEIR_ASSIGN_OR_RETURN(const nlohmann::json position, ParsePosition(source_->position_));
    split_ = static_cast<int>(IntAt(position, "split", -1));
    for (const nlohmann::json& page : ListAt(position, "pages")) given_.push_back(page);
    return tracker_.Restore(TextAt(position, "times"));
  }
  std::string Position() const {
    return PrintPosition({{"pages", given_}, {"split", split_}, {"times", tracker_.Position()}});
  }
  /// A page is given whole or not at all.
  bool can_pause() const override { return at_ == page_.rows.num_rows(); }

  Result<PollResult> Poll(Emitter& out) override {
    tracker_.OnPoll(out);
    if (split_ < 0) split_ = tracker_.Add();
    if (at_ == page_.rows.num_rows()) {
      const bool ended = draining_ || source_->ended_;  // looked at before the queue, which gets no more then
      if (!source_->queue_.Pop(&page_)) return ended ? PollResult::kExhausted : PollResult::kIdle;
      at_ = 0;
      if (!page_.errors.empty()) WEIR_RETURN_NOT_OK(out.RejectRaw(page_.errors));
      Remember();
    }
    while (at_ < page_.rows.num_rows()) {
      const int64_t count = std::min(batch_rows_, page_.rows.num_rows() - at_);
      WEIR_RETURN_NOT_OK(tracker_.Emit(split_, page_.rows.Slice(at_, count), out));
      at_ += count;
      if (out.full()) return PollResult::kProduced;
    }
    tracker_.EndPiece(split_);
    return PollResult::kProduced;
  }
  bool Drain() override {
    draining_ = true;
    source_->Stop();
    return true;
  }
  EventTime watermark() const override { return tracker_.watermark(); }
  bool idle() const override { return tracker_.idle(); }

 private:
  /// The version of the page at hand; of pages that are not asked for any more the oldest are forgotten.
  void Remember() {
    if (page_.note.empty()) return;
    auto note = nlohmann::json::parse(page_.note, nullptr, false);
    const std::string url = TextAt(note, "url");
    std::erase_if(given_, [&](const nlohmann::json& page) { return TextAt(page, "url") == url; });
    given_.push_back(std::move(note));
    if (static_cast<int64_t>(given_.size()) > source_->options_.max_pages) given_.erase(given_.begin());
  }

  PollSource* const source_;
  const int64_t batch_rows_;
  EventTimeTracker tracker_;
  std::vector<nlohmann::json> given_;  // versions of pages, the last one given at the end
  ArrivalQueue::Arrival page_;
  int64_t at_ = 0;  // row of the page
  int split_ = -1;
  bool draining_ = false;
};

Result<std::unique_ptr<SourceReader>> PollSource::OpenReader(const OperatorContext& lane) {
  auto reader = std::make_unique<Reader>(this, lane);
  WEIR_RETURN_NOT_OK(reader->Begin());
  thread_ = std::thread([this] { Work(); });
  return reader;
}

Result<std::string> PollSource::Position() { return reader_ ? reader_->Position() : position_; }

Status PollSource::Restore(const std::string& text) {
  position_ = text;
  WEIR_ASSIGN_OR_RETURN(const nlohmann::json position, ParsePosition(text));
  for (const nlohmann::json& saved : ListAt(position, "pages")) {
    const auto hash = saved.find("hash");
    if (hash == saved.end() || !hash->is_number_integer()) continue;
    pages_[TextAt(saved, "url")] = {.etag = TextAt(saved, "etag"),
                                    .last_modified = TextAt(saved, "last_modified"),
                                    .next = TextAt(saved, "next"),
                                    .hash = hash->get<size_t>()};
  }
  return Status::OK();
}

std::optional<StepBinding> BindPollHttp(const PollHttpConfig& config, BindContext& context) {
  PollOptions options;
  options.schema = BodySchema(config.format == "text", config.schema, context);
  const bool is_url = config.url.starts_with("http://") || config.url.starts_with("https://");
  if (!is_url) ConfigError(context, "url", "'url' must begin with http:// or https://");
  options.format = BodyFormatFromName(config.format);
  const bool needs_json = !config.records.empty() || (!config.next.empty() && config.next != "link");
  const bool is_mixed = needs_json && options.format && *options.format != BodyFormat::kJson;
  if (is_mixed) ConfigError(context, "format", "'records' and 'next' look into JSON answers");
  if (!options.schema || !is_url || is_mixed) return std::nullopt;
  if (needs_json) options.format = BodyFormat::kJson;
  auto plan = BindEventTime(config, options.schema, config.rounds == 0, context);
  if (!plan) return std::nullopt;
  options.event_time = *plan;
  options.url = config.url;
  options.records = config.records;
  options.next = config.next;
  options.every_us = config.every.us;
  options.max_pages = config.max_pages;
  options.rounds = config.rounds;
  options.client.timeout_ms = std::max<int64_t>(1, config.timeout.us / 1000);
  options.client.max_body_bytes = config.max_body.bytes;
  options.client.ca_file = config.ca_file;
  for (const auto& [name, value] : config.headers) options.headers.emplace_back(name, value.Reveal());

  StepBinding binding;
  CollectionInfo info;
  info.schema = options.schema;
  info.bounded = config.rounds > 0;
  binding.outputs = {{"", info}};
  binding.source_max_lanes = 1;
  binding.source_repositions = true;
  binding.notes = plan->Notes(*options.schema);
  const std::string times = config.rounds == 1 ? " once" : " every " + FormatDuration(config.every);
  binding.notes.push_back("reads " + RedactUrl(config.url) + times);
  binding.notes.push_back("state: version of at most " + std::to_string(config.max_pages) +
                          " pages, and one page of rows");
  binding.source = [options](const ScanRequest&) -> Result<std::shared_ptr<Source>> {
    return std::make_shared<PollSource>(options);
  };
  return binding;
}

}  // namespace

void RegisterPollHttp(Registry& registry) { registry.Add<PollHttpConfig>(Spec(), {0, 0}, BindPollHttp); }

}  // namespace weir
