// Which files a path names: itself, a glob's matches, or a folder's files of one format.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "env/env.h"

namespace weir {

/// Whether `text` (no slashes) fits `pattern`: `*` any run, `?` one byte, `[a-c]` `[!a]` one of, `\` takes the next as
/// it is.
bool MatchesGlob(std::string_view pattern, std::string_view text);

/// Has one of * ? [ {.
bool HasGlob(std::string_view path);

/// The patterns that `{a,b}` alternatives stand for. Errors: Invalid for more than 4096 of them.
Result<std::vector<std::string>> ExpandGlobBraces(const std::string& path);

/// Whether `name` ends in one of `extensions`, which a compression extension may follow; true where there are none.
bool HasExtension(std::string_view name, const std::vector<std::string>& extensions);

/// Files of `path`, sorted by path in byte order, each once:
///   `-`                 itself
///   a file or a pipe    itself
///   a folder            every file in it and below that ends in one of `extensions` (a compression extension may
///   follow);
///                       all files when `extensions` is empty. Names that start with '.' or '_' are left out.
///   a glob              `*`, `?`, `[…]` inside a part, `**` for any number of folders, `{a,b}` alternatives. Hidden
///   names
///                       match only a pattern that starts with '.'; a matched folder is left out.
/// Paths of an object store work in the same way (env/objects/object_store.h).
/// Errors: IOError when a path without glob is not there. A glob or a folder without files gives an empty list.
Result<std::vector<std::string>> ListInputFiles(Env& env, const std::string& path,
                                                const std::vector<std::string>& extensions);

}  // namespace weir
