// weir store: what a state store holds, by hand.
#include <cstdio>
#include <iostream>
#include <iterator>
#include <memory>

#include "cli/verb.h"
#include "env/env.h"
#include "stores/key_value_store.h"

namespace weir {
namespace {

constexpr int kPage = 500;

struct StoreFlags {
  std::string action, url, key, value;
};

Status List(KeyValueStore& store, const std::string& prefix) {
  std::string after;
  for (;;) {
    WEIR_ASSIGN_OR_RETURN(const std::vector<StoreEntry> page, store.Scan(prefix, after, kPage));
    for (const StoreEntry& entry : page) std::printf("%s\t%zu\n", entry.key.c_str(), entry.value.bytes.size());
    if (page.size() < static_cast<size_t>(kPage)) return Status::OK();
    after = page.back().key;
  }
}

/// Whether what was asked for was there.
Result<bool> Act(KeyValueStore& store, const StoreFlags& flags) {
  if (flags.action == "ls") {
    WEIR_RETURN_NOT_OK(List(store, flags.key));
    return true;
  }
  if (flags.action == "rm") return store.Delete(flags.key);
  if (flags.action == "put") {
    std::string bytes = flags.value;
    if (bytes == "-") bytes.assign(std::istreambuf_iterator<char>(std::cin), {});
    WEIR_RETURN_NOT_OK(store.Put(flags.key, std::move(bytes)));
    return true;
  }
  WEIR_ASSIGN_OR_RETURN(const auto value, store.Get(flags.key));
  if (value) std::fwrite(value->bytes.data(), 1, value->bytes.size(), stdout);
  return value.has_value();
}

void Run(const StoreFlags& flags, CliContext& context) {
  if (flags.key.empty() && flags.action != "ls") {
    std::fprintf(stderr, "weir: 'store %s' needs a key: weir store %s URL KEY\n", flags.action.c_str(),
                 flags.action.c_str());
    context.exit_code = kExitUsage;
    return;
  }
  Result<std::unique_ptr<KeyValueStore>> store = KeyValueStore::Open(flags.url, Env::Real());
  Result<bool> done = store.ok() ? Act(**store, flags) : store.status();
  if (!done.ok()) {
    std::fprintf(stderr, "weir: %s\n", done.status().message().c_str());
    context.exit_code = store.ok() ? kExitRunFailed : kExitConnectionFailed;
  } else if (!*done) {
    std::fprintf(stderr, "weir: there is no '%s' in the store\n", flags.key.c_str());
    context.exit_code = kExitRunFailed;
  }
}

}  // namespace

void AddStoreVerb(Command app, CliContext& context) {
  auto flags = std::make_shared<StoreFlags>();
  Command verb = app.AddVerb("store", "Look into a state store, or change it");
  verb.AddOption("ACTION", &flags->action, "get, put, ls or rm").Required().OneOf({"get", "put", "ls", "rm"});
  verb.AddOption("URL", &flags->url, "the store, as in a pipeline's 'state'").Required();
  verb.AddOption("KEY", &flags->key, "the key; for ls, what keys begin with");
  verb.AddOption("VALUE", &flags->value, "for put: the value; - reads standard input");
  verb.SetFooter(
      "Stores: sqlite:PATH, redis://HOST:6379, postgres://USER@HOST/DATABASE, dynamodb://TABLE, etcd://HOST:2379\n"
      "\n"
      "Examples:\n"
      "  weir store ls sqlite:state.db lease/             keys that begin so, and the bytes of their values\n"
      "  weir store get redis://localhost offsets/orders\n"
      "  weir store put etcd://localhost:2379 limit 100\n"
      "\n"
      "Exit codes: 0 done, 1 there is no such key, 4 no connection, 2 wrong use.");
  verb.OnRun([flags, &context] { Run(*flags, context); });
}

}  // namespace weir
