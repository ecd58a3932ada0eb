// Deliveries as transactions of PostgreSQL. Rows that the server refuses are found by halves: a copy fails as a whole.
#include "connectors/postgres/pg_target.h"

#include <algorithm>

#include "connectors/postgres/pg_table_writer.h"

namespace weir {
namespace {

class PgTarget final : public Target {
 public:
  PgTarget(PgParameters parameters, TablePlan plan) : parameters_(std::move(parameters)), plan_(std::move(plan)) {}

  Status Open(const OperatorContext&, const std::string& writer_id) override {
    writer_id_ = writer_id;
    return Reopen();
  }
  Status Reopen() override;
  Result<int64_t> LastDelivered() override;
  Status Deliver(const Delivery& delivery, std::vector<RefusedRows>* refused) override;
  bool transactional() const override { return true; }

 private:
  using Write = Status (PgTableWriter::*)(const PgRowList&, std::vector<PgMisfit>*);

  Status Begin() {
    writer_->Begin();
    return connection_->Do("BEGIN");
  }
  Status WriteAll(const PgRowList& erase, const PgRowList& put, std::vector<PgMisfit>* refused);
  /// Writes what can be written of rows[begin, end).
  Status WriteHalves(const PgRowList& rows, Write write, std::vector<PgMisfit>* refused);
  Status WriteNumber(int64_t number);

  const PgParameters parameters_;
  const TablePlan plan_;
  std::string writer_id_;
  std::unique_ptr<PgConnection> connection_;
  std::unique_ptr<PgTableWriter> writer_;
};

Status PgTarget::Reopen() {
  writer_.reset();
  connection_.reset();
  WEIR_ASSIGN_OR_RETURN(connection_, PgConnection::Open(parameters_));
  WEIR_ASSIGN_OR_RETURN(writer_, PgTableWriter::Open(connection_.get(), plan_));
  if (writer_id_.empty()) return Status::OK();
  return connection_->Do(
      "BEGIN; SELECT pg_advisory_xact_lock(2003134834); "
      "CREATE TABLE IF NOT EXISTS weir_epochs (writer text PRIMARY KEY, epoch bigint NOT NULL); COMMIT");
}

Result<int64_t> PgTarget::LastDelivered() {
  WEIR_ASSIGN_OR_RETURN(auto rows, connection_->Run("SELECT epoch FROM weir_epochs WHERE writer = $1", {writer_id_}));
  return rows.num_rows() > 0 ? rows.Int(0, 0) : 0;
}

Status PgTarget::WriteNumber(int64_t number) {
  if (writer_id_.empty()) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(auto result,
                        connection_->Run("INSERT INTO weir_epochs (writer, epoch) VALUES ($1, $2) ON CONFLICT "
                                         "(writer) DO UPDATE SET epoch = excluded.epoch WHERE "
                                         "weir_epochs.epoch < excluded.epoch",
                                         {writer_id_, std::to_string(number)}));
  if (result.num_changed() == 1) return Status::OK();
  return Status::Invalid("PostgreSQL already has epoch ", number, " of '", writer_id_,
                         "'\n  = help: another run of this pipeline writes there at the same time");
}

Status PgTarget::WriteAll(const PgRowList& erase, const PgRowList& put, std::vector<PgMisfit>* refused) {
  WEIR_RETURN_NOT_OK(Begin());
  Status status = writer_->Erase(erase, refused);
  if (status.ok()) status = writer_->Put(put, refused);
  if (status.ok() || !connection_->is_rows_fault()) return status;
  refused->clear();
  WEIR_RETURN_NOT_OK(connection_->Do("ROLLBACK"));
  WEIR_RETURN_NOT_OK(Begin());
  WEIR_RETURN_NOT_OK(WriteHalves(erase, &PgTableWriter::Erase, refused));
  return WriteHalves(put, &PgTableWriter::Put, refused);
}

Status PgTarget::WriteHalves(const PgRowList& rows, Write write, std::vector<PgMisfit>* refused) {
  if (rows.order.empty()) return Status::OK();
  WEIR_RETURN_NOT_OK(connection_->Do("SAVEPOINT weir"));
  std::vector<PgMisfit> misfits;
  const Status status = (writer_.get()->*write)(rows, &misfits);
  if (status.ok()) {
    refused->insert(refused->end(), misfits.begin(), misfits.end());
    return connection_->Do("RELEASE SAVEPOINT weir");
  }
  if (!connection_->is_rows_fault()) return status;
  WEIR_RETURN_NOT_OK(connection_->Do("ROLLBACK TO SAVEPOINT weir; RELEASE SAVEPOINT weir"));
  if (rows.order.size() == 1) {
    refused->push_back({rows.order[0], status.message()});
    return Status::OK();
  }
  const auto middle = rows.order.begin() + static_cast<int64_t>(rows.order.size() / 2);
  WEIR_RETURN_NOT_OK(WriteHalves({rows.rows, {rows.order.begin(), middle}}, write, refused));
  return WriteHalves({rows.rows, {middle, rows.order.end()}}, write, refused);
}

Status PgTarget::Deliver(const Delivery& delivery, std::vector<RefusedRows>* refused) {
  PgRowList erase{delivery.rows, {}}, put{delivery.rows, {}};
  if (!plan_.key.empty()) {
    KeyedChanges changes = NetChanges(delivery.rows, plan_.key);
    erase.order = std::move(changes.deletes);
    put.order = std::move(changes.upserts);
  } else {
    put.order.reserve(static_cast<size_t>(delivery.num_rows()));
    for (size_t b = 0; b < delivery.rows.size(); ++b) {
      for (int64_t row = 0; row < delivery.rows[b].num_rows(); ++row) {
        put.order.push_back({static_cast<int32_t>(b), static_cast<int32_t>(row)});
      }
    }
  }
  std::vector<PgMisfit> misfits;
  Status status = WriteAll(erase, put, &misfits);
  if (status.ok()) {
    std::sort(misfits.begin(), misfits.end(), [](const PgMisfit& a, const PgMisfit& b) {
      return a.row.batch != b.row.batch ? a.row.batch < b.row.batch : a.row.row < b.row.row;
    });
    for (PgMisfit& misfit : misfits) {
      const auto batch = static_cast<size_t>(misfit.row.batch);
      if (refused->empty() || refused->back().batch != batch) refused->push_back({batch, {}});
      refused->back().errors.push_back({misfit.row.row, std::move(misfit.why)});
    }
    status = WriteNumber(delivery.number);
  }
  if (status.ok() && delivery.before_commit) status = delivery.before_commit(*refused);
  if (status.ok()) return connection_->Do("COMMIT");
  // The connection is used again only after an error that is not tried again; then the run ends, and it with it.
  return status.WithMessage("table '", plan_.table, "': ", status.message());
}

}  // namespace

std::unique_ptr<Target> MakePgTarget(PgParameters parameters, TablePlan plan) {
  return std::make_unique<PgTarget>(std::move(parameters), std::move(plan));
}

}  // namespace weir
