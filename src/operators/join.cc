// Join: rows of two or more collections side by side where fields are equal.
#include <arrow/type.h>

#include <algorithm>

#include "batch/types.h"
#include "operators/join/join_plan.h"
#include "operators/support/input_checks.h"
#include "plan/binding.h"

namespace weir {
namespace {

struct JoinConfig {
  NodePtr equalities, type, fields;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<JoinConfig>("Join")
      .Summary("Put rows of two or more collections side by side where fields are equal.")
      .Doc(
          "The inputs are joined one after the other in the order of `input`; where nothing unmatched comes out, in "
          "the order that is fastest. Null equals nothing. In windows only rows of the same window meet. Without "
          "`fields` all fields of all inputs come out; a name that is taken gets a number "
          "behind it "
          "(`id`, `id0`).")
      .Guarantees(
          "The smaller side is kept in memory, by what is known of the sizes beforehand, else the side that ends "
          "first; past "
          "its share of the memory budget both sides are partitioned on disk.")
      .Field("equalities", &JoinConfig::equalities,
             FieldDoc("What must be equal: a field that all inputs have, or a list of `{alias: field, …}`.")
                 .Required()
                 .Type("string or list")
                 .Example("[{orders: customer, customers: id}]"))
      .Field(
          "type", &JoinConfig::type,
          FieldDoc(
              "`inner`, `left`, `right`, `outer`, or `{outer: [aliases]}`: the inputs whose rows come out even if they "
              "match nothing.")
              .Type("string or mapping")
              .Example("left"))
      .Field("fields", &JoinConfig::fields,
             FieldDoc("What comes out of each input: `{alias: [field, …]}` or `{alias: {new: field}}`. An input that "
                      "is not named "
                      "gives all its fields.")
                 .Type("mapping")
                 .Example("{orders: [id, amount], customers: {customer: name}}"))
      .Example("orders with their customers", R"(pipeline:
  transforms:
  - {type: Create, name: Orders, config: {elements: [{id: 1, customer: 7}, {id: 2, customer: 8}]}}
  - {type: Create, name: Customers, config: {elements: [{customer: 7, name: Ann}]}}
  - type: Join
    input: {orders: Orders, customers: Customers}
    config:
      equalities: customer
      type: left
      fields: {customers: [name]}
  - {type: Print, input: Join}
)");
}

/// Reads the config against the inputs.
class JoinReader {
 public:
  JoinReader(const JoinConfig& config, BindContext& context) : config_(config), context_(context) {}

  bool Read() { return CheckInputs() && ReadEqualities() & ReadType() & ReadFields(); }

  JoinShape Shape() const {
    JoinShape shape{equalities_, fields_, {}, {}};
    for (size_t input = 0; input < context_.inputs().size(); ++input) {
      const bool by_alias = !outer_.empty() && input > 0;
      shape.keep_before.push_back(by_alias ? outer_[input - 1] : type_ == "left" || type_ == "outer");
      shape.keep_input.push_back(by_alias ? outer_[input] : type_ == "right" || type_ == "outer");
    }
    return shape;
  }

 private:
  const arrow::Schema& schema(int input) const { return *context_.inputs()[input].info.schema; }
  int InputOf(const NodePtr& node) {
    for (size_t i = 0; i < context_.inputs().size(); ++i) {
      if (context_.inputs()[i].alias == node->text()) return static_cast<int>(i);
    }
    std::vector<std::string> aliases;
    for (const StepInputInfo& input : context_.inputs()) aliases.push_back(input.alias);
    const std::string near = ClosestMatch(node->text(), aliases);
    context_.Error(node, "'" + node->text() + "' is not an alias of 'input'",
                   near.empty() ? "" : "did you mean '" + near + "'?");
    return -1;
  }

