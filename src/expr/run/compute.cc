// Runner: one node over the alive rows of one chunk. See runner.h.
#include <arrow/array/array_base.h>
#include <arrow/array/concatenate.h>
#include <arrow/array/data.h>
#include <arrow/array/util.h>
#include <arrow/type.h>

#include <algorithm>
#include <cstring>

#include "batch/gather.h"
#include "expr/run/runner.h"

namespace weir::expr {
namespace {

constexpr int kInlineArgs = 6;

// The values that case and coalesce pick, row by row, into one register.
class Merger {
 public:
  Merger(Scratch* scratch, Phys phys, int chunk) : scratch_(scratch), chunk_(chunk), out_(NewVec(scratch, phys)) {}

  void Add(const Vec& vec, const Rows& rows) {
    if (rows.count == 0) return;
    switch (out_.phys) {
      case Phys::kBool:
        CopyRows<uint8_t>(vec, rows);
        break;
      case Phys::kInt:
        CopyRows<int64_t>(vec, rows);
        break;
      case Phys::kDouble:
        CopyRows<double>(vec, rows);
        break;
      case Phys::kString:
        CopyRows<StringRef>(vec, rows);
        break;
      case Phys::kDecimal:
        CopyRows<Int128>(vec, rows);
        break;
      case Phys::kNested:
        AddNested(vec, rows);
        break;
      case Phys::kNull:
        break;
    }
    if (vec.valid == nullptr && out_.valid == nullptr) return;
    uint8_t* valid = MutableValid(scratch_, &out_, chunk_);
    ForRows(rows, [&](int i) { valid[i] = vec.IsValid(i); });
  }

  void AddNull(const Rows& rows) {
    if (rows.count == 0) return;
    uint8_t* valid = MutableValid(scratch_, &out_, chunk_);
    ForRows(rows, [&](int i) { valid[i] = 0; });
    if (out_.phys == Phys::kString) ForRows(rows, [&](int i) { out_.own_values.as<StringRef>()[i] = {"", 0}; });
  }

  Result<Vec> Finish() {
    if (pieces_.size() > 1) WEIR_RETURN_NOT_OK(JoinPieces());
    return std::move(out_);
  }

 private:
  struct Piece {
    const arrow::ArrayData* array;
    std::vector<int32_t> chunk_rows;
    std::vector<int32_t> array_rows;
  };

  template <class T>
  void CopyRows(const Vec& vec, const Rows& rows) {
    auto* out = out_.own_values.as<T>();
    const T* in = vec.data<T>();
    if (vec.constant) {
      T value = in[0];
      ForRows(rows, [&](int i) { out[i] = value; });
    } else {
      ForRows(rows, [&](int i) { out[i] = in[i]; });
    }
  }

  void AddNested(const Vec& vec, const Rows& rows) {
    auto* out = out_.own_values.as<int32_t>();
    Piece piece{vec.array, {}, {}};
    ForRows(rows, [&](int i) {
      out[i] = vec.constant ? vec.data<int32_t>()[0] : vec.data<int32_t>()[i];
      if (!vec.IsValid(i)) return;
      piece.chunk_rows.push_back(i);
      piece.array_rows.push_back(out[i]);
    });
    if (vec.array == nullptr) return;
    out_.array = vec.array;
    pieces_.push_back(std::move(piece));
  }

  // Values of several arrays: their rows are copied behind one another.
  Status JoinPieces() {
    arrow::ArrayVector arrays;
    int32_t base = 0;
    for (const Piece& piece : pieces_) {
      WEIR_ASSIGN_OR_RETURN(auto rows, GatherColumn(piece.array->Copy(), piece.array_rows));
      for (int32_t row : piece.chunk_rows) out_.own_values.as<int32_t>()[row] = base++;
      arrays.push_back(arrow::MakeArray(rows));
    }
    WEIR_ASSIGN_OR_RETURN(auto whole, arrow::Concatenate(arrays));
    out_.array = whole->data().get();
    scratch_->Keep(whole->data());
    return Status::OK();
  }

