// A table of PostgreSQL as a store. libpq is opened when it is needed: most runs talk to no database.
#include <dlfcn.h>

#include <cstring>

#include "stores/store_backend.h"

namespace weir {
namespace {

struct PgConnection;
struct PgResult;
constexpr int kConnectionOk = 0, kCommandOk = 1, kTuplesOk = 2;  // libpq-fe.h, where they never change
constexpr unsigned kBytea = 17, kInt8 = 20;                      // pg_type.dat

/// The functions that are called.
struct Libpq {
  PgConnection* (*connectdb)(const char*);
  void (*finish)(PgConnection*);
  int (*status)(const PgConnection*);
  char* (*errorMessage)(const PgConnection*);
  PgResult* (*execParams)(PgConnection*, const char*, int, const unsigned*, const char* const*, const int*, const int*,
                          int);
  int (*resultStatus)(const PgResult*);
  char* (*resultErrorField)(const PgResult*, int);
  char* (*resultErrorMessage)(const PgResult*);
  int (*ntuples)(const PgResult*);
  char* (*getvalue)(const PgResult*, int, int);
  int (*getlength)(const PgResult*, int, int);
  char* (*cmdTuples)(PgResult*);
  void (*clear)(PgResult*);

  static Result<Libpq> Load() {
    void* library = ::dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      return Status::Invalid("libpq, which talks to PostgreSQL, cannot be opened: ", ::dlerror(),
                             "; on Debian: apt install libpq5");
    }
    Libpq out;
    const char* missing = nullptr;
    const auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
      if (function == nullptr) missing = name;
    };
    find(out.connectdb, "PQconnectdb");
    find(out.finish, "PQfinish");
    find(out.status, "PQstatus");
    find(out.errorMessage, "PQerrorMessage");
    find(out.execParams, "PQexecParams");
    find(out.resultStatus, "PQresultStatus");
    find(out.resultErrorField, "PQresultErrorField");
    find(out.resultErrorMessage, "PQresultErrorMessage");
    find(out.ntuples, "PQntuples");
    find(out.getvalue, "PQgetvalue");
    find(out.getlength, "PQgetlength");
    find(out.cmdTuples, "PQcmdTuples");
    find(out.clear, "PQclear");
    if (missing != nullptr) return Status::Invalid("this libpq is of another version: it has no ", missing);
    return out;
  }
};

Result<const Libpq*> GetLibpq() {
  static const Result<Libpq> library = Libpq::Load();
  if (!library.ok()) return library.status();
  return &*library;
}

std::string BigEndian(int64_t value) {
  std::string bytes(8, '\0');
  for (int i = 0; i < 8; ++i) bytes[static_cast<size_t>(i)] = static_cast<char>(value >> (56 - 8 * i));
  return bytes;
}

int64_t FromBigEndian(std::string_view bytes) {
  int64_t value = 0;
  for (const char byte : bytes)
    value = static_cast<int64_t>(static_cast<uint64_t>(value) << 8) | static_cast<unsigned char>(byte);
  return value;
}

struct Param {
  unsigned type;
  std::string bytes;
};
Param Bytes(const std::string& bytes) { return {kBytea, bytes}; }
Param Integer(int64_t value) { return {kInt8, BigEndian(value)}; }

class PostgresStore final : public StoreBackend {
 public:
  PostgresStore(const Libpq* pq, std::string conninfo, std::string table)
      : pq_(*pq), conninfo_(std::move(conninfo)), table_(std::move(table)) {}
  ~PostgresStore() override { Close(); }

  Status Connect() override {
    Close();
    connection_ = pq_.connectdb(conninfo_.c_str());
    if (pq_.status(connection_) != kConnectionOk) return Status::IOError(LastError());
    const Status made = Exec("CREATE TABLE IF NOT EXISTS " + table_ +
                                 " (key bytea PRIMARY KEY, version bigint NOT NULL, value bytea NOT NULL)",
                             {})
                            .status();
    // Two that make it at once: one of them is told that it is there.
    return made.ok() || made.message().find("already exists") != std::string::npos ||
                   made.message().find("duplicate key") != std::string::npos
               ? Status::OK()
               : made;
  }

  Result<std::optional<StoreValue>> Get(const std::string& key) override {
    WEIR_ASSIGN_OR_RETURN(const Rows rows,
                          Exec("SELECT version, value FROM " + table_ + " WHERE key = $1", {Bytes(key)}));
    if (rows.values.empty()) return std::nullopt;
    return StoreValue{rows.values[0][1], FromBigEndian(rows.values[0][0])};
  }

  Status Put(const std::string& key, const StoreValue& value) override {
    return Exec("INSERT INTO " + table_ +
                    " VALUES ($1, $2, $3) ON CONFLICT (key) DO UPDATE SET version = $2, value = $3",
                {Bytes(key), Integer(value.version), Bytes(value.bytes)})
        .status();
  }

