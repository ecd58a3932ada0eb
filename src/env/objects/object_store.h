// ObjectStore: what a path like `s3://bucket/key` reaches. The file system of the operating system hands such paths on,
// so that whoever reads and writes files reads and writes objects too.
//
// Objects differ from files: they appear whole when their upload is committed, never grow, are never renamed, and have
// no folders; a "folder" is what keys have before a '/'. A version (ETag) says which bytes a name stands for.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "env/file_system.h"

namespace weir {

struct ListedObject {
  std::string path;  // "s3://bucket/key"
  FileInfo info;     // kDirectory: something that more keys begin with
};

/// An object that is being written. Nobody sees it before ObjectStore::CommitUpload. Used by one thread at a time.
class ObjectUpload : public WritableFile {
 public:
  /// Everything is with the store: what CommitUpload and AbortUpload need, also in another process. No writes
  /// afterwards.
  virtual Result<std::string> Prepare() = 0;
};

/// Paths begin with the scheme. Every method may be called from any thread, may take as long as a network does, and
/// tries again by itself what may succeed later. Errors: IOError with path, reason and remedy.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  /// ReadAt may be called from many threads. Reads fail when the object is replaced meanwhile: never bytes of two
  /// versions.
  virtual Result<std::shared_ptr<arrow::io::RandomAccessFile>> Open(const std::string& path) = 0;
  /// kFile for an object, kDirectory for what keys continue with '/', kNone. What a listing of the last seconds said
  /// is taken for true.
  virtual Result<FileInfo> Stat(const std::string& path) = 0;
  /// Objects whose paths begin with `prefix`, in byte order. `one_level`: what lies behind a further '/' comes as one
  /// kDirectory whose path ends in '/'.
  virtual Result<std::vector<ListedObject>> List(const std::string& prefix, bool one_level) = 0;
  /// Not there: no error.
  virtual Status Remove(const std::string& path) = 0;
  /// The object will be opened soon: a small one may be fetched meanwhile.
  virtual void WillOpen(const std::string&) {}

  /// `mark` goes with the object and tells it from those of other uploads; empty: a random one.
  virtual Result<std::shared_ptr<ObjectUpload>> BeginUpload(const std::string& path, const std::string& mark) = 0;
  /// Whether the object that is there came from the upload with this mark.
  virtual Result<bool> IsFrom(const std::string& path, const std::string& mark) = 0;
  /// Shows the object. Idempotent: fine when an earlier attempt had been heard, though its answer was not.
  virtual Status CommitUpload(const std::string& path, const std::string& token) = 0;
  /// No error when there is nothing left to remove. An empty token: all uploads of this object that were begun and not
  /// committed, by whomever.
  virtual Status AbortUpload(const std::string& path, const std::string& token) = 0;
};

/// Marks `status` as one that says nothing of the object: the store could not be reached, however often it was tried.
/// Who passes over what cannot be read must not pass over this.
Status Unavailable(const Status& status);
bool IsUnavailable(const Status& status);

/// "s3" of "s3://bucket/key"; empty for a local path.
std::string_view SchemeOf(std::string_view path);

/// Paths of `scheme` go to what `get` gives, which lives as long as the process. Again: no effect. Thread-safe.
void RegisterObjectStore(const std::string& scheme, ObjectStore& (*get)());
/// Null for local paths, and for schemes that nobody registered. Thread-safe.
ObjectStore* ObjectStoreOf(std::string_view path);

/// What ListInputFiles (env/glob.h) does, for paths of an object store: a key, a prefix that ends before a '/', or a
/// glob.
Result<std::vector<std::string>> ListInputObjects(ObjectStore& store, const std::string& path,
                                                  const std::vector<std::string>& extensions);

}  // namespace weir
