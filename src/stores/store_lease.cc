// Leases and fenced values over compare-and-set.
#include "stores/store_lease.h"

#include <nlohmann/json.hpp>

#include "env/env.h"

namespace weir {
namespace {

std::string TextOf(const LeaseRecord& record) {
  return nlohmann::json{{"owner", record.owner}, {"token", record.token}, {"expires_us", record.expires_us}}.dump();
}

Result<LeaseRecord> RecordOf(const std::string& key, const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("token") || !json["token"].is_number_integer()) {
    return Status::Invalid("'", key, "' holds no lease");
  }
  return LeaseRecord{json.value("owner", ""), json["token"].get<int64_t>(), json.value("expires_us", int64_t{0})};
}

Result<FencedValue> FencedOf(const std::string& key, const std::string& bytes) {
  if (bytes.size() < 8) return Status::Invalid("'", key, "' was not written under a token");
  FencedValue value{0, bytes.substr(8)};
  for (size_t i = 0; i < 8; ++i) {
    value.token = static_cast<int64_t>(static_cast<uint64_t>(value.token) << 8) | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

}  // namespace

Result<LeaseAttempt> StoreLease::Acquire(KeyValueStore* store, const std::string& key, const std::string& owner,
                                         int64_t duration_us, Env& env) {
  LeaseAttempt attempt;
  for (;;) {
    WEIR_ASSIGN_OR_RETURN(const auto there, store->Get(key));
    LeaseRecord before;
    if (there) {
      WEIR_ASSIGN_OR_RETURN(before, RecordOf(key, there->bytes));
    }
    const EventTime now = env.WallTime();
    if (!before.owner.empty() && before.owner != owner && before.expires_us > now) {
      attempt.holder = before;
      return attempt;
    }
    std::unique_ptr<StoreLease> lease(new StoreLease(store, key, duration_us, env));
    lease->record_ = {owner, before.token + 1, now + duration_us};
    WEIR_ASSIGN_OR_RETURN(
        const CasResult written,
        store->CompareAndSet(key, there ? there->version : KeyValueStore::kAbsent, TextOf(lease->record_)));
    if (written.outcome != CasOutcome::kWritten) continue;  // somebody was faster: look who
    lease->version_ = written.version;
    attempt.lease = std::move(lease);
    return attempt;
  }
}

Status StoreLease::Write(LeaseRecord record) {
  WEIR_ASSIGN_OR_RETURN(const CasResult written, store_->CompareAndSet(key_, version_, TextOf(record)));
  if (written.outcome != CasOutcome::kWritten) {
    return Status::Cancelled("the lease '", key_, "' of '", record_.owner, "' has gone to another owner");
  }
  version_ = written.version;
  record_ = std::move(record);
  return Status::OK();
}

Status StoreLease::Renew() {
  LeaseRecord record = record_;
  record.expires_us = env_.WallTime() + duration_us_;
  return Write(std::move(record));
}

Status StoreLease::Release() { return Write({"", record_.token, 0}); }

Status FencedPut(KeyValueStore* store, const std::string& key, int64_t token, const std::string& bytes) {
  std::string value(8, '\0');
  for (int i = 0; i < 8; ++i) value[static_cast<size_t>(i)] = static_cast<char>(token >> (56 - 8 * i));
  value += bytes;
  for (;;) {
    WEIR_ASSIGN_OR_RETURN(const auto there, store->Get(key));
    if (there) {
      WEIR_ASSIGN_OR_RETURN(const FencedValue before, FencedOf(key, there->bytes));
      if (before.token > token) {
        return Status::Cancelled("'", key, "' was written by an owner with token ", before.token, "; this one has ",
                                 token);
      }
    }
    WEIR_ASSIGN_OR_RETURN(const CasResult written,
                          store->CompareAndSet(key, there ? there->version : KeyValueStore::kAbsent, value));
    if (written.outcome == CasOutcome::kWritten) return Status::OK();
  }
}

Result<std::optional<FencedValue>> FencedGet(KeyValueStore* store, const std::string& key) {
  WEIR_ASSIGN_OR_RETURN(const auto there, store->Get(key));
  if (!there) return std::nullopt;
  WEIR_ASSIGN_OR_RETURN(FencedValue value, FencedOf(key, there->bytes));
  return value;
}

}  // namespace weir
