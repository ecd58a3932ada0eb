// PgChangeStream: the changes of one table, as PostgreSQL's logical replication sends them (manual, "Logical Streaming
// Replication Protocol" and "Logical Replication Message Formats"; plug-in pgoutput, protocol 1, values as text).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connectors/postgres/client/pg_connection.h"
#include "connectors/postgres/pg_text_rows.h"

namespace weir {

/// A place in the server's log.
using PgLsn = uint64_t;
std::string FormatLsn(PgLsn lsn);
/// 0: this is none.
PgLsn ParseLsn(const std::string& text);

struct PgChangeStreamOptions {
  PgParameters parameters;
  std::string table, slot, publication;
  SchemaPtr schema;
};

/// Not thread-safe.
class PgChangeStream {
 public:
  explicit PgChangeStream(PgChangeStreamOptions options) : options_(std::move(options)), rows_(options_.schema) {}

  struct NewSlot {
    PgLsn begin = 0;       // changes of later transactions come
    std::string snapshot;  // the table as it was at `begin`; valid until Start()
  };
  Result<NewSlot> CreateSlot(bool temporary);
  /// Transactions that end after `from` come, from the first one on.
  Status Start(PgLsn from);
  /// Takes what has come, at most about `max_rows` rows. Errors: IOError where the connection is gone: after
  /// Reconnect() the stream goes on without a gap or a repetition; Invalid where it cannot go on.
  Status Poll(int64_t max_rows);
  Status Reconnect() { return Start(position_); }

  int64_t num_rows() const { return rows_.num_rows(); }
  Result<Batch> Take(std::vector<RawError>* errors) { return rows_.Take(errors); }
  /// In the midst of a transaction, of which some rows have been given.
  bool in_transaction() const { return in_transaction_ || repeated_rows_ > 0; }
  /// Everything before it has been given, where not in_transaction().
  PgLsn position() const { return position_; }
  /// What lies before `lsn` is not asked for again: the server may forget it. Said about once a second.
  Status Confirm(PgLsn lsn, int64_t now_us);

 private:
  class Reader;
  Status Handle(std::string_view message);
  Status HandleChange(std::string_view message);
  Status HandleRelation(Reader& in);
  Status HandleUpdate(Reader& in, char first);
  Status ReadTuple(Reader& in, const PgTextRow* old, PgTextRow* row);
  /// A change of the table, unless it was given before the connection was lost.
  Status Add(const PgTextRow& row, int64_t weight);

  const PgChangeStreamOptions options_;
  std::unique_ptr<PgConnection> connection_;
  PgTextRows rows_;
  uint32_t relation_ = 0;             // the server's number of the table
  std::vector<int> field_of_column_;  // of the table as the server sends it; -1: not wanted
  PgLsn position_ = 0;
  bool in_transaction_ = false;
  int64_t rows_of_transaction_ = 0;
  int64_t repeated_rows_ = 0;  // of the transaction that comes again
  bool answer_asked_ = false;
  int64_t confirmed_at_us_ = 0;
};

}  // namespace weir
