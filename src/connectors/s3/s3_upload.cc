// Small objects are one PUT on commit: their bytes are in the token until then. Larger ones are multipart uploads,
// whose parts go to the store as they fill; commit completes them.
//
//   token = "put" LF mark LF bytes
//         | "parts" LF mark LF upload id LF { etag LF }        of parts 1, 2, …
//
// The mark, a random number where nobody gave another, goes with the object as x-amz-meta-weir-upload. It says of the
// object that is there whether this upload made it, whatever the store does with ETags: so a commit whose answer was
// lost can be repeated.
#include "connectors/s3/s3_upload.h"

#include <algorithm>

#include "net/xml_scan.h"

namespace weir {
namespace {

constexpr char kMarkHeader[] = "x-amz-meta-weir-upload";
/// An object so small is in the commit record: three requests become one.
constexpr size_t kMaxPutBytes = 16 << 10;
/// Parts have at least 5 MiB, and there are at most 10,000: they grow, so that an object may have 430 GB.
constexpr size_t kPartBytes = size_t{8} << 20;
constexpr size_t kPartsOfOneSize = 1000;
constexpr size_t kMaxParts = 10'000;
/// Parts of one object that are on their way: what is written waits for them.
constexpr size_t kMaxPartsUnderWay = 4;

/// The text up to the next line break, which is taken away with it.
std::string_view TakeLine(std::string_view* text) {
  const size_t end = std::min(text->find('\n'), text->size());
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return line;
}

}  // namespace

class S3Upload final : public ObjectUpload {
 public:
  S3Upload(S3Uploads& all, S3Location at, std::string mark) : all_(all), at_(std::move(at)), mark_(std::move(mark)) {
    if (mark_.empty()) mark_ = std::to_string(all_.env_.RandomSeed());
  }
  ~S3Upload() override { (void)Close(); }

  Status Write(const void* data, int64_t nbytes) override {
    if (state_ != State::kWriting) return Status::Invalid("'", at_.path(), "' is not open for writing");
    const char* bytes = static_cast<const char*>(data);
    size_ += nbytes;
    for (auto left = static_cast<size_t>(nbytes); left > 0;) {
      if (buffer_.capacity() < PartBytes()) buffer_.reserve(std::min(PartBytes(), 2 * (buffer_.size() + left)));
      const size_t count = std::min(left, PartBytes() - buffer_.size());
      buffer_.append(bytes, count);
      bytes += count;
      left -= count;
      if (buffer_.size() == PartBytes()) WEIR_RETURN_NOT_OK(SendPart());
    }
    return Status::OK();
  }
  using ObjectUpload::Write;
  Status Flush() override { return Status::OK(); }
  Status Sync() override { return Status::OK(); }  // what Prepare has not told of is lost with the process
  Result<int64_t> Tell() const override { return size_; }
  bool closed() const override { return state_ != State::kWriting; }

  Result<std::string> Prepare() override {
    if (state_ != State::kWriting) return Status::Invalid("'", at_.path(), "' is prepared or given up already");
    std::string token;
    if (id_.empty() && buffer_.size() <= kMaxPutBytes) {
      token = "put\n" + mark_ + "\n" + buffer_;
    } else {
      if (!buffer_.empty()) WEIR_RETURN_NOT_OK(SendPart());
      WEIR_RETURN_NOT_OK(WaitForParts(0));
      token = "parts\n" + mark_ + "\n" + id_ + "\n";
      for (const std::string& etag : etags_) token += etag + "\n";
    }
    state_ = State::kPrepared;
    buffer_ = {};
    std::lock_guard lock(all_.mutex_);
    all_.fresh_.insert(mark_);
    return token;
  }

  /// Gives up what was not prepared.
  Status Close() override {
    if (state_ != State::kWriting) return Status::OK();
    state_ = State::kGivenUp;
    for (const auto& part : under_way_) part.wait();  // a part that comes late would stay with the store
    under_way_.clear();
    return id_.empty() ? Status::OK() : all_.Abort(at_, "parts\n" + mark_ + "\n" + id_ + "\n");
  }

 private:
  enum class State { kWriting, kPrepared, kGivenUp };

  size_t PartBytes() const { return kPartBytes * (1 + parts_ / kPartsOfOneSize); }

  Status Begin() {
    S3Call call{"write", "POST", at_, {{"uploads", ""}}, {{kMarkHeader, mark_}}, {}};
    WEIR_ASSIGN_OR_RETURN(const HttpAnswer answer, all_.client_.Send(call));
    id_ = XmlText(answer.body, "UploadId");
    if (id_.empty() || answer.status >= 300) {
      return Status::IOError("cannot write '", at_.path(), "': the store begins no upload (", answer.status, ")");
    }
    return Status::OK();
  }

  Status SendPart() {
    if (id_.empty()) WEIR_RETURN_NOT_OK(Begin());
    if (parts_ == kMaxParts) {
      return Status::CapacityError("'", at_.path(), "' is too large for one object: write files that roll ('roll')");
    }
    WEIR_RETURN_NOT_OK(WaitForParts(kMaxPartsUnderWay - 1));
    auto bytes = std::make_shared<const std::string>(std::move(buffer_));
    buffer_ = {};
    under_way_.push_back(all_.threads_.Run(
        [&client = all_.client_, at = at_, id = id_, number = ++parts_, bytes]() -> Result<std::string> {
          S3Call call{"write", "PUT", at, {{"partNumber", std::to_string(number)}, {"uploadId", id}}, {}, *bytes};
          WEIR_ASSIGN_OR_RETURN(const HttpAnswer answer, client.Send(call));
          std::string etag(answer.header("etag"));
          if (answer.status >= 300 || etag.empty()) {
            return Status::IOError("cannot write '", at.path(), "': the store does not take part ", number, " (",
                                   answer.status, " ", XmlText(answer.body, "Code"), ")");
          }
          return etag;
        }));
    return Status::OK();
  }

