// Spill files give back what was put in: columns, times, windows, weights; twice if asked.
#include "state/spill.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>

#include "batch/json_rows.h"
#include "batch/print.h"
#include "state/memory_budget.h"

namespace weir {
namespace {

std::string Rows(SpillFile& file) {
  std::string out;
  for (;;) {
    auto batch = file.Next();
    EXPECT_TRUE(batch.ok()) << batch.status().ToString();
    if (!batch.ok() || !*batch) return out;
    for (int64_t row = 0; row < (*batch)->num_rows(); ++row) {
      out += RowToJson(**batch, row) + "@" + std::to_string((*batch)->event_time().at(row));
      if ((*batch)->has_window()) out += "[" + std::to_string((*batch)->window_start().at(row)) + ")";
      if ((*batch)->has_weight()) out += "*" + std::to_string((*batch)->weight().at(row));
      out += "\n";
    }
  }
}

TEST(SpillTest, RoundTrip) {
  char dir[] = "/tmp/weir-spill-test-XXXXXX";
  ASSERT_NE(mkdtemp(dir), nullptr);
  Batch a = MakeBatch("k: integer, s: string", R"([{"k": 1, "s": "x"}, {"k": null, "s": null}])");
  a.set_event_time(Int64Column(7));
  a.set_window(Int64Column(0), Int64Column(10));
  a.set_weight(Int64Column(-1));
  auto file = SpillFile::Create(dir, a.schema());
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  ASSERT_TRUE((*file)->Append(a).ok());
  ASSERT_TRUE((*file)->Append(*DictionaryEncode(a, 1)).ok());
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE((*file)->Rewind().ok());
    const std::string once = "{\"k\":1,\"s\":\"x\"}@7[0)*-1\n{\"k\":null,\"s\":null}@7[0)*-1\n";
    std::string got = Rows(**file);
    got.erase(std::remove(got.begin(), got.end(), ' '), got.end());
    EXPECT_EQ(got, once + once);
  }
  EXPECT_EQ((*file)->rows(), 4);
  EXPECT_EQ(rmdir(dir), 0) << "the file has no name, so its folder is empty";
}

TEST(MemoryBudgetTest, WhoHoldsItsShareSpills) {
  auto budget = MemoryBudget::Make(int64_t{1} << 40);
  ASSERT_TRUE(budget.ok());
  MemoryReservation big(budget->get()), small(budget->get());
  big.Set(1 << 20);
  small.Set(1 << 10);
  EXPECT_FALSE(big.ShouldSpill());
  big.Set((*budget)->state_limit_bytes() + 1);
  EXPECT_TRUE(big.ShouldSpill());
  EXPECT_FALSE(small.ShouldSpill());
  big.Set(0);
  EXPECT_EQ((*budget)->state_bytes(), 1 << 10);
  EXPECT_FALSE(MemoryBudget::Make(1000).ok());
}

}  // namespace
}  // namespace weir
