// Explode: one row for each item of a list.
#include <arrow/array/array_base.h>
#include <arrow/array/data.h>
#include <arrow/type.h>

#include <algorithm>

#include "batch/gather.h"
#include "engine/operator.h"
#include "plan/binding.h"

namespace weir {
namespace {

struct ExplodeConfig {
  std::vector<std::string> fields;
  std::optional<bool> cross_product;
};

ComponentSpec Spec() {
  return ComponentSpec::Transform<ExplodeConfig>("Explode")
      .Summary("Make one row for each item of a list.")
      .Doc(
          "Of several lists `cross_product: true` makes every combination, `false` takes items at the same place "
          "together and fills the shorter lists up with null. A row whose list is empty or null gives no row.")
      .Field("fields", &ExplodeConfig::fields, FieldDoc("The lists.").Required().OrSingle().Example("[tags]"))
      .Field("cross_product", &ExplodeConfig::cross_product,
             FieldDoc("Every combination of the items of several lists, or items at the same place together. Needed "
                      "when there are several.")
                 .Example("true"))
      .Example("tags", R"(pipeline:
  type: chain
  transforms:
  - type: Create
    config:
      elements: [{name: apple, tags: [red, sweet]}, {name: lemon, tags: [yellow]}]
  - type: Explode
    config: {fields: tags}
  - type: Print
)");
}

struct Range {
  int32_t begin = 0;
  int32_t end = 0;
  int64_t size() const { return end - begin; }
};

/// Works through a batch in pieces of about batch_rows result rows, so that a few rows with huge lists neither fill
/// memory nor block the others.
class Explode final : public Operator {
 public:
  Explode(SchemaPtr schema, std::vector<int> fields, bool cross_product)
      : schema_(std::move(schema)), fields_(std::move(fields)), cross_product_(cross_product) {}

  Status Open(OperatorContext& context) override {
    piece_rows_ = std::max<int64_t>(context.batch_rows, 1);
    needed_ = context.needed_outputs[0];
    return Status::OK();
  }

  Status Process(int, Batch batch, Emitter& out) override {
    batch_ = std::move(batch);
    row_ = 0;
    within_ = 0;
    return Resume(out);
  }

  Status Resume(Emitter& out) override {
    while (row_ < batch_.num_rows()) {
      if (out.full()) {
        out.Yield();
        return Status::OK();
      }
      WEIR_RETURN_NOT_OK(EmitPiece(out));
    }
    batch_ = Batch();
    return Status::OK();
  }

 private:
  Range ItemsOf(int field, int64_t row) const {
    const arrow::ArrayData& list = *batch_.column(field);
    if (!list.IsValid(row)) return {};
    const auto* offsets = list.GetValues<int32_t>(1);
    return {offsets[row], offsets[row + 1]};
  }

  /// Rows that input row `row` gives.
  int64_t Count(const std::vector<Range>& items) const {
    int64_t count = cross_product_ ? 1 : 0;
    for (const Range& range : items) {
      if (!cross_product_) {
        count = std::max(count, range.size());
      } else if (__builtin_mul_overflow(count, range.size(), &count)) {
        return INT64_MAX;
      }
    }
    return count;
  }

  // Result row `k` of an input row takes item k of each list, or, in a cross product, counts through the lists with the
  // last one turning fastest.
  void AppendItems(const std::vector<Range>& items, int64_t k) {
    for (size_t f = items.size(); f-- > 0;) {
      int64_t at = k;
      if (cross_product_) {
        at = k % items[f].size();
        k /= items[f].size();
      }
      items_[f].push_back(at < items[f].size() ? static_cast<int32_t>(items[f].begin + at) : -1);
    }
  }

  /// Lists mostly lie one behind the other: then no item is copied.
  static Result<ArrayDataPtr> Items(const ArrayDataPtr& items, const std::vector<int32_t>& rows) {
    bool run = !rows.empty() && rows[0] >= 0;
    for (size_t i = 1; i < rows.size(); ++i) run &= rows[i] == rows[i - 1] + 1;
    if (run) return items->Slice(rows[0], static_cast<int64_t>(rows.size()));
    return GatherColumn(items, rows);
  }

