// Rows go into their group's tree; what is shown is compared with the tree's first rows once for each batch.
#include "state/changes/ranked_rows.h"

#include <arrow/buffer.h>
#include <arrow/type.h>

#include <algorithm>

#include "state/hash/hash.h"

namespace weir {

RankedRows::RankedRows(SchemaPtr schema, const RankedRowsOptions& options)
    : schema_(std::move(schema)),
      options_(options),
      order_(options.by),
      rows_(TypesOf(*schema_)),
      table_(TypesOf(*schema_, options.keys)) {
  for (int i = 0; i < schema_->num_fields(); ++i) {
    const bool used =
        std::any_of(options.by.begin(), options.by.end(), [i](const SortKey& key) { return key.column == i; });
    if (!used && IsSortable(*schema_->field(i)->type())) order_.push_back({i});
  }
}

Status RankedRows::Add(const Batch& batch) {
  const int64_t rows = batch.num_rows();
  std::vector<ArrayDataPtr> columns, keys;
  for (int i = 0; i < batch.num_columns(); ++i) columns.push_back(batch.column(i));
  for (int key : options_.keys) keys.push_back(batch.column(key));
  numbers_.resize(std::max<size_t>(numbers_.size(), rows));
  group_numbers_.resize(numbers_.size());
  WEIR_RETURN_NOT_OK(rows_.Number(columns, rows, numbers_.data()));
  WEIR_RETURN_NOT_OK(table_.Lookup(keys, rows, group_numbers_.data()));
  groups_.resize(table_.num_groups());
  if (nodes_.size() < rows_.size()) nodes_.resize(rows_.size());
  EncodedKeys order;
  WEIR_RETURN_NOT_OK(EncodeSortKeys(batch, order_, &order));
  for (int64_t i = 0; i < rows; ++i) {
    const uint32_t row = numbers_[i];
    Group& group = groups_[group_numbers_[i]];
    if (!nodes_[row].known) Know(order, i, &nodes_[row]);
    marks_.Mark(row);
    const int64_t before = rows_.Add(row, batch.has_weight() ? batch.weight().at(i) : 1);
    const int64_t now = rows_.count(row);
    group.total += std::max<int64_t>(now, 0) - std::max<int64_t>(before, 0);
    if (before <= 0 && now > 0) Insert(row, &group.root);
    if (before > 0 && now <= 0) Remove(row, &group.root);
    group.time = batch.event_time().at(i);
    if (!group.touched) touched_.push_back(group_numbers_[i]);
    group.touched = true;
  }
  return Status::OK();
}

Result<std::optional<Batch>> RankedRows::TakeChanges(bool weighted) {
  std::vector<uint32_t> numbers;
  std::vector<int64_t> times, weights;
  std::vector<Share> now, gone, fresh;
  for (uint32_t number : touched_) {
    Group& group = groups_[number];
    group.touched = false;
    First(group.root, &now);
    Compare(group, now, &gone, &fresh);
    const auto add = [&](uint32_t row, int64_t weight) {
      numbers.push_back(row);
      times.push_back(group.time);
      weights.push_back(weight);
    };
    for (const auto& [row, count] : gone) add(row, -count);
    for (const auto& [row, count] : fresh) {
      if (weighted) add(row, count);
      for (int64_t i = 0; !weighted && i < count; ++i) add(row, 1);
    }
    if (marks_.on()) {
      CountShown(gone, -1);
      CountShown(fresh, 1);
    }
    group.shown = now;
    if (!options_.takes_back) Trim(&group);
  }
  touched_.clear();
  std::optional<Batch> out;
  if (!numbers.empty()) {
    std::vector<ArrayDataPtr> columns;
    for (int i = 0; i < schema_->num_fields(); ++i) {
      WEIR_ASSIGN_OR_RETURN(ArrayDataPtr column, rows_.Column(i, numbers));
      columns.push_back(std::move(column));
    }
    out.emplace(schema_, std::move(columns), static_cast<int64_t>(numbers.size()));
    out->set_event_time(Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(times)))));
    if (weighted) out->set_weight(Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(weights)))));
  }
  if (rows_.wants_compaction()) WEIR_RETURN_NOT_OK(Compact());
  return out;
}

void RankedRows::First(uint32_t root, std::vector<Share>* out) const {
  out->clear();
  int64_t left = options_.n;
  std::vector<uint32_t> path;
  for (uint32_t at = root; left > 0 && (at != 0 || !path.empty());) {
    for (; at != 0; at = nodes_[at - 1].left) path.push_back(at);
    at = path.back();
    path.pop_back();
    const int64_t count = std::min(left, rows_.count(at - 1));
    out->emplace_back(at - 1, count);
    left -= count;
    at = nodes_[at - 1].right;
  }
}

