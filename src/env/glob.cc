// Globs and folders to file names.
#include "env/glob.h"

#include <algorithm>

#include "env/objects/object_store.h"
#include "env/streams.h"

namespace weir {
namespace {

constexpr size_t kMaxAlternatives = 4096;  // of `{a,b}{c,d}…`, which multiply
constexpr int kMaxDepth = 32;  // folders below each other: links may form a cycle, and the kernel only stops at 40

/// The end of a `[…]` that starts at `at`, or npos when it is not closed.
size_t ClassEnd(std::string_view pattern, size_t at) {
  size_t i = at + 1;
  if (i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^')) ++i;
  if (i < pattern.size() && pattern[i] == ']') ++i;  // first in the class it stands for itself
  return pattern.find(']', i);
}

bool InClass(std::string_view body, char c) {
  bool negated = !body.empty() && (body[0] == '!' || body[0] == '^');
  if (negated) body.remove_prefix(1);
  bool found = false;
  for (size_t i = 0; i < body.size(); ++i) {
    bool is_range = i + 2 < body.size() && body[i + 1] == '-';
    auto low = static_cast<unsigned char>(body[i]);
    auto high = static_cast<unsigned char>(is_range ? body[i + 2] : body[i]);
    auto value = static_cast<unsigned char>(c);
    found = found || (low <= value && value <= high);
    if (is_range) i += 2;
  }
  return found != negated;
}

/// Length of the pattern element at `p` when it matches `c`, else 0.
size_t MatchOne(std::string_view pattern, size_t p, char c) {
  if (pattern[p] == '?') return 1;
  if (pattern[p] == '[') {
    size_t end = ClassEnd(pattern, p);
    if (end != std::string_view::npos) return InClass(pattern.substr(p + 1, end - p - 1), c) ? end + 1 - p : 0;
  }
  if (pattern[p] == '\\' && p + 1 < pattern.size()) return pattern[p + 1] == c ? 2 : 0;
  return pattern[p] == c ? 1 : 0;
}

Status ExpandBraces(const std::string& pattern, std::vector<std::string>* out) {
  size_t open = pattern.find('{');
  size_t close = std::string::npos;
  std::vector<size_t> cuts;  // the outermost commas
  int depth = 0;
  for (size_t i = open; i < pattern.size() && close == std::string::npos; ++i) {
    if (pattern[i] == '{') ++depth;
    if (pattern[i] == ',' && depth == 1) cuts.push_back(i);
    if (pattern[i] == '}' && --depth == 0) close = i;
  }
  if (open == std::string::npos || close == std::string::npos) {
    out->push_back(pattern);
    if (out->size() > kMaxAlternatives) return Status::Invalid("the path has more than 4096 {…} alternatives");
    return Status::OK();
  }
  cuts.push_back(close);
  size_t begin = open + 1;
  for (size_t cut : cuts) {
    std::string one = pattern.substr(0, open) + pattern.substr(begin, cut - begin) + pattern.substr(close + 1);
    WEIR_RETURN_NOT_OK(ExpandBraces(one, out));
    begin = cut + 1;
  }
  return Status::OK();
}

Status ListFolder(FileSystem& files, const std::string& folder, const std::vector<std::string>& extensions, int depth,
                  std::vector<std::string>* out) {
  if (depth > kMaxDepth)
    return Status::IOError("'", folder, "': more than 32 folders below each other (a cycle of links?)");
  WEIR_ASSIGN_OR_RETURN(auto entries, files.List(folder));
  for (const DirectoryEntry& entry : entries) {
    if (entry.name[0] == '.' || entry.name[0] == '_') continue;
    std::string path = JoinPath(folder, entry.name);
    if (entry.kind == FileKind::kDirectory) {
      WEIR_RETURN_NOT_OK(ListFolder(files, path, extensions, depth + 1, out));
    } else if (entry.kind == FileKind::kFile && HasExtension(entry.name, extensions)) {
      out->push_back(std::move(path));
    }
  }
  return Status::OK();
}

/// Walks the parts of one glob from `part` on; `prefix` is the folder reached so far ("" = working directory).
class GlobWalk {
 public:
  GlobWalk(FileSystem& files, std::vector<std::string> parts, std::vector<std::string>* out)
      : files_(files), parts_(std::move(parts)), out_(out) {}

  Status Walk(const std::string& prefix, size_t part, int depth) {
    if (depth > kMaxDepth)
      return Status::IOError("'", prefix, "': more than 32 folders below each other (a cycle of links?)");
    if (part == parts_.size()) return Status::OK();
    const std::string& pattern = parts_[part];
    bool last = part + 1 == parts_.size();
    if (pattern == "**") return WalkAnyDepth(prefix, part, depth);
    if (!HasGlob(pattern)) return Enter(JoinPath(prefix, pattern), part, last, depth);
    WEIR_ASSIGN_OR_RETURN(auto entries, Entries(prefix));
    for (const DirectoryEntry& entry : entries) {
      if (entry.name[0] == '.' && pattern[0] != '.') continue;
      if (!MatchesGlob(pattern, entry.name)) continue;
      WEIR_RETURN_NOT_OK(Enter(JoinPath(prefix, entry.name), part, last, depth));
    }
    return Status::OK();
  }

 private:
  Status Enter(const std::string& path, size_t part, bool last, int depth) {
    WEIR_ASSIGN_OR_RETURN(FileInfo info, files_.Stat(path));
    if (!last) return info.kind == FileKind::kDirectory ? Walk(path, part + 1, depth + 1) : Status::OK();
    if (info.kind == FileKind::kFile || info.kind == FileKind::kOther) out_->push_back(path);
    return Status::OK();
  }

  Status WalkAnyDepth(const std::string& prefix, size_t part, int depth) {
    bool last = part + 1 == parts_.size();
    if (!last) WEIR_RETURN_NOT_OK(Walk(prefix, part + 1, depth + 1));
    WEIR_ASSIGN_OR_RETURN(auto entries, Entries(prefix));
    for (const DirectoryEntry& entry : entries) {
      if (entry.name[0] == '.') continue;
      std::string path = JoinPath(prefix, entry.name);
      if (entry.kind == FileKind::kDirectory) {
        WEIR_RETURN_NOT_OK(Walk(path, part, depth + 1));
      } else if (last) {
        out_->push_back(std::move(path));
      }
    }
    return Status::OK();
  }

  Result<std::vector<DirectoryEntry>> Entries(const std::string& prefix) {
    std::string folder = prefix.empty() ? "." : prefix;
    WEIR_ASSIGN_OR_RETURN(FileInfo info, files_.Stat(folder));
    if (info.kind != FileKind::kDirectory) return std::vector<DirectoryEntry>{};
    return files_.List(folder);
  }

  FileSystem& files_;
  std::vector<std::string> parts_;
  std::vector<std::string>* out_;
};

Status ListGlob(FileSystem& files, const std::string& pattern, std::vector<std::string>* out) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= pattern.size();) {
    size_t slash = std::min(pattern.find('/', begin), pattern.size());
    if (slash > begin) parts.push_back(pattern.substr(begin, slash - begin));
    begin = slash + 1;
  }
  return GlobWalk(files, std::move(parts), out).Walk(pattern.starts_with("/") ? "/" : "", 0, 0);
}

}  // namespace

