// The table that rows go to: how it is made and fitted, and the statements that put rows in.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "connectors/postgres/client/pg_connection.h"
#include "connectors/postgres/pg_copy_encoder.h"
#include "connectors/tables/keyed_changes.h"
#include "connectors/tables/table_sink_config.h"

namespace weir {

/// Rows of some batches, in the order in which they go out.
struct PgRowList {
  std::span<const Batch> rows;
  std::vector<KeyedRow> order;
};

/// A row that cannot be sent, whatever the table is.
struct PgMisfit {
  KeyedRow row;
  std::string why;
};

/// On one connection. Not thread-safe.
class PgTableWriter {
 public:
  /// Makes the table or fits it to the rows, in a transaction of its own. Errors: Invalid where it does not fit.
  static Result<std::unique_ptr<PgTableWriter>> Open(PgConnection* connection, const TablePlan& plan);

  /// Inserts rows, or puts them over those of their keys. Each key may be there once. Those that cannot be sent are
  /// left out and added to `misfits`. Within a transaction; after an error that is_rows_fault() (of the connection) it,
  /// or a savepoint, has to be rolled back.
  Status Put(const PgRowList& rows, std::vector<PgMisfit>* misfits);
  /// Deletes the rows of the keys of `rows`.
  Status Erase(const PgRowList& rows, std::vector<PgMisfit>* misfits);
  /// A transaction begins: the temporary tables are empty.
  void Begin() { stage_used_ = keys_used_ = false; }

 private:
  PgTableWriter(PgConnection* connection, const TablePlan& plan) : connection_(*connection), plan_(plan) {}
  Status FitTable();
  Status CreateTable();
  /// Decides how each field is sent, given the columns of the table.
  Status ChooseFields(const std::vector<PgColumn>& columns);
  Status MakeStages();
  Status Copy(const std::string& statement, PgCopyEncoder* encoder, const PgRowList& rows,
              std::vector<PgMisfit>* misfits);

  PgConnection& connection_;
  const TablePlan plan_;
  std::vector<PgCopyEncoder::Field> fields_, key_fields_;
  bool uses_stage_ = false;  // rows go into a temporary table first: to replace others, or to be cast
  bool stage_used_ = false, keys_used_ = false;  // in this transaction
  std::string copy_, merge_, copy_keys_, erase_;
  std::unique_ptr<PgCopyEncoder> encoder_, key_encoder_;
  TextOutput buffer_;
};

}  // namespace weir