void RankedRows::Compare(const Group& group, const std::vector<Share>& now, std::vector<Share>* gone,
                         std::vector<Share>* fresh) const {
  gone->clear();
  fresh->clear();
  const auto add = [&](uint32_t row, int64_t change) {
    if (change != 0) (change < 0 ? gone : fresh)->emplace_back(row, std::abs(change));
  };
  size_t i = 0, j = 0;
  while (i < group.shown.size() || j < now.size()) {
    const bool has_old = i < group.shown.size(), has_new = j < now.size();
    if (has_old && has_new && group.shown[i].first == now[j].first) {
      add(now[j].first, now[j].second - group.shown[i].second);
      ++i, ++j;
    } else if (!has_new || (has_old && Less(group.shown[i].first, now[j].first))) {
      add(group.shown[i].first, -group.shown[i].second);
      ++i;
    } else {
      add(now[j].first, now[j].second);
      ++j;
    }
  }
}

void RankedRows::Trim(Group* group) {
  while (group->total > options_.n) {
    uint32_t last = group->root;
    while (nodes_[last - 1].right != 0) last = nodes_[last - 1].right;
    const int64_t count = rows_.count(last - 1);
    if (group->total - count < options_.n) return;
    Remove(last - 1, &group->root);
    marks_.Mark(last - 1);
    rows_.Add(last - 1, -count);
    group->total -= count;
  }
}

// ---- trees

void RankedRows::Know(const EncodedKeys& keys, int64_t row, Node* node) {
  const std::string_view tail = keys.tail(static_cast<uint32_t>(row));
  node->prefix = keys.prefixes[row];
  node->tail = tails_.size();
  node->tail_size = static_cast<uint32_t>(tail.size());
  node->sequence = sequence_++;
  node->priority = static_cast<uint32_t>(hash::Word(node->sequence));
  node->known = true;
  tails_.append(tail);
}

bool RankedRows::Less(uint32_t a, uint32_t b) const {
  const Node &one = nodes_[a], &other = nodes_[b];
  if (one.prefix.high != other.prefix.high) return one.prefix.high < other.prefix.high;
  if (one.prefix.low != other.prefix.low) return one.prefix.low < other.prefix.low;
  const std::string_view all = tails_;
  const int order = all.substr(one.tail, one.tail_size).compare(all.substr(other.tail, other.tail_size));
  return order != 0 ? order < 0 : one.sequence < other.sequence;
}

uint32_t RankedRows::Merge(uint32_t a, uint32_t b) {
  if (a == 0 || b == 0) return a | b;
  if (nodes_[a - 1].priority > nodes_[b - 1].priority) {
    nodes_[a - 1].right = Merge(nodes_[a - 1].right, b);
    return a;
  }
  nodes_[b - 1].left = Merge(a, nodes_[b - 1].left);
  return b;
}

void RankedRows::Split(uint32_t tree, uint32_t row, uint32_t* left, uint32_t* right) {
  if (tree == 0) {
    *left = *right = 0;
  } else if (Less(tree - 1, row)) {
    Split(nodes_[tree - 1].right, row, &nodes_[tree - 1].right, right);
    *left = tree;
  } else {
    Split(nodes_[tree - 1].left, row, left, &nodes_[tree - 1].left);
    *right = tree;
  }
}

void RankedRows::Insert(uint32_t row, uint32_t* root) {
  uint32_t left = 0, right = 0;
  Split(*root, row, &left, &right);
  nodes_[row].left = nodes_[row].right = 0;
  *root = Merge(Merge(left, row + 1), right);
}

void RankedRows::Remove(uint32_t row, uint32_t* root) {
  uint32_t* at = root;
  while (*at != row + 1) at = Less(row, *at - 1) ? &nodes_[*at - 1].left : &nodes_[*at - 1].right;
  *at = Merge(nodes_[row].left, nodes_[row].right);
  nodes_[row].left = nodes_[row].right = 0;
}

// ---- memory

