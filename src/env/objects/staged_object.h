// Objects that are written to a file of this machine first: a stream can be cut and gone on with there, not in a store.
#pragma once

#include <string>

#include "env/atomic_file.h"
#include "env/objects/object_store.h"

namespace weir {

/// A new name in the folder `staging` for the file that becomes the object `path`.
std::string StagedPath(Env& env, const std::string& staging, const std::string& path, const std::string& run_id);

/// Whether the token of an object names such a file, and not an upload.
bool IsStaged(const AtomicFileToken& token);

/// Uploads the file, shows the object, removes the file. Idempotent at each of these moments: an object that this very
/// file has become is not shown again. Errors: IOError.
Status CommitStaged(Env& env, ObjectStore& store, const AtomicFileToken& token);

}  // namespace weir