  Scratch* scratch_;
  int chunk_;
  Vec out_;
  std::vector<Piece> pieces_;
};

// Splits `rows` by a condition: those where it is true into `yes`, the others into `no`.
void Split(const Vec& condition, const Rows& rows, int32_t* yes, int* yes_count, int32_t* no, int* no_count) {
  *yes_count = *no_count = 0;
  const auto* values = condition.data<uint8_t>();
  ForRows(rows, [&](int i) {
    bool is_true = condition.IsValid(i) && values[condition.constant ? 0 : i] != 0;
    yes[*yes_count] = i;
    *yes_count += is_true;
    no[*no_count] = i;
    *no_count += !is_true;
  });
}

}  // namespace

void Runner::Forget(size_t mark) {
  while (remembered_order_.size() > mark) {
    int id = remembered_order_.back();
    remembered_order_.pop_back();
    remembered_[id] = 0;
    memo_[id] = Vec();
  }
}

Vec Runner::Eval(const Node& node, const Rows& rows, void* direct) {
  if (node.kind == NodeKind::kConstant) return LoadConstant(&scratch_, *node.constant);
  if (node.uses < 2) return Compute(node, rows, direct);
  if (remembered_[node.id] == 0) {
    Vec vec = Compute(node, rows, nullptr);
    memo_[node.id] = std::move(vec);
    remembered_[node.id] = 1;
    remembered_order_.push_back(node.id);
  }
  return memo_[node.id].View();
}

Vec Runner::Compute(const Node& node, const Rows& rows, void* direct) {
  if (node.dictionary_slot >= 0 && !inside_dictionary_ && dictionaries_[node.dictionary_slot].active) {
    return LookUp(node, rows);
  }
  switch (node.kind) {
    case NodeKind::kColumn:
      return LoadColumn(&scratch_, *columns_[node.column], start_, rows);
    case NodeKind::kConstant:
      return LoadConstant(&scratch_, *node.constant);
    case NodeKind::kEventTime:
    case NodeKind::kWindowStart:
    case NodeKind::kWindowEnd:
      return Time(node);
    case NodeKind::kCall:
      return Call(node, rows, direct);
    case NodeKind::kAnd:
    case NodeKind::kOr:
      return Logic(node, rows);
    case NodeKind::kCase:
      return Case(node, rows);
    case NodeKind::kCoalesce:
      return Coalesce(node, rows);
    case NodeKind::kField:
      return Field(node, rows);
  }
  return NullVec(node.phys);
}

// The value that was computed for the row's dictionary entry; null rows have the entry after the last.
Vec Runner::LookUp(const Node& node, const Rows& rows) {
  const DictionaryResult& result = dictionaries_[node.dictionary_slot];
  const arrow::ArrayData& column = *columns_[node.only_column];
  const int32_t* indices = column.GetValues<int32_t>(1) + start_;
  Slab with_nulls;
  if (column.GetNullCount() != 0) {
    with_nulls = scratch_.Take(4);
    auto* out = with_nulls.as<int32_t>();
    auto null_entry = static_cast<int32_t>(result.values->length - 1);
    ForRows(rows, [&](int i) { out[i] = column.IsNull(start_ + i) ? null_entry : indices[i]; });
    indices = out;
  }
  return LoadRows(&scratch_, *result.values, indices, nullptr, rows);
}

Vec Runner::Time(const Node& node) {
  const Int64Column& column = node.kind == NodeKind::kEventTime     ? batch_->event_time()
                              : node.kind == NodeKind::kWindowStart ? batch_->window_start()
                                                                    : batch_->window_end();
  if (!column.is_constant()) {
    Vec vec;
    vec.phys = Phys::kInt;
    vec.values = column.data() + start_;
    return vec;
  }
  Vec vec = NewVec(&scratch_, Phys::kInt);
  vec.own_values.as<int64_t>()[0] = column.constant();
  vec.constant = true;
  return vec;
}

Vec Runner::Field(const Node& node, const Rows& rows) {
  Vec value = Eval(*node.args[0], rows);
  if (value.array == nullptr || value.IsConstantNull()) return NullVec(node.phys);
  const arrow::ArrayData& parent = *value.array;
  const arrow::ArrayData& child = *parent.child_data[node.column];
  Slab places = scratch_.Take(4);
  auto* out = places.as<int32_t>();
  auto offset = static_cast<int32_t>(parent.offset);
  const auto* in = value.data<int32_t>();
  ForRows(rows, [&](int i) { out[i] = (value.constant ? in[0] : in[i]) + offset; });
  return LoadRows(&scratch_, child, out, value.constant ? nullptr : value.valid, rows);
}

Vec Runner::Call(const Node& node, const Rows& rows, void* direct) {
  Vec few[kInlineArgs];
  std::vector<Vec> many;
  Vec* args = few;
  int count = static_cast<int>(node.args.size());
  if (count > kInlineArgs) {
    many.resize(count);
    args = many.data();
  }
  for (int k = 0; k < count; ++k) args[k] = Eval(*node.args[k], rows);

  Vec out;
  out.phys = node.phys;
  if (direct != nullptr && rows.dense()) {
    out.values = direct;
  } else {
    out.own_values = scratch_.Take(WidthOf(node.phys));
    out.values = out.own_values.data();
  }
  Frame frame{rows, args, count, &out, &scratch_, &sink_, node.state.get(), node.arg_types.data(), &node.type, {}};
  Slab narrowed;
  if ((node.flags & kHandlesNulls) == 0) {
    uint8_t* valid = nullptr;
    for (int k = 0; k < count; ++k) {
      if (args[k].valid == nullptr) continue;
      if (args[k].constant) return NullVec(node.phys);
      if (valid == nullptr && args[k].own_valid && args[k].valid == args[k].own_valid.data()) {
        out.own_valid = std::move(args[k].own_valid);  // an argument that nobody else reads gives its null bytes away
        out.valid = args[k].valid;
        valid = out.own_valid.data();
      } else if (valid == nullptr) {
        out.valid = args[k].valid;
        valid = MutableValid(&scratch_, &out, rows.chunk);
      } else {
        const uint8_t* other = args[k].valid;
        for (int i = 0; i < rows.chunk; ++i) valid[i] &= other[i];
      }
    }
    if ((node.flags & kDenseSafe) != 0) {
      // Most rows are alive: all of them in one vectorised loop are faster. Not where a dead row could be said to fail.
      if (!rows.dense() && (node.flags & kCanFail) == 0 && rows.count * 4 > rows.chunk)
        frame.rows = {nullptr, rows.chunk, rows.chunk};
    } else if (valid != nullptr) {
      narrowed = scratch_.Take(4);
      int alive = SelectRows(valid, nullptr, rows, narrowed.as<int32_t>());
      frame.rows = {narrowed.as<int32_t>(), alive, rows.chunk};
      if (node.phys == Phys::kString) ForRows(rows, [&](int i) { frame.values<StringRef>()[i] = {"", 0}; });
    }
  }
  node.kernel(frame);
  if (!frame.status.ok() && status_.ok()) status_ = frame.status;
  return out;
}

// AND and OR in three-valued logic. `decisive` is the value that settles a row: false for AND, true for OR. Rows that
// are settled do not see the later terms, unless a term is so cheap that it is faster to compute it for all.
Vec Runner::Logic(const Node& node, const Rows& rows) {
  const uint8_t decisive = node.kind == NodeKind::kOr;
  size_t mark = remembered_order_.size();
  Vec out = NewVec(&scratch_, Phys::kBool);
  Slab unknown = scratch_.Take(1);  // 1 where some term was null
  auto* settled = out.own_values.data();
  std::memset(settled, 0, rows.chunk);
  bool any_null = false;
  Slab slabs[2];
  int turn = 0;
  Rows open = rows;
  for (size_t k = 0; k < node.args.size() && open.count > 0; ++k) {
    const Node& term = *node.args[k];
    Vec vec = Eval(term, open);
    const auto* values = vec.data<uint8_t>();
    if (vec.valid != nullptr && !any_null) {
      any_null = true;
      std::memset(unknown.data(), 0, rows.chunk);
    }
    if (vec.constant || !open.dense() || vec.valid != nullptr) {
      ForRows(open, [&](int i) {
        bool valid = vec.IsValid(i);
        settled[i] |= valid && values[vec.constant ? 0 : i] == decisive;
        if (!valid) unknown.data()[i] = 1;
      });
    } else {
      const uint8_t flip = decisive ^ 1;
      for (int i = 0; i < open.count; ++i) settled[i] |= values[i] ^ flip;
    }
    if (k + 1 == node.args.size() || (node.args[k + 1]->cheap && open.dense())) continue;
    if (!slabs[turn]) slabs[turn] = scratch_.Take(4);
    auto* index = slabs[turn].as<int32_t>();
    int n = 0;
    ForRows(open, [&](int i) {
      index[n] = i;
      n += settled[i] == 0;
    });
    open = {index, n, rows.chunk};
    turn ^= 1;
  }
  Forget(mark);
  if (any_null) {
    out.own_valid = scratch_.Take(1);
    out.valid = out.own_valid.data();
    for (int i = 0; i < rows.chunk; ++i) out.own_valid.data()[i] = settled[i] | (unknown.data()[i] ^ 1);
  }
  if (decisive == 0) {
    for (int i = 0; i < rows.chunk; ++i) settled[i] ^= 1;
  }
  return out;
}

Vec Runner::Case(const Node& node, const Rows& rows) {
  size_t mark = remembered_order_.size();
  Merger merger(&scratch_, node.phys, rows.chunk);
  Slab slabs[3] = {scratch_.Take(4), scratch_.Take(4), scratch_.Take(4)};
  int turn = 0;
  Rows rest = rows;
  for (size_t k = 0; k + 1 < node.args.size() && rest.count > 0; k += 2) {
    Vec condition = Eval(*node.args[k], rest);
    Rows yes{slabs[2].as<int32_t>(), 0, rows.chunk};
    auto* no = slabs[turn].as<int32_t>();
    int no_count = 0;
    Split(condition, rest, slabs[2].as<int32_t>(), &yes.count, no, &no_count);
    if (yes.count > 0) {
      size_t branch = remembered_order_.size();
      if (yes.count == rows.chunk) yes.index = nullptr;
      merger.Add(Eval(*node.args[k + 1], yes), yes);
      Forget(branch);
    }
    rest = {no, no_count, rows.chunk};
    turn ^= 1;
  }
  if (rest.count > 0) merger.Add(Eval(*node.args.back(), rest), rest);
  Forget(mark);
  auto merged = merger.Finish();
  if (merged.ok()) return merged.MoveValueUnsafe();
  status_ = merged.status();
  return NullVec(node.phys);
}

Vec Runner::Coalesce(const Node& node, const Rows& rows) {
  size_t mark = remembered_order_.size();
  Merger merger(&scratch_, node.phys, rows.chunk);
  Slab slabs[3] = {scratch_.Take(4), scratch_.Take(4), scratch_.Take(4)};
  int turn = 0;
  Rows rest = rows;
  for (const Node* arg : node.args) {
    if (rest.count == 0) break;
    Vec vec = Eval(*arg, rest);
    Rows found{slabs[2].as<int32_t>(), 0, rows.chunk};
    auto* missing = slabs[turn].as<int32_t>();
    int missing_count = 0;
    ForRows(rest, [&](int i) {
      bool valid = vec.IsValid(i);
      slabs[2].as<int32_t>()[found.count] = i;
      found.count += valid;
      missing[missing_count] = i;
      missing_count += !valid;
    });
    merger.Add(vec, found);
    rest = {missing, missing_count, rows.chunk};
    turn ^= 1;
  }
  merger.AddNull(rest);
  Forget(mark);
  auto merged = merger.Finish();
  if (merged.ok()) return merged.MoveValueUnsafe();
  status_ = merged.status();
  return NullVec(node.phys);
}

}  // namespace weir::expr
