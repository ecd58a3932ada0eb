// RowError: one row that failed. Rows with an error are rejected; the rest of their batch goes on.
#pragma once

#include <cstdint>
#include <string>

namespace weir {

struct RowError {
  int64_t row = 0;      // as Batch::num_rows() of the batch at hand counts them
  std::string message;  // what is wrong, with the value; no place: who rejects the row adds step and file
};

}  // namespace weir