  /// Until at most `left` parts are on their way.
  Status WaitForParts(size_t left) {
    while (under_way_.size() > left) {
      const Result<std::string> etag = under_way_.front().get();
      WEIR_RETURN_NOT_OK(etag.status());
      under_way_.pop_front();
      etags_.push_back(*etag);
    }
    return Status::OK();
  }

  S3Uploads& all_;
  const S3Location at_;
  std::string mark_;
  State state_ = State::kWriting;
  std::string id_;      // of the multipart upload; empty: none was begun
  std::string buffer_;  // the part that fills
  size_t parts_ = 0;    // sent
  int64_t size_ = 0;
  std::deque<std::shared_future<Result<std::string>>> under_way_;
  std::vector<std::string> etags_;
};

Result<std::shared_ptr<ObjectUpload>> S3Uploads::Begin(S3Location at, const std::string& mark) {
  if (at.key.empty() || at.key.ends_with('/')) {
    return Status::Invalid("cannot write '", at.path(), "': the key has no last part");
  }
  return std::make_shared<S3Upload>(*this, std::move(at), mark);
}

Result<bool> S3Uploads::IsFrom(const S3Location& at, const std::string& mark) {
  WEIR_ASSIGN_OR_RETURN(const HttpAnswer answer, client_.Send({"look at", "HEAD", at, {}, {}, {}}));
  return answer.status == 200 && answer.header(kMarkHeader) == mark;
}

Status S3Uploads::Put(const S3Location& at, const std::string& mark, std::string_view bytes) {
  WEIR_ASSIGN_OR_RETURN(const HttpAnswer answer, client_.Send({"write", "PUT", at, {}, {{kMarkHeader, mark}}, bytes}));
  if (answer.status < 300) return Status::OK();
  return Status::IOError("cannot write '", at.path(), "': the store answers ", answer.status, " ",
                         XmlText(answer.body, "Code"));
}

Status S3Uploads::Complete(const S3Location& at, const std::string& id, const std::string& mark,
                           const std::string& etags) {
  std::string body = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  std::string_view left = etags;
  for (int number = 1; !left.empty(); ++number) {
    body += "<Part><PartNumber>" + std::to_string(number) + "</PartNumber><ETag>" + XmlEscape(TakeLine(&left)) +
            "</ETag></Part>";
  }
  body += "</CompleteMultipartUpload>";
  S3Call call{"complete", "POST", at, {{"uploadId", id}}, {}, body};
  call.error_in_body = true;
  const auto answer = client_.Send(call);
  if (answer.ok() && answer->status < 300) return Status::OK();
  // An earlier try may have been heard; then the store knows the upload no more, or says nothing sensible of it.
  WEIR_ASSIGN_OR_RETURN(const bool shown, IsFrom(at, mark));
  if (shown) return Status::OK();
  WEIR_RETURN_NOT_OK(answer.status());
  return Status::IOError("cannot complete '", at.path(), "': the store answers ", answer->status, " ",
                         XmlText(answer->body, "Code"),
                         ": its upload is gone, and what is there now came from elsewhere",
                         "; was the upload removed by a lifecycle rule of the bucket?");
}

Status S3Uploads::Commit(const S3Location& at, const std::string& token) {
  std::string_view rest = token;
  const std::string_view kind = TakeLine(&rest);
  const std::string mark(TakeLine(&rest));
  bool fresh;
  {
    std::lock_guard lock(mutex_);
    fresh = fresh_.erase(mark) > 0;
  }
  if (kind == "parts") {
    const std::string id(TakeLine(&rest));
    WEIR_RETURN_NOT_OK(Complete(at, id, mark, std::string(rest)));
    // A request to begin whose answer was lost, sent again here or by the HTTP client, has begun another upload, of
    // which only the store knows. Who may not list uploads leaves it to the lifecycle rules of the bucket.
    AbortAll(at).ok();
    return Status::OK();
  }
  if (kind != "put") return Status::Invalid("damaged commit token of '", at.path(), "'");
  if (!fresh) {
    WEIR_ASSIGN_OR_RETURN(const bool shown, IsFrom(at, mark));
    if (shown) return Status::OK();  // once more would look like a new version to those who watch
  }
  return Put(at, mark, rest);
}

Status S3Uploads::AbortAll(const S3Location& at) {
  S3Call call{"list the uploads of", "GET", {at.bucket, ""}, {{"uploads", ""}, {"prefix", at.key}}, {}, {}};
  WEIR_ASSIGN_OR_RETURN(const HttpAnswer answer, client_.Send(call));
  size_t from = 0;
  while (const auto upload = NextXmlElement(answer.body, "Upload", &from)) {
    if (XmlText(*upload, "Key") != at.key) continue;
    const std::string id = XmlText(*upload, "UploadId");
    WEIR_RETURN_NOT_OK(client_.Send({"give up", "DELETE", at, {{"uploadId", id}}, {}, {}}).status());
  }
  return Status::OK();
}

Status S3Uploads::Abort(const S3Location& at, const std::string& token) {
  if (token.empty()) return AbortAll(at);
  std::string_view rest = token;
  const std::string_view kind = TakeLine(&rest);
  const std::string mark(TakeLine(&rest));
  {
    std::lock_guard lock(mutex_);
    fresh_.erase(mark);
  }
  if (kind != "parts") return Status::OK();
  const std::string id(TakeLine(&rest));
  return client_.Send({"give up", "DELETE", at, {{"uploadId", id}}, {}, {}}).status();
}

}  // namespace weir
