// Settings of a file source or sink whose path is that of an object store.
#pragma once

#include <string>

#include "base/secret.h"
#include "plan/binding.h"

namespace weir {

struct StorageConfig {
  std::string endpoint;
  std::string region;
  std::string access_key_id;
  Secret<std::string> secret_access_key;
  bool anonymous = false;
  static const FieldSet<StorageConfig>& Fields();
};

/// Makes the settings known for the store that `path` belongs to. False after an error: settings without a store, or a
/// bucket that another step uses with other ones. Call it before the path is looked at.
bool ApplyStorage(const StorageConfig& config, const std::string& path, BindContext& context);

}  // namespace weir
