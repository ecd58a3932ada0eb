// Deliveries as transactions of SQLite.
#include "connectors/sqlite/sqlite_target.h"

#include <arrow/array/data.h>
#include <arrow/type.h>

#include <algorithm>

#include "connectors/sqlite/sqlite_database.h"
#include "connectors/sqlite/sqlite_values.h"
#include "connectors/tables/cast_column.h"
#include "connectors/tables/keyed_changes.h"
#include "env/env.h"

namespace weir {
namespace {

/// What SQLite says of a row that can never go in.
bool IsRowsFault(int code) {
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_TOOBIG:
    case SQLITE_RANGE:
      return true;
    default:
      return false;
  }
}

std::string Joined(const std::vector<std::string>& parts, const char* between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
  return text;
}

class SqliteTarget final : public Target {
 public:
  SqliteTarget(std::string path, TablePlan plan) : path_(std::move(path)), plan_(std::move(plan)) {}

  Status Open(const OperatorContext&, const std::string& writer_id) override {
    writer_id_ = writer_id;
    WEIR_RETURN_NOT_OK(Env::Real().files().MakeDirectories(DirectoryName(path_)));
    return Reopen();
  }
  Status Reopen() override;
  Result<int64_t> LastDelivered() override;
  Status Deliver(const Delivery& delivery, std::vector<RefusedRows>* refused) override {
    WEIR_RETURN_NOT_OK(database_->Run("BEGIN IMMEDIATE"));
    Status status = DeliverInTransaction(delivery, refused);
    if (status.ok()) status = database_->Run("COMMIT");
    // After an error of the disk SQLite has rolled back by itself.
    if (!status.ok() && sqlite3_get_autocommit(database_->handle()) == 0) {
      const Status rolled_back = database_->Run("ROLLBACK");
      if (!rolled_back.ok()) rolled_back.Warn();
    }
    return status;
  }
  bool transactional() const override { return true; }

 private:
  Status DeliverInTransaction(const Delivery& delivery, std::vector<RefusedRows>* refused);
  Status FitTable();
  Status CreateTable();
  Status PrepareStatements();
  Status WriteNumber(int64_t number);
  /// Rows in their order, or those of `order`; by *statement with the columns `columns`.
  Status RunRows(const std::vector<Batch>& rows, const std::vector<KeyedRow>& order, const std::vector<int>& columns,
                 SqliteStatement* statement, std::vector<RefusedRows>* refused);
  /// The rows as the columns of the table want them; those that cannot be are refused and left out of `order`.
  Result<std::vector<Batch>> Cast(const std::vector<Batch>& rows, std::vector<RefusedRows>* refused);

