// Epochs put one over the other.
#include "log/epoch_store.h"

#include <tuple>

namespace weir {
namespace {

StateCells Latest(const StateCells& old, const StateCells& changes) {
  std::map<std::tuple<int, int, std::string_view>, std::string_view> values;
  for (const StateCells* cells : {&old, &changes}) {
    for (int64_t i = 0; i < cells->size(); ++i) {
      const StateCell cell = cells->at(i);
      if (cell.deleted) {
        values.erase({cell.table, cell.group, cell.key});
      } else {
        values.insert_or_assign({cell.table, cell.group, cell.key}, cell.value);
      }
    }
  }
  StateCells out;
  for (const auto& [key, value] : values) out.Put(std::get<0>(key), std::get<1>(key), std::get<2>(key), value);
  return out;
}

}  // namespace

void ApplyEpoch(const EpochRecord& record, EpochState* state) {
  state->epoch = record.epoch;
  state->finished = record.finished;
  for (const auto& [name, node] : record.nodes) {
    NodeEpoch& kept = state->nodes[name];
    StateCells cells = node.cells.empty() ? std::move(kept.cells) : Latest(kept.cells, node.cells);
    if (node.ended) cells = {};
    kept = {node.config_hash, node.watermark, node.position, node.ended, node.token, std::move(cells)};
  }
}

Status MemoryEpochStore::Commit(const EpochRecord& record) {
  if (!state_) state_.emplace();
  ApplyEpoch(record, &*state_);
  return Status::OK();
}

}  // namespace weir