  bool CheckInputs() {
    bool good = true;
    for (const StepInputInfo& input : context_.inputs()) good &= !input.alias.empty();
    if (!good) context_.StepError("Join needs 'input' as a mapping of aliases", "for example {left: A, right: B}");
    const CollectionInfo& first = context_.inputs()[0].info;
    for (const StepInputInfo& input : context_.inputs()) {
      if (!(input.info.windowing == first.windowing)) {
        context_.StepError("the inputs have different windowings: " + first.windowing.ToString() + " and, in '" +
                               input.alias + "', " + input.info.windowing.ToString(),
                           "window them alike, for example with 'windowing' on this step");
        return false;
      }
    }
    if (first.windowing.kind == WindowKind::kSessions) {
      context_.StepError(
          "Join does not work in session windows: which rows share a session is known only when it closes",
          "use fixed or sliding windows");
      return false;
    }
    return good;
  }

  bool ReadEqualities() {
    const NodePtr& node = config_.equalities;
    const int inputs = static_cast<int>(context_.inputs().size());
    if (node->is_scalar()) {
      std::vector<int> columns;
      for (int i = 0; i < inputs; ++i) columns.push_back(context_.FindColumn(schema(i), node->text(), node));
      if (std::count(columns.begin(), columns.end(), -1) > 0) return false;
      bool good = true;
      for (int i = 1; i < inputs; ++i) good &= AddEquality(0, columns[0], i, columns[i], node);
      return good;
    }
    if (!node->is_sequence() || node->items().empty()) {
      context_.Error(node, "'equalities' must be the name of a field or a list of {alias: field, …}");
      return false;
    }
    bool good = true;
    for (const NodePtr& item : node->items()) good &= ReadEquality(item);
    return good && CheckConnected();
  }

  bool ReadEquality(const NodePtr& item) {
    if (!item->is_map() || item->entries().size() < 2) {
      context_.Error(item, "an equality must name fields of at least two inputs",
                     "for example {orders: customer, customers: id}");
      return false;
    }
    int first_input = -1, first_column = -1;
    bool good = true;
    for (const NodeEntry& entry : item->entries()) {
      const int input = InputOf(entry.key);
      const int column = input < 0 || !entry.value->is_scalar()
                             ? -1
                             : context_.FindColumn(schema(input), entry.value->text(), entry.value);
      if (column < 0) {
        good = false;
      } else if (first_input < 0) {
        first_input = input;
        first_column = column;
      } else {
        good &= AddEquality(first_input, first_column, input, column, entry.value);
      }
    }
    return good;
  }

  bool AddEquality(int a, int a_column, int b, int b_column, const NodePtr& place) {
    const TypePtr& x = schema(a).field(a_column)->type();
    const TypePtr& y = schema(b).field(b_column)->type();
    if (!x->Equals(*y)) {
      context_.Error(place, "cannot join " + TypeName(*x) + " with " + TypeName(*y),
                     "bring both fields to one type with MapToFields, for example cast(x as " + TypeName(*x) + ")");
      return false;
    }
    if (a < b) {
      equalities_.push_back({{a, b}, {a_column, b_column}});
    } else {
      equalities_.push_back({{b, a}, {b_column, a_column}});
    }
    return true;
  }

  bool CheckConnected() {
    const int inputs = static_cast<int>(context_.inputs().size());
    for (int input = 1; input < inputs; ++input) {
      const bool found = std::any_of(equalities_.begin(), equalities_.end(),
                                     [&](const JoinEquality& e) { return e.inputs[1] == input; });
      if (found) continue;
      context_.Error(config_.equalities,
                     "no equality connects '" + context_.inputs()[input].alias + "' with an input before it",
                     "inputs are joined in their order; put it behind the one that it is equal to");
      return false;
    }
    return true;
  }

