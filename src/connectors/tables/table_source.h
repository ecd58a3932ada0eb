// TableSource: a source that reads a table of a database by ranges of a whole number (a key, a row number), many lanes
// at once, or the result of a query in one.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "connectors/support/event_time.h"
#include "engine/operator.h"

namespace weir {

/// Numbers [begin, end); whole: there are no numbers, everything is one range.
struct TableRange {
  int64_t begin = 0, end = 0;
  bool whole = false;
};

/// One connection to the database. Used by one thread at a time.
class TableReader {
 public:
  virtual ~TableReader() = default;
  virtual Status Start(const TableRange& range) = 0;
  /// The next rows of the range; false: there are no more. Values that do not fit go to `errors`.
  virtual Result<bool> Next(Batch* rows, std::vector<RawError>* errors) = 0;
};

struct TableSourceOptions {
  /// All numbers, and about how many of them make a range; step 0: the whole is one range. Called once.
  struct Extent {
    int64_t begin = 0, end = 0, step = 0;
  };
  std::function<Result<Extent>(OperatorContext&)> open;
  std::function<Result<std::unique_ptr<TableReader>>(const OperatorContext&)> open_reader;
  /// What is read, as a position says it: a position of another table is refused.
  std::string what;
  EventTimePlan event_time;
};

/// Lanes take ranges as they come. A position says which ranges have been read: after a restart the others are read as
/// they are then.
class TableSource final : public Source {
 public:
  explicit TableSource(TableSourceOptions options) : options_(std::move(options)) {}
  Status Open(OperatorContext& context) override;
  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) override;
  Result<std::string> Position() override;
  Status Restore(const std::string& position) override;

 private:
  class Reader;
  bool Take(TableRange* range, int64_t* morsel);

  const TableSourceOptions options_;
  TableSourceOptions::Extent extent_;
  std::mutex mutex_;
  int64_t next_ = 0, next_morsel_ = 0;
  bool whole_taken_ = false;
};

}  // namespace weir
