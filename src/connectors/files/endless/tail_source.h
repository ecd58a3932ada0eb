// TailSource: text files that grow, or standard input, record by record as they come.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connectors/files/endless/live_text.h"
#include "connectors/support/event_time.h"

namespace weir {

struct TailSourceOptions {
  std::string path;  // a file (which may come later), a folder or glob of files, or `-`
  std::vector<std::string> extensions;
  bool from_end = false;  // of files that are there when the run starts
  int64_t max_record_bytes = 0;
  EventTimePlan event_time;
  int filename_column = -1;  // as in FileSourceOptions
};

/// One lane reads all of them in turn, a block of each. Every path is a split, whatever file has that name at the time.
/// Files never end; standard input does.
class TailSource final : public Source {
 public:
  TailSource(TailSourceOptions options, std::shared_ptr<const TextFileFormat> format)
      : options_(std::move(options)), format_(std::move(format)) {}

  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) override;

 private:
  class Files;
  class Stream;
  const TailSourceOptions options_;
  const std::shared_ptr<const TextFileFormat> format_;
};

}  // namespace weir
