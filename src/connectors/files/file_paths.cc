// What file sources and sinks do with paths before data flows.
#include "connectors/files/file_paths.h"

#include <filesystem>

#include "env/glob.h"
#include "env/objects/object_store.h"

namespace weir {

bool CheckReachable(BindContext& context, const std::string& key, const std::string& path) {
  const std::string_view scheme = SchemeOf(path);
  if (scheme.empty() || ObjectStoreOf(path)) return true;
  ConfigError(context, key, "'" + path + "' is neither a path of this machine nor one of S3 (s3://bucket/key)",
              scheme == "file" ? "write the path without 'file://'" : "copy the files to this machine first");
  return false;
}

bool CheckLocal(BindContext& context, const std::string& key, const std::string& path) {
  const std::string_view scheme = SchemeOf(path);
  if (scheme.empty()) return true;
  ConfigError(context, key, "'" + path + "' is not a path of this machine",
              scheme == "file" ? "write the path without 'file://'" : "copy the file to this machine first");
  return false;
}

std::string ResolvePath(const BindContext& context, const std::string& path) {
  if (path == "-" || path.empty() || path[0] == '/' || !SchemeOf(path).empty()) return path;
  const std::string& base = context.base_dir();
  return base.empty() || base == "." ? path : JoinPath(base, path);
}

std::optional<std::vector<std::string>> ResolveInputPaths(BindContext& context, const std::string& key,
                                                          const std::string& path,
                                                          const std::vector<std::string>& extensions) {
  if (!CheckReachable(context, key, path)) return std::nullopt;
  auto paths = ListInputFiles(context.env(), ResolvePath(context, path), extensions);
  if (!paths.ok()) {
    ConfigError(context, key, paths.status().message());
    return std::nullopt;
  }
  if (paths->empty()) {
    std::string kind = HasGlob(path) ? "no file matches '" + path + "'"
                                     : "the folder '" + path + "' holds no file that ends in " + extensions[0];
    ConfigError(context, key, kind);
    return std::nullopt;
  }
  return *paths;
}

std::optional<std::string> ResolveOutputPath(BindContext& context, const std::string& key, const std::string& path) {
  if (!CheckReachable(context, key, path)) return std::nullopt;
  const std::string resolved = ResolvePath(context, path);
  // Several steps may write to the standard output or to a device.
  if (resolved == "-" || resolved.starts_with("/dev/")) return resolved;
  std::string resource = std::filesystem::path(resolved).lexically_normal().string();
  if (resource.size() > 1 && resource.back() == '/') resource.pop_back();
  const NodePtr config = context.step_node()->Find("config");
  const NodePtr value = config ? config->Find(key) : nullptr;
  if (!context.ClaimOutput(resource, value ? value : context.step_node())) return std::nullopt;
  return resolved;
}

void ConfigError(BindContext& context, const std::string& key, std::string message, std::string hint) {
  NodePtr config = context.step_node()->Find("config");
  NodePtr value = config ? config->Find(key) : nullptr;
  if (value) {
    context.Error(value, std::move(message), std::move(hint));
  } else {
    context.StepError(std::move(message), std::move(hint));
  }
}

std::string FilesNote(const std::vector<std::string>& paths) {
  if (paths.size() == 1) return "file " + paths[0];
  return std::to_string(paths.size()) + " files, " + paths.front() + " … " + paths.back();
}

}  // namespace weir
