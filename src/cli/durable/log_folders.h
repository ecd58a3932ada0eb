// Which logs a folder holds: that of a durable run, or a log itself.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace weir {

struct LogFolder {
  std::string name;   // "stage main", "edge orders"; empty: the folder itself is the log
  std::string stage;  // where it is a stage's
  std::string path;
};

/// Of `folder`, in the order of their names. Errors: IOError where there is no folder, or nothing of a log in it.
Result<std::vector<LogFolder>> FindLogs(const std::string& folder);

}  // namespace weir
