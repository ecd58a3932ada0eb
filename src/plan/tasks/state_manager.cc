// `stateManager:` of a task file: a type with what it needs, as the URL of a store.
#include <algorithm>
#include <utility>

#include "plan/pipeline_tree.h"
#include "plan/tasks/task_reader.h"

namespace weir {
namespace {

/// The value of one of a key's spellings; null where none is given.
NodePtr Find(const NodePtr& node, std::initializer_list<const char*> spellings) {
  for (const char* key : spellings) {
    if (NodePtr value = node->Find(key)) return value;
  }
  return nullptr;
}

std::string TextOf(const NodePtr& node, const std::string& otherwise) {
  return node && node->is_scalar() && !node->IsNull() ? node->text() : otherwise;
}

/// USER:PASSWORD@HOST:PORT of the mapping's keys.
std::string AuthorityOf(const NodePtr& node, const std::string& port) {
  std::string user = TextOf(Find(node, {"user", "username"}), "");
  const std::string password = TextOf(Find(node, {"password"}), "");
  if (!password.empty()) user += ":" + password;
  return (user.empty() ? "" : user + "@") + TextOf(Find(node, {"host"}), "localhost") + ":" +
         TextOf(Find(node, {"port"}), port);
}

}  // namespace

std::optional<StateManager> ReadStateManager(const NodePtr& node, Diagnostics* diagnostics) {
  StateManager manager;
  manager.node = node;
  if (node->is_scalar() && !node->IsNull() && node->text().find(':') != std::string::npos) {  // the URL of a store
    manager.url = node->text();
    return manager;
  }
  if (!node->is_map()) {
    ErrorAt(node, "'stateManager' is a mapping like {type: redis, host: localhost}; this is " + node->Describe(),
            diagnostics);
    return std::nullopt;
  }
  const KeySet keys{{"type", "url", "host", "port", "user", "username", "password", "database", "db", "dbname", "table",
                     "region", "endpoint"},
                    {}};
  if (!CheckKeys(node, keys, "a stateManager", diagnostics)) return std::nullopt;
  const NodePtr type = FindText(node, "type", diagnostics);
  if (!type) {
    if (!node->Find("type"))
      ErrorAt(node, "a stateManager needs a 'type': memory, redis, postgres or dynamodb", diagnostics);
    return std::nullopt;
  }
  const std::vector<std::string> types = {"memory", "redis", "postgres", "dynamodb"};
  if (std::find(types.begin(), types.end(), type->text()) == types.end()) {
    const std::string close = ClosestMatch(type->text(), types);
    ErrorAt(type, "the type of a stateManager is memory, redis, postgres or dynamodb; this is '" + type->text() + "'",
            diagnostics, close.empty() ? "" : "did you mean '" + close + "'?");
    return std::nullopt;
  }
  if (NodePtr url = Find(node, {"url"})) {
    manager.url = TextOf(url, "");
  } else if (type->text() == "memory") {
    manager.url = "memory:";
  } else if (type->text() == "redis") {
    manager.url = "redis://" + AuthorityOf(node, "6379") + "/" + TextOf(Find(node, {"db", "database"}), "0");
  } else if (type->text() == "postgres") {
    manager.url =
        "postgres://" + AuthorityOf(node, "5432") + "/" + TextOf(Find(node, {"database", "dbname", "db"}), "postgres");
    if (NodePtr table = Find(node, {"table"})) manager.url += "?table=" + TextOf(table, "");
  } else {
    manager.url = "dynamodb://" + TextOf(Find(node, {"table"}), "weir");
    char separator = '?';
    for (const char* key : {"region", "endpoint"}) {
      NodePtr value = Find(node, {key});
      if (!value) continue;
      manager.url += separator + std::string(key) + "=" + TextOf(value, "");
      separator = '&';
    }
  }
  return manager;
}

}  // namespace weir
