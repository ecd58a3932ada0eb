// How a step reaches a PostgreSQL server: by URL or by fields.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/component_spec.h"

namespace weir {

struct PgConfig {
  Secret<std::string> url;
  std::string host, database, user, tls, ca_file;
  std::optional<int64_t> port;
  Secret<std::string> password;
  Duration connect_timeout;
  static const FieldSet<PgConfig>& Fields();
};

/// libpq's keywords and values, in the order in which they count.
using PgParameters = std::vector<std::pair<std::string, std::string>>;
PgParameters ParametersOf(const PgConfig& config);

}  // namespace weir
