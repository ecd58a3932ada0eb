// Event times out of order, by a permutation that can be asked for any row.
#include "connectors/generate/event_times.h"

#include <arrow/array/data.h>
#include <arrow/buffer.h>

#include <algorithm>
#include <numeric>

#include "batch/types.h"
#include "connectors/nexmark/random.h"

namespace weir::generate {
namespace {

using Random = nexmark::MixedRandom;

constexpr int64_t kMaxGroup = int64_t{1} << 31;  // factor × place stays within 64 bits

}  // namespace

const FieldSet<LateConfig>& LateConfig::Fields() {
  static const auto fields =
      FieldSet<LateConfig>()
          .Field("share", &LateConfig::share, FieldDoc("How many of the rows.").Required().Min("0").Max("1"))
          .Field("by", &LateConfig::by,
                 FieldDoc("How much older they are than their place says.").Required().Min("0s"));
  return fields;
}

const FieldSet<DisorderConfig>& DisorderConfig::Fields() {
  static const auto fields =
      FieldSet<DisorderConfig>()
          .Field("out_of_orderness", &DisorderConfig::out_of_orderness,
                 FieldDoc("Rows are shuffled so that none comes more than so much event time after a newer one. The "
                          "watermark allows for it.")
                     .Default("0s")
                     .Min("0s"))
          .Field("jitter", &DisorderConfig::jitter,
                 FieldDoc("Up to so much is added to each event time, at random.").Default("0s").Min("0s"))
          .Field("late", &DisorderConfig::late,
                 FieldDoc("A share of the rows comes late: the watermark does not wait for them.")
                     .Example("{share: 0.01, by: 1h}"));
  return fields;
}

EventTimes::EventTimes(int64_t from_us, const FieldConfig& field, const DisorderConfig& disorder, uint64_t seed,
                       int64_t rows)
    : seed_(seed),
      rows_(rows),
      from_us_(from_us),
      every_us_(field.every.us),
      jitter_us_(disorder.jitter.us),
      late_share_(disorder.late ? disorder.late->share : 0),
      late_us_(disorder.late ? disorder.late->by.us : 0) {
  type_ = TimestampType();
  if (every_us_ > 0) group_ = std::min(disorder.out_of_orderness.us / every_us_ + 1, kMaxGroup);
}

EventTimes::Shuffle EventTimes::ShuffleOf(int64_t group_number) const {
  Random random(seed_ ^ 0x73687566, group_number);
  Shuffle shuffle;
  shuffle.number = group_number;
  shuffle.size = std::min(group_, rows_ - group_number * group_);
  shuffle.offset = static_cast<int64_t>(random.NextDouble() * static_cast<double>(shuffle.size));
  // A factor that shares no divisor with the size makes it a permutation; one is always soon found, 1 at the latest.
  shuffle.factor = 1 + static_cast<int64_t>(random.NextDouble() * static_cast<double>(shuffle.size - 1));
  while (std::gcd(shuffle.factor, shuffle.size) != 1) --shuffle.factor;
  return shuffle;
}

Result<ArrayDataPtr> EventTimes::Make(int64_t first, int64_t count) const {
  WEIR_ASSIGN_OR_RETURN(BufferPtr buffer, arrow::AllocateBuffer(count * 8));
  auto* out = reinterpret_cast<int64_t*>(buffer->mutable_data());
  Shuffle shuffle;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t row = first + i, group = row / group_;
    int64_t place = row;
    if (group_ > 1) {
      if (group != shuffle.number) shuffle = ShuffleOf(group);
      place = group * group_ + (shuffle.factor * (row % group_) + shuffle.offset) % shuffle.size;
    }
    out[i] = from_us_ + every_us_ * place;
    if (jitter_us_ == 0 && late_share_ == 0) continue;
    Random random(seed_, row);
    out[i] += static_cast<int64_t>(random.NextDouble() * static_cast<double>(jitter_us_));
    if (random.NextDouble() < late_share_) out[i] -= late_us_;
  }
  return arrow::ArrayData::Make(type_, count, {nullptr, std::move(buffer)}, 0);
}

}  // namespace weir::generate
