// Epochs as commits of a log. What this epoch has put into the index is taken back when its commit fails.
#include "log/log_epoch_store.h"

#include <algorithm>

#include "base/kill_point.h"
#include "env/system_error.h"
#include "state/snapshot/state_bytes.h"

namespace weir {
namespace {

constexpr uint8_t kCommitVersion = 1;
constexpr int64_t kMinFoldBytes = int64_t{4} << 20;  // per epoch, so that a fold does not delay a commit by much
constexpr int kSlotsPerLoad = 16;
constexpr int64_t kFoldedParts = 6;  // of the log, what one fold of a slot looks at: more parts, more reading

std::string EncodeEpoch(const EpochState& state, int64_t wall_us, int64_t credit) {
  std::string bytes;
  StateWriter writer(&bytes);
  writer.Byte(kCommitVersion);
  writer.Int(wall_us);
  writer.Int(credit);
  writer.Byte(state.finished ? 1 : 0);
  writer.Int(static_cast<int64_t>(state.nodes.size()));
  for (const auto& [name, node] : state.nodes) {
    writer.Bytes(name);
    writer.Bytes(node.config_hash);
    writer.Int(node.watermark);
    writer.Bytes(node.position);
    writer.Byte(node.ended ? 1 : 0);
    writer.Bytes(node.token);
  }
  return bytes;
}

struct DecodedEpoch {
  EpochState state;
  int64_t credit = 0;
};

Result<DecodedEpoch> DecodeEpoch(int64_t epoch, std::string_view bytes) {
  StateReader reader(bytes);
  const uint8_t version = reader.Byte();
  if (version != kCommitVersion) return Status::Invalid("a commit of version ", int{version}, ", which is not known");
  DecodedEpoch decoded;
  EpochState& state = decoded.state;
  state.epoch = epoch;
  (void)reader.Int();  // when it was taken: for people
  decoded.credit = reader.Int();
  state.finished = reader.Byte() != 0;
  const int64_t count = reader.Int();
  for (int64_t i = 0; i < count && reader.ok(); ++i) {
    const std::string name(reader.Bytes());
    NodeEpoch& node = state.nodes[name];
    node.config_hash = reader.Bytes();
    node.watermark = reader.Int();
    node.position = reader.Bytes();
    node.ended = reader.Byte() != 0;
    node.token = reader.Bytes();
  }
  if (!reader.AtEnd()) return Status::Invalid("a commit whose bytes make no sense");
  return decoded;
}

/// Puts all cells of the index into the state.
Status LoadCells(CellIndex& index, EpochState* state) {
  for (const auto& [name, node] : index.nodes()) {
    const auto kept = state->nodes.find(name);
    if (kept == state->nodes.end() || kept->second.ended) continue;
    StateCells& cells = kept->second.cells;
    for (int slot = 0; slot < kGroupSlots; slot += kSlotsPerLoad) {
      WEIR_RETURN_NOT_OK(index.Read(name, slot, std::min(slot + kSlotsPerLoad, kGroupSlots), &cells));
    }
  }
  return Status::OK();
}

}  // namespace

Result<std::unique_ptr<LogEpochStore>> LogEpochStore::Open(FileSystem& files, std::string folder,
                                                           EpochStoreOptions options) {
  std::unique_ptr<LogEpochStore> store(new LogEpochStore(files, std::move(options)));
  ChunkLogOptions log_options;
  log_options.durability = store->options_.durability;
  log_options.segment_bytes = store->options_.segment_bytes;
  log_options.holder = store->options_.holder;
  log_options.faults = store->options_.faults;
  WEIR_ASSIGN_OR_RETURN(store->log_, ChunkLog::Open(files, folder, log_options));
  WEIR_ASSIGN_OR_RETURN(const LogTail tail, FindTail(files, folder));
  WEIR_RETURN_NOT_OK(store->index_.Build(tail));
  if (tail.commit_sequence > 0) {
    WEIR_ASSIGN_OR_RETURN(DecodedEpoch decoded, DecodeEpoch(tail.epoch, tail.payload));
    store->state_ = std::move(decoded.state);
    store->credit_ = decoded.credit;
    for (const auto& [name, node] : store->state_.nodes) {
      if (node.ended) store->index_.nodes().erase(name);
    }
  }
  return store;
}

Result<std::optional<EpochState>> LogEpochStore::Load() {
  if (log_->epoch() == 0) return std::nullopt;
  EpochState state = state_;
  WEIR_RETURN_NOT_OK(LoadCells(index_, &state));
  return state;
}

Status LogEpochStore::Commit(const EpochRecord& record) {
  if (record.epoch <= log_->epoch()) {
    return Status::Invalid("epoch ", record.epoch, " is committed after epoch ", log_->epoch());
  }
  Begin();
  const Status written = Write(record);
  int64_t changed = 0;
  for (const auto& [name, node] : record.nodes) {
    if (!node.ended) changed += node.cells.bytes();
    if (node.ended && written.ok()) index_.nodes().erase(name);
  }
  return End(written, changed);
}

Status LogEpochStore::Forget(const std::vector<std::string>& nodes) {
  if (log_->epoch() == 0) return Status::OK();
  Begin();
  return End(WriteWithout(nodes), 0);
}

void LogEpochStore::Begin() {
  before_.clear();
  epoch_bytes_ = 0;
  credit_before_ = credit_;
}

Status LogEpochStore::End(const Status& written, int64_t changed) {
  if (!written.ok()) {
    TakeBack();
    credit_ = credit_before_;
    if (!IsDiskFull(written)) return written;
    no_room_ = true;
    const Status abandoned = log_->Abandon();
    return abandoned.ok() ? written : abandoned;
  }
  no_room_ = false;
  changed_bytes_ += changed;
  credit_ += std::max(changed + changed / 5 - epoch_bytes_, epoch_bytes_ / 10);
  last_epoch_bytes_ = epoch_bytes_;
  // What the index says now is committed: older records may go with the next commit.
  const int64_t needed_from = std::min(index_.NeededFrom(), log_->commit_sequence());
  index_.Forget(needed_from);
  log_->TrimBelow(needed_from);
  return Status::OK();
}

Status LogEpochStore::Write(const EpochRecord& record) {
  if (!no_room_) WEIR_RETURN_NOT_OK(FoldSome());
  EpochState next = state_;
  next.epoch = record.epoch;
  next.finished = record.finished;
  for (const auto& [name, node] : record.nodes) {
    next.nodes[name] = {node.config_hash, node.watermark, node.position, node.ended, node.token, {}};
    if (node.ended) continue;  // what it kept is not needed any more
    if (!node.cells.empty()) WEIR_RETURN_NOT_OK(AppendCells(name, node.cells, &epoch_bytes_));
  }
  return CommitState(std::move(next), record.wall_us);
}

/// Older records may stay for long: so each cell is deleted by a newer one.
Status LogEpochStore::WriteWithout(const std::vector<std::string>& nodes) {
  EpochState next = state_;
  for (const std::string& name : nodes) {
    next.nodes.erase(name);
    for (int slot = 0; slot < kGroupSlots; slot += kSlotsPerLoad) {
      StateCells cells, deleted;
      WEIR_RETURN_NOT_OK(index_.Read(name, slot, std::min(slot + kSlotsPerLoad, kGroupSlots), &cells));
      for (int64_t i = 0; i < cells.size(); ++i) {
        const StateCell cell = cells.at(i);
        deleted.Delete(cell.table, cell.group, cell.key);
      }
      if (!deleted.empty()) WEIR_RETURN_NOT_OK(AppendCells(name, deleted, &epoch_bytes_));
    }
  }
  return CommitState(std::move(next), 0);
}

Status LogEpochStore::CommitState(EpochState next, int64_t wall_us) {
  const std::string payload = EncodeEpoch(next, wall_us, credit_);
  KillPoint("log.commit.before");
  WEIR_RETURN_NOT_OK(log_->Commit(next.epoch, payload));
  KillPoint("log.commit.after");
  epoch_bytes_ += static_cast<int64_t>(payload.size()) + 2 * kRecordHeaderBytes;
  state_ = std::move(next);
  return Status::OK();
}

void LogEpochStore::Remember(const std::string& name) {
  const CellIndex::Node& node = index_.nodes()[name];
  before_.try_emplace(name, Before{node.slots, node.records.size()});
}

Status LogEpochStore::AppendCells(const std::string& name, const StateCells& cells, int64_t* written) {
  Remember(name);
  CellIndex::SlotBytes bytes{};
  for (const CellRecord& record : EncodeCellRecords(name, cells, bytes.data())) {
    WEIR_ASSIGN_OR_RETURN(const ChunkLog::Place place, log_->Append(kCellsKind, record.payload));
    index_.AddSegment(log_->segments().back());
    index_.Add(name, {place.record, place.segment, record.first_slot, record.end_slot}, bytes);
    bytes.fill(0);  // the first one brought them all
    *written += place.record.header.record_bytes();
  }
  return Status::OK();
}

Status LogEpochStore::FoldSome() {
  const int64_t epoch_begin = log_->next_sequence();
  const int64_t limit = std::max(kMinFoldBytes, last_epoch_bytes_ / 3);
  int64_t folded = 0;
  // A log that is not much larger than the state, or small, is left alone.
  const int64_t large = 2 * index_.live_bytes() + 2 * options_.segment_bytes;
  while (credit_ > folded && log_->bytes_on_disk() > large && folded < limit) {
    const std::optional<CellIndex::Place> place = index_.Oldest(epoch_begin, std::min(options_.fold_bytes, limit));
    // What was put at the end in this epoch cannot be read before it is committed.
    if (!place || (index_.LastRecord(*place) >= epoch_begin)) break;
    const std::string node = *place->node;
    Remember(node);
    // Cells in the oldest part of the log are moved to its end; those that have changed since then need not be.
    const int64_t end_sequence = place->needed_from + (epoch_begin - place->needed_from) / kFoldedParts + 1;
    StateCells cells;
    WEIR_RETURN_NOT_OK(index_.Take(node, place->first_slot, place->end_slot, end_sequence, &cells));
    WEIR_RETURN_NOT_OK(AppendCells(node, cells, &folded));
    KillPoint("log.fold.after");
  }
  credit_ -= folded;
  folded_bytes_ += folded;
  return Status::OK();
}

void LogEpochStore::TakeBack() {
  for (auto& [name, before] : before_) {
    CellIndex::Node& node = index_.nodes()[name];
    node.slots = before.slots;
    node.records.resize(before.records);
  }
}

Result<std::optional<EpochState>> ReadEpochState(FileSystem& files, const std::string& folder) {
  WEIR_ASSIGN_OR_RETURN(const LogTail tail, FindTail(files, folder));
  if (tail.commit_sequence == 0) return std::nullopt;
  CellIndex index(files);
  WEIR_RETURN_NOT_OK(index.Build(tail));
  WEIR_ASSIGN_OR_RETURN(DecodedEpoch decoded, DecodeEpoch(tail.epoch, tail.payload));
  WEIR_RETURN_NOT_OK(LoadCells(index, &decoded.state));
  return std::move(decoded.state);
}

}  // namespace weir
