// S3Upload: an object that is written in parts and shown whole.
#pragma once

#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "connectors/s3/io_threads.h"
#include "connectors/s3/s3_client.h"
#include "env/objects/object_store.h"

namespace weir {

/// What the uploads of a process share. Thread-safe.
class S3Uploads {
 public:
  S3Uploads(Env& env, S3Client& client, IoThreads& threads) : env_(env), client_(client), threads_(threads) {}

  Result<std::shared_ptr<ObjectUpload>> Begin(S3Location at, const std::string& mark);
  /// As ObjectStore promises them.
  Result<bool> IsFrom(const S3Location& at, const std::string& mark);
  Status Commit(const S3Location& at, const std::string& token);
  Status Abort(const S3Location& at, const std::string& token);

 private:
  friend class S3Upload;
  Status AbortAll(const S3Location& at);
  Status Put(const S3Location& at, const std::string& mark, std::string_view bytes);
  Status Complete(const S3Location& at, const std::string& id, const std::string& mark, const std::string& etags);

  Env& env_;
  S3Client& client_;
  IoThreads& threads_;
  std::mutex mutex_;
  std::set<std::string> fresh_;  // marks that were prepared here and not committed yet: nobody has shown them
};

}  // namespace weir
