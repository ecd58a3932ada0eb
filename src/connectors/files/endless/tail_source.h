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
  /// What an earlier run has not read to its end and is gone, or was written anew: go on without it.
  bool skip_lost = false;
};

/// One lane reads all of them in turn, a block of each. Every path is a split, whatever file has that name at the time.
/// Files never end; standard input does.
class TailSource final : public Source {
 public:
  TailSource(TailSourceOptions options, std::shared_ptr<const TextFileFormat> format)
      : options_(std::move(options)), format_(std::move(format)) {}

  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) override;
  /// Of files: which ones, how far each is read, and their watermarks.
  Result<std::string> Position() override;
  Status Restore(const std::string& position) override;

 private:
  class Files;
  class Stream;
  const TailSourceOptions options_;
  const std::shared_ptr<const TextFileFormat> format_;
  std::string position_;    // restored, or where the reader has ended
  Files* files_ = nullptr;  // the only reader, while it is
};

}  // namespace weir
