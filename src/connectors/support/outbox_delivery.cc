// Rows that wait for their epoch. Until Prepare they are in memory, beyond some MiB in a file too; Prepare makes them
// durable, in the token itself where they are few; Commit brings them to the target and then forgets them. So a target
// may be away while the run goes on.
//
// The token is a line of JSON: {"number": 7, "rows": 3, "file": NAME | "inline": BASE64, "refused": [NUMBER…]}.
// Numbers go on from what the target knows of an earlier run (`number` - epoch is the same for a whole run), so that a
// run that starts anew with the same name is not taken for one that repeats itself. `refused`: deliveries of which
// refused rows have not been handed to the error output; those are in files until an epoch has them.
#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/util/base64.h>
#include <xxhash.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "connectors/support/delivery_desk.h"
#include "connectors/support/outbox_file.h"
#include "env/atomic_file.h"
#include "env/env.h"

namespace weir {
namespace {

using Json = nlohmann::json;

constexpr int64_t kSpillBytes = int64_t{4} << 20;        // of rows that are not in the file yet
constexpr int64_t kMaxMemoryBytes = int64_t{128} << 20;  // of an epoch; what is bigger is read from its file again
constexpr int64_t kMaxInlineBytes = int64_t{32} << 10;
constexpr int64_t kMaxFileBytes = int64_t{1} << 40;

/// Rows of one epoch.
struct EpochRows {
  std::vector<Batch> rows;  // all of them, while is_in_memory
  bool is_in_memory = true;
  int64_t num_rows = 0, bytes = 0;
  size_t in_file = 0;  // of `rows`
  int64_t spilled_bytes = 0;
  std::unique_ptr<AtomicFile> file;
  std::unique_ptr<OutboxEncoder> encoder;
};

struct Token {
  int64_t number = 0, rows = 0;
  std::string file, inlined;
  std::vector<int64_t> refused;

  std::string ToText() const {
    Json json{{"number", number}, {"rows", rows}};
    if (!file.empty()) json["file"] = file;
    if (!inlined.empty()) json["inline"] = inlined;
    if (!refused.empty()) json["refused"] = refused;
    return json.dump();
  }
  static Result<Token> Parse(const std::string& text) {
    try {
      const Json json = Json::parse(text);
      Token token;
      token.number = json.at("number").get<int64_t>();
      token.rows = json.at("rows").get<int64_t>();
      token.file = json.value("file", "");
      token.inlined = json.value("inline", "");
      token.refused = json.value("refused", std::vector<int64_t>{});
      return token;
    } catch (const Json::exception& error) {
      return Status::Invalid("an epoch's token is damaged: ", error.what());
    }
  }
};

std::string SafeName(const std::string& name) {
  std::string safe;
  for (const char c : name) safe += std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ? c : '_';
  return safe + "-" + std::to_string(XXH3_64bits(name.data(), name.size()) % 1'000'000);
}

class OutboxDelivery final : public DeliveryDesk {
 public:
  OutboxDelivery(const TargetSinkOptions& options, Courier* courier, std::string folder)
      : options_(options), courier_(courier), folder_(std::move(folder)) {}

  Status Write(Batch batch) override;
  Status Finish() override {
    finished_ = true;
    return Status::OK();
  }
  bool full() const override {
    std::lock_guard lock(mutex_);
    // Only while something goes out: else nothing but the end of this epoch makes room.
    return undelivered_bytes_ > 0 && undelivered_bytes_ + filling_.bytes >= options_.max_outbox_bytes;
  }
  std::vector<RejectedRows> TakeRejected() override;
  bool busy() const override {
    std::lock_guard lock(mutex_);
    return filling_.num_rows > 0 || undelivered_bytes_ > 0 || !refused_.empty();
  }
  Status status() const override { return Status::OK(); }
  Status Recover(int64_t epoch, const std::string& token) override;
  Result<std::string> Prepare(int64_t epoch) override;
  Status Commit(const std::string& token) override;
  Status Abort(int64_t) override;

 private:
  struct Refusal {
    int64_t number = 0;
    std::vector<RejectedRows> rows;
  };

  std::string Path(const std::string& name) const { return JoinPath(folder_, name); }
  static std::string RefusedName(int64_t number) { return "refused-" + std::to_string(number); }
  Env& env() const { return Env::Real(); }

