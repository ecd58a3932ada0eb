// DDL, COPY and INSERT … ON CONFLICT. Columns are always named: a column that was added since changes nothing.
#include "connectors/postgres/pg_table_writer.h"

#include <arrow/type.h>

#include <algorithm>

#include "connectors/tables/cast_column.h"

namespace weir {
namespace {

constexpr int64_t kSendBytes = 256 << 10;  // so much is encoded before it is sent: the server works meanwhile

std::string Joined(const std::vector<std::string>& parts, const char* between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
  return text;
}

}  // namespace

Result<std::unique_ptr<PgTableWriter>> PgTableWriter::Open(PgConnection* connection, const TablePlan& plan) {
  std::unique_ptr<PgTableWriter> writer(new PgTableWriter(connection, plan));
  // Others that make or change tables wait: two at once would fail.
  WEIR_RETURN_NOT_OK(connection->Do("BEGIN; SELECT pg_advisory_xact_lock(2003134834)"));
  WEIR_RETURN_NOT_OK(writer->FitTable());
  WEIR_RETURN_NOT_OK(connection->Do("COMMIT"));
  WEIR_RETURN_NOT_OK(writer->MakeStages());
  return writer;
}

Status PgTableWriter::CreateTable() {
  std::vector<std::string> columns, keys;
  for (const auto& field : plan_.schema->fields()) {
    columns.push_back(QuotePgName(field->name()) + " " + PgTypeOf(*field->type()));
  }
  for (const int key : plan_.key) keys.push_back(QuotePgName(plan_.schema->field(key)->name()));
  if (!keys.empty()) columns.push_back("PRIMARY KEY (" + Joined(keys, ", ") + ")");
  return connection_.Do("CREATE TABLE " + QuotePgTable(plan_.table) + " (" + Joined(columns, ", ") + ")");
}

Status PgTableWriter::FitTable() {
  WEIR_ASSIGN_OR_RETURN(auto columns, ColumnsOf(connection_, plan_.table));
  if (columns.empty()) {
    if (!plan_.create) {
      return Status::Invalid("PostgreSQL has no table '", plan_.table, "'\n  = help: 'create: true' makes it");
    }
    WEIR_RETURN_NOT_OK(CreateTable());
  } else {
    for (const auto& field : plan_.schema->fields()) {
      const bool is_there = std::any_of(columns.begin(), columns.end(),
                                        [&](const PgColumn& column) { return column.name == field->name(); });
      if (is_there) continue;
      if (plan_.drift == SchemaDrift::kFail) {
        return Status::Invalid("table '", plan_.table, "' has no column '", field->name(),
                               "', a field of the rows\n  = help: 'schema_drift: add' adds it");
      }
      WEIR_RETURN_NOT_OK(connection_.Do("ALTER TABLE " + QuotePgTable(plan_.table) + " ADD COLUMN " +
                                        QuotePgName(field->name()) + " " + PgTypeOf(*field->type())));
    }
  }
  WEIR_ASSIGN_OR_RETURN(columns, ColumnsOf(connection_, plan_.table));
  return ChooseFields(columns);
}

Status PgTableWriter::ChooseFields(const std::vector<PgColumn>& columns) {
  for (int i = 0; i < plan_.schema->num_fields(); ++i) {
    const arrow::Field& field = *plan_.schema->field(i);
    const PgColumn& column = *std::find_if(columns.begin(), columns.end(),
                                           [&](const PgColumn& other) { return other.name == field.name(); });
    if (column.is_generated) {
      return Status::Invalid("table '", plan_.table, "' makes column '", field.name(),
                             "' itself\n  = help: leave the field out before this step");
    }
    if (CanSendTo(*field.type(), column)) {
      fields_.push_back({i, column});
      continue;
    }
    // Text goes to types of its own (an enumeration, an address) by a cast that any text has; between kinds of values
    // casting is a decision.
    const bool is_text_form = field.type()->id() == arrow::Type::STRING && !IsNativePg(column);
    if (plan_.drift != SchemaDrift::kCast && !is_text_form && !SameKind(*field.type(), *TypeOfPgColumn(column))) {
      return Status::Invalid("column '", field.name(), "' of table '", plan_.table, "' is of type ", column.sql_type,
                             ", the rows have ", TypeName(*field.type()),
                             "\n  = help: 'schema_drift: cast' casts them");
    }
    PgColumn sent = PgColumnFor(*field.type());
    sent.name = column.name;
    uses_stage_ = true;
    fields_.push_back({i, std::move(sent)});
  }
  uses_stage_ = uses_stage_ || !plan_.key.empty();

  std::vector<std::string> names, casts, keys, updates, matches;
  for (const auto& field : fields_) {
    const std::string name = QuotePgName(field.column.name);
    const PgColumn& column = *std::find_if(columns.begin(), columns.end(),
                                           [&](const PgColumn& other) { return other.name == field.column.name; });
    names.push_back(name);
    casts.push_back(name + "::" + column.sql_type);
    const bool is_key = std::find(plan_.key.begin(), plan_.key.end(), field.input) != plan_.key.end();
    if (!is_key) {
      updates.push_back(name + " = excluded." + name);
      continue;
    }
    keys.push_back(name);
    key_fields_.push_back(field);
    matches.push_back("t." + name + " = k." + name + "::" + column.sql_type);
  }
  const std::string table = QuotePgTable(plan_.table);
  const std::string list = "(" + Joined(names, ", ") + ")";
  copy_ = "COPY " + (uses_stage_ ? "pg_temp.weir_rows" : table) + " " + list + " FROM STDIN (FORMAT binary)";
  merge_ = "INSERT INTO " + table + " " + list + " SELECT " + Joined(casts, ", ") + " FROM pg_temp.weir_rows";
  if (keys.empty()) return Status::OK();
  merge_ += " ON CONFLICT (" + Joined(keys, ", ") + ") DO " +
            (updates.empty() ? "NOTHING" : "UPDATE SET " + Joined(updates, ", "));
  copy_keys_ = "COPY pg_temp.weir_keys (" + Joined(keys, ", ") + ") FROM STDIN (FORMAT binary)";
  erase_ = "DELETE FROM " + table + " t USING pg_temp.weir_keys k WHERE " + Joined(matches, " AND ");
  return Status::OK();
}

Status PgTableWriter::MakeStages() {
  encoder_ = std::make_unique<PgCopyEncoder>(fields_);
  key_encoder_ = std::make_unique<PgCopyEncoder>(key_fields_);
  const auto stage = [&](const char* name, const std::vector<PgCopyEncoder::Field>& fields) {
    std::vector<std::string> columns;
    for (const auto& field : fields) {
      // A column that takes the values as they are has their type; the digits of a number are checked at the real one.
      const std::string type = field.column.sql_type;
      columns.push_back(QuotePgName(field.column.name) + " " + type);
    }
    return connection_.Do(std::string("CREATE TEMPORARY TABLE ") + name + " (" + Joined(columns, ", ") +
                          ") ON COMMIT DELETE ROWS");
  };
  if (!uses_stage_) return Status::OK();
  WEIR_RETURN_NOT_OK(stage("weir_rows", fields_));
  return key_fields_.empty() ? Status::OK() : stage("weir_keys", key_fields_);
}

Status PgTableWriter::Copy(const std::string& statement, PgCopyEncoder* encoder, const PgRowList& rows,
                           std::vector<PgMisfit>* misfits) {
  WEIR_RETURN_NOT_OK(connection_.BeginCopy(statement));
  buffer_.Clear();
  PgCopyEncoder::AppendHeader(&buffer_);
  std::string mistake;
  int32_t bound = -1;
  for (const KeyedRow& at : rows.order) {
    if (at.batch != bound) WEIR_RETURN_NOT_OK(encoder->Bind(rows.rows[at.batch]));
    bound = at.batch;
    if (!encoder->Append(at.row, &buffer_, &mistake)) misfits->push_back({at, mistake});
    if (buffer_.size() < kSendBytes) continue;
    WEIR_RETURN_NOT_OK(connection_.SendCopy(buffer_.data(), static_cast<size_t>(buffer_.size())));
    buffer_.Clear();
  }
  PgCopyEncoder::AppendTrailer(&buffer_);
  WEIR_RETURN_NOT_OK(connection_.SendCopy(buffer_.data(), static_cast<size_t>(buffer_.size())));
  return connection_.EndCopy();
}

Status PgTableWriter::Put(const PgRowList& rows, std::vector<PgMisfit>* misfits) {
  if (rows.order.empty()) return Status::OK();
  if (!uses_stage_) return Copy(copy_, encoder_.get(), rows, misfits);
  if (std::exchange(stage_used_, true)) WEIR_RETURN_NOT_OK(connection_.Do("DELETE FROM pg_temp.weir_rows"));
  WEIR_RETURN_NOT_OK(Copy(copy_, encoder_.get(), rows, misfits));
  return connection_.Do(merge_);
}

Status PgTableWriter::Erase(const PgRowList& rows, std::vector<PgMisfit>* misfits) {
  if (rows.order.empty()) return Status::OK();
  if (std::exchange(keys_used_, true)) WEIR_RETURN_NOT_OK(connection_.Do("DELETE FROM pg_temp.weir_keys"));
  WEIR_RETURN_NOT_OK(Copy(copy_keys_, key_encoder_.get(), rows, misfits));
  return connection_.Do(erase_);
}

}  // namespace weir
