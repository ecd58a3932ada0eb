// Where the sizes of all inputs are known and nothing unmatched comes out, the largest input flows past tables of the
// others, those that let the fewest rows pass first, and what is connected only with one of the others is joined with
// that beforehand. Otherwise the inputs are joined in their order.
#include "operators/join/join_plan.h"

#include <arrow/type.h>

#include <algorithm>

#include "engine/operator.h"
#include "operators/join/lookup_join.h"
#include "operators/join/stream_plan.h"

namespace weir {
namespace {

/// A table that all lanes share is expected to take no more than this; beyond, lanes build tables of their own.
constexpr double kSharedTableBytes = 128 << 20;
/// What a row takes in a table besides its values.
constexpr double kRowBytes = 32;

/// Brings the joined columns into the order and under the names that were asked for.
class ProjectFields final : public Operator {
 public:
  ProjectFields(SchemaPtr schema, std::vector<int> columns)
      : schema_(std::move(schema)), columns_(std::move(columns)) {}
  /// Ports behind the first are rows that came too late, of the joins before; they go on as they are.
  Status Process(int port, Batch batch, Emitter& out) override {
    if (port > 0) return out.Emit(LateRows::kPort, std::move(batch));
    return out.Emit(batch.Project(schema_, columns_));
  }

 private:
  const SchemaPtr schema_;
  const std::vector<int> columns_;
};

double ExpectedBytes(const arrow::DataType& type) {
  if (type.id() == arrow::Type::BOOL) return 1;
  const int width = type.byte_width();
  return width > 0 ? width : 32;
}

/// Inputs that are joined already, or one that is not yet.
struct Part {
  OperatorInput from;
  SchemaPtr schema;
  std::vector<int> starts;  // by input: its first column; -1: not in it
  double rows = -1;         // expected; below 0: unknown
  double share = 1;         // of the rows that there would be without filters
  double row_bytes = 0;     // of the columns that come out
  std::vector<int> sources;
  bool bounded = true, changes = false;
  int input = -1;  // it is this input; -1: inputs that are joined

  bool stays() const { return bounded && !changes; }
};

bool Share(const std::vector<int>& a, const std::vector<int>& b) {
  return std::any_of(a.begin(), a.end(), [&](int x) { return std::binary_search(b.begin(), b.end(), x); });
}

class JoinPlanner {
 public:
  JoinPlanner(const JoinShape& shape, const BindContext& context) : shape_(shape), context_(context) {
    for (int i = 0; i < inputs(); ++i) parts_.push_back(WithKeys(InputPart(i)));
  }

  StepBinding Run() {
    std::vector<bool> done(inputs(), false);
    const bool any_order = CanReorder();
    Part all = any_order ? JoinTree(Largest(), &done) : parts_[0];
    for (int right = 1; right < inputs() && !any_order; ++right) {
      all = Join(all, parts_[right], shape_.keep_before[right], shape_.keep_input[right]);
    }
    Finish(all);
    return std::move(binding_);
  }

 private:
  int inputs() const { return static_cast<int>(context_.inputs().size()); }

  Part InputPart(int input) const {
    const CollectionInfo& info = context_.inputs()[input].info;
    Part part;
    part.from.step_input = input;
    part.schema = info.schema;
    part.starts.assign(inputs(), -1);
    part.starts[input] = 0;
    part.rows = info.expected_rows;
    if (info.unfiltered_rows > 0) part.share = std::min(1.0, info.expected_rows / info.unfiltered_rows);
    part.sources = info.sources;
    part.bounded = info.bounded;
    part.changes = info.changes;
    part.input = input;
    part.row_bytes = kRowBytes;
    for (const JoinField& field : shape_.fields) {
      if (field.input == input) part.row_bytes += ExpectedBytes(*info.schema->field(field.column)->type());
    }
    return part;
  }

  /// Numbers that are compared with integers get a column of their own behind the others.
  Part WithKeys(Part part) {
    std::vector<int> numbers;
    for (const JoinEquality& e : shape_.equalities) {
      if (e.number >= 0 && e.inputs[e.number] == part.input) numbers.push_back(e.columns[e.number]);
    }
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    if (numbers.empty()) return part;
    OperatorSpec op = WholeNumbersSpec(context_.step_name(), part.schema, numbers);
    op.from = {part.from};
    part.schema = op.outputs[0];
    part.from = {-1, static_cast<int>(binding_.operators.size())};
    binding_.operators.push_back(std::move(op));
    numbers_.resize(inputs());
    numbers_[part.input] = std::move(numbers);
    return part;
  }

