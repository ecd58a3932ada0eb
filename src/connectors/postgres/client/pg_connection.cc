// What libpq says, as Statuses.
#include "connectors/postgres/client/pg_connection.h"

#include <algorithm>

namespace weir {
namespace {

/// A second try may help: connections, resources, conflicts of transactions, servers that stop or start (PostgreSQL
/// manual, appendix A). 55006: a replication slot whose last reader is not gone yet.
bool MayPass(std::string_view state) {
  return state.empty() || state.starts_with("08") || state.starts_with("53") || state.starts_with("40") ||
         state.starts_with("57P0") || state.starts_with("58") || state == "55P03" || state == "55006" ||
         state == "57014";
}

std::string Trimmed(const char* text) {
  std::string trimmed(text != nullptr ? text : "");
  while (!trimmed.empty() && (trimmed.back() == '\n' || trimmed.back() == ' ')) trimmed.pop_back();
  return trimmed;
}

/// libpq gives no code where connecting fails, but what the server said in its language; these words are what all
/// versions say of mistakes that stay.
bool IsLastingRefusal(const std::string& text) {
  for (const char* words : {"authentication failed", "does not exist", "no pg_hba.conf entry", "no password supplied",
                            "invalid connection option", "invalid URI", "invalid port", "certificate verify failed",
                            "could not read root certificate", "root certificate file", "server does not support SSL",
                            "permission denied"}) {
    if (text.find(words) != std::string::npos) return true;
  }
  return false;
}

}  // namespace

Result<std::unique_ptr<PgConnection>> PgConnection::Open(const PgParameters& parameters, bool for_replication) {
  WEIR_ASSIGN_OR_RETURN(const PqLibrary* pq, PqLibrary::Get());
  std::vector<const char*> names, values;
  for (const auto& [name, value] : parameters) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  if (for_replication) {
    names.push_back("replication");
    values.push_back("database");
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  std::unique_ptr<PgConnection> connection(new PgConnection(*pq, pq->connectdbParams(names.data(), values.data(), 1)));
  if (pq->status(connection->handle_) != CONNECTION_OK) {
    const std::string text = "PostgreSQL: " + Trimmed(pq->errorMessage(connection->handle_));
    return IsLastingRefusal(text) ? Status::Invalid(text) : Status::IOError(text);
  }
  pq->setNoticeProcessor(
      connection->handle_, [](void*, const char*) {}, nullptr);
  WEIR_RETURN_NOT_OK(
      connection->Do("SET client_encoding = 'UTF8'; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; "
                     "SET IntervalStyle = 'iso_8601'; SET extra_float_digits = 1; SET bytea_output = 'hex'; "
                     "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0"));
  return connection;
}

Status PgConnection::Broken() {
  sql_state_.clear();
  return Status::IOError("PostgreSQL: ", Trimmed(pq_.errorMessage(handle_)));
}

Status PgConnection::Check(PGresult* result) {
  if (result == nullptr) return Broken();
  const ExecStatusType status = pq_.resultStatus(result);
  if (status != PGRES_FATAL_ERROR && status != PGRES_BAD_RESPONSE && status != PGRES_NONFATAL_ERROR)
    return Status::OK();
  const char* state = pq_.resultErrorField(result, PG_DIAG_SQLSTATE);
  sql_state_ = state != nullptr ? state : "";
  const char* primary = pq_.resultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  std::string text = "PostgreSQL: " + Trimmed(primary != nullptr ? primary : pq_.resultErrorMessage(result));
  if (const char* detail = pq_.resultErrorField(result, PG_DIAG_MESSAGE_DETAIL)) text += ": " + Trimmed(detail);
  if (const char* hint = pq_.resultErrorField(result, PG_DIAG_MESSAGE_HINT)) text += "\n  = help: " + Trimmed(hint);
  return MayPass(sql_state_) ? Status::IOError(text) : Status::Invalid(text);
}

Result<PgResult> PgConnection::Run(const std::string& sql) {
  PgResult result(&pq_, pq_.exec(handle_, sql.c_str()));
  WEIR_RETURN_NOT_OK(Check(result.handle()));
  return result;
}

Result<PgResult> PgConnection::Run(const std::string& sql, const std::vector<std::string>& parameters) {
  std::vector<const char*> values;
  for (const std::string& parameter : parameters) values.push_back(parameter.c_str());
  PgResult result(&pq_, pq_.execParams(handle_, sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                                       nullptr, nullptr, 0));
  WEIR_RETURN_NOT_OK(Check(result.handle()));
  return result;
}

Status PgConnection::BeginCopy(const std::string& sql) {
  PgResult result(&pq_, pq_.exec(handle_, sql.c_str()));
  WEIR_RETURN_NOT_OK(Check(result.handle()));
  const ExecStatusType status = pq_.resultStatus(result.handle());
  if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) return Status::OK();
  return Status::UnknownError("PostgreSQL: no copy begins with ", sql);
}

Status PgConnection::SendCopy(const char* data, size_t size) {
  constexpr size_t kPiece = size_t{1} << 20;
  for (; size > 0;) {
    const size_t piece = std::min(size, kPiece);
    if (pq_.putCopyData(handle_, data, static_cast<int>(piece)) != 1) return Broken();
    data += piece;
    size -= piece;
  }
  return Status::OK();
}

Status PgConnection::EndCopy() {
  if (pq_.putCopyEnd(handle_, nullptr) != 1) return Broken();
  Status status;
  while (PGresult* raw = pq_.getResult(handle_)) {
    PgResult result(&pq_, raw);
    if (status.ok()) status = Check(raw);
  }
  if (status.ok() && pq_.status(handle_) != CONNECTION_OK) return Broken();
  return status;
}

Result<std::string_view> PgConnection::NextCopy() {
  char* data = nullptr;
  const int size = pq_.getCopyData(handle_, &data, 0);
  piece_ = std::unique_ptr<char, void (*)(void*)>(data, pq_.freemem);
  if (size > 0) return std::string_view(data, static_cast<size_t>(size));
  if (size == -2) return Broken();
  Status status;
  while (PGresult* raw = pq_.getResult(handle_)) {
    PgResult result(&pq_, raw);
    if (status.ok()) status = Check(raw);
  }
  WEIR_RETURN_NOT_OK(status);
  return std::string_view();
}

Result<std::string_view> PgConnection::PollCopy(bool* over) {
  *over = false;
  char* data = nullptr;
  int size = pq_.getCopyData(handle_, &data, 1);
  if (size == 0) {
    if (pq_.consumeInput(handle_) != 1) return Broken();
    size = pq_.getCopyData(handle_, &data, 1);
  }
  piece_ = std::unique_ptr<char, void (*)(void*)>(data, pq_.freemem);
  if (size > 0) return std::string_view(data, static_cast<size_t>(size));
  if (size == -2) return Broken();
  *over = size == -1;
  if (!*over) return std::string_view("", 0);
  PgResult result(&pq_, pq_.getResult(handle_));
  if (result.handle() != nullptr) WEIR_RETURN_NOT_OK(Check(result.handle()));
  return std::string_view();
}

std::string QuotePgName(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string QuotePgTable(std::string_view name) {
  const size_t point = name.find('.');
  if (point == std::string_view::npos) return QuotePgName(name);
  return QuotePgName(name.substr(0, point)) + "." + QuotePgName(name.substr(point + 1));
}

std::string QuotePgText(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? std::string("''") : std::string(1, c);
  return quoted + "'";
}

}  // namespace weir
