// Parameters of a pipeline file and everything else that is put in for ${…}, on the tree after parsing.
//
//   params:
//     day: {type: string, description: Which day., default: "2026-03-01"}
//     limit: 100                        # short for {type: integer, default: 100}
//   …  path: data/${param.day}.csv      n: ${param.limit}      password: ${env:PASSWORD}      token: ${file:/run/token}
//
// Forms: ${param.NAME}, ${env:NAME}, ${env:NAME:-default} (when it is unset or empty), ${file:PATH} (without its last
// line break).
// $${ stands for ${. Any other ${…} is left as it is, so that code in another language may hold it. A scalar that is
// nothing but one ${…} takes the type of what is put in; within a longer text the value is text. Keys are not
// substituted.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/node.h"

namespace weir {

struct SubstitutionOptions {
  std::vector<std::pair<std::string, std::string>> overrides;                      // -p NAME=VALUE, the last one wins
  std::function<std::optional<std::string>(const std::string& name)> environment;  // nullopt: not set
  std::function<Result<std::string>(const std::string& path)> read_file;
};

/// The tree with everything put in; `root` itself when there is nothing to do. What came from the environment or a
/// file, or from a parameter with `secret: true`, is marked as secret. Mistakes (unknown names, missing values, wrong
/// types) go to `diagnostics`; their ${…} stay in the text.
NodePtr SubstituteParams(const NodePtr& root, const SubstitutionOptions& options, Diagnostics* diagnostics);

}  // namespace weir