  Status EmitPiece(Emitter& out) {
    rows_.clear();
    items_.assign(fields_.size(), {});
    std::vector<Range> ranges(fields_.size());
    while (row_ < batch_.num_rows() && static_cast<int64_t>(rows_.size()) < piece_rows_) {
      for (size_t f = 0; f < fields_.size(); ++f) ranges[f] = ItemsOf(fields_[f], row_);
      const int64_t count = Count(ranges);
      const int64_t take = std::min(count - within_, piece_rows_ - static_cast<int64_t>(rows_.size()));
      rows_.insert(rows_.end(), static_cast<size_t>(take), static_cast<int32_t>(row_));
      if (fields_.size() == 1) {
        for (int64_t k = 0; k < take; ++k) items_[0].push_back(static_cast<int32_t>(ranges[0].begin + within_ + k));
      } else {
        for (int64_t k = 0; k < take; ++k) AppendItems(ranges, within_ + k);
      }
      within_ += take;
      if (within_ < count) break;
      within_ = 0;
      ++row_;
    }
    // The lists themselves are not copied per item.
    std::vector<ArrayDataPtr> columns(batch_.num_columns());
    for (int i = 0; i < batch_.num_columns(); ++i) {
      const bool exploded = std::find(fields_.begin(), fields_.end(), i) != fields_.end();
      if (!exploded && needed_.contains(i) && !batch_.is_pruned(i)) columns[i] = batch_.column(i);
    }
    WEIR_ASSIGN_OR_RETURN(Batch made, GatherBatch(batch_.WithColumns(batch_.schema(), columns), rows_));
    std::vector<int> indices(batch_.num_columns());
    for (size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<int>(i);
    std::vector<ArrayDataPtr> fresh;
    for (size_t f = 0; f < fields_.size(); ++f) {
      WEIR_ASSIGN_OR_RETURN(ArrayDataPtr items, Items(batch_.column(fields_[f])->child_data[0], items_[f]));
      fresh.push_back(std::move(items));
      indices[fields_[f]] = -static_cast<int>(fresh.size());
    }
    return out.Emit(made.Project(schema_, indices, std::move(fresh)));
  }

  const SchemaPtr schema_;
  const std::vector<int> fields_;
  const bool cross_product_;
  ColumnSet needed_;
  int64_t piece_rows_ = 8192;
  Batch batch_;
  int64_t row_ = 0;     // of batch_
  int64_t within_ = 0;  // result rows that row_ has given
  std::vector<int32_t> rows_;
  std::vector<std::vector<int32_t>> items_;
};

std::optional<StepBinding> BindExplode(const ExplodeConfig& config, BindContext& context) {
  const SchemaPtr& input = context.inputs()[0].info.schema;
  const NodePtr node = context.step_node()->Find("config");
  const NodePtr list = node ? node->Find("fields") : nullptr;
  arrow::FieldVector out = input->fields();
  std::vector<int> fields;
  bool good = true;
  for (size_t k = 0; k < config.fields.size(); ++k) {
    const NodePtr place = list && list->is_sequence() ? list->items()[k] : list ? list : context.step_node();
    const int column = context.FindColumn(*input, config.fields[k], place);
    if (column < 0) {
      good = false;
      continue;
    }
    const TypePtr& type = input->field(column)->type();
    if (type->id() != arrow::Type::LIST && type->id() != arrow::Type::NA) {
      context.Error(place, "'" + config.fields[k] + "' is " + TypeName(*type) + ", and only lists can be exploded");
      good = false;
      continue;
    }
    if (std::find(fields.begin(), fields.end(), column) != fields.end()) {
      context.Error(place, "'" + config.fields[k] + "' stands twice in 'fields'");
      good = false;
      continue;
    }
    if (type->id() == arrow::Type::NA) continue;  // null gives no row, whatever the others are
    fields.push_back(column);
    out[column] = arrow::field(config.fields[k], static_cast<const arrow::ListType&>(*type).value_type());
  }
  if (config.fields.size() > 1 && !config.cross_product) {
    context.StepError("Explode of several fields needs 'cross_product'",
                      "true for every combination, false for items at the same place");
    good = false;
  }
  if (good && fields.size() < config.fields.size()) {
    context.StepError("Explode has a list that is null in all rows", "leave it out of 'fields'");
    good = false;
  }
  if (!good) return std::nullopt;
  std::vector<int> pass_through(input->num_fields());
  for (int i = 0; i < input->num_fields(); ++i) pass_through[i] = i;
  SchemaPtr schema = arrow::schema(std::move(out));
  const bool cross_product = config.cross_product.value_or(true);
  StepBinding binding =
      RowWiseBinding(context, schema, fields, pass_through,
                     [schema, fields, cross_product](const OperatorContext&) -> Result<std::unique_ptr<Operator>> {
                       return std::make_unique<Explode>(schema, fields, cross_product);
                     });
  CollectionInfo& info = binding.outputs[0].info;
  info.expected_rows = info.unfiltered_rows = -1;
  binding.can_reject = false;
  return binding;
}

}  // namespace

void RegisterExplode(Registry& registry) { registry.Add<ExplodeConfig>(Spec(), {1, 1}, BindExplode); }

}  // namespace weir