  /// The column of its input that side `which` of an equality is compared by.
  int KeyOf(const JoinEquality& e, int which) const {
    if (e.number != which) return e.columns[which];
    const std::vector<int>& numbers = numbers_[e.inputs[which]];
    const auto at = std::lower_bound(numbers.begin(), numbers.end(), e.columns[which]) - numbers.begin();
    return context_.inputs()[e.inputs[which]].info.schema->num_fields() + static_cast<int>(at);
  }

  /// The equalities form a tree, nothing unmatched comes out, and all sizes are known.
  bool CanReorder() const {
    if (shape_.within || shape_.as_of >= 0) return false;
    for (int i = 0; i < inputs(); ++i) {
      if (!parts_[i].stays() || parts_[i].rows < 0 || (i > 0 && (shape_.keep_before[i] || shape_.keep_input[i])))
        return false;
    }
    std::vector<std::pair<int, int>> pairs;
    for (const JoinEquality& e : shape_.equalities) pairs.emplace_back(e.inputs[0], e.inputs[1]);
    std::sort(pairs.begin(), pairs.end());
    pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
    return static_cast<int>(pairs.size()) == inputs() - 1;  // each is connected with one before it
  }

  int Largest() const {
    int largest = 0;
    for (int i = 1; i < inputs(); ++i) {
      if (parts_[i].rows > parts_[largest].rows) largest = i;
    }
    return largest;
  }

  Part JoinTree(int root, std::vector<bool>* done) {
    (*done)[root] = true;
    std::vector<Part> children;
    for (int i = 0; i < inputs(); ++i) {
      const bool connected = std::any_of(shape_.equalities.begin(), shape_.equalities.end(), [&](const auto& e) {
        return (e.inputs[0] == root && e.inputs[1] == i) || (e.inputs[1] == root && e.inputs[0] == i);
      });
      if (connected && !(*done)[i]) children.push_back(JoinTree(i, done));
    }
    std::stable_sort(children.begin(), children.end(), [](const Part& a, const Part& b) { return a.share < b.share; });
    Part all = parts_[root];
    for (const Part& child : children) all = Join(all, child, false, false);
    return all;
  }

  bool FitsTable(const Part& part) const { return part.rows >= 0 && part.rows * part.row_bytes <= kSharedTableBytes; }

  /// `left` and `right` side by side. The columns of the one that becomes the table stand behind.
  Part Join(const Part& left, const Part& right, bool keep_left, bool keep_right) {
    const bool apart = !Share(left.sources, right.sources);
    const bool in_time = shape_.within || shape_.as_of >= 0;
    if (in_time || !left.stays() || !right.stays()) {
      // A table that ends, beside a stream: who waits for it needs to keep nothing.
      const bool lookup = apart && !in_time && context_.inputs()[0].info.windowing.is_global();
      if (lookup && !left.bounded && right.stays() && !keep_right) return AddLookup(left, right, keep_left);
      if (lookup && !right.bounded && left.stays() && !keep_left) return AddLookup(right, left, keep_right);
      return AddStreamJoin(left, right, keep_left, keep_right);
    }
    const bool right_table = apart && !keep_right && FitsTable(right);
    const bool left_table = apart && !keep_left && FitsTable(left);
    if (left_table && (!right_table || left.rows < right.rows)) return AddLookup(right, left, keep_right);
    if (right_table) return AddLookup(left, right, keep_left);
    return AddHashJoin(left, right, keep_left, keep_right);
  }

  HashJoinOptions Options(const Part& left, const Part& right, bool keep_left, bool keep_right) const {
    HashJoinOptions options;
    options.schemas[kLeft] = left.schema;
    options.schemas[kRight] = right.schema;
    for (const JoinEquality& e : shape_.equalities) {
      for (int first : {0, 1}) {
        const int a = left.starts[e.inputs[first]], b = right.starts[e.inputs[1 - first]];
        if (a < 0 || b < 0) continue;
        options.keys[kLeft].push_back(a + KeyOf(e, first));
        options.keys[kRight].push_back(b + KeyOf(e, 1 - first));
      }
    }
    options.keep[kLeft] = keep_left;
    options.keep[kRight] = keep_right;
    options.windowing = context_.inputs()[0].info.windowing;
    options.endless_left = !left.bounded;
    arrow::FieldVector fields = left.schema->fields();
    for (const auto& field : right.schema->fields()) fields.push_back(field);
    options.output = arrow::schema(std::move(fields));
    return options;
  }

