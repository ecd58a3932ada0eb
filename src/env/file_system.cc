// What can be said about files without knowing which file system it is.
#include "env/file_system.h"

#include <arrow/io/interfaces.h>

namespace weir {

Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenRandomAccess(FileSystem& files, const std::string& path) {
  WEIR_ASSIGN_OR_RETURN(auto stream, files.Open(path));
  auto random = std::dynamic_pointer_cast<arrow::io::RandomAccessFile>(stream);
  if (!random) return Status::IOError("'", path, "' is a pipe or a device; a regular file is needed here");
  return random;
}

Status RemoveTree(FileSystem& files, const std::string& path) {
  // A link to a folder is unlinked by Remove() itself, so its target is never walked.
  if (files.Remove(path).ok()) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(auto info, files.Stat(path));
  if (info.kind == FileKind::kDirectory) {
    WEIR_ASSIGN_OR_RETURN(auto entries, files.List(path));
    for (const auto& entry : entries) WEIR_RETURN_NOT_OK(RemoveTree(files, JoinPath(path, entry.name)));
  }
  return files.Remove(path);
}

Result<std::string> ReadFile(FileSystem& files, const std::string& path, int64_t max_bytes) {
  WEIR_ASSIGN_OR_RETURN(auto stream, files.Open(path));
  std::string text;
  for (;;) {
    const size_t old_size = text.size();
    text.resize(old_size + (64 << 10));
    WEIR_ASSIGN_OR_RETURN(int64_t read, stream->Read(64 << 10, text.data() + old_size));
    text.resize(old_size + static_cast<size_t>(read));
    if (read == 0) return text;
    if (static_cast<int64_t>(text.size()) > max_bytes) {
      return Status::CapacityError("'", path, "' is larger than ", max_bytes, " bytes");
    }
  }
}

std::string DirectoryName(const std::string& path) {
  size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return path.empty() ? "." : "/";
  size_t slash = path.find_last_of('/', end);
  if (slash == std::string::npos) return ".";
  size_t last = path.find_last_not_of('/', slash);
  return last == std::string::npos ? "/" : path.substr(0, last + 1);
}

std::string BaseName(const std::string& path) {
  size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return "";
  size_t slash = path.find_last_of('/', end);
  size_t begin = slash == std::string::npos ? 0 : slash + 1;
  return path.substr(begin, end + 1 - begin);
}

std::string JoinPath(const std::string& directory, const std::string& name) {
  if (directory.empty() || directory == ".") return name;
  return directory.back() == '/' ? directory + name : directory + "/" + name;
}

}  // namespace weir