bool MatchesGlob(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0;
  size_t star = std::string_view::npos, star_text = 0;  // where to go on when the run of the last `*` must grow
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
      continue;
    }
    size_t length = p < pattern.size() ? MatchOne(pattern, p, text[t]) : 0;
    if (length > 0) {
      p += length;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool HasExtension(std::string_view name, const std::vector<std::string>& extensions) {
  if (extensions.empty()) return true;
  std::string_view plain = WithoutCompressionExtension(name);
  return std::any_of(extensions.begin(), extensions.end(), [&](const auto& e) { return plain.ends_with(e); });
}

Result<std::vector<std::string>> ExpandGlobBraces(const std::string& path) {
  std::vector<std::string> patterns;
  WEIR_RETURN_NOT_OK(ExpandBraces(path, &patterns));
  return patterns;
}

bool HasGlob(std::string_view path) { return path.find_first_of("*?[{") != std::string_view::npos; }

Result<std::vector<std::string>> ListInputFiles(Env& env, const std::string& path,
                                                const std::vector<std::string>& extensions) {
  if (path == "-") return std::vector<std::string>{path};
  if (ObjectStore* store = ObjectStoreOf(path)) return ListInputObjects(*store, path, extensions);
  std::vector<std::string> found;
  // A name that exists is that file, also when it holds brackets or stars.
  WEIR_ASSIGN_OR_RETURN(FileInfo info, env.files().Stat(path));
  if (info.kind == FileKind::kDirectory) {
    WEIR_RETURN_NOT_OK(ListFolder(env.files(), path, extensions, 0, &found));
  } else if (info.kind != FileKind::kNone) {
    return std::vector<std::string>{path};
  } else if (HasGlob(path)) {
    WEIR_ASSIGN_OR_RETURN(const auto patterns, ExpandGlobBraces(path));
    for (const std::string& pattern : patterns) WEIR_RETURN_NOT_OK(ListGlob(env.files(), pattern, &found));
  } else {
    return Status::IOError("there is no file or folder '", path, "'");
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace weir
