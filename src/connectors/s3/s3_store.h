// Paths that begin with s3:// .
#pragma once

#include <string>

#include "connectors/s3/s3_client.h"

namespace weir {

/// Makes s3:// paths known to the file system. Again: no effect.
void RegisterS3();

/// Settings for `path`'s bucket, for the whole process, before it is first used. Errors: Invalid where the bucket has
/// other settings already.
Status ConfigureS3(const std::string& path, const S3Settings& settings);

}  // namespace weir
