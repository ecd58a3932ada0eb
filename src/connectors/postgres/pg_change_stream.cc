// Messages of logical replication.
//
//   w start:lsn end:lsn time:i64 change         k end:lsn time:i64 answer:u8         r written flushed applied time
//   answer change = B(final:lsn time xid) | C(flags commit:lsn end:lsn time) | R(relation) | I(id N tuple) | U(id [K|O
//   tuple] N
//            tuple) | D(id K|O tuple) | T(truncate) | others that say nothing of rows
#include "connectors/postgres/pg_change_stream.h"

#include <arrow/type.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "connectors/postgres/pg_time.h"
#include "env/env.h"

namespace weir {

std::string FormatLsn(PgLsn lsn) {
  char text[32];
  std::snprintf(text, sizeof text, "%X/%X", static_cast<uint32_t>(lsn >> 32), static_cast<uint32_t>(lsn));
  return text;
}

PgLsn ParseLsn(const std::string& text) {
  unsigned high = 0, low = 0;
  return std::sscanf(text.c_str(), "%X/%X", &high, &low) == 2 ? PgLsn{high} << 32 | low : 0;
}

/// Reads fields of a message; past its end it gives zeros and says so.
class PgChangeStream::Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}
  char Byte() { return Has(1) ? Take(1)[0] : '\0'; }
  uint16_t Int16() { return static_cast<uint16_t>(Number(2)); }
  uint32_t Int32() { return static_cast<uint32_t>(Number(4)); }
  uint64_t Int64() { return Number(8); }
  std::string_view Text() {
    const size_t end = left_.find('\0');
    if (end == std::string_view::npos) return Fail();
    const std::string_view text = left_.substr(0, end);
    left_.remove_prefix(end + 1);
    return text;
  }
  std::string_view Bytes(size_t size) { return Has(size) ? Take(size) : std::string_view(); }
  std::string_view rest() const { return left_; }
  Status status() const {
    return good_ ? Status::OK() : Status::Invalid("PostgreSQL: a message of its change stream ends too early");
  }

 private:
  bool Has(size_t size) {
    good_ = good_ && left_.size() >= size;
    return good_;
  }
  std::string_view Fail() {
    good_ = false;
    return {};
  }
  std::string_view Take(size_t size) {
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }
  uint64_t Number(size_t size) {
    if (!Has(size)) return 0;
    uint64_t value = 0;
    for (const char c : Take(size)) value = value << 8 | static_cast<uint8_t>(c);
    return value;
  }

  std::string_view left_;
  bool good_ = true;
};

Result<PgChangeStream::NewSlot> PgChangeStream::CreateSlot(bool temporary) {
  WEIR_ASSIGN_OR_RETURN(connection_, PgConnection::Open(options_.parameters, /*for_replication=*/true));
  WEIR_ASSIGN_OR_RETURN(auto rows,
                        connection_->Run("CREATE_REPLICATION_SLOT " + QuotePgName(options_.slot) +
                                         (temporary ? " TEMPORARY" : "") + " LOGICAL pgoutput EXPORT_SNAPSHOT"));
  NewSlot slot{ParseLsn(rows.Text(0, 1)), rows.Text(0, 2)};
  position_ = slot.begin;
  return slot;
}

Status PgChangeStream::Start(PgLsn from) {
  // The connection that made the slot is used on: a temporary slot belongs to it.
  const bool is_first = connection_ != nullptr && rows_of_transaction_ == 0 && position_ == from && relation_ == 0;
  if (!is_first) {
    connection_.reset();
    WEIR_ASSIGN_OR_RETURN(connection_, PgConnection::Open(options_.parameters, /*for_replication=*/true));
  }
  position_ = from;
  repeated_rows_ = std::max(repeated_rows_, in_transaction_ ? rows_of_transaction_ : 0);
  in_transaction_ = false;
  relation_ = 0;
  return connection_->BeginCopy("START_REPLICATION SLOT " + QuotePgName(options_.slot) + " LOGICAL " + FormatLsn(from) +
                                " (proto_version '1', publication_names " +
                                QuotePgText(QuotePgName(options_.publication)) + ")");
}

Status PgChangeStream::Poll(int64_t max_rows) {
  while (rows_.num_rows() < max_rows) {
    bool over = false;
    WEIR_ASSIGN_OR_RETURN(const std::string_view message, connection_->PollCopy(&over));
    if (over) return Status::IOError("PostgreSQL ended the change stream");
    if (message.empty()) return Status::OK();
    WEIR_RETURN_NOT_OK(Handle(message));
  }
  return Status::OK();
}

Status PgChangeStream::Handle(std::string_view message) {
  Reader in(message);
  const char kind = in.Byte();
  if (kind == 'k') {
    const PgLsn end = in.Int64();
    in.Int64();
    answer_asked_ = answer_asked_ || in.Byte() != 0;
    WEIR_RETURN_NOT_OK(in.status());
    // All that ended before has been sent.
    if (!in_transaction()) position_ = std::max(position_, end);
    return Status::OK();
  }
  if (kind != 'w') return Status::OK();
  in.Int64();
  in.Int64();
  in.Int64();
  WEIR_RETURN_NOT_OK(in.status());
  return HandleChange(in.rest());
}

