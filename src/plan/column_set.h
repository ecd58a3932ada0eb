// ColumnSet: which columns of a schema somebody needs.
#pragma once

#include <vector>

namespace weir {

class ColumnSet {
 public:
  ColumnSet() = default;
  static ColumnSet All(int num_columns) { return ColumnSet(num_columns, true); }
  static ColumnSet None(int num_columns) { return ColumnSet(num_columns, false); }

  int num_columns() const { return static_cast<int>(bits_.size()); }
  bool contains(int column) const { return bits_[column]; }
  bool all() const {
    for (bool bit : bits_)
      if (!bit) return false;
    return true;
  }
  void Add(int column) { bits_[column] = true; }
  void AddAll(const std::vector<int>& columns) {
    for (int column : columns) Add(column);
  }
  void AddAll(const ColumnSet& other) {
    for (int i = 0; i < num_columns(); ++i)
      if (other.bits_[i]) bits_[i] = true;
  }
  std::vector<int> ToIndices() const {
    std::vector<int> out;
    for (int i = 0; i < num_columns(); ++i)
      if (bits_[i]) out.push_back(i);
    return out;
  }
  bool operator==(const ColumnSet&) const = default;

 private:
  ColumnSet(int num_columns, bool value) : bits_(num_columns, value) {}
  std::vector<bool> bits_;
};

}  // namespace weir
