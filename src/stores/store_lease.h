// Leases: one owner at a time, by compare-and-set alone. Each acquisition has a token above all before it, and writes
// under a token are refused once a higher one has written: an owner that was asleep does no harm when it wakes.
// (Kleppmann, "How to do distributed locking", 2016.)
//
// An expired lease is seen by the clocks of machines; where these differ a lease is taken early or late. Who is the
// rightful writer is decided by tokens, which no clock changes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/event_time.h"
#include "stores/key_value_store.h"

namespace weir {

/// The record of a lease in its store: JSON {owner, token, expires_us}. It stays when the lease is released, so that
/// tokens go on.
struct LeaseRecord {
  std::string owner;  // empty: released
  int64_t token = 0;
  EventTime expires_us = 0;
};

/// What an acquisition came to: `lease`, or who has it.
class StoreLease;
struct LeaseAttempt {
  std::unique_ptr<StoreLease> lease;  // null: somebody else has it
  LeaseRecord holder;                 // then: who
};

/// A lease that was acquired. Used by one thread at a time. Its destructor leaves it to expire.
class StoreLease {
 public:
  /// Tries once. `owner`: unique to this process, and for people. Errors: those of the store.
  static Result<LeaseAttempt> Acquire(KeyValueStore* store, const std::string& key, const std::string& owner,
                                      int64_t duration_us, Env& env);
  /// Lets it last for another duration from now. Errors: Cancelled where another owner has it; those of the store.
  Status Renew();
  /// Gives it up. Errors as of Renew.
  Status Release();
  int64_t token() const { return record_.token; }
  EventTime expires_us() const { return record_.expires_us; }

 private:
  StoreLease(KeyValueStore* store, std::string key, int64_t duration_us, Env& env)
      : store_(store), key_(std::move(key)), duration_us_(duration_us), env_(env) {}
  Status Write(LeaseRecord record);

  KeyValueStore* const store_;
  const std::string key_;
  const int64_t duration_us_;
  Env& env_;
  LeaseRecord record_;
  int64_t version_ = 0;
};

/// A value that was written under a token.
struct FencedValue {
  int64_t token = 0;
  std::string bytes;
};

/// Writes under `token`. Errors: Cancelled where a higher token has written; those of the store.
Status FencedPut(KeyValueStore* store, const std::string& key, int64_t token, const std::string& bytes);
Result<std::optional<FencedValue>> FencedGet(KeyValueStore* store, const std::string& key);

}  // namespace weir
