// WatchedSource: the files of a folder or glob, those that are there and those that come. Never ends by itself.
#pragma once

#include <memory>

#include "connectors/files/endless/file_watch.h"
#include "connectors/files/file_source.h"
#include "connectors/support/event_time.h"

namespace weir {

struct WatchedSourceOptions {
  FileWatch::Options watch;
  EventTimePlan event_time;
  int filename_column = -1;  // as in FileSourceOptions
};

/// One lane reads the files whole, one after the other, in the order in which they were found. Each is a split of its
/// own: its rows may be out of order as far as the watermark's rule allows. Files that are known and not yet begun hold
/// the watermark, unless the rule says that files come in order. A file that cannot be opened or read is an error row.
class WatchedSource final : public Source {
 public:
  WatchedSource(WatchedSourceOptions options, std::shared_ptr<const FileFormat> format)
      : options_(std::move(options)), format_(std::move(format)) {}

  Status Open(OperatorContext& context) override;
  Result<std::unique_ptr<SourceReader>> OpenReader(const OperatorContext& lane) override;
  /// The files that are done, the one at hand and how far it is read, the watermarks of both.
  Result<std::string> Position() override;
  Status Restore(const std::string& position) override;

 private:
  class Reader;
  const WatchedSourceOptions options_;
  const std::shared_ptr<const FileFormat> format_;
  Env* env_ = nullptr;
  std::string position_;      // restored, or where the reader has ended
  Reader* reader_ = nullptr;  // the only one, while it is
};

}  // namespace weir
