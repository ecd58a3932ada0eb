// Durable runs: the folder that a run keeps its state in, and what stands there about the pipeline.
//
//   DIR/weir.json             format, id of the pipeline, file and parameters it was begun with
//   DIR/stages/NAME/log       epochs of a stage (src/log)
//   DIR/stages/NAME/steps     what its sources and sinks keep beside them
//   DIR/edges/NAME            rows between stages
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/verb.h"
#include "engine/run.h"
#include "log/log_epoch_store.h"
#include "plan/stages/stage_split.h"

namespace weir {

struct DurableFlags {
  std::string state;  // folder; empty: not durable
  std::string epoch = "1s";
  std::string durability = "power";
  std::string stage;  // run this one alone
  bool drop_state = false;
};
void AddDurableFlags(Command verb, DurableFlags* flags);

/// The folder of a pipeline's state.
class StateFolder {
 public:
  struct Begun {
    std::string id, file;
    std::vector<std::string> params, set, tasks;  // as of PipelineFlags
  };
  /// Makes it where it is missing; `begun`, but for its id, is what `weir resume` runs. Errors: Invalid where the
  /// folder holds something else, or is of a later version.
  static Result<std::unique_ptr<StateFolder>> Open(const DurableFlags& flags, const Begun& begun);
  /// What it was begun with. Errors: IOError where it is no such folder.
  static Result<Begun> Read(const std::string& folder);

  /// Takes the state of one stage, for `options` of its run. Errors: IOError where another process has it.
  Status Take(const std::string& stage, RunOptions* options);
  /// What stands at the ends of the pipeline's edges.
  EdgeMaker Edges() const;
  /// Of a name of a stage or an edge: a folder's name that no other has.
  static std::string FolderName(const std::string& name);
  const std::string& folder() const { return folder_; }
  const std::string& id() const { return begun_.id; }
  Durability durability() const { return durability_; }

 private:
  std::string folder_;
  Begun begun_;
  Durability durability_ = Durability::kPower;
  EpochOptions epochs_;
  std::vector<std::unique_ptr<LogEpochStore>> stores_;
};

}  // namespace weir
