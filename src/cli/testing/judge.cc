// Rows are compared as canonical JSON text. Expectations that leave keys open are matched to rows by augmenting paths,
// since a row that suits several may be needed by one of them.
#include "cli/testing/judge.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "batch/print.h"

namespace weir {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

Json FromNode(const NodePtr& node) {
  if (node->is_map()) {
    Json object = Json::object();
    for (const NodeEntry& entry : node->entries()) object[entry.key->text()] = FromNode(entry.value);
    return object;
  }
  if (node->is_sequence()) {
    Json list = Json::array();
    for (const NodePtr& item : node->items()) list.push_back(FromNode(item));
    return list;
  }
  if (node->IsNull()) return nullptr;
  if (auto value = node->AsBool()) return *value;
  if (auto value = node->AsInt64()) return *value;
  if (auto value = node->AsDouble()) {
    if (!std::isfinite(*value)) return FormatDouble(*value);
    return *value;
  }
  return node->text();
}

/// Nulls of objects go; doubles that are integers become integers.
Json Normal(Json value) {
  if (value.is_object()) {
    Json out = Json::object();
    for (auto& [key, part] : value.items()) {
      if (!part.is_null()) out[key] = Normal(std::move(part));
    }
    return out;
  }
  if (value.is_array()) {
    for (Json& part : value) part = Normal(std::move(part));
    return value;
  }
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (number == std::floor(number) && std::abs(number) < 9e15) return static_cast<int64_t>(number);
  }
  return value;
}

template <class AnyJson>
std::string Dump(const AnyJson& value) {
  return value.dump(-1, ' ', false, AnyJson::error_handler_t::replace);
}

std::string RowText(const NodePtr& node) {
  Json row = FromNode(node);
  return Dump(Normal(row.is_object() ? std::move(row) : Json{{"element", std::move(row)}}));
}

std::string RowText(const std::string& json) { return Dump(Normal(Json::parse(json, nullptr, false))); }

/// Of sorted lists: what only one of them has, counting repetitions.
void Compare(std::vector<std::string> expected, std::vector<std::string> actual, ExpectationResult* result) {
  std::sort(expected.begin(), expected.end());
  std::sort(actual.begin(), actual.end());
  std::set_difference(expected.begin(), expected.end(), actual.begin(), actual.end(),
                      std::back_inserter(result->missing));
  std::set_difference(actual.begin(), actual.end(), expected.begin(), expected.end(),
                      std::back_inserter(result->unexpected));
}

// ---- transcripts

/// Which things expectations say of rows, besides the row.
struct Keys {
  bool at = false, window = false, weight = false, timing = false, index = false, is_first = false, is_last = false;
  void Add(const ExpectedRow& row) {
    at |= row.at.has_value();
    window |= row.window.has_value();
    weight |= row.weight.has_value();
    timing |= row.timing.has_value();
    index |= row.index.has_value();
    is_first |= row.is_first.has_value();
    is_last |= row.is_last.has_value();
  }
  bool pane() const { return timing || index || is_first || is_last; }
};

/// Those of the expect; where it has no row that says any, those of all expects.
Keys KeysOf(const Transcript& transcript, const TranscriptItem& item) {
  Keys keys;
  for (const ExpectedRow& row : item.expected) keys.Add(row);
  if (!item.expected.empty()) return keys;
  for (const TranscriptItem& other : transcript.items) {
    for (const ExpectedRow& row : other.expected) keys.Add(row);
  }
  return keys;
}

OrderedJson WindowJson(const Window& window) {
  if (window == Window{}) return "global";
  return {FormatTimestamp(window.start), FormatTimestamp(window.end)};
}

OrderedJson PaneJson(const Pane& pane, const Keys& keys) {
  OrderedJson out = OrderedJson::object();
  if (keys.timing) out["timing"] = PaneTimingName(pane.timing);
  if (keys.index) out["index"] = pane.index;
  if (keys.is_first) out["is_first"] = pane.is_first;
  if (keys.is_last) out["is_last"] = pane.is_last;
  return out;
}

/// `row` is the row's text, or empty where nothing is said of it.
std::string Shown(const std::string& row, const Arrival& arrival, const Keys& keys) {
  OrderedJson out = OrderedJson::object();
  if (!row.empty()) out["row"] = OrderedJson::parse(row, nullptr, false);
  if (keys.at) out["at"] = FormatTimestamp(arrival.at);
  if (keys.window && arrival.windows.size() == 1) out["window"] = WindowJson(arrival.windows[0]);
  if (keys.window && arrival.windows.size() > 1) {
    for (const Window& window : arrival.windows) out["windows"].push_back(WindowJson(window));
  }
  if (keys.pane()) out["pane"] = PaneJson(arrival.pane, keys);
  if (keys.weight || arrival.weight != 1) out["weight"] = arrival.weight;
  return Dump(out);
}

