// Spill all, start afresh, merge partition by partition.
#include "state/aggregate/spilling_aggregator.h"

#include <arrow/type.h>

#include <algorithm>

namespace weir {

namespace {

constexpr uint32_t kSpillGroups = 16384;  // groups that are turned into columns at once

SchemaPtr NumberedSchema(const std::vector<TypePtr>& keys, const std::vector<TypePtr>& values) {
  arrow::FieldVector fields;
  for (const auto& type : keys) fields.push_back(arrow::field("", type));
  for (const auto& type : values) fields.push_back(arrow::field("", type));
  return arrow::schema(std::move(fields));
}

}  // namespace

SpillingAggregator::SpillingAggregator(std::unique_ptr<GroupAggregator> groups, Options options)
    : groups_(std::move(groups)), options_(std::move(options)), reservation_(options_.memory) {
  partial_schema_ = NumberedSchema(groups_->key_types(), groups_->partial_types());
  if (options_.partition_keys < 0) options_.partition_keys = static_cast<int>(groups_->key_types().size());
}

Result<std::unique_ptr<SpillingAggregator>> SpillingAggregator::Make(std::vector<TypePtr> key_types,
                                                                     const std::vector<AggregateCall>& calls,
                                                                     Options options) {
  WEIR_ASSIGN_OR_RETURN(auto groups, GroupAggregator::Make(std::move(key_types), calls));
  return std::unique_ptr<SpillingAggregator>(new SpillingAggregator(std::move(groups), std::move(options)));
}

void SpillingAggregator::Account(const PartitionedSpill* spill) {
  reservation_.Set(groups_->size_bytes() + (spill != nullptr ? spill->buffered_bytes() : 0));
}

// Before `rows` more rows are added: spills when they might not fit.
Status SpillingAggregator::MakeRoom(int64_t rows, int depth, std::unique_ptr<PartitionedSpill>* to) {
  if (groups_->num_groups() > 0 && reservation_.ShouldSpill(groups_->growth_bytes(rows))) return Spill(depth, to);
  reservation_.Announce(groups_->doubling_bytes(rows));
  return Status::OK();
}

Status SpillingAggregator::Spill(int depth, std::unique_ptr<PartitionedSpill>* to) {
  if (*to == nullptr) {
    *to = std::make_unique<PartitionedSpill>(options_.temp_dir, partial_schema_);
  }
  // Makes room for the buffers of the files, and lets other lanes go on meanwhile.
  groups_->EndUpdates();
  std::vector<uint64_t> hashes(kSpillGroups);
  std::vector<uint8_t> partition_of(kSpillGroups);
  for (uint32_t begin = 0; begin < groups_->num_groups(); begin += kSpillGroups) {
    const uint32_t end = std::min(begin + kSpillGroups, groups_->num_groups());
    WEIR_ASSIGN_OR_RETURN(auto columns, groups_->Partial(begin, end));
    const std::vector<ArrayDataPtr> keys(columns.begin(), columns.begin() + options_.partition_keys);
    WEIR_RETURN_NOT_OK(hasher_.Hash(keys, end - begin, hashes.data()));
    for (uint32_t i = 0; i < end - begin; ++i) {
      partition_of[i] = SpillPartition(hashes[i], depth);
    }
    WEIR_RETURN_NOT_OK((*to)->Scatter(Batch(partial_schema_, std::move(columns), end - begin), partition_of.data()));
    Account(to->get());
  }
  groups_->Clear();
  Account(to->get());
  return Status::OK();
}

Status SpillingAggregator::Update(const std::vector<ArrayDataPtr>& keys, const std::vector<ArrayDataPtr>& values,
                                  const int64_t* weights, int64_t rows) {
  WEIR_RETURN_NOT_OK(MakeRoom(rows, 0, &spill_));
  WEIR_RETURN_NOT_OK(groups_->Update(keys, values, weights, rows));
  Account(spill_.get());
  return Status::OK();
}

Status SpillingAggregator::Merge(const std::vector<ArrayDataPtr>& keys, const std::vector<ArrayDataPtr>& partial,
                                 int64_t rows) {
  WEIR_RETURN_NOT_OK(MakeRoom(rows, 0, &spill_));
  WEIR_RETURN_NOT_OK(groups_->Merge(keys, partial, rows));
  Account(spill_.get());
  return Status::OK();
}

Status SpillingAggregator::FinishSpill(PartitionedSpill* spill) {
  WEIR_RETURN_NOT_OK(spill->Finish());
  spilled_bytes_ += spill->file_bytes();
  return Status::OK();
}

Status SpillingAggregator::BeginOutput() {
  output_ = true;
  if (spill_ == nullptr) return Offer();
  WEIR_RETURN_NOT_OK(Spill(0, &spill_));
  WEIR_RETURN_NOT_OK(FinishSpill(spill_.get()));
  levels_.push_back({std::move(spill_), 0});
  return Status::OK();
}

Status SpillingAggregator::Offer() {
  next_group_ = 0;
  groups_->EndUpdates();
  offered_ = groups_.get();
  Account(nullptr);
  if (!options_.regroup) return Status::OK();
  WEIR_ASSIGN_OR_RETURN(regrouping_, options_.regroup(*groups_));
  return OfferRegrouped();
}

Status SpillingAggregator::OfferRegrouped() {
  next_group_ = 0;
  WEIR_ASSIGN_OR_RETURN(offered_, regrouping_->Next());
  reservation_.Set(groups_->size_bytes() + regrouping_->size_bytes());
  if (offered_ == nullptr) regrouping_.reset();
  return Status::OK();
}

// Merges the next partition that has rows into the table; false when there is none.
Result<bool> SpillingAggregator::LoadNextPartition() {
  const size_t num_keys = groups_->key_types().size();
  groups_->Clear();
  regrouping_.reset();
  offered_ = nullptr;
  while (!levels_.empty()) {
    Level& level = levels_.back();
    if (level.next_partition == kSpillPartitions) {
      levels_.pop_back();
      continue;
    }
    const int partition = level.next_partition++;
    const int depth = static_cast<int>(levels_.size());
    std::unique_ptr<PartitionedSpill> deeper;
    while (true) {
      WEIR_ASSIGN_OR_RETURN(auto batch, level.spill->Next(partition));
      if (!batch) break;
      if (depth < kMaxSpillDepth) WEIR_RETURN_NOT_OK(MakeRoom(batch->num_rows(), depth, &deeper));
      std::vector<ArrayDataPtr> columns;
      for (int i = 0; i < batch->num_columns(); ++i) columns.push_back(batch->column(i));
      const std::vector<ArrayDataPtr> keys(columns.begin(), columns.begin() + num_keys);
      columns.erase(columns.begin(), columns.begin() + num_keys);
      WEIR_RETURN_NOT_OK(groups_->Merge(keys, columns, batch->num_rows()));
      Account(deeper.get());
    }
    if (deeper != nullptr) {
      WEIR_RETURN_NOT_OK(Spill(depth, &deeper));
      WEIR_RETURN_NOT_OK(FinishSpill(deeper.get()));
      levels_.push_back({std::move(deeper), 0});
    } else if (groups_->num_groups() > 0) {
      WEIR_RETURN_NOT_OK(Offer());
      return true;
    }
  }
  return false;
}

Result<std::optional<Batch>> SpillingAggregator::Next(std::vector<RowError>* errors) {
  if (!output_) WEIR_RETURN_NOT_OK(BeginOutput());
  while (offered_ == nullptr || next_group_ == offered_->num_groups()) {
    if (regrouping_ != nullptr) {
      WEIR_RETURN_NOT_OK(OfferRegrouped());
      continue;
    }
    WEIR_ASSIGN_OR_RETURN(bool more, LoadNextPartition());
    if (!more) {
      Clear();
      output_ = true;
      return std::nullopt;
    }
  }
  const auto step = static_cast<uint32_t>(std::max<int64_t>(1, options_.batch_rows));
  const auto end = static_cast<uint32_t>(std::min<uint64_t>(uint64_t{next_group_} + step, offered_->num_groups()));
  WEIR_ASSIGN_OR_RETURN(auto columns, offered_->Finish(next_group_, end, errors));
  Batch out(NumberedSchema(offered_->key_types(), offered_->result_types()), std::move(columns), end - next_group_);
  next_group_ = end;
  return std::optional<Batch>(std::move(out));
}

void SpillingAggregator::Clear() {
  groups_->Clear();
  regrouping_.reset();
  offered_ = nullptr;
  levels_.clear();
  spill_.reset();
  output_ = false;
  next_group_ = 0;
  reservation_.Set(0);
}

}  // namespace weir
