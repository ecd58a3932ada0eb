// Program: a checked expression as a graph of typed nodes, equal subexpressions shared. Immutable once finished.
#pragma once

#include <arrow/type_fwd.h>

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "expr/expr.h"
#include "expr/parse/ast.h"
#include "expr/run/frame.h"

namespace weir::expr {

enum class NodeKind {
  kColumn,     // column
  kConstant,   // constant
  kEventTime,  // of the row
  kWindowStart,
  kWindowEnd,
  kCall,  // kernel(args)
  kAnd,   // all of args, boolean
  kOr,
  kCase,      // when, then, …, else
  kCoalesce,  // first of args that is not null
  kField,     // child `column` of args[0], a struct
};

/// Traits of a kernel.
enum KernelFlags : uint32_t {
  kNoFlags = 0,
  kDenseSafe = 1,     // cheap, and harmless on rows that are dead, null or undefined (fixed-width values only)
  kCanFail = 2,       // some value gives a row error
  kCanNull = 4,       // may give null though no argument is null
  kHandlesNulls = 8,  // sees rows with null arguments and sets the null bytes itself
};

enum class CompareOp : uint8_t { kNone, kEq, kNe, kLt, kLe, kGt, kGe };

struct Node {
  NodeKind kind = NodeKind::kCall;
  int id = 0;
  TypePtr type;
  Phys phys = Phys::kNull;
  bool nullable = true;
  bool can_fail = false;  // itself or below
  bool cheap = false;     // it and everything below is kDenseSafe
  int uses = 0;
  int column = -1;
  ArrayDataPtr constant;  // one row
  KernelFn kernel = nullptr;
  uint32_t flags = kNoFlags;
  CompareOp compare = CompareOp::kNone;
  std::shared_ptr<const KernelState> state;
  std::vector<const Node*> args;
  std::vector<TypePtr> arg_types;
  int only_column = -1;      // the one column below it; -1: none, -2: several, or it reads the time
  int dictionary_slot = -1;  // largest subexpressions over one string column: see Runner
};

struct Program {
  AstPtr ast;
  std::shared_ptr<arrow::Schema> input;
  std::deque<Node> nodes;  // arguments before their users
  const Node* root = nullptr;
  std::vector<const Node*> filter_terms;  // of the root as a condition
  std::vector<int> columns;
  std::vector<const Node*> dictionary_nodes;
  bool uses_time = false;
};

/// Adds nodes to a program, sharing equal ones and folding calls of constants.
class ProgramBuilder {
 public:
  explicit ProgramBuilder(Program* program) : program_(program) {}

  const Node* Column(int index);
  const Node* Constant(ArrayDataPtr one_row);
  const Node* Null(const TypePtr& type);
  const Node* Leaf(NodeKind kind);  // the times
  const Node* Field(const Node* value, int child);
  const Node* And(std::vector<const Node*> args);
  const Node* Or(std::vector<const Node*> args);
  const Node* Case(std::vector<const Node*> args, const TypePtr& type);
  const Node* Coalesce(std::vector<const Node*> args);
  /// `state_key` tells states of one kernel apart; empty with a state means: never shared.
  const Node* Call(KernelFn kernel, uint32_t flags, const TypePtr& type, std::vector<const Node*> args,
                   std::shared_ptr<const KernelState> state = nullptr, std::string state_key = "",
                   CompareOp compare = CompareOp::kNone);

  /// Ends building: `root` is the value; `condition` is it as a boolean.
  void Finish(const Node* root, const Node* condition);

 private:
  const Node* Intern(std::string key, Node node);
  const Node* Fold(const Node* node);
  void MarkDictionaryNodes(const Node* node, std::vector<uint8_t>* seen);
  Program* program_;
  std::unordered_map<std::string, const Node*> interned_;
};

/// The one value of a program without columns, as an array of one row; an error when that row fails.
Result<ArrayDataPtr> EvalConstant(const Program& program, const Node& node);

}  // namespace weir::expr