  const std::string path_;
  const TablePlan plan_;
  std::string writer_id_;
  std::unique_ptr<SqliteDatabase> database_;
  std::vector<TypePtr> casts_;                               // per field: what it is cast to; null: nothing
  std::unique_ptr<SqliteStatement> insert_, erase_, count_;  // before database_ goes, they go: see Reopen
};

Status SqliteTarget::Reopen() {
  insert_.reset();
  erase_.reset();
  count_.reset();
  database_.reset();
  WEIR_ASSIGN_OR_RETURN(database_, SqliteDatabase::Open(path_, SqliteDatabase::Mode::kWrite));
  // Another process may make or change the table at the same time.
  WEIR_RETURN_NOT_OK(database_->Run("BEGIN IMMEDIATE"));
  if (!writer_id_.empty()) {
    WEIR_RETURN_NOT_OK(
        database_->Run("CREATE TABLE IF NOT EXISTS weir_epochs (writer TEXT PRIMARY KEY, epoch INTEGER NOT NULL)"));
  }
  WEIR_RETURN_NOT_OK(FitTable());
  WEIR_RETURN_NOT_OK(database_->Run("COMMIT"));
  return PrepareStatements();
}

Status SqliteTarget::CreateTable() {
  std::vector<std::string> columns, keys;
  for (const auto& field : plan_.schema->fields()) {
    columns.push_back(QuoteSqlName(field->name()) + " " + SqliteTypeOf(*field->type()));
  }
  for (const int key : plan_.key) keys.push_back(QuoteSqlName(plan_.schema->field(key)->name()));
  if (!keys.empty()) columns.push_back("PRIMARY KEY (" + Joined(keys, ", ") + ")");
  return database_->Run("CREATE TABLE " + QuoteSqlName(plan_.table) + " (" + Joined(columns, ", ") + ")");
}

Status SqliteTarget::FitTable() {
  std::vector<std::pair<std::string, TypePtr>> columns;
  WEIR_ASSIGN_OR_RETURN(auto info, database_->Prepare("SELECT name, type FROM pragma_table_info(?)"));
  sqlite3_bind_text(info->handle(), 1, plan_.table.c_str(), -1, SQLITE_STATIC);
  for (;;) {
    WEIR_ASSIGN_OR_RETURN(const bool more, info->Step());
    if (!more) break;
    columns.emplace_back(info->Text(0), TypeOfSqliteDeclaration(info->Text(1)));
  }
  info.reset();
  casts_.assign(plan_.schema->num_fields(), nullptr);
  if (columns.empty()) {
    if (plan_.create) return CreateTable();
    return Status::Invalid("SQLite database ", path_, " has no table '", plan_.table,
                           "'\n  = help: 'create: true' makes it");
  }
  for (int i = 0; i < plan_.schema->num_fields(); ++i) {
    const arrow::Field& field = *plan_.schema->field(i);
    // Names of columns differ in more than the case of letters.
    const auto column = std::find_if(columns.begin(), columns.end(), [&](const auto& other) {
      return sqlite3_stricmp(other.first.c_str(), field.name().c_str()) == 0;
    });
    if (column == columns.end()) {
      if (plan_.drift == SchemaDrift::kFail) {
        return Status::Invalid("table '", plan_.table, "' has no column '", field.name(),
                               "', a field of the rows\n  = help: 'schema_drift: add' adds it");
      }
      WEIR_RETURN_NOT_OK(database_->Run("ALTER TABLE " + QuoteSqlName(plan_.table) + " ADD COLUMN " +
                                        QuoteSqlName(field.name()) + " " + SqliteTypeOf(*field.type())));
      continue;
    }
    const bool is_text_form = column->second->id() == arrow::Type::STRING && SqliteTypeOf(*field.type()) == "JSON";
    if (is_text_form || SameKind(*field.type(), *column->second)) continue;
    if (plan_.drift != SchemaDrift::kCast) {
      return Status::Invalid("column '", field.name(), "' of table '", plan_.table, "' holds values of type ",
                             TypeName(*column->second), ", the rows have ", TypeName(*field.type()),
                             "\n  = help: 'schema_drift: cast' casts them");
    }
    casts_[i] = column->second;
  }
  return Status::OK();
}

Status SqliteTarget::PrepareStatements() {
  std::vector<std::string> names, marks, keys, others;
  for (int i = 0; i < plan_.schema->num_fields(); ++i) {
    const std::string name = QuoteSqlName(plan_.schema->field(i)->name());
    names.push_back(name);
    marks.push_back("?");
    if (std::find(plan_.key.begin(), plan_.key.end(), i) == plan_.key.end()) {
      others.push_back(name + " = excluded." + name);
    }
  }
  std::vector<std::string> conditions;
  for (const int key : plan_.key) {
    keys.push_back(QuoteSqlName(plan_.schema->field(key)->name()));
    conditions.push_back(keys.back() + " IS ?");
  }
  const std::string table = QuoteSqlName(plan_.table);
  std::string insert = "INSERT INTO " + table + " (" + Joined(names, ", ") + ") VALUES (" + Joined(marks, ", ") + ")";
  if (!keys.empty()) {
    insert += " ON CONFLICT (" + Joined(keys, ", ") + ") DO ";
    insert += others.empty() ? "NOTHING" : "UPDATE SET " + Joined(others, ", ");
    WEIR_ASSIGN_OR_RETURN(erase_, database_->Prepare("DELETE FROM " + table + " WHERE " + Joined(conditions, " AND ")));
  }
  WEIR_ASSIGN_OR_RETURN(insert_, database_->Prepare(insert));
  return Status::OK();
}

Result<int64_t> SqliteTarget::LastDelivered() {
  WEIR_ASSIGN_OR_RETURN(auto query, database_->Prepare("SELECT epoch FROM weir_epochs WHERE writer = ?"));
  sqlite3_bind_text(query->handle(), 1, writer_id_.c_str(), -1, SQLITE_STATIC);
  WEIR_ASSIGN_OR_RETURN(const bool found, query->Step());
  return found ? query->Int(0) : 0;
}

Status SqliteTarget::WriteNumber(int64_t number) {
  if (writer_id_.empty()) return Status::OK();
  if (count_ == nullptr) {
    WEIR_ASSIGN_OR_RETURN(count_,
                          database_->Prepare("INSERT INTO weir_epochs (writer, epoch) VALUES (?1, ?2) ON CONFLICT "
                                             "(writer) DO UPDATE SET epoch = ?2 WHERE epoch < ?2"));
  }
  sqlite3_bind_text(count_->handle(), 1, writer_id_.c_str(), -1, SQLITE_STATIC);
  sqlite3_bind_int64(count_->handle(), 2, number);
  if (const int code = count_->StepCode(); code != SQLITE_OK) return database_->Error(code, "weir_epochs");
  if (sqlite3_changes(database_->handle()) == 0) {
    return Status::Invalid("SQLite database ", path_, " already has epoch ", number, " of '", writer_id_,
                           "'\n  = help: another run of this pipeline writes there at the same time");
  }
  return Status::OK();
}

Status SqliteTarget::RunRows(const std::vector<Batch>& rows, const std::vector<KeyedRow>& order,
                             const std::vector<int>& columns, SqliteStatement* statement,
                             std::vector<RefusedRows>* refused) {
  std::vector<SqliteBinder> binders;
  int32_t bound = -1;
  for (const KeyedRow& at : order) {
    if (at.batch != bound) {
      binders.clear();
      for (const int column : columns) binders.emplace_back(rows[at.batch].PlainColumn(column));
      bound = at.batch;
    }
    int code = SQLITE_OK;
    for (size_t i = 0; i < binders.size() && code == SQLITE_OK; ++i) {
      code = binders[i].Bind(statement->handle(), static_cast<int>(i) + 1, at.row);
    }
    if (code == SQLITE_OK) code = statement->StepCode();
    if (code == SQLITE_OK) continue;
    const Status status = database_->Error(code, "table '" + plan_.table + "'");
    if (!IsRowsFault(code)) return status;
    auto of_batch = std::find_if(refused->begin(), refused->end(), [&](const RefusedRows& other) {
      return other.batch == static_cast<size_t>(at.batch);
    });
    if (of_batch == refused->end()) {
      of_batch = refused->insert(of_batch, RefusedRows{static_cast<size_t>(at.batch), {}});
    }
    of_batch->errors.push_back({at.row, status.message()});
  }
  return Status::OK();
}

Result<std::vector<Batch>> SqliteTarget::Cast(const std::vector<Batch>& rows, std::vector<RefusedRows>* refused) {
  std::vector<Batch> cast = rows;
  for (size_t b = 0; b < rows.size(); ++b) {
    std::vector<RowError> errors;
    std::vector<ArrayDataPtr> columns;
    for (int i = 0; i < rows[b].num_columns(); ++i) {
      columns.push_back(rows[b].PlainColumn(i));
      if (casts_[i] == nullptr) continue;
      WEIR_ASSIGN_OR_RETURN(columns.back(),
                            CastColumn(columns.back(), casts_[i], plan_.schema->field(i)->name(), &errors));
    }
    cast[b] = rows[b].WithColumns(rows[b].schema(), std::move(columns));
    if (errors.empty()) continue;
    std::stable_sort(errors.begin(), errors.end(), [](const auto& a, const auto& b) { return a.row < b.row; });
    errors.erase(std::unique(errors.begin(), errors.end(), [](const auto& a, const auto& b) { return a.row == b.row; }),
                 errors.end());
    refused->push_back({b, std::move(errors)});
  }
  return cast;
}

Status SqliteTarget::DeliverInTransaction(const Delivery& delivery, std::vector<RefusedRows>* refused) {
  const bool casts = std::any_of(casts_.begin(), casts_.end(), [](const TypePtr& type) { return type != nullptr; });
  std::vector<Batch> cast_rows;
  if (casts) {
    WEIR_ASSIGN_OR_RETURN(cast_rows, Cast(delivery.rows, refused));
  }
  const std::vector<Batch>& rows = casts ? cast_rows : delivery.rows;
  KeyedChanges changes;
  if (!plan_.key.empty()) {
    changes = NetChanges(delivery.rows, plan_.key);
  } else {
    for (size_t b = 0; b < rows.size(); ++b) {
      for (int64_t row = 0; row < rows[b].num_rows(); ++row) {
        changes.upserts.push_back({static_cast<int32_t>(b), static_cast<int32_t>(row)});
      }
    }
  }
  if (!refused->empty()) {
    std::erase_if(changes.upserts, [&](const KeyedRow& at) {
      for (const RefusedRows& of_batch : *refused) {
        if (of_batch.batch != static_cast<size_t>(at.batch)) continue;
        for (const RowError& error : of_batch.errors) {
          if (error.row == at.row) return true;
        }
      }
      return false;
    });
  }
  std::vector<int> all;
  for (int i = 0; i < plan_.schema->num_fields(); ++i) all.push_back(i);
  WEIR_RETURN_NOT_OK(RunRows(rows, changes.deletes, plan_.key, erase_.get(), refused));
  WEIR_RETURN_NOT_OK(RunRows(rows, changes.upserts, all, insert_.get(), refused));
  for (RefusedRows& of_batch : *refused) {
    std::sort(of_batch.errors.begin(), of_batch.errors.end(),
              [](const auto& a, const auto& b) { return a.row < b.row; });
  }
  WEIR_RETURN_NOT_OK(WriteNumber(delivery.number));
  return delivery.before_commit ? delivery.before_commit(*refused) : Status::OK();
}

}  // namespace

std::unique_ptr<Target> MakeSqliteTarget(std::string path, TablePlan plan) {
  return std::make_unique<SqliteTarget>(std::move(path), std::move(plan));
}

}  // namespace weir
