// Join: rows of two or more collections side by side where fields are equal.
#include <arrow/type.h>

#include <algorithm>

#include "base/duration.h"
#include "batch/types.h"
#include "operators/join/join_plan.h"
#include "plan/binding.h"

namespace weir {
namespace {

struct JoinConfig {
  NodePtr equalities, type, fields, within, as_of;
};

constexpr char kAsOfExample[] = R"(pipeline:
  transforms:
  - {type: Create, name: Payments, config: {elements: [{at: 15, currency: usd, amount: 100}]}}
  - {type: Create, name: Rates, config: {elements: [{at: 10, currency: usd, rate: 0.9}, {at: 20, currency: usd, rate: 0.8}]}}
  - {type: AssignTimestamps, name: TimedPayments, input: Payments, config: {timestamp: at}}
  - {type: AssignTimestamps, name: TimedRates, input: Rates, config: {timestamp: at}}
  - type: Join
    input: {payments: TimedPayments, rates: TimedRates}
    config:
      equalities: currency
      as_of: rates
      fields: {payments: [amount], rates: [rate]}
  - {type: Print, input: Join}
)";

ComponentSpec Spec() {
  return ComponentSpec::Transform<JoinConfig>("Join")
      .Summary("Put rows of two or more collections side by side where fields are equal.")
      .Doc(
          "The inputs are joined one after the other in the order of `input`; where nothing unmatched comes out, in "
          "the order that is fastest. Null equals nothing; an integer equals the number of the same value. In windows "
          "only rows of the same window meet. Where inputs never end, or their rows can be taken back, pairs come out "
          "when their second row comes; rows that match nothing come out when their window is over or, without "
          "windows, "
          "at once, and are taken back when a partner comes. An endless input beside one that ends waits for it, and "
          "then looks it up. Without `fields` all fields of all inputs come out; a name that is taken gets a number "
          "behind it "
          "(`id`, `id0`).")
      .Guarantees(
          "The smaller side is kept in memory, by what is known of the sizes beforehand, else the side that ends "
          "first; past "
          "its share of the memory budget both sides are partitioned on disk. Of endless inputs both sides are kept in "
          "memory until their window is over; `weir explain` says what bounds them.")
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
      .Field("within", &JoinConfig::within,
             FieldDoc("Rows of the second input are joined with those of the first whose event times are near: from "
                      "`before` that of the first to `after` it. In place of windows; two inputs.")
                 .Type("mapping")
                 .Example("{before: 10m, after: 0s}"))
      .Field("as_of", &JoinConfig::as_of,
             FieldDoc("The input whose rows are versions of what their key names. Each row of the other input meets "
                      "the version that was valid at its event time: the last one that is not later. It waits until "
                      "the watermark says that this version is known. In place of windows; two inputs.")
                 .Example("rates"))
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
)")
      .Example("payments at the rate of their time", kAsOfExample);
}

/// Reads the config against the inputs.
class JoinReader {
 public:
  JoinReader(const JoinConfig& config, BindContext& context) : config_(config), context_(context) {}

  bool Read() {
    return CheckInputs() && ReadEqualities() & ReadType() & ReadFields() & ReadWithin() & ReadAsOf() && CheckTimes();
  }

  JoinShape Shape() const {
    JoinShape shape{equalities_, fields_, {}, {}, within_, as_of_};
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
    const bool in_time = config_.within != nullptr || config_.as_of != nullptr;
    if (first.windowing.kind == WindowKind::kSessions && !in_time) {
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
    int number = -1;
    if (x->id() == arrow::Type::DOUBLE && y->id() == arrow::Type::INT64) number = 0;
    if (x->id() == arrow::Type::INT64 && y->id() == arrow::Type::DOUBLE) number = 1;
    if (number < 0 && !x->Equals(*y)) {
      context_.Error(place, "cannot join " + TypeName(*x) + " with " + TypeName(*y),
                     "bring both fields to one type with MapToFields, for example cast(x as " + TypeName(*x) + ")");
      return false;
    }
    if (a < b) {
      equalities_.push_back({{a, b}, {a_column, b_column}, number});
    } else {
      equalities_.push_back({{b, a}, {b_column, a_column}, number < 0 ? -1 : 1 - number});
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

  bool ReadWithin() {
    if (config_.within == nullptr) return true;
    const NodePtr& node = config_.within;
    if (!node->is_map() || node->entries().empty()) {
      context_.Error(node, "'within' must be a mapping like {before: 10m, after: 0s}, not " + node->Describe());
      return false;
    }
    within_.emplace();
    bool good = true;
    for (const NodeEntry& entry : node->entries()) {
      const std::string& key = entry.key->text();
      if (key != "before" && key != "after") {
        context_.Error(entry.key, "'within' has before and after, not '" + key + "'");
        good = false;
        continue;
      }
      const auto duration = ParseDuration(entry.value->is_scalar() ? entry.value->text() : "");
      if (!duration.ok()) {
        context_.Error(entry.value,
                       "'" + key + "' must be a duration like 10m or 1.5h, not " +
                           (entry.value->is_scalar() ? "'" + entry.value->text() + "'" : entry.value->Describe()));
        good = false;
      } else {
        (key == "before" ? within_->before_us : within_->after_us) = duration->us;
      }
    }
    if (good && within_->before_us + within_->after_us < 0) {
      context_.Error(node, "no time is within: 'before' and 'after' together are less than nothing");
      good = false;
    }
    return good;
  }

  bool ReadAsOf() {
    if (config_.as_of == nullptr) return true;
    as_of_ = InputOf(config_.as_of);
    return as_of_ >= 0;
  }

  bool CheckTimes() {
    if (!within_ && as_of_ < 0) return true;
    const NodePtr& node = within_ ? config_.within : config_.as_of;
    const std::string key = within_ ? "within" : "as_of";
    if (context_.inputs().size() != 2) {
      context_.Error(node,
                     "'" + key + "' joins two inputs, and this step has " + std::to_string(context_.inputs().size()));
      return false;
    }
    if (within_ && as_of_ >= 0) {
      context_.Error(config_.as_of, "a join is either 'within' a time or 'as_of' one");
      return false;
    }
    if (as_of_ < 0) return true;
    const JoinShape shape = Shape();
    const StepInputInfo& versions = context_.inputs()[as_of_];
    if (as_of_ == 0 ? shape.keep_before[1] : shape.keep_input[1]) {
      context_.Error(config_.type, "versions do not come out alone, but 'type' keeps those of '" + versions.alias + "'",
                     std::string("use inner or ") + (as_of_ == 0 ? "right" : "left"));
      return false;
    }
    if (versions.info.changes) {
      context_.Error(config_.as_of, "versions must stay; those of '" + versions.origin + "' can be taken back");
      return false;
    }
    return true;
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
  std::optional<JoinShape::Within> within_;
  int as_of_ = -1;
  std::string type_ = "inner";
  std::vector<bool> outer_;  // by input; empty: the type says it
};

std::optional<StepBinding> BindJoin(const JoinConfig& config, BindContext& context) {
  JoinReader reader(config, context);
  if (!reader.Read()) return std::nullopt;
  return PlanJoin(reader.Shape(), context);
}

}  // namespace

void RegisterJoin(Registry& registry) { registry.Add<JoinConfig>(Spec(), {2, -1}, BindJoin); }

}  // namespace weir