Status RankedRows::Compact() {
  if (marks_.on()) WEIR_RETURN_NOT_OK(PutMarkedRows(&pending_));
  WEIR_ASSIGN_OR_RETURN(const auto moved, rows_.Compact());
  marks_.Renumber(moved, RowCounts::kNone);
  const std::vector<int64_t> shown = std::move(shown_);
  shown_.assign(shown.empty() ? 0 : rows_.size(), 0);
  const std::vector<Node> nodes = std::move(nodes_);
  const std::string tails = std::move(tails_);
  nodes_.assign(rows_.size(), Node{});
  tails_.clear();
  const auto link = [&](uint32_t at) { return at == 0 ? 0 : moved[at - 1] + 1; };
  for (size_t row = 0; row < moved.size(); ++row) {
    if (moved[row] == RowCounts::kNone) continue;
    Node& node = nodes_[moved[row]];
    node = nodes[row];
    if (row < shown.size()) shown_[moved[row]] = shown[row];
    node.tail = tails_.size();
    tails_.append(tails, nodes[row].tail, node.tail_size);
    node.left = link(node.left);
    node.right = link(node.right);
  }
  for (Group& group : groups_) {
    group.root = link(group.root);
    for (Share& share : group.shown) share.first = moved[share.first];
  }
  return Status::OK();
}

// ---- cells

void RankedRows::TrackChanges(std::string prefix) {
  place_ = {0, std::move(prefix), &options_.keys};
  marks_.TurnOn();
}

void RankedRows::CountShown(const std::vector<Share>& shares, int64_t sign) {
  shown_.resize(rows_.size(), 0);
  for (const auto& [row, count] : shares) {
    shown_[row] += sign * count;
    marks_.Mark(row);
  }
}

Status RankedRows::PutMarkedRows(StateCells* out) {
  shown_.resize(rows_.size(), 0);
  const auto value = [this](uint32_t row, StateWriter* writer) {
    writer->Int(rows_.count(row));
    writer->Int(nodes_[row].sequence);
    writer->Int(shown_[row]);
    return rows_.count(row) != 0 || shown_[row] != 0;
  };
  return PutMarked(
      place_, [this](std::span<const uint32_t> rows) { return rows_.Columns(rows); }, value, &marks_, out);
}

Status RankedRows::PutChanges(StateCells* out) {
  out->AppendGroups(pending_, 0, kKeyGroups);
  pending_ = {};
  return PutMarkedRows(out);
}

Status RankedRows::PutGone(StateCells* out) const {
  return DeleteStored(
      place_, [this](std::span<const uint32_t> rows) { return rows_.Columns(rows); }, marks_, out);
}

Status RankedRows::Restore(const StateCells& all, const std::vector<int64_t>& numbers, size_t prefix_size) {
  struct Row {
    int64_t cell, count, sequence, shown;
  };
  std::vector<Row> rows;
  for (const int64_t number : numbers) {
    StateReader value(all.at(number).value);
    rows.push_back({number, 0, 0, 0});
    rows.back().count = value.Int();
    rows.back().sequence = value.Int();
    rows.back().shown = value.Int();
    if (!value.AtEnd()) return DamagedState();
  }
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.sequence < b.sequence; });
  RowStateReader reader(TypesOf(*schema_));
  std::vector<int64_t> counts;
  for (const Row& row : rows) {
    WEIR_RETURN_NOT_OK(reader.Add(StateReader(all.at(row.cell).key.substr(prefix_size)).Bytes()));
    counts.push_back(row.count);
  }
  WEIR_ASSIGN_OR_RETURN(auto columns, reader.Finish());
  Batch batch(schema_, std::move(columns), static_cast<int64_t>(rows.size()));
  batch.set_weight(Int64Column(BufferPtr(arrow::Buffer::FromVector(std::move(counts)))));
  WEIR_RETURN_NOT_OK(Add(batch));
  // Groups stay touched: what has not been told comes with the next TakeChanges, which finds the others unchanged.
  shown_.resize(rows_.size(), 0);
  for (size_t i = 0; i < rows.size(); ++i) {
    marks_.set_stored(numbers_[i], true);
    if (rows[i].shown == 0) continue;
    shown_[numbers_[i]] = rows[i].shown;
    groups_[group_numbers_[i]].shown.emplace_back(numbers_[i], rows[i].shown);
  }
  for (Group& group : groups_) {
    std::sort(group.shown.begin(), group.shown.end(),
              [this](const Share& a, const Share& b) { return Less(a.first, b.first); });
  }
  marks_.Done();
  return Status::OK();
}

int64_t RankedRows::size_bytes() const {
  return rows_.size_bytes() + table_.size_bytes() +
         static_cast<int64_t>(
             nodes_.capacity() * sizeof(Node) + tails_.capacity() +
             groups_.capacity() *
                 (sizeof(Group) + static_cast<size_t>(std::min<int64_t>(options_.n, 4)) * sizeof(Share)));
}

}  // namespace weir