  Status Spill(EpochRows* rows);
  Status Encode(EpochRows* rows, Token* token);
  Result<std::vector<Batch>> LoadRows(const Token& token);
  Status Deliver(const Token& token, std::vector<Batch> rows);
  /// Keeps what delivery `number` refuses until an epoch has it.
  Status KeepRefused(int64_t number, const std::vector<Batch>& rows, const std::vector<RefusedRows>& refused);
  Status LoadRefused(int64_t number);
  Status ForgetFilesBut(const std::set<std::string>& kept);

  const TargetSinkOptions options_;
  Courier* const courier_;
  const std::string folder_;  // empty: rows are in tokens only
  std::atomic<bool> finished_{false};

  mutable std::mutex mutex_;
  EpochRows filling_;
  std::map<int64_t, std::vector<Batch>> prepared_;  // by number: rows in memory that wait for Commit
  int64_t undelivered_bytes_ = 0;
  std::map<int64_t, int64_t> prepared_bytes_;
  std::deque<Refusal> refused_;        // not handed on
  std::set<int64_t> refused_in_file_;  // of which there is a file
  int64_t base_ = 0;                   // number - epoch
};

Status OutboxDelivery::Write(Batch batch) {
  std::lock_guard lock(mutex_);
  filling_.num_rows += batch.num_rows();
  filling_.bytes += batch.size_bytes();
  filling_.rows.push_back(std::move(batch));
  if (folder_.empty() || filling_.bytes - filling_.spilled_bytes < kSpillBytes) return Status::OK();
  return Spill(&filling_);
}

Status OutboxDelivery::Spill(EpochRows* rows) {
  if (rows->file == nullptr) {
    WEIR_ASSIGN_OR_RETURN(rows->file,
                          AtomicFile::Create(env(), Path("rows-" + std::to_string(env().RandomSeed())), "o"));
    rows->encoder = std::make_unique<OutboxEncoder>(rows->file->stream().get(), options_.schema);
  }
  for (; rows->in_file < rows->rows.size(); ++rows->in_file) {
    WEIR_RETURN_NOT_OK(rows->encoder->Write(rows->rows[rows->in_file]));
  }
  rows->spilled_bytes = rows->bytes;
  if (rows->bytes > kMaxMemoryBytes) rows->is_in_memory = false;
  if (!rows->is_in_memory) {
    rows->rows.clear();
    rows->in_file = 0;
  }
  return Status::OK();
}

Status OutboxDelivery::Encode(EpochRows* rows, Token* token) {
  if (rows->num_rows == 0) return Status::OK();
  if (rows->file == nullptr && (folder_.empty() || rows->bytes <= kMaxInlineBytes)) {
    WEIR_ASSIGN_OR_RETURN(auto stream, arrow::io::BufferOutputStream::Create());
    OutboxEncoder encoder(stream.get(), options_.schema);
    for (const Batch& batch : rows->rows) WEIR_RETURN_NOT_OK(encoder.Write(batch));
    WEIR_RETURN_NOT_OK(encoder.Finish());
    WEIR_ASSIGN_OR_RETURN(auto bytes, stream->Finish());
    token->inlined = arrow::util::base64_encode(std::string_view(*bytes));
    return Status::OK();
  }
  WEIR_RETURN_NOT_OK(Spill(rows));
  WEIR_RETURN_NOT_OK(rows->encoder->Finish());
  WEIR_RETURN_NOT_OK(rows->file->Prepare());
  WEIR_RETURN_NOT_OK(rows->file->Commit());
  token->file = BaseName(rows->file->token().final_path);
  return Status::OK();
}

Result<std::string> OutboxDelivery::Prepare(int64_t epoch) {
  std::lock_guard lock(mutex_);
  EpochRows rows = std::move(filling_);
  filling_ = {};
  Token token;
  token.number = base_ + epoch;
  token.rows = rows.num_rows;
  for (const Refusal& refusal : refused_) token.refused.push_back(refusal.number);
  WEIR_RETURN_NOT_OK(Encode(&rows, &token));
  if (rows.num_rows > 0) {
    if (rows.is_in_memory) prepared_[token.number] = std::move(rows.rows);
    prepared_bytes_[token.number] = rows.bytes;
    undelivered_bytes_ += rows.bytes;
  }
  return token.ToText();
}

Result<std::vector<Batch>> OutboxDelivery::LoadRows(const Token& token) {
  {
    std::lock_guard lock(mutex_);
    if (auto found = prepared_.extract(token.number)) return std::move(found.mapped());
  }
  std::string bytes;
  if (!token.inlined.empty()) {
    WEIR_ASSIGN_OR_RETURN(bytes, arrow::util::base64_decode(token.inlined));
  } else {
    WEIR_ASSIGN_OR_RETURN(bytes, ReadFile(env().files(), Path(token.file), kMaxFileBytes));
  }
  auto rows = DecodeOutbox(arrow::Buffer::FromString(std::move(bytes)));
  if (rows.ok() || token.file.empty()) return rows;
  return rows.status().WithMessage(Path(token.file), ": ", rows.status().message());
}

Status OutboxDelivery::KeepRefused(int64_t number, const std::vector<Batch>& rows,
                                   const std::vector<RefusedRows>& refused) {
  const bool was_kept = refused_in_file_.count(number) > 0;
  if (folder_.empty() || (refused.empty() && !was_kept)) return Status::OK();
  if (refused.empty()) {
    refused_in_file_.erase(number);
    return env().files().Remove(Path(RefusedName(number)));
  }
  // Reasons stand in front, then the batches that they are about.
  Json reasons = Json::array();
  WEIR_ASSIGN_OR_RETURN(auto stream, arrow::io::BufferOutputStream::Create());
  OutboxEncoder encoder(stream.get(), rows[refused[0].batch].schema());
  for (const RefusedRows& of_batch : refused) {
    Json errors = Json::array();
    for (const RowError& error : of_batch.errors) errors.push_back({error.row, error.message});
    reasons.push_back(std::move(errors));
    WEIR_RETURN_NOT_OK(encoder.Write(rows[of_batch.batch]));
  }
  WEIR_RETURN_NOT_OK(encoder.Finish());
  WEIR_ASSIGN_OR_RETURN(auto bytes, stream->Finish());
  WEIR_ASSIGN_OR_RETURN(auto file, AtomicFile::Create(env(), Path(RefusedName(number)), "o"));
  const std::string text = reasons.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  WEIR_RETURN_NOT_OK(file->stream()->Write(text));
  WEIR_RETURN_NOT_OK(file->stream()->Write(bytes));
  WEIR_RETURN_NOT_OK(file->Prepare());
  WEIR_RETURN_NOT_OK(file->Commit());
  refused_in_file_.insert(number);
  return Status::OK();
}

Status OutboxDelivery::LoadRefused(int64_t number) {
  WEIR_ASSIGN_OR_RETURN(const FileInfo info, env().files().Stat(Path(RefusedName(number))));
  if (info.kind == FileKind::kNone) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(std::string text, ReadFile(env().files(), Path(RefusedName(number)), kMaxFileBytes));
  const size_t line = text.find('\n');
  if (line == std::string::npos) return Status::Invalid(Path(RefusedName(number)), " is damaged");
  WEIR_ASSIGN_OR_RETURN(auto rows, DecodeOutbox(arrow::Buffer::FromString(text.substr(line + 1))));
  Refusal refusal{number, {}};
  try {
    const Json reasons = Json::parse(text.substr(0, line));
    for (size_t i = 0; i < rows.size(); ++i) {
      RejectedRows rejected{rows[i], {}};
      for (const Json& error : reasons.at(i)) {
        rejected.errors.push_back({error.at(0).get<int64_t>(), error.at(1).get<std::string>()});
      }
      refusal.rows.push_back(std::move(rejected));
    }
  } catch (const Json::exception& error) {
    return Status::Invalid(Path(RefusedName(number)), " is damaged: ", error.what());
  }
  std::lock_guard lock(mutex_);
  refused_in_file_.insert(number);
  refused_.push_back(std::move(refusal));
  return Status::OK();
}

std::vector<RejectedRows> OutboxDelivery::TakeRejected() {
  std::lock_guard lock(mutex_);
  std::vector<RejectedRows> rejected;
  for (Refusal& refusal : refused_) {
    for (RejectedRows& rows : refusal.rows) rejected.push_back(std::move(rows));
  }
  refused_.clear();
  return rejected;
}

Status OutboxDelivery::Deliver(const Token& token, std::vector<Batch> rows) {
  Delivery delivery;
  delivery.number = token.number;
  delivery.rows = std::move(rows);
  const bool keeps_first = courier_->transactional();
  if (keeps_first) {
    delivery.before_commit = [&](const std::vector<RefusedRows>& refused) {
      return KeepRefused(token.number, delivery.rows, refused);
    };
  }
  std::vector<RefusedRows> refused;
  WEIR_RETURN_NOT_OK(courier_->Deliver(delivery, &refused));
  if (refused.empty()) return Status::OK();
  if (!keeps_first) WEIR_RETURN_NOT_OK(KeepRefused(token.number, delivery.rows, refused));
  if (finished_) {
    return Status::Invalid(
        "the target refuses rows of the last epoch, when no step takes them any more: ", refused[0].errors[0].message,
        folder_.empty() ? ""
                        : "\n  = help: they are kept in " + Path(RefusedName(token.number)) + "; all others arrived");
  }
  Refusal refusal{token.number, ToRejected(delivery.rows, std::move(refused))};
  std::lock_guard lock(mutex_);
  refused_.push_back(std::move(refusal));
  return Status::OK();
}

Status OutboxDelivery::Commit(const std::string& text) {
  WEIR_ASSIGN_OR_RETURN(const Token token, Token::Parse(text));
  if (token.rows > 0) {
    WEIR_ASSIGN_OR_RETURN(auto rows, LoadRows(token));
    WEIR_RETURN_NOT_OK(Deliver(token, std::move(rows)));
    if (!token.file.empty()) WEIR_RETURN_NOT_OK(env().files().Remove(Path(token.file)));
  }
  std::lock_guard lock(mutex_);
  if (auto bytes = prepared_bytes_.extract(token.number)) undelivered_bytes_ -= bytes.mapped();
  // This epoch has in its errors what was refused before it and is not in its list.
  for (auto at = refused_in_file_.begin(); at != refused_in_file_.end() && *at < token.number;) {
    const bool waits = std::find(token.refused.begin(), token.refused.end(), *at) != token.refused.end();
    if (!waits) WEIR_RETURN_NOT_OK(env().files().Remove(Path(RefusedName(*at))));
    at = waits ? std::next(at) : refused_in_file_.erase(at);
  }
  return Status::OK();
}

Status OutboxDelivery::Recover(int64_t epoch, const std::string& text) {
  int64_t last = 0;
  if (courier_->transactional()) {
    WEIR_ASSIGN_OR_RETURN(last, courier_->LastDelivered());
  }
  if (text.empty()) {
    base_ = last;
    return ForgetFilesBut({});
  }
  WEIR_ASSIGN_OR_RETURN(const Token token, Token::Parse(text));
  base_ = token.number - epoch;
  if (last > token.number) {
    return Status::Invalid(
        "the target has epoch ", last - base_, " of this pipeline, its own state ends with epoch ", epoch,
        "\n  = help: another run of it, with another state folder, writes there too or did so since");
  }
  for (const int64_t number : token.refused) WEIR_RETURN_NOT_OK(LoadRefused(number));
  std::set<std::string> kept;
  if (last < token.number && token.rows > 0) {
    WEIR_ASSIGN_OR_RETURN(auto rows, LoadRows(token));
    WEIR_RETURN_NOT_OK(Deliver(token, std::move(rows)));
  } else {
    WEIR_RETURN_NOT_OK(LoadRefused(token.number));
  }
  for (const int64_t number : refused_in_file_) kept.insert(RefusedName(number));
  return ForgetFilesBut(kept);
}

Status OutboxDelivery::ForgetFilesBut(const std::set<std::string>& kept) {
  if (folder_.empty()) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(auto entries, env().files().List(folder_));
  for (const DirectoryEntry& entry : entries) {
    if (kept.count(entry.name) == 0) WEIR_RETURN_NOT_OK(env().files().Remove(Path(entry.name)));
  }
  return Status::OK();
}

Status OutboxDelivery::Abort(int64_t) {
  std::lock_guard lock(mutex_);
  filling_ = {};
  return Status::OK();
}

}  // namespace

Result<std::unique_ptr<DeliveryDesk>> MakeOutboxDelivery(const TargetSinkOptions& options, Courier* courier,
                                                         const OperatorContext& context) {
  std::string folder;
  if (!context.state_dir.empty()) {
    folder = JoinPath(JoinPath(context.state_dir, "outbox"), SafeName(context.durable_id));
    WEIR_RETURN_NOT_OK(Env::Real().files().MakeDirectories(folder));
  }
  return std::make_unique<OutboxDelivery>(options, courier, std::move(folder));
}

}  // namespace weir