  Part Joined(const Part& left, const Part& right, const HashJoinOptions& options) const {
    Part part;
    part.from.op = static_cast<int>(binding_.operators.size()) - 1;
    part.schema = options.output;
    const int width = left.schema->num_fields();
    for (int i = 0; i < inputs(); ++i) {
      part.starts.push_back(right.starts[i] >= 0 ? width + right.starts[i] : left.starts[i]);
    }
    // Supposed: each row of the larger side has one partner, if that was not filtered away.
    const bool left_larger = left.rows > right.rows;
    const Part& larger = left_larger ? left : right;
    const Part& smaller = left_larger ? right : left;
    const bool kept = options.keep[left_larger ? kLeft : kRight];
    part.share = larger.share * (kept ? 1 : smaller.share);
    if (left.rows >= 0 && right.rows >= 0) part.rows = larger.rows * (kept ? 1 : smaller.share);
    part.row_bytes = left.row_bytes + right.row_bytes - kRowBytes;
    part.bounded = left.bounded && right.bounded;
    part.changes = left.changes || right.changes;
    part.sources = left.sources;
    part.sources.insert(part.sources.end(), right.sources.begin(), right.sources.end());
    std::sort(part.sources.begin(), part.sources.end());
    return part;
  }

  /// Columns that each side gives: what comes out of it, and its keys.
  static auto Needs(const HashJoinOptions& options, bool right_keys) {
    return [options, right_keys](const std::vector<ColumnSet>& outputs) {
      const int width = options.schemas[kLeft]->num_fields();
      ColumnSet left = ColumnSet::None(width), right = ColumnSet::None(options.schemas[kRight]->num_fields());
      for (int column : outputs[0].ToIndices()) {
        if (column < width) {
          left.Add(column);
        } else {
          right.Add(column - width);
        }
      }
      left.AddAll(options.keys[kLeft]);
      if (right_keys) right.AddAll(options.keys[kRight]);
      return std::vector<ColumnSet>{left, right};
    };
  }

  Part AddHashJoin(const Part& left, const Part& right, bool keep_left, bool keep_right) {
    const HashJoinOptions options = Options(left, right, keep_left, keep_right);
    OperatorSpec op;
    op.name = context_.step_name() + " (hash join)";
    op.inputs = {{ExchangeKind::kHash, options.keys[kLeft]}, {ExchangeKind::kHash, options.keys[kRight]}};
    op.outputs = {options.output};
    op.from = {left.from, right.from};
    op.takes_turns = true;
    op.needs = Needs(options, true);
    op.make = [options](const OperatorContext& lane) { return MakeHashJoin(options, lane); };
    binding_.operators.push_back(std::move(op));
    return Joined(left, right, options);
  }

  Part AddStreamJoin(const Part& left, const Part& right, bool keep_left, bool keep_right) {
    StreamJoinOptions options;
    options.join = Options(left, right, keep_left, keep_right);
    const bool in_time = shape_.within || shape_.as_of >= 0;
    options.changes[kLeft] = left.changes;
    options.changes[kRight] = right.changes;
    options.changes_out = left.changes || right.changes;
    const bool waits = in_time || (!options.changes_out && !options.join.windowing.is_global());
    options.retracts = !waits && (keep_left || keep_right);
    options.changes_out = options.changes_out || options.retracts;
    options.late_schema = JoinLateSchema(context_);
    options.aliases[kLeft] = left.input;
    options.aliases[kRight] = right.input;
    OperatorSpec op = StreamJoinSpec(shape_, context_.step_name(), options);
    op.from = {left.from, right.from};
    late_.push_back(static_cast<int>(binding_.operators.size()));
    binding_.operators.push_back(std::move(op));
    Part joined = Joined(left, right, options.join);
    joined.changes = options.changes_out;
    return joined;
  }