  bool ReadType() {
    if (config_.type == nullptr) return true;
    const NodePtr& node = config_.type;
    static const std::vector<std::string> kTypes{"inner", "left", "right", "outer"};
    if (node->is_scalar()) {
      type_ = node->text();
      if (std::find(kTypes.begin(), kTypes.end(), type_) != kTypes.end()) return true;
      const std::string near = ClosestMatch(type_, kTypes);
      context_.Error(node, "'type' must be inner, left, right, outer or {outer: [aliases]}, not '" + type_ + "'",
                     near.empty() ? "" : "did you mean '" + near + "'?");
      return false;
    }
    const NodePtr list = node->Find("outer");
    if (!node->is_map() || node->entries().size() != 1 || list == nullptr || !list->is_sequence()) {
      context_.Error(node, "'type' must be inner, left, right, outer or {outer: [aliases]}");
      return false;
    }
    outer_.assign(context_.inputs().size(), false);
    bool good = true;
    for (const NodePtr& alias : list->items()) {
      const int input = InputOf(alias);
      if (input >= 0) outer_[input] = true;
      good &= input >= 0;
    }
    return good;
  }

  void AddAllOf(int input) {
    for (int column = 0; column < schema(input).num_fields(); ++column) {
      fields_.push_back({UniqueName(schema(input).field(column)->name()), input, column});
    }
  }

  std::string UniqueName(const std::string& name) const {
    auto taken = [&](const std::string& candidate) {
      return std::any_of(fields_.begin(), fields_.end(), [&](const JoinField& f) { return f.name == candidate; });
    };
    std::string out = name;
    for (int number = 0; taken(out); ++number) out = name + std::to_string(number);
    return out;
  }

  bool AddField(int input, const std::string& name, const NodePtr& name_node, const NodePtr& column_node) {
    const int column = context_.FindColumn(schema(input), column_node->text(), column_node);
    if (column < 0) return false;
    if (UniqueName(name) != name) {
      context_.Error(name_node, "the field '" + name + "' comes out twice", "rename one with {alias: {new: field}}");
      return false;
    }
    fields_.push_back({name, input, column});
    return true;
  }

  bool ReadFields() {
    const int inputs = static_cast<int>(context_.inputs().size());
    if (config_.fields == nullptr) {
      for (int input = 0; input < inputs; ++input) AddAllOf(input);
      return true;
    }
    if (!config_.fields->is_map()) {
      context_.Error(config_.fields, "'fields' must be a mapping of aliases, not " + config_.fields->Describe());
      return false;
    }
    bool good = true;
    std::vector<bool> named(inputs, false);
    for (const NodeEntry& entry : config_.fields->entries()) {
      const int input = InputOf(entry.key);
      if (input < 0) {
        good = false;
        continue;
      }
      named[input] = true;
      if (entry.value->is_sequence()) {
        for (const NodePtr& field : entry.value->items()) good &= AddField(input, field->text(), field, field);
      } else if (entry.value->is_map()) {
        for (const NodeEntry& field : entry.value->entries())
          good &= AddField(input, field.key->text(), field.key, field.value);
      } else if (entry.value->text() == "*") {
        AddAllOf(input);
      } else {
        context_.Error(entry.value,
                       "the fields of '" + entry.key->text() + "' must be a list or a mapping {new: field}");
        good = false;
      }
    }
    for (int input = 0; input < inputs; ++input) {
      if (!named[input]) AddAllOf(input);
    }
    return good;
  }

  const JoinConfig& config_;
  BindContext& context_;
  std::vector<JoinEquality> equalities_;
  std::vector<JoinField> fields_;
  std::string type_ = "inner";
  std::vector<bool> outer_;  // by input; empty: the type says it
};

std::optional<StepBinding> BindJoin(const JoinConfig& config, BindContext& context) {
  if (RefuseChanges("Join", context)) return std::nullopt;
  JoinReader reader(config, context);
  if (!reader.Read()) return std::nullopt;
  return PlanJoin(reader.Shape(), context);
}

}  // namespace

void RegisterJoin(Registry& registry) { registry.Add<JoinConfig>(Spec(), {2, -1}, BindJoin); }

}  // namespace weir
