// Globs and folders of an object store: one listing of what begins with the fixed part, then a match of each path.
#include <algorithm>

#include "env/glob.h"
#include "env/objects/object_store.h"

namespace weir {
namespace {

std::vector<std::string_view> PartsOf(std::string_view path) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t slash = std::min(path.find('/', begin), path.size());
    parts.push_back(path.substr(begin, slash - begin));
    begin = slash + 1;
  }
  return parts;
}

bool IsHidden(std::string_view part, std::string_view pattern) { return part.starts_with('.') && pattern[0] != '.'; }

/// Whether the parts of a path from `at` on fit those of a pattern from `p` on; `**` takes any number of them.
bool FitsParts(const std::vector<std::string_view>& pattern, size_t p, const std::vector<std::string_view>& parts,
               size_t at) {
  for (; p < pattern.size(); ++p, ++at) {
    if (pattern[p] == "**") {
      // As the last part it takes names at any depth, else folders.
      for (size_t next = at; next <= parts.size(); ++next) {
        if (p + 1 == pattern.size() ? next == parts.size() && at < parts.size()
                                    : FitsParts(pattern, p + 1, parts, next)) {
          return true;
        }
        if (next < parts.size() && parts[next].starts_with('.')) return false;
      }
      return false;
    }
    if (at >= parts.size() || parts[at].empty() || IsHidden(parts[at], pattern[p])) return false;
    if (!MatchesGlob(pattern[p], parts[at])) return false;
  }
  return at == parts.size();
}

Status ListPattern(ObjectStore& store, const std::string& pattern, std::vector<std::string>* out) {
  const std::string prefix = pattern.substr(0, pattern.find_first_of("*?[\\"));
  const size_t bucket = pattern.find('/', SchemeOf(pattern).size() + 3);
  if (bucket == std::string::npos || prefix.size() <= bucket) {
    return Status::Invalid("'", pattern, "': the name of the bucket must be whole");
  }
  // One level is enough where no folder behind the prefix has a glob.
  const bool one_level =
      pattern.find('/', prefix.size()) == std::string::npos && pattern.find("**", prefix.size()) == std::string::npos;
  WEIR_ASSIGN_OR_RETURN(const auto objects, store.List(prefix, one_level));
  const std::string fixed = prefix.substr(0, prefix.rfind('/') + 1);
  const std::string rest = pattern.substr(fixed.size());
  const auto wanted = PartsOf(rest);
  for (const ListedObject& object : objects) {
    if (object.info.kind != FileKind::kFile || !object.path.starts_with(fixed)) continue;
    const std::string_view below = std::string_view(object.path).substr(fixed.size());
    if (FitsParts(wanted, 0, PartsOf(below), 0)) out->push_back(object.path);
  }
  return Status::OK();
}

Status ListBelow(ObjectStore& store, const std::string& folder, const std::vector<std::string>& extensions,
                 std::vector<std::string>* out) {
  const std::string prefix = folder.ends_with('/') ? folder : folder + "/";
  WEIR_ASSIGN_OR_RETURN(const auto objects, store.List(prefix, /*one_level=*/false));
  for (const ListedObject& object : objects) {
    const auto parts = PartsOf(std::string_view(object.path).substr(prefix.size()));
    const bool hidden = std::any_of(parts.begin(), parts.end(), [](std::string_view part) {
      return part.empty() || part[0] == '.' || part[0] == '_';  // an empty one marks a folder
    });
    if (!hidden && HasExtension(object.path, extensions)) out->push_back(object.path);
  }
  return Status::OK();
}

}  // namespace

Result<std::vector<std::string>> ListInputObjects(ObjectStore& store, const std::string& path,
                                                  const std::vector<std::string>& extensions) {
  std::vector<std::string> found;
  // No key holds a star in practice; the other signs of globs it may.
  FileInfo info;
  if (path.find('*') == std::string::npos) {
    WEIR_ASSIGN_OR_RETURN(info, store.Stat(path));
  }
  if (info.kind == FileKind::kFile) return std::vector<std::string>{path};
  if (info.kind == FileKind::kDirectory) {
    WEIR_RETURN_NOT_OK(ListBelow(store, path, extensions, &found));
  } else if (HasGlob(path)) {
    WEIR_ASSIGN_OR_RETURN(const auto patterns, ExpandGlobBraces(path));
    for (const std::string& pattern : patterns) WEIR_RETURN_NOT_OK(ListPattern(store, pattern, &found));
  } else {
    return Status::IOError("there is no object '", path, "', and none below it");
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace weir