  Result<bool> CompareAndSet(const std::string& key, int64_t expected, const StoreValue& value) override {
    std::vector<Param> params = {Bytes(key), Integer(value.version), Bytes(value.bytes)};
    std::string sql = "INSERT INTO " + table_ + " VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING";
    if (expected != kAbsent) {
      sql = "UPDATE " + table_ + " SET version = $2, value = $3 WHERE key = $1 AND version = $4";
      params.push_back(Integer(expected));
    }
    WEIR_ASSIGN_OR_RETURN(const Rows rows, Exec(sql, params));
    return rows.changed > 0;
  }

  Result<bool> Delete(const std::string& key, int64_t expected) override {
    WEIR_ASSIGN_OR_RETURN(const Rows rows,
                          Exec("DELETE FROM " + table_ + " WHERE key = $1 AND ($2 = -1 OR version = $2)",
                               {Bytes(key), Integer(expected)}));
    return rows.changed > 0;
  }

  Result<std::vector<StoreEntry>> Scan(const std::string& prefix, const std::string& after, int limit) override {
    WEIR_ASSIGN_OR_RETURN(const Rows rows,
                          Exec("SELECT key, version, value FROM " + table_ +
                                   " WHERE key >= $1 AND key > $2 AND ($3 = ''::bytea OR key < $3)"
                                   " ORDER BY key LIMIT $4",
                               {Bytes(prefix), Bytes(after), Bytes(EndOfPrefix(prefix)), Integer(limit)}));
    std::vector<StoreEntry> entries;
    for (const auto& row : rows.values) entries.push_back({row[0], {row[2], FromBigEndian(row[1])}});
    return entries;
  }

 private:
  struct Rows {
    std::vector<std::vector<std::string>> values;
    int changed = 0;
  };

  void Close() {
    if (connection_ != nullptr) pq_.finish(connection_);
    connection_ = nullptr;
  }

  std::string LastError() const {
    std::string text = connection_ == nullptr ? "" : pq_.errorMessage(connection_);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }

  Result<Rows> Exec(const std::string& sql, const std::vector<Param>& params) {
    if (connection_ == nullptr) return Status::IOError("there is no connection");
    std::vector<unsigned> types;
    std::vector<const char*> values;
    std::vector<int> lengths, formats(params.size(), 1);
    for (const Param& param : params) {
      types.push_back(param.type);
      values.push_back(param.bytes.data());
      lengths.push_back(static_cast<int>(param.bytes.size()));
    }
    const auto clear = [this](PgResult* result) { pq_.clear(result); };
    std::unique_ptr<PgResult, decltype(clear)> result(
        pq_.execParams(connection_, sql.c_str(), static_cast<int>(params.size()), types.data(), values.data(),
                       lengths.data(), formats.data(), 1),
        clear);
    const int status = result ? pq_.resultStatus(result.get()) : -1;
    if (status != kCommandOk && status != kTuplesOk) return ErrorOf(result.get());
    Rows rows;
    rows.changed = std::atoi(pq_.cmdTuples(result.get()));
    if (status == kCommandOk) return rows;
    const int columns = sql.starts_with("SELECT key") ? 3 : 2;
    for (int row = 0; row < pq_.ntuples(result.get()); ++row) {
      std::vector<std::string>& fields = rows.values.emplace_back();
      for (int column = 0; column < columns; ++column) {
        fields.emplace_back(pq_.getvalue(result.get(), row, column),
                            static_cast<size_t>(pq_.getlength(result.get(), row, column)));
      }
    }
    return rows;
  }

  Status ErrorOf(PgResult* result) const {
    const char* state = result == nullptr ? nullptr : pq_.resultErrorField(result, 'C');
    const std::string_view code = state == nullptr ? "" : state;
    // Connection lost, shut down, out of connections or memory, conflict of transactions.
    const bool may_pass = code.empty() || code.starts_with("08") || code.starts_with("57") || code.starts_with("53") ||
                          code.starts_with("40");
    std::string text = result == nullptr ? LastError() : pq_.resultErrorMessage(result);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return may_pass ? Status::IOError(text) : Status::Invalid(text);
  }

  const Libpq& pq_;
  const std::string conninfo_, table_;
  PgConnection* connection_ = nullptr;
};

/// A value of a connection string, in quotes.
std::string Quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

}  // namespace

Result<StoreBackendPtr> MakePostgresStore(const StoreUrl& url) {
  const std::string table = url.Option("table", "weir_store");
  for (const char c : table) {
    const bool is_plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    if (!is_plain) return Status::Invalid("'", table, "' is no plain name of a table");
  }
  WEIR_ASSIGN_OR_RETURN(const Libpq* pq, GetLibpq());
  std::string conninfo = "connect_timeout=10 client_encoding=UTF8 host=" + Quoted(url.host);
  if (url.port > 0) conninfo += " port=" + std::to_string(url.port);
  if (!url.user.empty()) conninfo += " user=" + Quoted(url.user);
  if (!url.password.empty()) conninfo += " password=" + Quoted(url.password);
  if (!url.path.empty()) conninfo += " dbname=" + Quoted(url.path);
  for (const auto& [name, value] : url.options) {
    if (name != "table") conninfo += " " + name + "=" + Quoted(value);
  }
  return StoreBackendPtr(std::make_unique<PostgresStore>(pq, std::move(conninfo), table));
}

}  // namespace weir