Status PgChangeStream::HandleChange(std::string_view message) {
  Reader in(message);
  const char kind = in.Byte();
  PgTextRow row;
  switch (kind) {
    case 'B':
      in_transaction_ = true;
      rows_of_transaction_ = 0;
      return Status::OK();
    case 'C': {
      in.Byte();
      in.Int64();
      const PgLsn end = in.Int64();
      WEIR_RETURN_NOT_OK(in.status());
      position_ = std::max(position_, end);
      in_transaction_ = false;
      rows_of_transaction_ = repeated_rows_ = 0;
      return Status::OK();
    }
    case 'R':
      return HandleRelation(in);
    case 'I':
    case 'U':
    case 'D': {
      if (in.Int32() != relation_) return in.status();
      const char first = in.Byte();
      if (kind == 'I') {
        WEIR_RETURN_NOT_OK(ReadTuple(in, nullptr, &row));
        return Add(row, 1);
      }
      return HandleUpdate(in, kind == 'D' && first == 'O' ? 'D' : first);
    }
    case 'T': {
      const uint32_t count = in.Int32();
      in.Byte();
      for (uint32_t i = 0; i < count; ++i) {
        if (in.Int32() == relation_ && relation_ != 0) {
          return Status::Invalid("table '", options_.table,
                                 "' was truncated: PostgreSQL does not say which rows it had",
                                 "\n  = help: use DELETE instead, or begin anew with a new slot");
        }
      }
      return in.status();
    }
    default:
      return Status::OK();
  }
}

// first: what stands in front of the first tuple; D: an old tuple, and no other.
Status PgChangeStream::HandleUpdate(Reader& in, char first) {
  if (first != 'O' && first != 'D') {
    return Status::Invalid("table '", options_.table, "' does not say what changed rows were before",
                           "\n  = help: ALTER TABLE ", options_.table, " REPLICA IDENTITY FULL");
  }
  PgTextRow old, row;
  WEIR_RETURN_NOT_OK(ReadTuple(in, nullptr, &old));
  WEIR_RETURN_NOT_OK(Add(old, -1));
  if (first == 'D') return Status::OK();
  in.Byte();  // N
  WEIR_RETURN_NOT_OK(ReadTuple(in, &old, &row));
  return Add(row, 1);
}

Status PgChangeStream::HandleRelation(Reader& in) {
  const uint32_t id = in.Int32();
  const std::string space(in.Text()), name(in.Text());
  in.Byte();
  const uint16_t count = in.Int16();
  // A publication may have other tables too.
  if (options_.table != name && options_.table != space + "." + name) return in.status();
  std::vector<int> fields;
  for (uint16_t i = 0; i < count; ++i) {
    in.Byte();
    const std::string column(in.Text());
    in.Int32();
    in.Int32();
    fields.push_back(options_.schema->GetFieldIndex(column));
  }
  WEIR_RETURN_NOT_OK(in.status());
  for (int i = 0; i < options_.schema->num_fields(); ++i) {
    if (std::find(fields.begin(), fields.end(), i) != fields.end()) continue;
    return Status::Invalid("table '", options_.table, "' has no column '", options_.schema->field(i)->name(),
                           "' any more\n  = help: begin anew without it");
  }
  relation_ = id;
  field_of_column_ = std::move(fields);
  return Status::OK();
}

Status PgChangeStream::ReadTuple(Reader& in, const PgTextRow* old, PgTextRow* row) {
  row->assign(static_cast<size_t>(options_.schema->num_fields()), std::nullopt);
  const uint16_t count = in.Int16();
  for (uint16_t i = 0; i < count && i < field_of_column_.size(); ++i) {
    const char kind = in.Byte();
    const int field = field_of_column_[i];
    if (kind == 't') {
      const std::string_view value = in.Bytes(in.Int32());
      if (field >= 0) (*row)[static_cast<size_t>(field)] = value;
    } else if (kind == 'u' && field >= 0 && old != nullptr) {
      // A big value that has not changed is not sent again.
      (*row)[static_cast<size_t>(field)] = (*old)[static_cast<size_t>(field)];
    }
  }
  return in.status();
}

Status PgChangeStream::Add(const PgTextRow& row, int64_t weight) {
  if (++rows_of_transaction_ <= repeated_rows_) return Status::OK();
  return rows_.Add(row, weight);
}

Status PgChangeStream::Confirm(PgLsn lsn, int64_t now_us) {
  constexpr int64_t kEveryUs = 1'000'000;
  if (connection_ == nullptr || (!answer_asked_ && now_us - confirmed_at_us_ < kEveryUs)) return Status::OK();
  confirmed_at_us_ = now_us;
  answer_asked_ = false;
  char message[34];
  message[0] = 'r';
  const uint64_t numbers[4] = {position_, lsn, lsn, static_cast<uint64_t>(now_us - kPgEpochUs)};
  for (int i = 0; i < 4; ++i) {
    const uint64_t swapped = __builtin_bswap64(numbers[i]);
    std::memcpy(message + 1 + 8 * i, &swapped, 8);
  }
  message[33] = 0;
  WEIR_RETURN_NOT_OK(connection_->SendCopy(message, sizeof message));
  if (connection_->pq().flush(connection_->handle()) < 0) return Status::IOError("PostgreSQL: the connection is gone");
  return Status::OK();
}

}  // namespace weir
