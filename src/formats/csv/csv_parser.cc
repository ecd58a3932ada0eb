// Index, then column by column: the filter's columns first, the others only for the rows that it keeps.
#include "formats/csv/csv_parser.h"

#include <arrow/type.h>
#include <simdjson.h>

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "batch/gather.h"

namespace weir {
namespace {}  // namespace

CsvBlockParser::CsvBlockParser(std::shared_ptr<const CsvReadPlan> plan, std::vector<int> field_of_column,
                               int num_fields)
    : plan_(std::move(plan)),
      field_of_column_(std::move(field_of_column)),
      index_(plan_->options.dialect, num_fields, plan_->options.allow_short_rows) {}

Result<std::unique_ptr<CsvBlockParser>> CsvBlockParser::Make(std::shared_ptr<const CsvReadPlan> plan,
                                                             std::vector<int> field_of_column, int num_fields) {
  WEIR_CHECK(!plan->filter || !plan->filter->can_fail(), "a pushed filter may not give row errors");
  std::unique_ptr<CsvBlockParser> parser(new CsvBlockParser(plan, std::move(field_of_column), num_fields));
  auto nulls = std::make_shared<const CsvNulls>(plan->options);
  parser->readers_.resize(plan->schema->num_fields());
  if (plan->filter) parser->evaluator_ = std::make_unique<ExprEvaluator>(plan->filter);
  for (int i = 0; i < plan->schema->num_fields(); ++i) {
    if (parser->field_of_column_[i] < 0 || (!parser->needs(i) && !parser->filters(i))) continue;
    const auto& field = *plan->schema->field(i);
    WEIR_ASSIGN_OR_RETURN(parser->readers_[i], MakeCsvColumnReader(field.name(), field.type(), plan->options.dialect,
                                                                   nulls, plan->strict_zeros));
    parser->has_text_ |= field.type()->id() == arrow::Type::STRING;
  }
  return parser;
}

bool CsvBlockParser::filters(int column) const {
  return plan_->filter && std::binary_search(plan_->filter->columns().begin(), plan_->filter->columns().end(), column);
}

Result<ArrayDataPtr> CsvBlockParser::ReadColumn(const TextBlock& block, int column, const std::vector<int32_t>* rows) {
  CsvColumnRequest request;
  request.fields = index_.Column(field_of_column_[column]);
  request.rows = rows ? rows->data() : nullptr;
  request.num_rows = rows ? static_cast<int64_t>(rows->size()) : index_.num_rows();
  request.has_quotes = block.has_quotes;
  request.check_utf8 = check_utf8_;
  std::vector<CsvBadField> bad;
  WEIR_ASSIGN_OR_RETURN(auto data, readers_[column]->Read(request, &bad));
  for (auto& field : bad) bad_.push_back({rows ? (*rows)[field.index] : field.index, std::move(field.message)});
  return data;
}

Status CsvBlockParser::ReadColumns(const TextBlock& block, bool of_filter, const std::vector<int32_t>* rows,
                                   std::vector<ArrayDataPtr>* columns) {
  for (int i = 0; i < plan_->schema->num_fields(); ++i) {
    if (!readers_[i] || filters(i) != of_filter) continue;
    WEIR_ASSIGN_OR_RETURN((*columns)[i], ReadColumn(block, i, rows));
  }
  return Status::OK();
}

void CsvBlockParser::DropBad(std::vector<int32_t>* rows) const {
  std::vector<int32_t> bad_rows;
  for (const auto& bad : bad_) bad_rows.push_back(static_cast<int32_t>(bad.row));
  std::sort(bad_rows.begin(), bad_rows.end());
  std::erase_if(*rows, [&](int32_t row) { return std::binary_search(bad_rows.begin(), bad_rows.end(), row); });
}

Result<Batch> CsvBlockParser::Parse(const TextBlock& block, std::vector<RecordError>* errors) {
  bad_.clear();
  std::vector<CsvShapeError> shapes;
  index_.Build(block, &shapes);
  check_utf8_ = has_text_ && !index_.ascii() && !simdjson::validate_utf8(block.data(), block.size);
  std::vector<ArrayDataPtr> columns(plan_->schema->num_fields());
  std::vector<int32_t> rows;  // of the block; used when not all of them are wanted
  bool selected = false;
  if (plan_->filter) {
    WEIR_RETURN_NOT_OK(ReadColumns(block, /*of_filter=*/true, nullptr, &columns));
    std::vector<RowError> filter_errors;
    WEIR_ASSIGN_OR_RETURN(Selection selection,
                          evaluator_->EvalFilter(Batch(plan_->schema, columns, index_.num_rows()), &filter_errors));
    const auto kept = selection.span();
    rows.assign(kept.begin(), kept.end());
    if (!bad_.empty()) DropBad(&rows);
    selected = static_cast<int64_t>(rows.size()) < index_.num_rows();
    for (const int i : plan_->filter->columns()) {
      if (!needs(i)) {
        columns[i] = nullptr;
      } else if (selected) {
        WEIR_ASSIGN_OR_RETURN(columns[i], GatherColumn(columns[i], rows));
      }
    }
  }
  const size_t bad_before = bad_.size();
  WEIR_RETURN_NOT_OK(ReadColumns(block, /*of_filter=*/false, selected ? &rows : nullptr, &columns));
  int64_t num_rows = selected ? static_cast<int64_t>(rows.size()) : index_.num_rows();
  if (bad_.size() > bad_before) {
    // Rows that turned out bad only now are gathered away; `rows` numbers the block, `kept` what was read.
    if (!selected) {
      rows.resize(num_rows);
      std::iota(rows.begin(), rows.end(), 0);
    }
    const std::vector<int32_t> read = rows;
    DropBad(&rows);
    std::vector<int32_t> kept;
    for (size_t i = 0, k = 0; i < read.size() && k < rows.size(); ++i) {
      if (read[i] != rows[k]) continue;
      kept.push_back(static_cast<int32_t>(i));
      ++k;
    }
    for (auto& column : columns) {
      if (!column) continue;
      WEIR_ASSIGN_OR_RETURN(column, GatherColumn(column, kept));
    }
    num_rows = static_cast<int64_t>(kept.size());
  }
  if (!bad_.empty() || !shapes.empty()) ReportErrors(block, shapes, errors);
  return Batch(plan_->schema, std::move(columns), num_rows);
}

void CsvBlockParser::ReportErrors(const TextBlock& block, const std::vector<CsvShapeError>& shapes,
                                  std::vector<RecordError>* errors) {
  struct Found {
    int64_t begin, end;
    std::string message;
  };
  std::vector<Found> found;
  for (const auto& shape : shapes) {
    std::string message = shape.quote_open ? "the text ends inside a quoted field"
                                           : std::to_string(shape.fields) + (shape.fields == 1 ? " field" : " fields") +
                                                 " where the file has " + std::to_string(index_.num_fields());
    found.push_back({shape.begin, shape.end, std::move(message)});
  }
  std::stable_sort(bad_.begin(), bad_.end(), [](const BadRow& a, const BadRow& b) { return a.row < b.row; });
  for (size_t i = 0; i < bad_.size(); ++i) {
    if (i > 0 && bad_[i].row == bad_[i - 1].row) {
      found.back().message += "; " + bad_[i].message;  // one error per record, with all that is wrong with it
      continue;
    }
    found.push_back({index_.RecordBegin(bad_[i].row), index_.RecordEnd(bad_[i].row), std::move(bad_[i].message)});
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.begin < b.begin; });
  PlaceCursor places(block);
  for (auto& error : found) {
    int64_t size = error.end - error.begin;
    if (size > 0 && block.data()[error.begin + size - 1] == '\r') --size;
    errors->push_back(
        {places.PlaceOf(error.begin), std::move(error.message), RecordText(block.data() + error.begin, size)});
  }
}

}  // namespace weir