  Part AddLookup(const Part& probe, const Part& table, bool keep_probe) {
    LookupJoinOptions options;
    options.join = Options(probe, table, keep_probe, false);
    options.name = std::to_string(binding_.operators.size());
    OperatorSpec build;
    build.name = context_.step_name() + " (build)";
    build.inputs = {{ExchangeKind::kGather, {}}};
    build.outputs = {table.schema};
    build.from = {table.from};
    build.max_lanes = 1;
    build.needs = [keys = options.join.keys[kRight]](const std::vector<ColumnSet>& outputs) {
      ColumnSet needed = outputs[0];
      needed.AddAll(keys);
      return std::vector<ColumnSet>{needed};
    };
    if (options.join.endless_left) build.notes = {"state: all rows of the input that ends"};
    // A table that may go to disk is of a join whose inputs all end.
    const StateKeeping keeps = options.join.endless_left ? StateKeeping::kSnapshots : StateKeeping::kUndeclared;
    build.keeps = keeps == StateKeeping::kSnapshots ? StateKeeping::kNothing : keeps;  // the probe keeps its table
    build.make = [options](const OperatorContext& lane) { return MakeLookupBuild(options, lane); };
    binding_.operators.push_back(std::move(build));
    OperatorSpec lookup;
    lookup.name = context_.step_name() + " (probe)";
    lookup.inputs = {{ExchangeKind::kForward, {}}, {ExchangeKind::kBroadcast, {}}};
    lookup.outputs = {options.join.output};
    lookup.from = {probe.from, {-1, static_cast<int>(binding_.operators.size()) - 1}};
    lookup.follows_port_0 = true;
    lookup.needs = Needs(options.join, false);
    lookup.keeps = keeps;
    lookup.make = [options](const OperatorContext& lane) { return MakeLookupProbe(options, lane); };
    binding_.operators.push_back(std::move(lookup));
    return Joined(probe, table, options.join);
  }

  void Finish(const Part& all) {
    CollectionInfo info = context_.inputs()[0].info;
    bool outer = false;  // rows without a partner have nulls where no input has any
    for (int i = 1; i < inputs(); ++i) {
      info.bounded = info.bounded && context_.inputs()[i].info.bounded;
      outer = outer || shape_.keep_before[i] || shape_.keep_input[i];
    }
    arrow::FieldVector fields;
    std::vector<int> columns;
    for (const JoinField& field : shape_.fields) {
      columns.push_back(all.starts[field.input] + field.column);
      const auto& from = all.schema->field(columns.back());
      fields.push_back(from->WithName(field.name)->WithNullable(outer || from->nullable()));
    }
    info.schema = arrow::schema(std::move(fields));
    info.has_window = !info.windowing.is_global() && !shape_.within && shape_.as_of < 0;
    info.changes = all.changes;
    info.expected_rows = all.rows;
    info.unfiltered_rows = all.rows < 0 || all.share <= 0 ? -1 : all.rows / all.share;
    OperatorSpec project;
    project.name = context_.step_name();
    project.inputs = {Exchange{}};
    project.outputs = {info.schema};
    project.from = {all.from};
    binding_.outputs = {{"", info}};
    if (!late_.empty()) AddLateOutput(info, &project);
    project.needs = [columns, width = all.schema->num_fields(),
                     late = late_.size()](const std::vector<ColumnSet>& outputs) {
      std::vector<ColumnSet> needed{ColumnSet::None(width)};
      for (int i : outputs[0].ToIndices()) needed[0].Add(columns[i]);
      if (late > 0) needed.resize(1 + late, outputs[LateRows::kPort]);
      return needed;
    };
    project.keeps = StateKeeping::kNothing;
    project.make = [schema = info.schema, columns](const OperatorContext&) -> Result<std::unique_ptr<Operator>> {
      return std::make_unique<ProjectFields>(schema, columns);
    };
    binding_.operators.push_back(std::move(project));
    binding_.can_reject = false;
  }

  void AddLateOutput(const CollectionInfo& joined, OperatorSpec* project) {
    CollectionInfo late = joined;
    late.schema = JoinLateSchema(context_);
    late.windowing = WindowingStrategy{};
    late.has_window = false;
    late.changes = false;
    for (const StepInputInfo& input : context_.inputs()) late.changes = late.changes || input.info.changes;
    for (const int op : late_) {
      project->from.push_back({-1, op, LateRows::kPort});
      project->inputs.emplace_back();
    }
    project->outputs.push_back(late.schema);
    binding_.outputs.push_back({"late", std::move(late)});
  }

  const JoinShape& shape_;
  const BindContext& context_;
  StepBinding binding_;
  std::vector<std::vector<int>> numbers_;  // by input: columns that are compared with integers; empty: there are none
  std::vector<Part> parts_;
  std::vector<int> late_;  // operators that may have rows that come too late
};

}  // namespace

StepBinding PlanJoin(const JoinShape& shape, const BindContext& context) { return JoinPlanner(shape, context).Run(); }

}  // namespace weir
