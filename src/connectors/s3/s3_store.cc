// S3 as an object store: listings, what they remember, and what they say of folders.
#include "connectors/s3/s3_store.h"

#include <ctime>
#include <deque>
#include <unordered_map>

#include "connectors/s3/s3_file.h"
#include "connectors/s3/s3_upload.h"
#include "env/objects/object_store.h"
#include "net/sha256.h"
#include "net/xml_scan.h"

namespace weir {
namespace {

constexpr int kMaxIoThreads = 16;
/// How long a listing is the truth about an object. The files of a source are listed, then looked at and read one by
/// one: ten thousand questions that one answer holds. Whoever reads says which version, so that a newer one is noticed.
constexpr int64_t kTrustNs = int64_t{600} * 1'000'000'000;
/// Small objects that are fetched before they are opened.
constexpr size_t kMaxFetchedAhead = 32;
constexpr size_t kMaxRemembered = 500'000;

/// "2026-03-01T12:00:00.000Z" of listings, "Sun, 01 Mar 2026 12:00:00 GMT" of answers: whole seconds, since the one has
/// fractions and the other has none.
EventTime ModifiedUs(const std::string& text) {
  std::tm utc{};
  if (!::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &utc)) {
    utc = {};
    if (!::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S", &utc)) return 0;
  }
  return static_cast<EventTime>(::timegm(&utc)) * 1'000'000;
}

uint64_t NumberOf(std::string_view text) {
  const Sha256Digest digest = Sha256(text);
  uint64_t number;
  std::memcpy(&number, digest.data(), sizeof number);
  return number;
}

struct Known {
  FileInfo info;
  std::string etag;
  int64_t at_ns = 0;
};

Known KnownObject(const std::string& path, int64_t size_bytes, const std::string& modified, std::string etag) {
  if (!etag.starts_with('"') && !etag.empty()) etag = '"' + etag + '"';
  Known known;
  known.info = {FileKind::kFile, size_bytes, ModifiedUs(modified), NumberOf(path), NumberOf(etag)};
  known.info.is_object = true;
  known.etag = std::move(etag);
  return known;
}

/// `%2F` → '/', '+' → ' ', as stores write keys when asked to.
std::string UrlDecode(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size() && std::sscanf(text.c_str() + i + 1, "%2x", &byte) == 1) {
      out += static_cast<char>(byte);
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

class S3Store final : public ObjectStore {
 public:
  S3Store() : client_(env_), threads_(kMaxIoThreads), uploads_(env_, client_, threads_) {}

  S3Client& client() { return client_; }

  Result<std::shared_ptr<arrow::io::RandomAccessFile>> Open(const std::string& path) override {
    WEIR_ASSIGN_OR_RETURN(S3Location at, ParseS3Path(path));
    std::optional<Known> known = Remembered(path);
    if (!known) {
      WEIR_ASSIGN_OR_RETURN(known, Head(path, at));
    }
    if (!known) return Status::IOError("there is no object '", path, "'");
    S3File::Version version{known->info.size_bytes, known->etag};
    return std::make_shared<S3File>(client_, threads_, std::move(at), std::move(version), TakeAhead(path, known->etag));
  }

  void WillOpen(const std::string& path) override {
    const auto known = Remembered(path);
    const auto at = ParseS3Path(path);
    if (!known || !at.ok() || known->info.size_bytes > S3File::kChunkBytes || known->info.size_bytes == 0) return;
    std::lock_guard lock(mutex_);
    for (const Ahead& ahead : ahead_) {
      if (ahead.path == path) return;
    }
    if (ahead_.size() == kMaxFetchedAhead) ahead_.pop_front();  // nobody came for it
    ahead_.push_back(
        {path, known->etag, S3File::Fetch(client_, threads_, *at, known->etag, 0, known->info.size_bytes)});
  }

  Result<FileInfo> Stat(const std::string& path) override {
    WEIR_ASSIGN_OR_RETURN(const S3Location at, ParseS3Path(path));
    if (!at.key.empty() && !at.key.ends_with('/')) {
      if (auto known = Remembered(path)) return known->info;
      WEIR_ASSIGN_OR_RETURN(const std::optional<Known> known, Head(path, at));
      if (known) return known->info;
    }
    FileInfo info;
    const std::string prefix = at.key.empty() || at.key.ends_with('/') ? at.key : at.key + "/";
    WEIR_ASSIGN_OR_RETURN(const std::string page, Page({at.bucket, prefix}, "", /*one_level=*/false, "1"));
    size_t from = 0;
    if (at.key.empty() || NextXmlElement(page, "Contents", &from)) info.kind = FileKind::kDirectory;
    return info;
  }

  Result<std::vector<ListedObject>> List(const std::string& prefix, bool one_level) override {
    WEIR_ASSIGN_OR_RETURN(const S3Location at, ParseS3Path(prefix));
    std::vector<ListedObject> objects;
    std::string token;
    do {
      WEIR_ASSIGN_OR_RETURN(const std::string page, Page(at, token, one_level, ""));
      AddPage(page, at.bucket, &objects);
      const std::string next = XmlText(page, "NextContinuationToken");
      if (XmlText(page, "IsTruncated") != "true") break;
      if (next.empty() || next == token) {
        return Status::IOError("cannot list '", prefix, "': the store says that there is more, but not where");
      }
      token = next;
    } while (true);
    std::sort(objects.begin(), objects.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return objects;
  }

  Status Remove(const std::string& path) override {
    WEIR_ASSIGN_OR_RETURN(const S3Location at, ParseS3Path(path));
    if (at.key.empty()) return Status::Invalid("'", path, "' is a bucket");
    Forget(path);
    return client_.Send({"remove", "DELETE", at, {}, {}, {}}).status();
  }

  Result<std::shared_ptr<ObjectUpload>> BeginUpload(const std::string& path, const std::string& mark) override {
    WEIR_ASSIGN_OR_RETURN(S3Location at, ParseS3Path(path));
    return uploads_.Begin(std::move(at), mark);
  }
  Result<bool> IsFrom(const std::string& path, const std::string& mark) override {
    WEIR_ASSIGN_OR_RETURN(const S3Location at, ParseS3Path(path));
    return uploads_.IsFrom(at, mark);
  }
  Status CommitUpload(const std::string& path, const std::string& token) override {
    WEIR_ASSIGN_OR_RETURN(const S3Location at, ParseS3Path(path));
    const Status status = uploads_.Commit(at, token);
    Forget(path);
    return status;
  }
  Status AbortUpload(const std::string& path, const std::string& token) override {
    WEIR_ASSIGN_OR_RETURN(const S3Location at, ParseS3Path(path));
    return uploads_.Abort(at, token);
  }

 private:
  /// A small object that was fetched before it was opened.
  struct Ahead {
    std::string path, etag;
    S3File::Chunk chunk;
  };

  S3File::Chunk TakeAhead(const std::string& path, const std::string& etag) {
    std::lock_guard lock(mutex_);
    for (auto it = ahead_.begin(); it != ahead_.end(); ++it) {
      if (it->path != path) continue;
      S3File::Chunk chunk = it->etag == etag ? it->chunk : S3File::Chunk{};
      ahead_.erase(it);
      return chunk;
    }
    return {};
  }

  Result<std::string> Page(const S3Location& at, const std::string& token, bool one_level,
                           const std::string& max_keys) {
    S3Call call{"list", "GET", {at.bucket, ""}, {{"list-type", "2"}, {"encoding-type", "url"}}, {}, {}};
    call.query.emplace_back("prefix", at.key);
    if (one_level) call.query.emplace_back("delimiter", "/");
    if (!max_keys.empty()) call.query.emplace_back("max-keys", max_keys);
    if (!token.empty()) call.query.emplace_back("continuation-token", token);
    call.error_in_body = true;
    WEIR_ASSIGN_OR_RETURN(HttpAnswer answer, client_.Send(call));
    if (answer.status >= 300 || answer.body.find("ListBucketResult") == std::string::npos) {
      return Status::IOError("cannot list '", at.path(), "': the store answers ", answer.status, " ",
                             XmlText(answer.body, "Code"), ", and no listing");
    }
    if (answer.body.find("</ListBucketResult>") == std::string::npos) {
      return Status::IOError("cannot list '", at.path(), "': the store's listing is not whole");
    }
    return std::move(answer.body);
  }

  void AddPage(const std::string& page, const std::string& bucket, std::vector<ListedObject>* objects) {
    const bool encoded = XmlText(page, "EncodingType") == "url";
    const std::string base = "s3://" + bucket + "/";
    const auto path_of = [&](const std::string& key) { return base + (encoded ? UrlDecode(key) : key); };
    const int64_t now_ns = env_.SteadyTimeNs();
    std::lock_guard lock(mutex_);
    if (remembered_.size() > kMaxRemembered) remembered_.clear();
    size_t from = 0;
    while (const auto entry = NextXmlElement(page, "Contents", &from)) {
      const std::string path = path_of(XmlText(*entry, "Key"));
      Known known = KnownObject(path, std::strtoll(XmlText(*entry, "Size").c_str(), nullptr, 10),
                                XmlText(*entry, "LastModified"), XmlText(*entry, "ETag"));
      known.at_ns = now_ns;
      objects->push_back({path, known.info});
      remembered_[path] = std::move(known);
    }
    from = 0;
    while (const auto entry = NextXmlElement(page, "CommonPrefixes", &from)) {
      FileInfo folder;
      folder.kind = FileKind::kDirectory;
      objects->push_back({path_of(XmlText(*entry, "Prefix")), folder});
    }
  }

  Result<std::optional<Known>> Head(const std::string& path, const S3Location& at) {
    WEIR_ASSIGN_OR_RETURN(const HttpAnswer answer, client_.Send({"look at", "HEAD", at, {}, {}, {}}));
    if (answer.status >= 300) return std::nullopt;
    const std::string length(answer.header("content-length"));
    return KnownObject(path, std::strtoll(length.c_str(), nullptr, 10), std::string(answer.header("last-modified")),
                       std::string(answer.header("etag")));
  }

  std::optional<Known> Remembered(const std::string& path) {
    std::lock_guard lock(mutex_);
    const auto it = remembered_.find(path);
    if (it == remembered_.end() || env_.SteadyTimeNs() - it->second.at_ns > kTrustNs) return std::nullopt;
    return it->second;
  }
  void Forget(const std::string& path) {
    std::lock_guard lock(mutex_);
    remembered_.erase(path);
  }

  Env& env_ = Env::Real();
  S3Client client_;
  IoThreads threads_;
  S3Uploads uploads_;
  std::mutex mutex_;
  std::unordered_map<std::string, Known> remembered_;  // by path, from listings
  std::deque<Ahead> ahead_;
};

S3Store& TheStore() {
  static auto* store = new S3Store;  // its threads go on while the process ends
  return *store;
}

ObjectStore& TheObjectStore() { return TheStore(); }

}  // namespace

void RegisterS3() { RegisterObjectStore("s3", &TheObjectStore); }

Status ConfigureS3(const std::string& path, const S3Settings& settings) {
  WEIR_ASSIGN_OR_RETURN(const S3Location at, ParseS3Path(path));
  if (TheStore().client().Configure(at.bucket, settings)) return Status::OK();
  return Status::Invalid("the bucket '", at.bucket, "' is used with other settings elsewhere in this pipeline");
}

}  // namespace weir
