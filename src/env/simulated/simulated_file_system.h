// SimulatedFileSystem: files in memory that forget, as a machine without power does, whatever nobody synced.
//
// For tests. A written byte is safe after Sync() of its file, a name after SyncDirectory() of its folder, and nothing
// else is. Operations can be made to fail, and counted, so that a test may try each of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "env/file_system.h"

namespace weir {

/// What a crash does to what was not synced.
enum class Unsynced : uint8_t {
  kKept,     // everything reached the medium
  kDropped,  // nothing did
  kTorn,     // each write, sector and name on its own, by chance
};

/// An operation that fails. Operations are what changes something: writes, cuts, syncs, names made, moved and removed.
struct InjectedFailure {
  enum class Kind : uint8_t {
    kEio,
    kEnospc,
    kEintr,
    kShort
  };                // kShort: half of a write happens, then there is no room
  int64_t at = -1;  // the number of the operation, from 0; below 0: none
  Kind kind = Kind::kEio;
  bool for_ever = false;  // all operations from there on
};

/// Not thread-safe: one thread uses it and everything opened through it.
class SimulatedFileSystem final : public FileSystem {
 public:
  SimulatedFileSystem() = default;
  /// A copy of its own, as another machine with the same disk would see it. Handles stay with the original.
  std::unique_ptr<SimulatedFileSystem> Clone() const;

  /// The power goes, and comes back: handles and locks of before are dead.
  void Crash(Unsynced unsynced, uint64_t seed);

  int64_t operations() const { return operations_; }
  void Fail(InjectedFailure failure) { failure_ = failure; }
  /// From operation `number` on nothing happens any more, and every call says so: the process is dead.
  void StopAt(int64_t number) { stop_at_ = number; }
  /// Called after each operation that was carried out.
  void OnOperation(std::function<void()> call) { on_operation_ = std::move(call); }
  /// Locks are given to everybody, as on file systems that do not know them.
  void IgnoreLocks() { ignore_locks_ = true; }

  /// The bytes of a file as a process sees them, to be changed at will: damage on the medium. Null: there is no file.
  std::string* Bytes(const std::string& path);

  Result<std::shared_ptr<arrow::io::InputStream>> Open(const std::string& path) override;
  Result<std::shared_ptr<WritableFile>> Create(const std::string& path) override;
  Result<std::unique_ptr<AppendFile>> OpenAppend(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> TryLock(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status SyncDirectory(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> List(const std::string& path) override;
  Result<FileInfo> Stat(const std::string& path) override;
  Status MakeDirectories(const std::string& path) override;

 private:
  friend class SimulatedHandle;
  friend class SimulatedLock;
  struct Write {
    int64_t offset = 0;
    std::string bytes;
    int64_t cut = -1;  // not a write but a cut to this size
  };
  struct File {
    uint64_t number = 0;
    std::string bytes;            // as a process sees them
    std::string synced;           // on the medium
    std::vector<Write> unsynced;  // between the two, in order
  };
  using FilePtr = std::shared_ptr<File>;  // null: a folder
  using Names = std::map<std::string, FilePtr>;
  /// One step of a folder: a name removed, a name that now is `file`, or both at once.
  struct NameChange {
    std::string folder, removed, added;
    FilePtr file;
  };

  Status Begin(const char* action, const std::string& path, bool* shortened = nullptr);
  void Done();
  void Change(NameChange change);
  static void Apply(const NameChange& change, Names* names);
  static void Apply(const Write& write, std::string* bytes);
  void LoseWrites(File* file, Unsynced unsynced, std::mt19937_64* random);

  Names names_{{"/", nullptr}};
  Names synced_names_{{"/", nullptr}};
  std::vector<NameChange> unsynced_names_;
  std::set<std::string> locks_;
  uint64_t next_number_ = 1;
  int64_t boots_ = 0;
  int64_t operations_ = 0;
  int64_t stop_at_ = -1;
  bool ignore_locks_ = false;
  InjectedFailure failure_;
  std::function<void()> on_operation_;
};

}  // namespace weir