/// The row that was expected, as if it had come.
std::string Shown(const std::string& row, const ExpectedRow& expected) {
  Keys keys;
  keys.Add(expected);
  Arrival as_it;
  as_it.at = expected.at.value_or(0);
  if (expected.window) as_it.windows = {*expected.window};
  as_it.pane = {expected.timing.value_or(PaneTiming::kUnknown), expected.index.value_or(0),
                expected.is_first.value_or(true), expected.is_last.value_or(true)};
  as_it.weight = expected.weight.value_or(1);
  return Shown(row, as_it, keys);
}

template <class T>
bool Agrees(const std::optional<T>& expected, const T& actual) {
  return !expected || *expected == actual;
}

/// `expected_row` empty: any row.
bool Suits(const ExpectedRow& expected, const std::string& expected_row, const Arrival& arrival,
           const std::string& row) {
  const auto& windows = arrival.windows;
  return (expected_row.empty() || expected_row == row) && expected.weight.value_or(1) == arrival.weight &&
         Agrees(expected.at, arrival.at) && Agrees(expected.timing, arrival.pane.timing) &&
         Agrees(expected.index, arrival.pane.index) && Agrees(expected.is_first, arrival.pane.is_first) &&
         Agrees(expected.is_last, arrival.pane.is_last) &&
         (!expected.window || std::find(windows.begin(), windows.end(), *expected.window) != windows.end());
}

/// The greatest matching of a bipartite graph (Kuhn's algorithm), `edges[i]` being what i may be matched to.
class Matching {
 public:
  Matching(std::vector<std::vector<size_t>> edges, size_t right)
      : edges_(std::move(edges)), left_of_(right, kNone), matched_(edges_.size(), false) {
    for (size_t i = 0; i < edges_.size(); ++i) {
      seen_.assign(right, false);
      matched_[i] = Augment(i);
    }
  }
  bool left(size_t i) const { return matched_[i]; }
  bool right(size_t i) const { return left_of_[i] != kNone; }

 private:
  static constexpr size_t kNone = static_cast<size_t>(-1);

  bool Augment(size_t i) {
    for (size_t j : edges_[i]) {
      if (seen_[j]) continue;
      seen_[j] = true;
      if (left_of_[j] != kNone && !Augment(left_of_[j])) continue;
      left_of_[j] = i;
      return true;
    }
    return false;
  }

  const std::vector<std::vector<size_t>> edges_;
  std::vector<size_t> left_of_;
  std::vector<bool> matched_, seen_;
};

/// Position of the script right after the last expect of the same collection before `item`.
size_t PositionAfterLast(const Transcript& transcript, size_t item) {
  const TranscriptItem& self = transcript.items[item];
  for (size_t i = item; i-- > 0;) {
    const TranscriptItem& other = transcript.items[i];
    if (other.kind == TranscriptItem::Kind::kExpect && other.collection == self.collection) return i + 1;
  }
  return 0;
}

}  // namespace

ExpectationResult JudgeRows(const NodePtr& expected, std::vector<std::string> actual) {
  ExpectationResult result;
  result.place = result.rows = expected;
  std::vector<std::string> wanted, came;
  for (const NodePtr& item : expected->items()) wanted.push_back(RowText(item));
  for (const std::string& row : actual) came.push_back(RowText(row));
  Compare(std::move(wanted), std::move(came), &result);
  result.actual = std::move(actual);
  return result;
}

ExpectationResult JudgeExpect(const Transcript& transcript, size_t item, const std::vector<Arrival>& arrivals) {
  const TranscriptItem& expect = transcript.items[item];
  ExpectationResult result;
  result.step = expect.step_node->text();
  result.place = expect.node;
  result.rows = expect.rows_node;
  const Keys keys = KeysOf(transcript, expect);
  const size_t after = PositionAfterLast(transcript, item);
  std::vector<const Arrival*> came;
  std::vector<std::string> rows, wanted;
  for (const Arrival& arrival : arrivals) {
    if (arrival.position < after || arrival.position > item) continue;
    came.push_back(&arrival);
    rows.push_back(RowText(arrival.row));
    result.actual.push_back(Shown(arrival.row, arrival, keys));
  }
  std::vector<std::vector<size_t>> edges(expect.expected.size());
  for (size_t i = 0; i < edges.size(); ++i) {
    const ExpectedRow& expected = expect.expected[i];
    wanted.push_back(expected.row ? RowText(expected.row) : "");
    for (size_t j = 0; j < came.size(); ++j) {
      if (Suits(expected, wanted[i], *came[j], rows[j])) edges[i].push_back(j);
    }
  }
  const Matching matching(std::move(edges), came.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!matching.left(i)) result.missing.push_back(Shown(wanted[i], expect.expected[i]));
  }
  for (size_t j = 0; j < came.size(); ++j) {
    if (!matching.right(j)) result.unexpected.push_back(Shown(rows[j], *came[j], keys));
  }
  std::sort(result.unexpected.begin(), result.unexpected.end());
  return result;
}

}  // namespace weir
