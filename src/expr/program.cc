// ProgramBuilder: see program.h.
#include "expr/program.h"

#include <arrow/array/array_base.h>
#include <arrow/array/data.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/scalar.h>
#include <arrow/type.h>

#include <algorithm>
#include <cstring>

#include "batch/gather.h"
#include "expr/run/runner.h"

namespace weir::expr {
namespace {

bool IsConstant(const Node* node) { return node->kind == NodeKind::kConstant; }
bool IsNull(const Node* node) { return IsConstant(node) && !node->constant->IsValid(0); }

// Whether a boolean constant is true; false for null.
bool IsTrue(const Node* node) {
  return !IsNull(node) && (node->constant->buffers[1]->data()[0] >> (node->constant->offset % 8) & 1);
}

int JoinColumns(int a, int b) { return a == -1 ? b : b == -1 || a == b ? a : -2; }

std::string KeyOf(const Node& node) {
  std::string key = std::to_string(static_cast<int>(node.kind)) + ":" + std::to_string(node.column) + ":" +
                    std::to_string(reinterpret_cast<uintptr_t>(node.kernel)) + ":" + node.type->ToString();
  for (const Node* arg : node.args) key += "," + std::to_string(arg->id);
  return key;
}

}  // namespace

const Node* ProgramBuilder::Intern(std::string key, Node node) {
  if (!key.empty()) {
    auto found = interned_.find(key);
    if (found != interned_.end()) return found->second;
  }
  node.id = static_cast<int>(program_->nodes.size());
  node.phys = PhysOf(*node.type);
  for (const Node* arg : node.args) {
    node.can_fail |= arg->can_fail;
    node.only_column = JoinColumns(node.only_column, arg->only_column);
    node.arg_types.push_back(arg->type);
  }
  node.can_fail |= (node.flags & kCanFail) != 0;
  const Node* added = &program_->nodes.emplace_back(std::move(node));
  if (!key.empty()) interned_[std::move(key)] = added;
  return added;
}

const Node* ProgramBuilder::Column(int index) {
  Node node;
  node.kind = NodeKind::kColumn;
  node.column = index;
  node.type = program_->input->field(index)->type();
  node.nullable = program_->input->field(index)->nullable();
  node.only_column = index;
  Phys phys = PhysOf(*node.type);
  node.cheap = phys == Phys::kBool || phys == Phys::kInt || phys == Phys::kDouble || phys == Phys::kDecimal;
  std::string key = KeyOf(node);
  return Intern(std::move(key), std::move(node));
}

const Node* ProgramBuilder::Constant(ArrayDataPtr one_row) {
  Node node;
  node.kind = NodeKind::kConstant;
  node.type = one_row->type;
  node.nullable = !one_row->IsValid(0);
  node.constant = std::move(one_row);
  node.cheap = true;
  std::string key;
  if (PhysOf(*node.type) != Phys::kNested) {
    key = KeyOf(node);
    if (!node.nullable) {
      Scratch scratch;
      Vec vec = LoadConstant(&scratch, *node.constant);
      const auto* bytes = static_cast<const char*>(vec.values);
      size_t size = WidthOf(vec.phys);
      if (vec.phys == Phys::kString) {
        bytes = vec.data<StringRef>()->data;
        size = vec.data<StringRef>()->size;
      }
      key += "=" + std::string(bytes, size);
    }
  }
  return Intern(std::move(key), std::move(node));
}

const Node* ProgramBuilder::Null(const TypePtr& type) {
  auto column = NullColumn(type, 1);
  return Constant(column.ok() ? *column : NullColumn(arrow::null(), 1).ValueOrDie());
}

const Node* ProgramBuilder::Leaf(NodeKind kind) {
  Node node;
  node.kind = kind;
  node.type = TimestampType();
  node.nullable = false;
  node.only_column = -2;
  node.cheap = true;
  program_->uses_time = true;
  std::string key = KeyOf(node);
  return Intern(std::move(key), std::move(node));
}

const Node* ProgramBuilder::Field(const Node* value, int child) {
  Node node;
  node.kind = NodeKind::kField;
  node.column = child;
  node.type = value->type->field(child)->type();
  node.nullable = value->nullable || value->type->field(child)->nullable();
  node.args = {value};
  std::string key = KeyOf(node);
  return Intern(std::move(key), std::move(node));
}

const Node* ProgramBuilder::And(std::vector<const Node*> args) {
  Node node;
  node.kind = NodeKind::kAnd;
  node.type = arrow::boolean();
  node.nullable = false;
  node.cheap = true;
  for (const Node* arg : args) {
    if (IsConstant(arg) && IsTrue(arg)) continue;
    node.args.push_back(arg);
    node.nullable |= arg->nullable;
    node.cheap &= arg->cheap && !arg->can_fail;
    if (IsConstant(arg) && !IsNull(arg)) break;  // false: what follows is never looked at
  }
  if (node.args.empty())
    return Constant(arrow::MakeArrayFromScalar(arrow::BooleanScalar(true), 1).ValueOrDie()->data());
  if (node.args.size() == 1) return node.args[0];
  std::string key = KeyOf(node);
  return Intern(std::move(key), std::move(node));
}

const Node* ProgramBuilder::Or(std::vector<const Node*> args) {
  Node node;
  node.kind = NodeKind::kOr;
  node.type = arrow::boolean();
  node.nullable = false;
  node.cheap = true;
  for (const Node* arg : args) {
    if (IsConstant(arg) && !IsNull(arg) && !IsTrue(arg)) continue;
    node.args.push_back(arg);
    node.nullable |= arg->nullable;
    node.cheap &= arg->cheap && !arg->can_fail;
    if (IsConstant(arg) && IsTrue(arg)) break;
  }
  if (node.args.empty())
    return Constant(arrow::MakeArrayFromScalar(arrow::BooleanScalar(false), 1).ValueOrDie()->data());
  if (node.args.size() == 1) return node.args[0];
  std::string key = KeyOf(node);
  return Intern(std::move(key), std::move(node));
}

const Node* ProgramBuilder::Case(std::vector<const Node*> args, const TypePtr& type) {
  Node node;
  node.kind = NodeKind::kCase;
  node.type = type;
  node.nullable = false;
  for (size_t k = 0; k + 1 < args.size(); k += 2) {
    if (IsConstant(args[k]) && !IsTrue(args[k])) continue;
    if (IsConstant(args[k])) {  // true: this is the else
      args = {args[k + 1]};
      break;
    }
    node.args.push_back(args[k]);
    node.args.push_back(args[k + 1]);
    node.nullable |= args[k + 1]->nullable;
  }
  node.args.push_back(args.back());
  node.nullable |= args.back()->nullable;
  if (node.args.size() == 1) return node.args[0];
  std::string key = KeyOf(node);
  return Intern(std::move(key), std::move(node));
}

const Node* ProgramBuilder::Coalesce(std::vector<const Node*> args) {
  Node node;
  node.kind = NodeKind::kCoalesce;
  node.type = args[0]->type;
  node.nullable = true;
  for (const Node* arg : args) {
    if (IsNull(arg)) continue;
    node.args.push_back(arg);
    if (arg->nullable || arg->can_fail) continue;
    node.nullable = false;
    break;
  }
  if (node.args.empty()) return Null(node.type);
  if (node.args.size() == 1) return node.args[0];
  std::string key = KeyOf(node);
  return Intern(std::move(key), std::move(node));
}

const Node* ProgramBuilder::Call(KernelFn kernel, uint32_t flags, const TypePtr& type, std::vector<const Node*> args,
                                 std::shared_ptr<const KernelState> state, std::string state_key, CompareOp compare) {
  Node node;
  node.kernel = kernel;
  node.flags = flags;
  node.type = type;
  node.compare = compare;
  node.cheap = (flags & kDenseSafe) != 0 && (flags & kCanFail) == 0;
  node.nullable = (flags & kCanNull) != 0;
  bool strict = (flags & kHandlesNulls) == 0;
  bool constant = true;
  for (const Node* arg : args) {
    if (strict && IsNull(arg) && !arg->can_fail) return Null(type);
    node.nullable |= strict && arg->nullable;
    node.cheap &= arg->cheap && !arg->can_fail;
    constant &= IsConstant(arg);
  }
  node.args = std::move(args);
  std::string key = state != nullptr && state_key.empty() ? "" : KeyOf(node) + "#" + state_key;
  node.state = std::move(state);
  const Node* made = Intern(std::move(key), std::move(node));
  return constant ? Fold(made) : made;
}

const Node* ProgramBuilder::Fold(const Node* node) {
  auto value = EvalConstant(*program_, *node);
  return value.ok() ? Constant(*value) : node;  // what fails, fails for the rows that reach it
}

void ProgramBuilder::MarkDictionaryNodes(const Node* node, std::vector<uint8_t>* seen) {
  if ((*seen)[node->id]) return;
  (*seen)[node->id] = 1;
  bool strings =
      node->only_column >= 0 && program_->input->field(node->only_column)->type()->id() == arrow::Type::STRING;
  if (strings && node->kind != NodeKind::kColumn) {
    auto* own = &program_->nodes[node->id];
    own->dictionary_slot = static_cast<int>(program_->dictionary_nodes.size());
    program_->dictionary_nodes.push_back(own);
    return;
  }
  for (const Node* arg : node->args) MarkDictionaryNodes(arg, seen);
}

void ProgramBuilder::Finish(const Node* root, const Node* condition) {
  program_->root = root;
  program_->filter_terms.clear();
  if (condition->kind == NodeKind::kAnd) {
    program_->filter_terms = condition->args;
    // Terms that cannot fail may change places: the cheap ones first.
    bool harmless =
        std::none_of(condition->args.begin(), condition->args.end(), [](const Node* n) { return n->can_fail; });
    if (harmless) {
      std::stable_sort(program_->filter_terms.begin(), program_->filter_terms.end(),
                       [](const Node* a, const Node* b) { return a->cheap && !b->cheap; });
    }
  } else {
    program_->filter_terms = {condition};
  }
  std::vector<uint8_t> reached(program_->nodes.size(), 0);
  reached[root->id] = 1;
  reached[condition->id] = 1;
  for (auto node = program_->nodes.rbegin(); node != program_->nodes.rend(); ++node) {
    if (!reached[node->id]) continue;
    if (node->kind == NodeKind::kColumn) program_->columns.push_back(node->column);
    for (const Node* arg : node->args) {
      reached[arg->id] = 1;
      ++program_->nodes[arg->id].uses;
    }
  }
  std::sort(program_->columns.begin(), program_->columns.end());
  std::vector<uint8_t> seen(program_->nodes.size(), 0);
  MarkDictionaryNodes(root, &seen);
  for (const Node* term : program_->filter_terms) MarkDictionaryNodes(term, &seen);
}

Result<ArrayDataPtr> EvalConstant(const Program& program, const Node& node) {
  Runner runner(program);
  std::vector<RowError> errors;
  WEIR_ASSIGN_OR_RETURN(auto value, runner.Values(Batch(arrow::schema({}), {}, 1), node, &errors));
  if (!errors.empty()) return Status::Invalid(errors[0].message);
  return value;
}

}  // namespace weir::expr
