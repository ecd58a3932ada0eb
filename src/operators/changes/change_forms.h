// The forms in which a feed of plain rows says what came and what went: what ToChanges writes and FromChanges reads.
//
//   weight          the row, and an integer: how often it came (negative: went)
//   insert_delete   the row, and a word: it came, or it went
//   before_after    two objects: the row that went, the row that came; either may be null
//   upsert          the new row of a key; where it went, a row with the word for that, or with nothing but its key
#pragma once

#include <string>
#include <vector>

#include "engine/operator.h"
#include "plan/binding.h"

namespace weir {

struct ChangesConfig {
  std::string form, field, before, after;
  std::vector<std::string> key, insert, remove;
};

/// The settings of both transforms; `reading`: of FromChanges.
template <class Builder>
Builder AddChangesFields(Builder builder, bool reading) {
  const std::string words = reading ? "; a list, or one word" : "";
  return builder
      .Field("form", &ChangesConfig::form,
             FieldDoc("How the feed says what came and what went.")
                 .Required()
                 .OneOf({"weight", "insert_delete", "before_after", "upsert"}))
      .Field(
          "key", &ChangesConfig::key,
          FieldDoc(reading ? "upsert: the fields of which there is one row at a time."
                           : "upsert: the fields of which there is one row at a time. before_after: rows that go and "
                             "come with equal keys make one row of the feed.")
              .OrSingle()
              .Example("[id]"))
      .Field("field", &ChangesConfig::field,
             FieldDoc("The field of the weight (default: weight) or of the word (insert_delete: op). upsert has such a "
                      "field only where this is given; else a row with nothing but its key says that it went.")
                 .Example("op"))
      .Field("insert", &ChangesConfig::insert,
             FieldDoc("The word for a row that came" + words + ".").Default("insert").OrSingle())
      .Field("delete", &ChangesConfig::remove,
             FieldDoc("The word for a row that went" + words + ".").Default("delete").OrSingle())
      .Field("before", &ChangesConfig::before,
             FieldDoc("before_after: the field of the row that went.").Default("before"))
      .Field("after", &ChangesConfig::after,
             FieldDoc("before_after: the field of the row that came.").Default("after"));
}

/// The name of the field of weight or word; empty: the form has none.
std::string ChangeField(const ChangesConfig& config);

/// The columns of `key`, which the form must have. False after errors.
bool ReadChangeKey(const ChangesConfig& config, const arrow::Schema& schema, BindContext& context,
                   std::vector<int>* columns);

/// A batch of other columns with event time, window and pane of `like`, but no weights. Both have the same rows.
Batch Unweighted(const Batch& like, SchemaPtr schema, std::vector<ArrayDataPtr> columns);

/// Event time, window and pane of rows `rows` of `like` for `batch`, which has one row for each.
void TakeTimes(const Batch& like, const std::vector<int32_t>& rows, Batch* batch);

/// A step of one operator that takes all its input's columns, by key where it has state.
StepBinding BindChanges(BindContext& context, SchemaPtr schema, const std::vector<int>& exchange_keys, bool changes,
                        std::function<Result<std::unique_ptr<Operator>>(const OperatorContext&)> make);

}  // namespace weir
